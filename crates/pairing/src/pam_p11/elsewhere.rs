//! The other file in which pam_p11 looks for keys: `~/.ssh/authorized_keys`. It is only read.

use identity::ssh;

use crate::directory::Directory;
use crate::{Elsewhere, Error, Pairings, Unknown};

/// Adds to the pairings what the file holds. A file that cannot be read is no error: it must not
/// keep anybody from changing the list that is managed.
pub(super) fn read(home: &Directory, pairings: &mut Pairings) {
    let path = home.path().join(DIRECTORY).join(FILE);
    let unknown = |why: String| Unknown { path: path.clone(), why };
    match contents(home) {
        Ok(Contents::Nothing) => (),
        Ok(Contents::TooLarge) => pairings.unknown.push(unknown("is larger than 1 MiB".to_owned())),
        Err(error) => pairings.unknown.push(match error {
            Error::Unsafe { path, why } => Unknown { path, why },
            _ => unknown("cannot be read".to_owned()),
        }),
        Ok(Contents::Bytes(bytes)) => {
            let mut more = 0;
            for key in ssh::keys(&bytes) {
                match key.hash {
                    Some(hash) => pairings.elsewhere.push(Elsewhere { hash, path: path.clone(), line: key.line }),
                    None if pairings.unknown.len() < MAX_UNKNOWN => {
                        pairings.unknown.push(unknown(format!("line {} is a key that cannot be read", key.line)));
                    }
                    None => more += 1,
                }
            }
            if more > 0 {
                pairings.unknown.push(unknown(format!("has {more} more lines that cannot be read")));
            }
        }
    }
}

enum Contents {
    Nothing,
    TooLarge,
    Bytes(Vec<u8>),
}

fn contents(home: &Directory) -> Result<Contents, Error> {
    let Some(directory) = home.enter(DIRECTORY.as_ref())? else { return Ok(Contents::Nothing) };
    let Some(file) = directory.open_file(FILE)? else { return Ok(Contents::Nothing) };
    Ok(file.read(super::MAX_FILE)?.map_or(Contents::TooLarge, Contents::Bytes))
}

const DIRECTORY: &str = ".ssh";
const FILE: &str = "authorized_keys";
const MAX_UNKNOWN: usize = 20;
