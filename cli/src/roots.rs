//! The file with the roots that attestations are checked up to.

use std::path::Path;

use pivkit::card::Roots;

use crate::failure::Failure;

/// Reads `--attestation-root`.
pub(crate) fn read(path: &Path) -> Result<Roots, Failure> {
    let path = path.to_owned();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) => return Err(pivkit::Error::File { path, source }.into()),
    };
    Ok(Roots::read(&bytes).map_err(|source| pivkit::Error::Roots { path, source })?)
}
