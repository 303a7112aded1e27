//! Carrying a plan out, and putting things back.

use ::macos::dscl::{self, AUTHENTICATION_AUTHORITY, UserRecord};
use ::macos::{Binding, RecordName, bindings};

use super::{ATTRIBUTE, MacosMapping, NAME, Survey};
use crate::macos::{Finding, enforcement, record_name};
use crate::plan::Removal;
use crate::undo::ValuesUndo;
use crate::{Account, Applied, Change, Error, Note, Plan, Undo, Witness};

impl MacosMapping {
    /// Adds, reads back, removes, reads back.
    pub(super) fn carry_out(&self, survey: &mut Survey, plan: &Plan, witness: Witness<'_>) -> Result<Applied, Error> {
        let account = &plan.account;
        let (_, values) = self.values(account, &survey.mapping)?;
        let wanted = plan.action.add.as_ref().map(|key| self.value_of(&survey.mapping, key)).transpose()?;
        let fits =
            |change: &Change| !matches!(change, Change::AddValue { value, .. } if Some(value) != wanted.as_ref());
        if !plan.changes.iter().all(fits) {
            // The file was exchanged.
            return Err(changed(account));
        }
        let mut undo = ValuesUndo::default();
        let mut changes = Vec::new();
        for change in &plan.changes {
            match change {
                Change::AddValue { value, .. } if !values.contains(value) => {
                    survey.claim(value, account)?;
                    undo.added.push(value.clone());
                }
                Change::RemoveValue { value, .. } if values.contains(value) => undo.removed.push(value.clone()),
                Change::InstallMapping { .. } if !self.is_installed()? => {}
                _ => continue,
            }
            changes.push(change.clone());
        }
        if matches!(plan.action.remove, Removal::All(..)) && values.iter().any(|value| !undo.removed.contains(value)) {
            return Err(changed(account));
        }
        if !undo.removed.is_empty() {
            self.check_lock_out(survey, account, &undo.removed, &undo.added)?;
        }
        let mut result = Undo::Nothing;
        if !changes.is_empty() {
            result = Undo::Values(undo.clone());
            witness(&result).map_err(Error::Witness)?;
            self.add(account, &undo.added)?;
            self.remove(account, &undo.removed)?;
            if changes.iter().any(|change| matches!(change, Change::InstallMapping { .. })) {
                self.install()?;
            }
            survey.change(account, &undo.removed, &undo.added);
        }
        tracing::info!(backend = NAME, account = %account.name, changes = changes.len(), "pairing_applied");
        Ok(Applied { account: account.clone(), changes, notes: plan.notes.clone(), undo: result })
    }

    /// Takes away what was added and puts back what was removed. Values that others changed in the meantime stay.
    pub(super) fn put_back(&self, account: &Account, undo: &ValuesUndo) -> Result<(), Error> {
        let name = record_name(&account.name)?;
        let _one = self.mac.one_removal();
        let now = self.present(&name)?;
        let missing: Vec<String> = undo.removed.iter().filter(|value| !now.contains(value)).cloned().collect();
        self.check_undo(account, &missing, &undo.added)?;
        // What is missing comes first, so that nobody stands outside in between.
        let restored = self.add(account, &missing).and_then(|()| self.remove(account, &undo.added));
        if let Err(source) = restored {
            return Err(Error::RestoredInPart { name: account.name.to_string(), source: Box::new(source) });
        }
        tracing::info!(backend = NAME, account = %account.name, "pairing_undone");
        Ok(())
    }

    /// A card must not open two accounts afterwards, and somebody has to get in.
    fn check_undo(&self, account: &Account, missing: &[String], gone: &[String]) -> Result<(), Error> {
        let mut users = dscl::users(self.mac.runner())?;
        for value in missing {
            let accounts = enforcement::holders(&users, ATTRIBUTE, value, account);
            if !accounts.is_empty() {
                return Err(Error::ValueTaken { value: value.clone(), accounts });
            }
        }
        let goes = users.iter().any(|record| {
            enforcement::is_of(record, account) && record.values(ATTRIBUTE).iter().any(|value| gone.contains(value))
        });
        if let Some(rules) = if goes { self.mac.rules()? } else { None } {
            enforcement::change(&mut users, account, ATTRIBUTE, gone, missing);
            self.mac.judge(&rules, account, &users)?;
        }
        Ok(())
    }

    fn add(&self, account: &Account, values: &[String]) -> Result<(), Error> {
        let name = record_name(&account.name)?;
        for value in values {
            dscl::append(self.mac.runner(), &name, ATTRIBUTE, value)?;
        }
        let now = if values.is_empty() { Vec::new() } else { self.present(&name)? };
        match values.iter().find(|value| !now.contains(value)) {
            Some(value) => Err(not_read_back(account, format!("{ATTRIBUTE} does not hold {value}"))),
            None => Ok(()),
        }
    }

    fn remove(&self, account: &Account, values: &[String]) -> Result<(), Error> {
        let name = record_name(&account.name)?;
        for value in values {
            // A value may stand there twice.
            for _ in 0..MAX_ROUNDS {
                if !self.present(&name)?.contains(value) {
                    break;
                }
                dscl::delete(self.mac.runner(), &name, ATTRIBUTE, value)?;
            }
        }
        let now = if values.is_empty() { Vec::new() } else { self.present(&name)? };
        match values.iter().find(|value| now.contains(value)) {
            Some(value) => Err(not_read_back(account, format!("{ATTRIBUTE} still holds {value}"))),
            None => Ok(()),
        }
    }

    /// All values of the attribute.
    fn present(&self, name: &RecordName) -> Result<Vec<String>, Error> {
        Ok(dscl::user(self.mac.runner(), name)?.values(ATTRIBUTE))
    }
}

/// What a login through the mapping left in the record: it stays when the value goes.
pub(super) fn remnants(record: &UserRecord) -> Option<Note> {
    let values = record.values(AUTHENTICATION_AUTHORITY);
    let left = bindings(&values, None).into_iter().any(|(binding, ..)| binding == Binding::AmIdentity);
    left.then_some(Note::Mac(Finding::MappedIdentityStays))
}

pub(super) fn changed(account: &Account) -> Error {
    Error::Changed { path: format!("the record of {}", account.name).into() }
}

fn not_read_back(account: &Account, what: String) -> Error {
    Error::NotReadBack { name: account.name.to_string(), what }
}

/// How often one value is removed.
const MAX_ROUNDS: usize = 8;
