//! Where a device is registered, and for whom: a note in the state directory. It holds no secret.
//!
//! ```text
//! STATE/registration.json
//! {"schema_version":1, "issuer":"..", "client_id":"..", "device_id":"<kid of the signing key>",
//!  "users":[{"user":"alice", "method":"smart-card", "registered_at":<Unix time>, "user_key":"<kid>", "user_certificate":"<SHA-256>"}]}
//! ```
//! A device is registered with one identity provider and client: with two, the two could tell that it is the same device.

use serde::{Deserialize, Serialize};

use crate::state_dir::{StateDir, state};
use crate::{Config, DeviceKeys, Error, Method, clock, sign_on};

const FILE: &str = "registration.json";
const WHAT: &str = "registration";
const SCHEMA_VERSION: u64 = 1;
const MAX_FILE_LEN: usize = 64 * 1024;
/// The most users of one device.
const MAX_USERS: usize = 32;

/// Where a device is registered, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Registrations {
    schema_version: u64,
    /// The issuer.
    pub issuer: String,
    /// The client id at that issuer.
    pub client_id: String,
    /// The key id of the device signing key.
    pub device_id: String,
    /// Who was registered from here, the latest last.
    pub users: Vec<RegisteredUser>,
}

/// A user who was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredUser {
    /// The user, as the identity provider knows them.
    pub user: String,
    /// How they sign in.
    pub method: Method,
    /// When, Unix time.
    pub registered_at: i64,
    /// The key id of the user key, for the Secure Enclave method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_key: Option<String>,
    /// SHA-256 of the certificate that was pinned, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_certificate: Option<String>,
}

impl RegisteredUser {
    /// A user who was registered just now.
    #[must_use]
    pub fn now(user: &str, method: Method) -> Self {
        let registered_at = clock::now();
        Self { user: user.to_owned(), method, registered_at, user_key: None, user_certificate: None }
    }
}

impl Registrations {
    /// The note in a state directory, if there is one.
    ///
    /// # Errors
    /// [`Error::State`] when it cannot be read, is open to others, or is not what was written.
    pub fn load(dir: &StateDir) -> Result<Option<Self>, Error> {
        let Some(bytes) = dir.read(FILE, WHAT, MAX_FILE_LEN)? else { return Ok(None) };
        let path = dir.path().join(FILE);
        let read: Self = serde_json::from_slice(&bytes)
            .map_err(|error| state(&path, &format!("is not a registration as it was written ({error})"), None))?;
        if read.schema_version != SCHEMA_VERSION {
            return Err(state(&path, "was written by a later version of this program", None));
        }
        Ok(Some(read))
    }

    /// Refuses a configuration of another identity provider than that of the note, if there is one.
    ///
    /// # Errors
    /// As [`load`](Self::load); [`SignOnError::OtherProvider`](crate::SignOnError::OtherProvider).
    pub fn check_provider(dir: &StateDir, config: &Config) -> Result<(), Error> {
        match Self::load(dir)? {
            Some(found) => Ok(sign_on::check_provider(&found.issuer, &found.client_id, config)?),
            None => Ok(()),
        }
    }

    /// Notes that a user was registered, in place of what was known of that user.
    ///
    /// # Errors
    /// [`Error::State`] when the note cannot be written; as [`check_provider`](Self::check_provider).
    pub fn note(dir: &StateDir, config: &Config, keys: &DeviceKeys, user: RegisteredUser) -> Result<(), Error> {
        let locked = dir.lock()?;
        Self::check_provider(dir, config)?;
        let device_id = keys.signing_public().kid;
        // With other device keys it is another device, and nobody is registered yet.
        let known = Self::load(dir)?.filter(|known| known.device_id == device_id);
        let mut users = known.map(|known| known.users).unwrap_or_default();
        users.retain(|known| known.user != user.user);
        users.push(user);
        let surplus = users.len().saturating_sub(MAX_USERS);
        users.drain(..surplus);
        let note = Self {
            schema_version: SCHEMA_VERSION,
            issuer: config.issuer().to_owned(),
            client_id: config.client_id().to_owned(),
            device_id,
            users,
        };
        let mut bytes = serde_json::to_vec_pretty(&note).map_err(|error| {
            state(&dir.path().join(FILE), "cannot be written as JSON", std::io::Error::other(error))
        })?;
        bytes.push(b'\n');
        locked.write(FILE, &bytes)
    }

    /// Whether there is a note, of whatever kind.
    pub(crate) fn is_there(dir: &StateDir) -> bool {
        dir.has(FILE)
    }

    pub(crate) fn remove(dir: &crate::state_dir::LockedStateDir<'_>) -> Result<bool, Error> {
        dir.remove(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn users_are_noted_once_and_the_provider_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        let keys = DeviceKeys::open_or_create(&path).unwrap();
        let dir = StateDir::open(&path).unwrap();
        assert_eq!(Registrations::load(&dir).unwrap(), None);
        for (user, method) in
            [("alice", Method::SmartCard), ("bob", Method::Password), ("alice", Method::SecureEnclaveKey)]
        {
            Registrations::note(&dir, &config("https://idp.example"), &keys, RegisteredUser::now(user, method))
                .unwrap();
        }
        let found = Registrations::load(&dir).unwrap().unwrap();
        let users: Vec<_> = found.users.iter().map(|user| (user.user.as_str(), user.method)).collect();
        assert_eq!(users, [("bob", Method::Password), ("alice", Method::SecureEnclaveKey)]);
        assert_eq!(found.device_id, keys.signing_public().kid);

        let other = Registrations::note(
            &dir,
            &config("https://other.example"),
            &keys,
            RegisteredUser::now("eve", Method::Password),
        );
        assert!(other.unwrap_err().to_string().contains("https://other.example"));
        assert_eq!(Registrations::load(&dir).unwrap().unwrap(), found);
        assert!(Registrations::remove(&dir.lock().unwrap()).unwrap());
        assert_eq!(Registrations::load(&dir).unwrap(), None);
    }
}
