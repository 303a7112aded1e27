//! `dscl`: user records of the local directory.
//!
//! Read as property lists (`-plist`), never in the form for people. Values are added and removed one by one, so that what
//! others keep in the same attribute stays.

use plist::{Dictionary, Value};

use crate::command::{Captured, CommandRunner, Ending, Tool, ToolCommand};
use crate::{Error, RecordName, property_list};

/// Who may vouch for the user; see [`Authority`](crate::Authority).
pub const AUTHENTICATION_AUTHORITY: &str = "AuthenticationAuthority";
/// The names by which other systems know the user, such as `Kerberos:alice@EXAMPLE.TEST`: what attribute mapping looks up.
pub const ALT_SECURITY_IDENTITIES: &str = "AltSecurityIdentities";
/// Whether this user must use a smart card: 0 as the system says, 1 yes, 2 no (SmartCardServices(7)).
pub const SMART_CARD_ENFORCEMENT: &str = "SmartCardEnforcement";

/// What is read of each record.
const ATTRIBUTES: [&str; 7] = [
    "RecordName",
    "UniqueID",
    "PrimaryGroupID",
    "NFSHomeDirectory",
    AUTHENTICATION_AUTHORITY,
    ALT_SECURITY_IDENTITIES,
    SMART_CARD_ENFORCEMENT,
];

/// A user record of the local directory.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRecord {
    name: RecordName,
    attributes: Dictionary,
}

impl UserRecord {
    /// Its first name.
    pub fn name(&self) -> &RecordName {
        &self.name
    }

    /// All values of an attribute, given without the prefix `dsAttrTypeStandard:` or `dsAttrTypeNative:`. Empty if the record
    /// has none, or if it was not read.
    pub fn values(&self, attribute: &str) -> Vec<String> {
        property_list::texts(&self.attributes, attribute)
    }

    /// The record as it is when these values of an attribute are gone and those have come. Nothing is written.
    #[must_use]
    pub fn changed(mut self, attribute: &str, removed: &[String], added: &[String]) -> Self {
        let mut values = self.values(attribute);
        values.retain(|value| !removed.contains(value));
        values.extend(added.iter().cloned());
        self.attributes.retain(|key, _| key.rsplit(':').next() != Some(attribute));
        let values = values.into_iter().map(Value::String).collect();
        self.attributes.insert(format!("dsAttrTypeStandard:{attribute}"), Value::Array(values));
        self
    }

    /// Whether nobody logs in to the account at all: `;DisabledUser;` among its authorities.
    pub fn is_disabled(&self) -> bool {
        let tag = |value: &String| value.split(';').nth(1).is_some_and(|tag| tag.eq_ignore_ascii_case(DISABLED));
        self.values(AUTHENTICATION_AUTHORITY).iter().any(tag)
    }

    /// The user id.
    pub fn uid(&self) -> Option<u32> {
        self.number("UniqueID")
    }

    /// The id of the primary group.
    pub fn gid(&self) -> Option<u32> {
        self.number("PrimaryGroupID")
    }

    /// The home directory.
    pub fn home(&self) -> Option<String> {
        self.values("NFSHomeDirectory").into_iter().next()
    }

    fn number(&self, attribute: &str) -> Option<u32> {
        // Some user ids are negative: nobody is -2.
        let value = self.values(attribute).into_iter().next()?;
        value.parse().ok().or_else(|| value.parse::<i32>().ok().map(i32::cast_unsigned))
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Dictionary(attributes) = value else { return None };
        let name = property_list::texts(&attributes, "RecordName").into_iter().next()?.parse().ok()?;
        Some(Self { name, attributes })
    }
}

/// The record of a local user.
///
/// # Errors
///
/// [`Error::NoSuchUser`]; [`Error::NotPermitted`]; [`Error::Failed`]; [`Error::Malformed`]; those of
/// [`CommandRunner::run`].
pub fn user(runner: &dyn CommandRunner, name: &RecordName) -> Result<UserRecord, Error> {
    user_with(runner, name, &[])
}

/// The record of a local user with more attributes than [`user`] reads.
///
/// # Errors
///
/// As [`user`].
pub fn user_with(runner: &dyn CommandRunner, name: &RecordName, more: &[&str]) -> Result<UserRecord, Error> {
    let path = name.path();
    let arguments = ["-plist", LOCAL, "-read", &path].into_iter().chain(ATTRIBUTES).chain(more.iter().copied());
    let command = ToolCommand::new(Tool::Dscl, arguments);
    let captured = runner.run(&command)?;
    // A record that lacks an attribute is no failure, whatever the exit code: what there is stands in the list.
    match property_list::within(&captured.stdout, "dscl")? {
        Some(Value::Dictionary(attributes)) => {
            // Whatever it was asked by: an account has one name, the first one, and others that lead to it.
            let first = property_list::texts(&attributes, "RecordName").into_iter().next();
            let first = first.and_then(|first| first.parse().ok());
            Ok(UserRecord { name: first.unwrap_or_else(|| name.clone()), attributes })
        }
        Some(_) => Err(Error::malformed("the property list of dscl", "it is no dictionary")),
        None => {
            succeeded(runner, &captured, name)?;
            Err(Error::malformed("what dscl printed", "there is no property list in it"))
        }
    }
}

/// All local users, system accounts included.
///
/// # Errors
///
/// As [`user`].
pub fn users(runner: &dyn CommandRunner) -> Result<Vec<UserRecord>, Error> {
    users_with(runner, &[])
}

/// All local users, with more attributes than [`users`] reads.
///
/// # Errors
///
/// As [`user`].
pub fn users_with(runner: &dyn CommandRunner, more: &[&str]) -> Result<Vec<UserRecord>, Error> {
    let arguments = ["-plist", LOCAL, "-readall", "/Users"].into_iter().chain(ATTRIBUTES).chain(more.iter().copied());
    let captured = crate::command::run_to_success(runner, &ToolCommand::new(Tool::Dscl, arguments))?;
    match property_list::within(&captured.stdout, "dscl")? {
        // A record without a name that can be used is nobody who logs in.
        Some(Value::Array(records)) => Ok(records.into_iter().filter_map(UserRecord::from_value).collect()),
        Some(record @ Value::Dictionary(_)) => Ok(UserRecord::from_value(record).into_iter().collect()),
        Some(_) => Err(Error::malformed("the property list of dscl", "it is no array")),
        None => Err(Error::malformed("what dscl printed", "there is no property list in it")),
    }
}

/// The local users of whom an attribute has exactly this value. The attribute is given as `dscl` takes it, with or without its
/// prefix. Upper and lower case differ, as they do for attribute mapping.
///
/// # Errors
///
/// As [`user`].
pub fn users_having(runner: &dyn CommandRunner, attribute: &str, value: &str) -> Result<Vec<UserRecord>, Error> {
    let bare = attribute.rsplit(':').next().unwrap_or(attribute);
    let more: &[&str] = if ATTRIBUTES.contains(&bare) { &[] } else { &[attribute] };
    let mut users = users_with(runner, more)?;
    users.retain(|user| user.values(bare).iter().any(|found| found == value));
    Ok(users)
}

/// Whether a user who is not in the local directory is known through another one, such as Active Directory: anything but a
/// record there is no.
pub fn is_known_elsewhere(runner: &dyn CommandRunner, name: &RecordName) -> bool {
    let command = ToolCommand::new(Tool::Dscl, ["-plist", "/Search", "-read", &name.path(), "RecordName"]);
    let printed = runner.run(&command).ok().and_then(|captured| property_list::within(&captured.stdout, "dscl").ok());
    matches!(printed.flatten(), Some(Value::Dictionary(_)))
}

/// Adds a value to an attribute, and leaves those that are there. `dscl` adds a value once more if it is there already.
///
/// # Errors
///
/// [`Error::NoSuchUser`]; [`Error::NotPermitted`]; [`Error::Failed`]; those of [`CommandRunner::run`].
pub fn append(runner: &dyn CommandRunner, name: &RecordName, attribute: &str, value: &str) -> Result<(), Error> {
    change(runner, "-append", name, attribute, value)
}

/// Removes one value of an attribute, and leaves the others.
///
/// # Errors
///
/// As [`append`]; also if there is no such value.
pub fn delete(runner: &dyn CommandRunner, name: &RecordName, attribute: &str, value: &str) -> Result<(), Error> {
    change(runner, "-delete", name, attribute, value)
}

fn change(
    runner: &dyn CommandRunner,
    verb: &str,
    name: &RecordName,
    attribute: &str,
    value: &str,
) -> Result<(), Error> {
    let captured = runner.run(&ToolCommand::new(Tool::Dscl, [LOCAL, verb, &name.path(), attribute, value]))?;
    succeeded(runner, &captured, name)
}

/// Sorts a failure by the number of the directory service, which is in no language.
fn succeeded(runner: &dyn CommandRunner, captured: &Captured, name: &RecordName) -> Result<(), Error> {
    let program = runner.program(Tool::Dscl);
    let said = captured.everything();
    match captured.ending {
        // Some versions end with 0 all the same.
        _ if said.contains(RECORD_NOT_FOUND) => Err(Error::NoSuchUser { name: name.to_string() }),
        _ if PERMISSION.iter().any(|number| said.contains(number)) => {
            Err(Error::NotPermitted { program, message: captured.message() })
        }
        Ending::Code(0) if said.contains(DIRECTORY_ERROR) => {
            Err(Error::Failed { program, code: 0, message: captured.message() })
        }
        Ending::Code(0) => Ok(()),
        Ending::Code(code) => Err(Error::Failed { program, code, message: captured.message() }),
        Ending::Signal(signal) => Err(Error::Killed { program, signal }),
    }
}

/// The authority of an account that was switched off.
const DISABLED: &str = "DisabledUser";
/// The node of the Mac's own accounts.
const LOCAL: &str = ".";
/// `<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)`, DirServicesTypes.h.
const RECORD_NOT_FOUND: &str = "-14136";
/// eDSPermissionError and eDSAuthFailed.
const PERMISSION: [&str; 2] = ["-14120", "-14090"];
const DIRECTORY_ERROR: &str = "DS Error:";

#[cfg(test)]
mod tests;
