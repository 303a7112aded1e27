//! What was registered, taken away again, also while a server runs.

use std::path::Path;

use crate::error::Error;
use crate::party_info::canonical_key_id;
use crate::store::Store;

pub use crate::store::{Forget, Forgotten};

/// Takes away what is registered for a user, or a device with all that belongs to it. A running server goes by that with its
/// next answer.
///
/// # Errors
/// [`Error::NoState`] when the directory has no database, [`Error::NotRegistered`] when there is nothing to take away, and
/// the others of the database.
pub fn forget(state: &Path, what: &Forget) -> Result<Forgotten, Error> {
    let what = match what {
        Forget::Device(kid) => Forget::Device(canonical_key_id(kid).unwrap_or_else(|| kid.clone())),
        Forget::User(_) => what.clone(),
    };
    let forgotten = Store::open_existing(state)?.forget(&what)?;
    if forgotten == Forgotten::default() {
        let (Forget::User(name) | Forget::Device(name)) = what;
        return Err(Error::NotRegistered { name });
    }
    Ok(forgotten)
}
