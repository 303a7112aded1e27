//! The file of a PAM service, which can be a link.
//!
//! A link is followed when only root can have made it, or, in a tree, whoever runs this; in a tree it never leads out.

use std::path::{Component, Path, PathBuf};

use crate::{Error, System};

/// The lines of the service in this file, without comments, those that go on behind a backslash put together; `None` when
/// there is no such file.
pub(crate) fn read(system: &System, path: &Path) -> Result<Option<Vec<String>>, Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Ok(None);
        };
        let Some(directory) = system.open(parent)? else { return Ok(None) };
        let refused = match directory.open_file(name) {
            Ok(None) => return Ok(None),
            Ok(Some(file)) => {
                let too_large = || Error::unsafe_path(&system.path_of(&path), "is larger than 1 MiB");
                return Ok(Some(lines(&file.read(MAX_SERVICE)?.ok_or_else(too_large)?)));
            }
            Err(refused) => refused,
        };
        let Some(link) = directory.link(name.as_ref())? else { return Err(refused) };
        let is_trusted = link.of_root || (system.tree().is_some() && directory.check_system().is_ok());
        if !is_trusted {
            return Err(refused);
        }
        // Within a tree `..` is resolved by the text, as there are no links among its directories.
        path = parent.join(&link.target);
        if system.tree().is_some() {
            path = plain(&path).ok_or(refused)?;
        }
    }
    Err(Error::unsafe_path(&system.path_of(&path), "is a link that leads nowhere"))
}

/// The path without `.` and `..`; `None` when it leads above the root.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::ParentDir if !plain.pop() => return None,
            Component::Normal(name) => plain.push(name),
            _ => {}
        }
    }
    Some(plain)
}

fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).replace("\\\n", " ");
    text.lines().map(|line| line.split('#').next().unwrap_or_default().to_owned()).collect()
}

const MAX_SERVICE: u64 = 1024 * 1024;
const MAX_LINKS: usize = 10;
