//! Many changes of the rules at once: the rules and the authorities are locked, read and written once.

use std::path::Path;
use std::time::Instant;

use super::rules_file::no_change;
use super::trust::Trust;
use super::{NAME, RULES, Sssd};
use crate::restore::Restoration;
use crate::undo::{Contents, FileDigest};
use crate::{Account, Applied, Error, Plan, Undo, WitnessOfMany};

impl Sssd {
    /// Applies all plans, one after the other, and writes once. The error is that of all of them.
    pub(super) fn apply_all(
        &self,
        plans: &[Plan],
        witness: WitnessOfMany<'_>,
        results: &mut Vec<Result<Applied, Error>>,
    ) -> Result<(), Error> {
        if plans.is_empty() {
            return Ok(());
        }
        let place = self.place()?;
        let lock = place.lock(Instant::now() + self.lock_wait)?;
        let (before, mut file) = self.read(&place)?;
        let mut trust = Trust::read(&self.system, &self.configuration)?;
        let digest = before.as_ref().map(|contents| FileDigest::of(&contents.bytes));
        let (mut undos, mut authorities) = (Vec::new(), Vec::new());
        for (index, plan) in plans.iter().enumerate() {
            let exists = before.is_some() || !undos.is_empty();
            results.push(self.step(&file, trust.as_ref(), exists, &plan.account, &plan.action).map(|step| {
                let mut undo = Undo::Nothing;
                if step.add.is_some() || !step.remove.is_empty() {
                    let nothing = no_change(Path::new(RULES), digest);
                    undo = Undo::Lines(file.make(&self.domain.name, step.add, &step.remove, nothing));
                    undos.push((index, undo.clone()));
                }
                if let Some(trust) = &mut trust {
                    trust.authorities.extend(step.authorities.iter().cloned());
                }
                authorities.extend(step.authorities);
                Applied { account: plan.account.clone(), changes: step.changes, notes: step.notes, undo }
            }));
        }
        if !undos.is_empty() {
            witness(&undos).map_err(Error::Witness)?;
        }
        self.add_authorities(&authorities)?;
        if !undos.is_empty() {
            let attributes = before.as_ref().map_or_else(|| self.attributes(), |file| file.attributes);
            let bytes = file.into_text(&self.domain.name).into_bytes();
            place.replace(&lock, before.as_ref(), Some(&Contents { bytes, attributes }))?;
        }
        tracing::info!(backend = NAME, plans = plans.len(), changed = undos.len(), "pairings_applied");
        Ok(())
    }

    /// Takes all back, the last one first, and writes once. The results are in that order.
    pub(super) fn undo_all(
        &self,
        undos: &[(Account, Undo)],
        results: &mut Vec<Result<(), Error>>,
    ) -> Result<(), Error> {
        let place = self.place()?;
        let lock = place.lock(Instant::now() + self.lock_wait)?;
        let before = place.read()?;
        let bytes = before.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        let mut restoration = Restoration::new(&bytes);
        let mut changed = false;
        for (_, undo) in undos.iter().rev() {
            results.push(match undo {
                Undo::Lines(undo) if undo.path == Path::new(RULES) => {
                    restoration.take_back(undo, place.path()).map(|something| changed |= something)
                }
                Undo::Nothing => Ok(()),
                _ => Err(Error::Changed { path: place.path().to_owned() }),
            });
        }
        if changed {
            let attributes = before.as_ref().map_or_else(|| self.attributes(), |file| file.attributes);
            let after = restoration.finish("").map(|bytes| Contents { bytes, attributes });
            place.replace(&lock, before.as_ref(), after.as_ref())?;
        }
        tracing::info!(backend = NAME, undos = undos.len(), "pairings_undone");
        Ok(())
    }
}
