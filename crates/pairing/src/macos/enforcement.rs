//! Nobody may be left outside.
//!
//! With `enforceSmartCard` an account logs in with a card or not at all. The exceptions, in the order in which a Mac looks at them
//! (SmartCardServices(7)): the record's own `SmartCardEnforcement` (1 enforced, 2 not), a bit of Active Directory, a group that is
//! exempt, `allowUnmappedUsers`, and the setting itself. The bit of Active Directory and the exempt group are not looked at here; so
//! somebody may be able to log in of whom this does not know, and `accept_lock_out` says so.

use ::macos::dscl::{self, ALT_SECURITY_IDENTITIES, SMART_CARD_ENFORCEMENT, UserRecord};
use ::macos::{SmartcardPreferences, preferences};

use super::{Finding, Macos, record::Bound};
use crate::{Account, Error, Note};

impl Macos {
    /// Refuses a removal after which nobody can log in; notes one after which this account cannot. `still_opens` tells whether a
    /// card opens the account afterwards.
    pub(crate) fn check_lock_out(&self, account: &Account, still_opens: bool) -> Result<Option<Note>, Error> {
        if still_opens {
            return Ok(None);
        }
        let rules = match Rules::read(self) {
            Ok(rules) => rules,
            // Without a look at the settings nothing can be promised.
            Err(_) if self.accept_lock_out => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let people = dscl::users(self.runner())?.into_iter().filter(is_person);
        let mut this_gets_in = true;
        let mut other_gets_in = false;
        for record in people {
            if record.name().as_str() == account.name.as_str() {
                this_gets_in = rules.gets_in(&record, false);
            } else {
                other_gets_in |= rules.gets_in(&record, Bound::of(&record).opens());
            }
        }
        match (this_gets_in, other_gets_in) {
            (true, _) => Ok(None),
            (false, false) if !self.accept_lock_out => Err(Error::WouldLockOut { name: account.name.to_string() }),
            (false, _) => Ok(Some(Note::Mac(Finding::LocksAccountOut))),
        }
    }
}

/// The settings that decide who gets in.
struct Rules {
    enforced: bool,
    unmapped_allowed: bool,
    mapping: bool,
}

impl Rules {
    fn read(mac: &Macos) -> Result<Self, ::macos::Error> {
        let found = SmartcardPreferences::read(mac.runner())?;
        Ok(Self {
            enforced: found.enforce_smart_card == Some(true),
            unmapped_allowed: found.allow_unmapped_users == Some(true),
            mapping: preferences::maps_attributes(&mac.files).unwrap_or(false),
        })
    }

    /// Whether somebody gets in, with a card that `opens` the account or without one.
    fn gets_in(&self, record: &UserRecord, opens: bool) -> bool {
        let own = record.values(SMART_CARD_ENFORCEMENT);
        let says = |value: &str| own.iter().any(|found| found.trim() == value);
        if opens {
            return true;
        }
        match (says(ENFORCED), says(EXEMPT)) {
            // What is said twice is not relied on.
            (true, _) => self.maps(record),
            (false, true) => true,
            (false, false) => !self.enforced || self.unmapped_allowed || self.maps(record),
        }
    }

    /// Whether attribute mapping finds the account: it has a name that other systems know. Whether any card has that name is not
    /// known.
    fn maps(&self, record: &UserRecord) -> bool {
        self.mapping && !record.values(ALT_SECURITY_IDENTITIES).is_empty()
    }
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
