//! What a user record says of keys.

use std::collections::BTreeSet;

use ::macos::dscl::{AUTHENTICATION_AUTHORITY, UserRecord};
use ::macos::{Authority, Binding, bindings};
use identity::PairingHash;

use crate::plan::{Action, Removal};
use crate::{Account, AccountPairings, Error, PairedKey, Pairing, Pairings};

/// The values of `AuthenticationAuthority` that bind keys, in the order of the record. Everything else there is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound(Vec<Value>);

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) binding: Binding,
    /// The hash; `None` if it cannot be read.
    pub(super) hash: Option<PairingHash>,
    /// The value as it stands there.
    pub(super) text: String,
}

impl Value {
    /// Whether this lets the key log in. Attribute mapping decides by itself, whatever it left.
    pub(super) fn opens(&self) -> bool {
        self.hash.is_some() && self.binding != Binding::AmIdentity
    }

    /// Whether `sc_auth` itself writes the value in this form.
    pub(super) fn is_of_sc_auth(&self) -> bool {
        is_of_sc_auth(&self.text)
    }
}

/// Whether `sc_auth` itself writes this value in this form.
pub(super) fn is_of_sc_auth(value: &str) -> bool {
    match Authority::parse(value) {
        Authority::Key { hash, .. } => value == format!(";tokenidentity;{hash}"),
        _ => false,
    }
}

impl Bound {
    pub(super) fn of(record: &UserRecord) -> Self {
        let values = record.values(AUTHENTICATION_AUTHORITY);
        let mut found: Vec<Value> = Vec::new();
        for (binding, hash, text) in bindings(&values, None) {
            let hash = hash.and_then(|hash| hash.to_string().parse().ok());
            if found.iter().all(|value| value.text != text) {
                found.push(Value { binding, hash, text: text.to_owned() });
            }
        }
        Bound(found)
    }

    pub(super) fn pairings(&self) -> Pairings {
        let entry = |value: &Value| {
            let key = match value.hash {
                Some(hash) if value.opens() => PairedKey::Hash(hash),
                _ => PairedKey::Value { value: value.text.clone() },
            };
            Pairing { key, effective: value.hash.is_some() }
        };
        Pairings { entries: self.0.iter().map(entry).collect(), ..Pairings::default() }
    }

    /// The hashes of all values, whatever the binding.
    pub(super) fn hashes(&self) -> BTreeSet<PairingHash> {
        self.0.iter().filter_map(|value| value.hash).collect()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(|value| value.text.clone()).collect()
    }

    pub(super) fn opens_for(&self, hash: &PairingHash) -> bool {
        self.0.iter().any(|value| value.opens() && value.hash.as_ref() == Some(hash))
    }

    /// Whether there is a key that opens the account.
    pub(super) fn opens(&self) -> bool {
        self.0.iter().any(Value::opens)
    }

    /// The key that is to be paired and is not.
    pub(super) fn adds(&self, action: &Action) -> Option<PairingHash> {
        action.add.as_ref().map(|key| key.hash()).filter(|hash| !self.opens_for(hash))
    }

    /// The values that are to go.
    pub(super) fn removed_by(&self, action: &Action) -> Vec<&Value> {
        let goes = |value: &&Value| match &action.remove {
            Removal::None | Removal::Named { .. } => false,
            Removal::One(one) => {
                value.hash.as_ref() == Some(one) && action.add.as_ref().is_none_or(|new| new.hash() != *one)
            }
            Removal::All(..) => true,
        };
        self.0.iter().filter(goes).collect()
    }
}

impl Bound {
    /// What is left of `values`, and of whatever else binds one of `hashes`: `sc_auth` may have written it in the meantime.
    pub(super) fn values_among(&self, values: &[Value], hashes: &BTreeSet<PairingHash>) -> Vec<Value> {
        let meant = |value: &&Value| values.contains(value) || value.hash.is_some_and(|hash| hashes.contains(&hash));
        self.0.iter().filter(meant).cloned().collect()
    }

    pub(super) fn values_not_in(&self, texts: &BTreeSet<String>) -> Vec<Value> {
        self.0.iter().filter(|value| !texts.contains(&value.text)).cloned().collect()
    }
}

/// What a list says of a record; `None` if its name is none that this program can ask for. A record that is damaged does not
/// hide the others.
pub(crate) fn account_pairings(record: &UserRecord, pairings: Pairings) -> Option<AccountPairings> {
    let (account, pairings) = match account(record) {
        Ok(account) => (account, Ok(pairings)),
        Err(error) => {
            let name = record.name().as_str().parse().ok()?;
            (Account { name, uid: u32::MAX, gid: STAFF, home: EMPTY.into() }, Err(error))
        }
    };
    Some(AccountPairings { account, pairings })
}

/// A record as an account.
pub(crate) fn account(record: &UserRecord) -> Result<Account, Error> {
    let name = record.name().as_str().parse()?;
    let lacks = |what: &str| -> Error {
        let what = format!("the record of {} lacks {what}", record.name());
        ::macos::Error::Malformed { what: "the local directory".to_owned(), why: what }.into()
    };
    let uid = record.uid().ok_or_else(|| lacks("UniqueID"))?;
    let home = record.home().unwrap_or_else(|| EMPTY.to_owned());
    Ok(Account { name, uid, gid: record.gid().unwrap_or(STAFF), home: home.into() })
}

/// The group of everybody on a Mac.
const STAFF: u32 = 20;
/// The home of those who have none.
const EMPTY: &str = "/var/empty";
