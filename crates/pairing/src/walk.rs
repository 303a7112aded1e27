//! The way to a directory, one component after the other.
//!
//! The path of a home directory is the administrator's word, but the directories on the way may
//! belong to others: whoever owns one can put a link in the place of the next. So a link is
//! followed only when nobody but root can have made it.

use std::ffi::OsString;
use std::path::{Component, Path};

use crate::Error;
use crate::directory::{Directory, Entered};

/// What to do with a link, and with `..`, on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// None is followed, so that the way cannot lead out of the directory at which it begins.
    Refused,
    /// Those are followed that belong to root and stand in a directory in which only root can
    /// write.
    OfRoot,
}

/// Opens the directory that the absolute `path` names below `root`; `None` when there is none.
pub(crate) fn open(root: &Path, path: &Path, links: Links) -> Result<Option<Directory>, Error> {
    let Some(mut directory) = Directory::open(root)? else { return Ok(None) };
    let mut ahead: Vec<OsString> = Vec::new();
    push(&mut ahead, path, links)?;
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        let last = ahead.is_empty();
        match if last { directory.enter(&name).map(Entered::from) } else { directory.pass(&name) } {
            Ok(Entered::Directory(next)) => directory = next,
            Ok(Entered::Nothing) => return Ok(None),
            Err(refused @ Error::Unsafe { .. }) => {
                let Some(link) = directory.link(&name)? else {
                    // Some service accounts have a home directory of /dev/null.
                    return Ok(None);
                };
                followed += 1;
                if links == Links::Refused || followed > MAX_LINKS {
                    return Err(refused);
                }
                if !link.of_root {
                    let why = "is a symbolic link that others than root can change";
                    return Err(Error::unsafe_path(&directory.path().join(&name), why));
                }
                push(&mut ahead, &link.target, links)?;
                if link.target.is_absolute() {
                    let Some(start) = Directory::open(root)? else { return Ok(None) };
                    directory = start;
                } else if ahead.is_empty() {
                    // A link to nothing but ".".
                    ahead.push(".".into());
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(directory))
}

/// Puts the components of `path` in front of what is still ahead.
fn push(ahead: &mut Vec<OsString>, path: &Path, links: Links) -> Result<(), Error> {
    for component in path.components().rev() {
        match component {
            Component::RootDir | Component::CurDir => (),
            Component::ParentDir if links == Links::OfRoot => ahead.push("..".into()),
            Component::Normal(name) => ahead.push(name.to_owned()),
            Component::ParentDir | Component::Prefix(_) => {
                return Err(Error::unsafe_path(path, "leads out of the directory tree"));
            }
        }
    }
    Ok(())
}

/// As many as Linux follows (path_resolution(7)).
const MAX_LINKS: usize = 40;
