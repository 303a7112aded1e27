//! Nobody may be left outside.
//!
//! With `enforceSmartCard` an account logs in with a card or not at all. The exceptions, in the order in which a Mac looks at them
//! (SmartCardServices(7)): the record's own `SmartCardEnforcement` (1 enforced, 2 not), a bit of Active Directory, a group that is
//! exempt, `allowUnmappedUsers`, and the setting itself. The bit of Active Directory and the exempt group are not looked at here; so
//! somebody may be able to log in of whom this does not know, and `accept_lock_out` says so.
//!
//! Records are judged as they are going to be: a removal by what it leaves, a file by what it maps.

use std::sync::{MutexGuard, PoisonError};

use ::macos::SmartcardPreferences;
use ::macos::dscl::{self, AUTHENTICATION_AUTHORITY, SMART_CARD_ENFORCEMENT, UserRecord};
use ::macos::smartcard_login::{AttributeMapping, Installed, Severity, SmartcardLogin};

use super::{Finding, Macos, record::Bound};
use crate::{Account, AccountName, Error, Note};

impl Macos {
    /// Makes whoever else removes something with this backend wait, so that two removals that each leave somebody do not leave
    /// nobody together.
    pub(crate) fn one_removal(&self) -> MutexGuard<'_, ()> {
        self.removal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a removal of keys after which nobody can log in; notes one after which this account cannot.
    pub(super) fn check_lock_out(
        &self,
        account: &Account,
        removed: &[String],
        added: &[String],
    ) -> Result<Option<Note>, Error> {
        let Some(rules) = self.rules()? else { return Ok(None) };
        let mut users = rules.users(self)?;
        change(&mut users, account, AUTHENTICATION_AUTHORITY, removed, added);
        self.judge(&rules, account, &users)
    }

    /// The same for records as they are going to be.
    pub(crate) fn judge(&self, rules: &Rules, account: &Account, users: &[UserRecord]) -> Result<Option<Note>, Error> {
        let (this, others): (Vec<_>, Vec<_>) = users.iter().partition(|record| is_of(record, account));
        // Whether it is switched off is no matter of cards, and services do not log in.
        if this.iter().any(|record| !is_person(record) || rules.lets_in(record)) {
            return Ok(None);
        }
        let other_gets_in = others.into_iter().any(|record| rules.gets_in(record));
        match other_gets_in || self.accept_lock_out {
            false => Err(Error::WouldLockOut { name: account.name.to_string() }),
            true => Ok(Some(Note::Mac(Finding::LocksAccountOut))),
        }
    }

    /// Refuses a `SmartcardLogin.plist` with which nobody can log in any more. One for a Mac on which nobody can now is not refused:
    /// it may be the way in.
    ///
    /// # Errors
    ///
    /// [`Error::FileWouldLockOut`]; [`Error::Mac`] when the settings or the accounts cannot be read.
    pub fn check_file(&self, file: &SmartcardLogin) -> Result<(), Error> {
        let Some(now) = self.rules()?.filter(|_| !self.accept_lock_out) else { return Ok(()) };
        let then = Rules { mapping: file.attribute_mapping.clone(), ..now };
        let nobody = |rules: &Rules| Ok::<_, Error>(!rules.users(self)?.iter().any(|record| rules.gets_in(record)));
        if !nobody(&now)? && nobody(&then)? {
            return Err(Error::FileWouldLockOut);
        }
        Ok(())
    }

    /// What decides who gets in; `None` where it cannot be read, and need not be.
    pub(crate) fn rules(&self) -> Result<Option<Rules>, Error> {
        match Rules::read(self) {
            Ok(rules) => Ok(Some(rules)),
            // Without a look at the settings nothing can be promised.
            Err(_) if self.accept_lock_out => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How `/etc/SmartcardLogin.plist` maps certificates, if there is one that macOS uses. Then pairings are not looked at.
    pub(crate) fn mapping_in_force(&self) -> Result<Option<AttributeMapping>, Error> {
        let Some(installed) = Installed::below(&self.files)? else { return Ok(None) };
        let (login, findings) = self.as_root(installed).lint(None);
        let is_used = findings.iter().all(|finding| finding.severity != Severity::Error);
        Ok(login.and_then(|login| login.attribute_mapping).filter(|_| is_used))
    }

    /// The file as root's, if it belongs to whom such files belong to here: in the tests of somebody who is not root, to them.
    pub(crate) fn as_root(&self, installed: Installed) -> Installed {
        Installed { owner: if installed.owner == self.owner { 0 } else { installed.owner }, ..installed }
    }
}

/// The settings that decide who gets in.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    enforced: bool,
    unmapped_allowed: bool,
    /// The mapping that is in force.
    mapping: Option<AttributeMapping>,
}

impl Rules {
    fn read(mac: &Macos) -> Result<Self, Error> {
        let found = SmartcardPreferences::read(mac.runner())?;
        Ok(Self {
            enforced: found.enforce_smart_card == Some(true),
            unmapped_allowed: found.allow_unmapped_users == Some(true),
            mapping: mac.mapping_in_force()?,
        })
    }

    /// The records, with what the mapping looks at.
    fn users(&self, mac: &Macos) -> Result<Vec<UserRecord>, Error> {
        let attribute = self.mapping.as_ref().map(|mapping| mapping.attribute.as_str());
        let more: Vec<&str> = attribute.into_iter().collect();
        Ok(dscl::users_with(mac.runner(), &more)?)
    }

    /// Whether this is somebody who gets in, with a card or without one.
    fn gets_in(&self, record: &UserRecord) -> bool {
        is_person(record) && !record.is_disabled() && self.lets_in(record)
    }

    fn lets_in(&self, record: &UserRecord) -> bool {
        let own = record.values(SMART_CARD_ENFORCEMENT);
        let says = |value: &str| own.iter().any(|found| found.trim() == value);
        let without_card = match (says(ENFORCED), says(EXEMPT)) {
            // What is said twice is not relied on.
            (true, _) => false,
            (false, true) => true,
            (false, false) => !self.enforced || self.unmapped_allowed,
        };
        without_card || self.card_opens(record)
    }

    /// Whether there can be a card that opens the account. Where names are mapped, pairings are not looked at; whether any card has
    /// the name that the account has is not known.
    fn card_opens(&self, record: &UserRecord) -> bool {
        match &self.mapping {
            Some(mapping) => {
                record.values(mapping.attribute.bare()).iter().any(|value| mapping.format.could_make(value))
            }
            None => Bound::of(record).opens(),
        }
    }
}

/// Makes a record what it is going to be.
pub(crate) fn change(
    users: &mut [UserRecord],
    account: &Account,
    attribute: &str,
    removed: &[String],
    added: &[String],
) {
    for record in users.iter_mut().filter(|record| is_of(record, account)) {
        *record = record.clone().changed(attribute, removed, added);
    }
}

/// Whether a record is the account's: an account can have several names, and has one user id.
pub(crate) fn is_of(record: &UserRecord, account: &Account) -> bool {
    record.uid() == Some(account.uid)
}

/// The accounts whose records have a value, but this one.
pub(crate) fn holders(users: &[UserRecord], attribute: &str, value: &str, but: &Account) -> Vec<String> {
    let has = |record: &&UserRecord| record.values(attribute).iter().any(|found| found == value);
    let others = users.iter().filter(|record| !is_of(record, but)).filter(has);
    others.map(|record| record.name().to_string()).collect()
}

/// The names of the accounts to which a mapping leads by a value.
pub(super) fn led_to(users: &[UserRecord], mapping: &AttributeMapping, value: &str) -> Vec<AccountName> {
    let has = |record: &&UserRecord| record.values(mapping.attribute.bare()).iter().any(|found| found == value);
    users.iter().filter(has).filter_map(|record| record.name().as_str().parse().ok()).collect()
}

/// People have user ids from 500 on, services those below and names with an underscore.
fn is_person(record: &UserRecord) -> bool {
    let uid = record.uid().unwrap_or_default();
    (FIRST_PERSON..=i32::MAX.cast_unsigned()).contains(&uid) && !record.name().as_str().starts_with('_')
}

const FIRST_PERSON: u32 = 500;
/// Values of `SmartCardEnforcement`.
const ENFORCED: &str = "1";
const EXEMPT: &str = "2";
