//! Carrying a plan out, and putting things back.

use std::collections::BTreeSet;

use ::macos::dscl::{self, AUTHENTICATION_AUTHORITY};
use ::macos::sc_auth::{self, Keychain};
use ::macos::{Authority, Binding, RecordName, ToolCommand, preferences, session};
use identity::PairingHash;

use super::record::{Bound, Value};
use super::{Finding, Macos, NAME, key_hash, record_name};
use crate::plan::Removal;
use crate::undo::AuthorityUndo;
use crate::{Account, AccountName, Applied, Error, Note, Plan, Undo, Witness};

impl Macos {
    /// Pairs, reads back, removes, reads back.
    pub(super) fn carry_out(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let account = &plan.account;
        // From the look at who gets in until nobody is taken away any more.
        let _one = plan.action.add.is_none().then(|| self.one_removal());
        let bound = self.bound(account)?;
        if let Removal::All(known, _) = &plan.action.remove
            && !bound.hashes().is_subset(known)
        {
            return Err(changed(account));
        }
        let mut now = self.plan_for(account, plan.action.clone(), &bound)?;
        let mut undo = Undo::Nothing;
        if !now.is_unchanged() {
            let removed: Vec<Value> = bound.removed_by(&plan.action).into_iter().cloned().collect();
            let added = bound.adds(&plan.action);
            undo = Undo::AuthenticationAuthority(AuthorityUndo {
                before: bound.texts(),
                after: after(&bound, added.as_ref(), &removed),
            });
            witness(&undo).map_err(Error::Witness)?;
            if let Some(hash) = added {
                let keychain = self.pair(account, &hash)?;
                now.notes.extend(self.keychain_finding(account, &hash, keychain).map(Note::Mac));
            }
            let findings = self.remove(account, &removed).map_err(|error| match added {
                None => error,
                Some(_) => Error::OldStays { name: account.name.to_string(), source: Box::new(error) },
            })?;
            now.notes.extend(findings.into_iter().map(Note::Mac));
        }
        tracing::info!(backend = NAME, account = %account.name, changes = now.changes.len(), "pairing_applied");
        Ok(Applied { account: account.clone(), changes: now.changes, notes: now.notes, undo })
    }

    /// Pairs, and looks into the record whether that is so.
    fn pair(&self, account: &Account, hash: &PairingHash) -> Result<Keychain, Error> {
        let user = record_name(&account.name)?;
        let mut command = sc_auth::pair_command(&user, &key_hash(hash));
        if session::effective_uid(self.runner())? == 0 && account.uid != 0 {
            command = session::in_session_of(self.runner(), &user, account.uid, &command);
        }
        let name = || account.name.to_string();
        let in_doubt = |source| Error::InDoubt { name: name(), hash: *hash, source: Box::new(source) };
        let said = sc_auth::pair(self.runner(), &command).map_err(Error::from);
        match (said, self.bound(account).map(|bound| bound.opens_for(hash))) {
            (Ok(keychain), Ok(true)) => Ok(keychain),
            (Ok(_), Ok(false)) => {
                let what =
                    format!("sc_auth said that it paired {hash}, and the record of the account does not show it");
                Err(Error::NotReadBack { name: name(), what })
            }
            (Err(error), Ok(false)) => Err(error),
            // It is in the record, but the keychain may know nothing of it.
            (Err(error), _) | (Ok(_), Err(error)) => Err(in_doubt(error)),
        }
    }

    /// What is to be said of the login keychain. What `sc_auth` says is in the language of the Mac; the user's preferences are not.
    fn keychain_finding(&self, account: &Account, hash: &PairingHash, said: Keychain) -> Option<Finding> {
        let home = account.home.to_string_lossy();
        match said {
            Keychain::NotMentioned => None,
            Keychain::PasswordRequired => Some(Finding::KeychainPassword),
            Keychain::NotUnderstood => match preferences::opens_keychain(self.runner(), &home, &key_hash(hash)) {
                Ok(true) => None,
                Ok(false) => Some(Finding::KeychainPassword),
                Err(_) => Some(Finding::KeychainUnknown),
            },
        }
    }

    /// Removes the values one by one until none of them is left. Returns what is worth knowing.
    fn remove(&self, account: &Account, values: &[Value]) -> Result<Vec<Finding>, Error> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let user = Removing::from(self, account)?;
        let hashes: BTreeSet<PairingHash> = values.iter().filter_map(|value| value.hash).collect();
        // FileVault first: as long as the record has the key, whoever was interrupted here does it all again.
        let findings = self.forget_in_filevault(&account.name, &user, &hashes)?;
        let mut first_error = None;
        let mut left = values.to_vec();
        for _ in 0..MAX_ROUNDS {
            if left.is_empty() {
                break;
            }
            for value in &left {
                if let Err(error) = self.remove_value(&user, value) {
                    first_error.get_or_insert(error);
                }
            }
            let now = self.bound(account)?;
            let still: Vec<Value> = now.values_among(values, &hashes);
            if still == left {
                break;
            }
            left = still;
        }
        if left.is_empty() {
            Ok(findings)
        } else {
            let left: Vec<&str> = left.iter().map(|value| value.text.as_str()).collect();
            let what = format!("the record of the account still holds {}", left.join(" "));
            Err(first_error.map_or(Error::NotReadBack { name: account.name.to_string(), what }, Error::from))
        }
    }

    /// `sc_auth` removes what it made, and the keychain's key with it; of a mapped identity it knows things beside the record.
    fn remove_value(&self, user: &Removing, value: &Value) -> Result<(), ::macos::Error> {
        let hash = value.hash.as_ref().map(key_hash);
        let unpair = || self.in_session(user, sc_auth::unpair_command(&user.name, hash.as_ref()));
        if value.is_of_sc_auth() {
            return unpair();
        }
        if value.binding == Binding::AmIdentity && hash.is_some() {
            // It may take the value away or not; the next lines do.
            let unpaired = unpair();
            tracing::debug!(ok = unpaired.is_ok(), "unpair_mapped_identity");
            let still = dscl::user(self.runner(), &user.name)?.values(AUTHENTICATION_AUTHORITY).contains(&value.text);
            if !still {
                return Ok(());
            }
        }
        dscl::delete(self.runner(), &user.name, AUTHENTICATION_AUTHORITY, &value.text)
    }

    /// Takes keys away from FileVault's start screen. Whether they were there cannot be told. Where `sc_auth` knows nothing of
    /// FileVault at all, a failure is only told.
    fn forget_in_filevault(
        &self,
        name: &AccountName,
        user: &Removing,
        hashes: &BTreeSet<PairingHash>,
    ) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for hash in hashes {
            let disable = sc_auth::filevault_disable_command(&user.name, &key_hash(hash));
            let Err(source) = self.in_session(user, disable) else { continue };
            if sc_auth::filevault_status(self.runner(), &user.name).is_ok() {
                return Err(Error::FileVaultKeeps { name: name.to_string(), hash: *hash, source: Box::new(source) });
            }
            findings.push(Finding::FileVault { hash: *hash, why: source.to_string() });
        }
        Ok(findings)
    }

    /// Runs `sc_auth` where it finds the user's keychain: in the user's session, if there is one and root runs this.
    fn in_session(&self, user: &Removing, command: ToolCommand) -> Result<(), ::macos::Error> {
        let command = match user.session {
            Some(uid) => session::in_session_of(self.runner(), &user.name, uid, &command),
            None => command,
        };
        sc_auth::run(self.runner(), &command)
    }

    /// Makes the keys of the account what they were, if they are what the change left, or something on the way to it.
    pub(super) fn put_back(&self, account: &Account, undo: &AuthorityUndo) -> Result<(), Error> {
        // The journal is a file like any other: nothing but what binds keys is written into a record.
        let mut values = undo.before.iter().chain(&undo.after);
        if let Some(what) = values.find(|value| Authority::parse(value) == Authority::Other) {
            return Err(Error::NoSuchChange { name: account.name.to_string(), what: what.clone() });
        }
        let user = record_name(&account.name)?;
        let _one = self.one_removal();
        let now = self.bound(account)?;
        let texts: BTreeSet<String> = now.texts().into_iter().collect();
        let before: BTreeSet<String> = undo.before.iter().cloned().collect();
        let after: BTreeSet<String> = undo.after.iter().cloned().collect();
        let within = texts.iter().all(|text| before.contains(text) || after.contains(text));
        let whole = before.intersection(&after).all(|text| texts.contains(text));
        if !within || !whole {
            return Err(changed(account));
        }
        if texts != before {
            let surplus: Vec<Value> = now.values_not_in(&before);
            if !surplus.is_empty() {
                let gone: Vec<String> = surplus.iter().map(|value| value.text.clone()).collect();
                let back: Vec<String> = before.difference(&texts).cloned().collect();
                self.check_lock_out(account, &gone, &back)?;
            }
            let in_part = |source| Error::RestoredInPart { name: account.name.to_string(), source: Box::new(source) };
            self.restore(account, &user, &now, &before).map_err(in_part)?;
        }
        tracing::info!(backend = NAME, account = %account.name, "pairing_undone");
        Ok(())
    }

    fn restore(
        &self,
        account: &Account,
        user: &RecordName,
        now: &Bound,
        before: &BTreeSet<String>,
    ) -> Result<(), Error> {
        // What is missing comes first, so that nobody stands outside in between.
        let there: BTreeSet<String> = now.texts().into_iter().collect();
        for text in before.difference(&there) {
            dscl::append(self.runner(), user, AUTHENTICATION_AUTHORITY, text)?;
        }
        self.remove(account, &now.values_not_in(before))?;
        if self.bound(account)?.texts().into_iter().collect::<BTreeSet<_>>() != *before {
            let what = "the record of the account is not what it was before".to_owned();
            return Err(Error::NotReadBack { name: account.name.to_string(), what });
        }
        Ok(())
    }
}

/// Whose values are removed.
struct Removing {
    name: RecordName,
    /// The user id, if root runs this and the user is logged in at the screen.
    session: Option<u32>,
}

impl Removing {
    fn from(mac: &Macos, account: &Account) -> Result<Self, Error> {
        let name = record_name(&account.name)?;
        let by_root = session::effective_uid(mac.runner())? == 0 && account.uid != 0;
        let session = (by_root && session::has_gui_session(mac.runner(), account.uid)).then_some(account.uid);
        Ok(Self { name, session })
    }
}

/// The values that the change leaves.
fn after(bound: &Bound, added: Option<&PairingHash>, removed: &[Value]) -> Vec<String> {
    let mut texts = bound.texts();
    texts.retain(|text| removed.iter().all(|value| value.text != *text));
    texts.extend(added.map(|hash| format!(";tokenidentity;{hash}")));
    texts
}

fn changed(account: &Account) -> Error {
    Error::Changed { path: format!("the record of {}", account.name).into() }
}

/// Each round removes at least one value, or is the last.
const MAX_ROUNDS: usize = 64;
