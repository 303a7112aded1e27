//! The registered devices: `devices.json` in the state directory, keyed by the key identifier of
//! the device signing key.
//!
//! ```json
//! {"schema_version":1,
//!  "devices":{"<kid>":{"signing":"<base64 X9.63>","encryption":"<base64 X9.63>","users":["alice"]}}}
//! ```
//! At most 1024 devices with 64 users each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::PublicKey;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::party_info::key_id;

/// A P-256 public key of a device, checked to be on its curve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceKey {
    pub(crate) public: PublicKey,
    pub(crate) x963: Vec<u8>,
    pub(crate) kid: String,
}

impl DeviceKey {
    /// From standard base64 of an uncompressed point of 65 bytes.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        let x963 = BASE64_STANDARD.decode(text).ok().filter(|point| point.len() == 65)?;
        let public = PublicKey::from_x963(&x963).ok()?;
        Some(Self { public, kid: key_id(&x963), x963 })
    }

    fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.x963)
    }
}

/// A device that was registered, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) signing: DeviceKey,
    pub(crate) encryption: DeviceKey,
    pub(crate) users: Vec<String>,
}

/// What a registration changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registered {
    New,
    Already,
}

/// Why a device is not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("this signing key is registered with another encryption key")]
    OtherEncryptionKey,
    #[error("there is no room for more devices or users")]
    Full,
    #[error("the registration cannot be stored")]
    Store(#[from] Error),
}

/// All registered devices, and the file that keeps them.
#[derive(Debug)]
pub(crate) struct Devices {
    path: PathBuf,
    devices: BTreeMap<String, Device>,
}

impl Devices {
    /// Reads `devices.json` of a state directory; none is an empty list.
    ///
    /// # Errors
    /// [`Error::StateContent`] when the file is not what this program writes, and those of reading.
    pub(crate) fn open(state: &Path) -> Result<Self, Error> {
        let path = state.join("devices.json");
        let Some(bytes) = files::read_private(&path, MAX_FILE)? else {
            return Ok(Self { path, devices: BTreeMap::new() });
        };
        let devices = decode(&bytes).map_err(|why| Error::StateContent { path: path.clone(), why })?;
        Ok(Self { path, devices })
    }

    /// The device with this signing key.
    pub(crate) fn find(&self, kid: &str) -> Option<&Device> {
        self.devices.get(kid)
    }

    /// Registers a device for a user, on disk first.
    ///
    /// # Errors
    /// Why it is not; nothing has changed then.
    pub(crate) fn register(
        &mut self,
        signing: DeviceKey,
        encryption: DeviceKey,
        user: &str,
    ) -> Result<Registered, RegisterError> {
        let kid = signing.kid.clone();
        let mut device = match self.devices.get(&kid) {
            Some(known) if known.encryption != encryption => return Err(RegisterError::OtherEncryptionKey),
            Some(known) if known.users.iter().any(|known| known == user) => return Ok(Registered::Already),
            Some(known) => known.clone(),
            None if self.devices.len() >= MAX_DEVICES => return Err(RegisterError::Full),
            None => Device { signing, encryption, users: Vec::new() },
        };
        if device.users.len() >= MAX_USERS {
            return Err(RegisterError::Full);
        }
        device.users.push(user.to_owned());
        let mut devices = self.devices.clone();
        devices.insert(kid, device);
        files::replace(&self.path, &encode(&devices)?)?;
        self.devices = devices;
        Ok(Registered::New)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    devices: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    signing: String,
    encryption: String,
    users: Vec<String>,
}

fn decode(bytes: &[u8]) -> Result<BTreeMap<String, Device>, String> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if document.schema_version != SCHEMA_VERSION {
        return Err(format!("its schema version is {}", document.schema_version));
    }
    let mut devices = BTreeMap::new();
    for (kid, entry) in document.devices {
        let signing = DeviceKey::from_base64(&entry.signing).filter(|key| key.kid == kid);
        let (Some(signing), Some(encryption)) = (signing, DeviceKey::from_base64(&entry.encryption)) else {
            return Err("a device has a key that is none".to_owned());
        };
        devices.insert(kid, Device { signing, encryption, users: entry.users });
    }
    Ok(devices)
}

fn encode(devices: &BTreeMap<String, Device>) -> Result<Vec<u8>, Error> {
    let entry = |device: &Device| Entry {
        signing: device.signing.to_base64(),
        encryption: device.encryption.to_base64(),
        users: device.users.clone(),
    };
    let document = Document {
        schema_version: SCHEMA_VERSION,
        devices: devices.iter().map(|(kid, device)| (kid.clone(), entry(device))).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)
        .map_err(|error| Error::StateContent { path: PathBuf::from("devices.json"), why: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

const SCHEMA_VERSION: u32 = 1;
const MAX_DEVICES: usize = 1024;
const MAX_USERS: usize = 64;

/// 1024 devices with 64 users of at most 256 bytes, and what is around them.
const MAX_FILE: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use jose::EcPrivateKey;
    use std::fs;

    fn key() -> DeviceKey {
        let x963 = EcPrivateKey::generate().unwrap().public().x963().unwrap();
        DeviceKey::from_base64(&BASE64_STANDARD.encode(x963)).unwrap()
    }

    #[test]
    fn registrations_survive_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let mut devices = Devices::open(state.path()).unwrap();
        let (signing, encryption) = (key(), key());
        for (user, expected) in [("alice", Registered::New), ("alice", Registered::Already), ("bob", Registered::New)] {
            assert_eq!(devices.register(signing.clone(), encryption.clone(), user).unwrap(), expected);
        }
        let again = Devices::open(state.path()).unwrap();
        let device = again.find(&signing.kid).unwrap();
        assert_eq!(device.users, ["alice", "bob"]);
        assert_eq!((&device.signing, &device.encryption), (&signing, &encryption));
        assert!(again.find(&encryption.kid).is_none());
    }

    #[test]
    fn a_signing_key_keeps_its_encryption_key() {
        let state = tempfile::tempdir().unwrap();
        let mut devices = Devices::open(state.path()).unwrap();
        let signing = key();
        devices.register(signing.clone(), key(), "alice").unwrap();
        let before = fs::read(state.path().join("devices.json")).unwrap();
        let refused = devices.register(signing, key(), "alice");
        assert!(matches!(refused, Err(RegisterError::OtherEncryptionKey)));
        assert_eq!(fs::read(state.path().join("devices.json")).unwrap(), before);
    }

    #[test]
    fn a_file_that_was_tampered_with_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("devices.json");
        let mut devices = Devices::open(state.path()).unwrap();
        let signing = key();
        devices.register(signing.clone(), key(), "alice").unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            good.replace(&signing.to_base64(), &key().to_base64()),
            good.replace("\"schema_version\": 1", "\"schema_version\": 2"),
            good.replace("\"users\"", "\"people\""),
            good.replace(&signing.to_base64(), "BAAA"),
            "{".to_owned(),
        ] {
            assert_ne!(bad, good);
            files::replace(&path, bad.as_bytes()).unwrap();
            assert!(matches!(Devices::open(state.path()), Err(Error::StateContent { .. })), "{bad}");
        }
    }
}
