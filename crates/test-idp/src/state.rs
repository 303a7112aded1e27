//! The state directory, mode 0700: what stays the same when the identity provider starts again.
//!
//! ```text
//! lock           held while a server runs
//! signing.pem    ES256 key of the id_tokens, PKCS#8, mode 0600
//! config.json    client_id and audience, mode 0600
//! devices.json   registered devices, mode 0600
//! ```

use std::fs::File;
use std::path::Path;

use jose::EcPrivateKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::device::Devices;
use crate::error::Error;
use crate::files;

/// An open state directory.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) signing_key: EcPrivateKey,
    pub(crate) identifiers: Identifiers,
    pub(crate) devices: Devices,
    /// Held as long as a server runs.
    pub(crate) lock: File,
}

/// The names by which a client and this identity provider know each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identifiers {
    schema_version: u32,
    /// `iss` and `client_id` of a login request, `aud` of an id_token.
    pub(crate) client_id: String,
    /// `aud` of an assertion.
    pub(crate) audience: String,
}

impl State {
    /// Opens a state directory, and makes what is not there yet.
    ///
    /// # Errors
    /// [`Error::StateInUse`], [`Error::StateMode`], [`Error::StateContent`] and [`Error::StateIo`]
    /// as they say; [`Error::Crypto`] when a key cannot be made.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        files::private_directory(directory)?;
        let lock = files::lock(directory)?;
        Ok(Self {
            signing_key: signing_key(&directory.join("signing.pem"))?,
            identifiers: identifiers(&directory.join("config.json"))?,
            devices: Devices::open(directory)?,
            lock,
        })
    }
}

fn signing_key(path: &Path) -> Result<EcPrivateKey, Error> {
    let content = |why: String| Error::StateContent { path: path.to_owned(), why };
    if let Some(bytes) = files::read_private(path, MAX_FILE)? {
        let bytes = Zeroizing::new(bytes);
        let pem = std::str::from_utf8(&bytes).map_err(|error| content(error.to_string()))?;
        return EcPrivateKey::from_pem(pem).map_err(|error| content(error.to_string()));
    }
    let key = EcPrivateKey::generate()?;
    files::replace(path, key.to_pkcs8_pem()?.as_bytes())?;
    Ok(key)
}

fn identifiers(path: &Path) -> Result<Identifiers, Error> {
    let content = |why: String| Error::StateContent { path: path.to_owned(), why };
    if let Some(bytes) = files::read_private(path, MAX_FILE)? {
        let identifiers: Identifiers = serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if identifiers.schema_version != 1 || !visible(&identifiers.client_id) || !visible(&identifiers.audience) {
            return Err(content("it has another schema version or an empty name".to_owned()));
        }
        return Ok(identifiers);
    }
    let client_id = Uuid::new_v4().to_string();
    let audience = format!("urn:pivkit-idp:{}", Uuid::new_v4());
    let identifiers = Identifiers { schema_version: 1, client_id, audience };
    let mut bytes = serde_json::to_vec_pretty(&identifiers).map_err(|error| content(error.to_string()))?;
    bytes.push(b'\n');
    files::replace(path, &bytes)?;
    Ok(identifiers)
}

/// Largest key or configuration file, in bytes.
const MAX_FILE: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stays_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let first = State::open(directory.path()).unwrap();
        assert!(matches!(State::open(directory.path()), Err(Error::StateInUse { .. })));
        let (key, identifiers) = (first.signing_key.public(), first.identifiers.clone());
        drop(first);
        let again = State::open(directory.path()).unwrap();
        assert_eq!((again.signing_key.public(), again.identifiers.clone()), (key, identifiers));
        let other = tempfile::tempdir().unwrap();
        let other = State::open(other.path()).unwrap();
        assert_ne!(other.identifiers.client_id, again.identifiers.client_id);
        assert_ne!(other.identifiers.audience, again.identifiers.audience);
    }

    #[test]
    fn damaged_files_are_refused_and_left_alone() {
        for (name, bad) in [
            ("signing.pem", "-----BEGIN PRIVATE KEY-----\n"),
            ("signing.pem", "\u{0}"),
            ("config.json", "{}"),
            ("config.json", r#"{"schema_version":1,"client_id":"","audience":"a"}"#),
            ("config.json", r#"{"schema_version":1,"client_id":"a\"","audience":"a b"}"#),
        ] {
            let directory = tempfile::tempdir().unwrap();
            files::private_directory(directory.path()).unwrap();
            let path = directory.path().join(name);
            files::replace(&path, bad.as_bytes()).unwrap();
            assert!(matches!(State::open(directory.path()), Err(Error::StateContent { .. })), "{name}: {bad}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        }
    }
}
