//! The token that a registration must carry, as a management system hands it to devices.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;

/// The token of a private file, as its hash.
pub(crate) struct RegistrationToken([u8; 32]);

impl RegistrationToken {
    /// Reads a file; white space around the token does not count.
    ///
    /// # Errors
    /// [`Error::StateMode`] when others may read it; [`Error::SecretFile`] when there is none, or no token in it.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let refuse = |why: &str| Error::SecretFile { path: path.to_owned(), why: why.to_owned() };
        let bytes = files::read_private(path, MAX_FILE)?.ok_or_else(|| refuse("there is no such file"))?;
        let bytes = Zeroizing::new(bytes);
        let token = bytes.trim_ascii();
        if token.is_empty() { Err(refuse("it is empty")) } else { Ok(Self(Sha256::digest(token).into())) }
    }

    /// Whether this is the token. Takes as long for every other one.
    pub(crate) fn is(&self, token: &str) -> bool {
        Sha256::digest(token).as_slice().ct_eq(&self.0).into()
    }
}

impl fmt::Debug for RegistrationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistrationToken(..)")
    }
}

/// In bytes.
const MAX_FILE: u64 = 16 * 1024;
