//! A new signing key for the id_tokens, also while a server runs.

use std::path::Path;

use crate::clock;
use crate::error::Error;
use crate::store::{PUBLISHED, SigningKey, Store};

/// What a rotation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Key identifier of the key that signs from now on.
    pub kid: String,
    /// How long the key before it stays published, in seconds.
    pub published_for: i64,
}

/// Puts a new key of the same algorithm in the place of the one that signs id_tokens. A running server takes it with its next answer; the key
/// before stays in its JWK Set for a day.
///
/// # Errors
/// [`Error::NoState`] when the directory has no database, the others of the database, and [`Error::Crypto`] when the system
/// gives no random numbers.
pub fn rotate_key(state: &Path) -> Result<Rotated, Error> {
    let store = Store::open_existing(state)?;
    loop {
        let algorithm = store.signing_key()?.algorithm();
        let key = SigningKey::generate(algorithm)?;
        // Not when a server has changed to the other algorithm meanwhile.
        if store.replace_signing_key(algorithm, &key, clock::now())? {
            return Ok(Rotated { kid: key.kid, published_for: PUBLISHED });
        }
    }
}
