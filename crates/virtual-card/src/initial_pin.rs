//! The PIN of a new card, from a file: as an argument, every user of the machine could read it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::Error;
use crate::pin::AuthenticationData;

/// Six to eight digits (SP 800-73-4 Part 2, 2.4.3).
pub struct InitialPin(pub(crate) AuthenticationData);

impl InitialPin {
    /// The first line of a file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], or [`Error::PinFile`] if others may read it or the line is no PIN.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let unusable = |reason| Error::PinFile { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        // A pipe has no such mode, and is as private as whoever made it.
        if metadata.is_file() && metadata.mode() & 0o077 != 0 {
            return Err(unusable("others than its owner may read it; run chmod 600 on it"));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE));
        let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let pin = AuthenticationData::parse_digits(line).map(Self);
        pin.ok_or_else(|| unusable("its first line is not a PIN of six to eight digits"))
    }
}

/// Of a longer file, whatever comes first is longer than a PIN or ends before.
const MAX_FILE: usize = 64;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn pin(content: &[u8], mode: u32) -> Result<InitialPin, Error> {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("pin");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        InitialPin::from_file(&path)
    }

    #[test]
    fn the_first_line_is_the_pin() {
        for content in [&b"24681357"[..], b"24681357\n", b"24681357\r\n", b"24681357\nand more"] {
            assert_eq!(pin(content, 0o600).unwrap().0.unpadded().as_str(), "24681357");
        }
        assert_eq!(pin(b"246813", 0o400).unwrap().0.unpadded().as_str(), "246813");
    }

    #[test]
    fn what_is_no_pin_or_open_to_others_is_refused_and_not_quoted() {
        for content in
            [&b""[..], b"12345", b"123456789", b"12345a", b"\n123456", b" 123456", b"123456\xff", &[b'1'; 99]]
        {
            let error = pin(content, 0o600).err().unwrap();
            assert!(matches!(error, Error::PinFile { .. }), "{content:?}: {error:?}");
            assert!(content.is_empty() || !format!("{error:?}").contains("1234"), "{error:?}");
        }
        for mode in [0o640, 0o604] {
            assert!(matches!(pin(b"123456", mode), Err(Error::PinFile { .. })), "{mode:o}");
        }
        assert!(matches!(InitialPin::from_file(Path::new("/absent")), Err(Error::Unreadable { .. })));
    }
}
