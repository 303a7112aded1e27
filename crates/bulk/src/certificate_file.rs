//! Files with certificates, opened without trust in what lies there.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use identity::{Certificate, load};
use nix::fcntl::OFlag;

/// The certificates in a file, each readable or not; see [`load::certificates`].
///
/// # Errors
///
/// What the system says, also when it is no regular file: a pipe would never end.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Result<Certificate, identity::Error>>> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let limit = load::MAX_FILE + 1;
    // One byte more, so that the end is seen with the first look.
    let expected = usize::try_from(metadata.len()).unwrap_or(limit).saturating_add(1).min(limit);
    let mut bytes = Vec::with_capacity(expected);
    file.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(load::certificates(&bytes))
}
