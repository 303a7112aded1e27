//! Whether only root can change what lies at a path.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::geteuid;

use crate::Error;

/// Checks that nobody but root, and who runs this if `or_self`, can change the file or folder, or put another in its place: each part of
/// its path belongs to them, nobody else may write to it, and none is a link. In a folder with the sticky bit, as `/tmp`, others
/// can make things, and not replace what is there. Access control lists are not looked at.
///
/// # Errors
///
/// [`Error::Unsafe`] with the part that others can change; [`Error::File`].
pub fn check_only_root(path: &Path, or_self: bool) -> Result<(), Error> {
    let own = or_self.then(|| geteuid().as_raw());
    let refused = |part: &Path, why| Err(Error::Unsafe { path: part.to_owned(), why });
    if !path.is_absolute() {
        return refused(path, "is no absolute path");
    }
    for part in path.ancestors() {
        let data = fs::symlink_metadata(part).map_err(|source| Error::File { path: part.to_owned(), source })?;
        let sticky = data.is_dir() && data.mode() & 0o1000 != 0;
        if data.is_symlink() {
            return refused(part, "is a symbolic link");
        }
        if data.uid() != 0 && Some(data.uid()) != own {
            return refused(part, "does not belong to root");
        }
        if data.mode() & 0o022 != 0 && !sticky {
            return refused(part, "can be changed by others than its owner");
        }
        if part == path && !data.is_dir() && !data.is_file() {
            return refused(part, "is neither a file nor a folder");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_others_can_change_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let (inner, file) = (folder.join("inner"), folder.join("inner/file"));
        fs::create_dir(&inner).unwrap();
        fs::write(&file, "x").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let refused = |path: &Path| match check_only_root(path, true) {
            Ok(()) => None,
            Err(Error::Unsafe { path, .. }) => Some(path),
            Err(error) => unreachable!("{error}"),
        };
        set(&inner, 0o755);
        for (mode, part) in [(0o644, None), (0o664, Some(&file)), (0o646, Some(&file)), (0o600, None)] {
            set(&file, mode);
            assert_eq!(refused(&file).as_ref(), part, "{mode:o}");
        }
        for (mode, part) in [(0o775, Some(&inner)), (0o757, Some(&inner)), (0o1777, None)] {
            set(&inner, mode);
            assert_eq!(refused(&file).as_ref(), part, "{mode:o}");
        }
        symlink(&inner, folder.join("link")).unwrap();
        assert_eq!(refused(&folder.join("link/file")), Some(folder.join("link")));
        assert!(refused(Path::new("inner")).is_some());
        assert!(matches!(check_only_root(&folder.join("none"), true), Err(Error::File { .. })));
        if !geteuid().is_root() {
            assert!(check_only_root(&file, false).is_err());
        } else {
            std::os::unix::fs::chown(&file, Some(4001), None).unwrap();
            assert_eq!(refused(&file), Some(file));
        }
    }
}
