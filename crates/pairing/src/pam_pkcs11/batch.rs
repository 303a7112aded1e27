//! Many changes of the mapping file at once: it is locked, read and written once.

use super::map_file::{self, MapFile};
use super::{NAME, PamPkcs11, Step};
use crate::restore::Restoration;
use crate::system_file::SystemFile;
use crate::undo::{Contents, FileDigest};
use crate::{Account, Applied, Error, Plan, Undo, WitnessOfMany};

impl PamPkcs11 {
    /// Applies all plans to the file, one after the other, and writes it once. The error is that of all of them.
    pub(super) fn apply_all(
        &self,
        plans: &[Plan],
        witness: WitnessOfMany<'_>,
        results: &mut Vec<Result<Applied, Error>>,
    ) -> Result<(), Error> {
        if plans.is_empty() {
            return Ok(());
        }
        let (place, lock) = self.lock()?;
        let before = place.read()?;
        let bytes = before.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        let digest = before.as_ref().map(|contents| FileDigest::of(&contents.bytes));
        let mut file = MapFile::parse(bytes, self.algorithm, place.path())?;
        let mut undos = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let exists = before.is_some() || !undos.is_empty();
            results.push(self.step(&file, exists, &plan.account, &plan.action).map(|step| {
                let Step { changes, mut notes, edit } = step;
                notes.extend(plan.notes.iter().filter(|note| note.leaves_open()).cloned());
                let mut undo = Undo::Nothing;
                if !edit.is_empty() {
                    undo = Undo::Lines(file.make(edit, &self.map_file, digest));
                    undos.push((index, undo.clone()));
                }
                Applied { account: plan.account.clone(), changes, notes, undo }
            }));
        }
        if !undos.is_empty() {
            witness(&undos).map_err(Error::Witness)?;
            let attributes = before.as_ref().map_or(SystemFile::new_attributes(0o644), |file| file.attributes);
            let mut bytes = file.into_bytes();
            if bytes.is_empty() {
                // pam_pkcs11 0.6.12 crashes on an empty file, and takes the login program with it.
                bytes.extend_from_slice(map_file::HEADER.as_bytes());
            }
            place.replace(&lock, before.as_ref(), Some(&Contents { bytes, attributes }))?;
        }
        tracing::info!(backend = NAME, plans = plans.len(), changed = undos.len(), "pairings_applied");
        Ok(())
    }

    /// Takes all back, the last one first, and writes the file once. The results are in that order.
    pub(super) fn undo_all(
        &self,
        undos: &[(Account, Undo)],
        results: &mut Vec<Result<(), Error>>,
    ) -> Result<(), Error> {
        let (place, lock) = self.lock()?;
        let before = place.read()?;
        let bytes = before.as_ref().map(|contents| contents.bytes.clone()).unwrap_or_default();
        let mut restoration = Restoration::new(&bytes);
        let mut changed = false;
        for (_, undo) in undos.iter().rev() {
            results.push(match undo {
                Undo::Lines(undo) if undo.path == self.map_file => {
                    restoration.take_back(undo, place.path()).map(|something| changed |= something)
                }
                Undo::Nothing => Ok(()),
                _ => Err(Error::Changed { path: place.path().to_owned() }),
            });
        }
        if changed {
            let attributes = before.as_ref().map_or(SystemFile::new_attributes(0o644), |file| file.attributes);
            let after = restoration.finish(map_file::HEADER).map(|bytes| Contents { bytes, attributes });
            place.replace(&lock, before.as_ref(), after.as_ref())?;
        }
        tracing::info!(backend = NAME, undos = undos.len(), "pairings_undone");
        Ok(())
    }
}
