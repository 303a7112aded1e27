//! The folder for certificate requests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use provision::{KeySlot, public_key_of_request};

use super::{Certificates, ProvisionError, ProvisionRequest};
use crate::Error;

/// Whether requests can be written there, or the folder made, as far as that shows without changing anything.
///
/// # Errors
///
/// [`Error::File`].
pub(super) fn check(certificates: &Certificates) -> Result<(), Error> {
    let Certificates::Requests { folder } = certificates else { return Ok(()) };
    let failed = |source| Error::File { path: folder.clone(), source };
    // A relative path begins in the current folder.
    let mut there = folder.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let nearest = there.find(|path| fs::symlink_metadata(path).is_ok()).unwrap_or(Path::new("."));
    let metadata = fs::metadata(nearest).map_err(failed)?;
    match (metadata.is_dir(), metadata.permissions().readonly()) {
        (false, _) => Err(failed(io::ErrorKind::NotADirectory.into())),
        (true, true) => Err(failed(io::ErrorKind::PermissionDenied.into())),
        (true, false) => Ok(()),
    }
}

/// Makes the folder, and proves that a file can be made in it: before the card is changed.
///
/// # Errors
///
/// [`Error::File`].
pub(super) fn make(certificates: &Certificates) -> Result<(), Error> {
    let Certificates::Requests { folder } = certificates else { return Ok(()) };
    let failed = |source| Error::File { path: folder.clone(), source };
    let trial = folder.join(".pivkit.unfinished");
    fs::create_dir_all(folder).and_then(|()| File::create(&trial)).map_err(failed)?;
    fs::remove_file(&trial).map_err(failed)
}

/// The keys of the requests that are in the folder already.
///
/// # Errors
///
/// [`Error::File`]; [`ProvisionError::FileInUse`] for a file that is no request.
pub(super) fn requests(request: &ProvisionRequest) -> Result<BTreeMap<KeySlot, Vec<u8>>, Error> {
    let mut keys = BTreeMap::new();
    for slot in KeySlot::ALL {
        let Some(path) = request.request_path(slot) else { continue };
        match fs::read(&path) {
            Ok(pem) => match public_key_of_request(&pem) {
                Ok(key) => drop(keys.insert(slot, key)),
                Err(_) => return Err(ProvisionError::FileInUse { path }.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::File { path, source }),
        }
    }
    Ok(keys)
}
