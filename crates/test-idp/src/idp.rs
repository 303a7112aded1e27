//! What every request handler shares.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jose::EcPrivateKey;

use crate::certificate::chain::TrustStore;
use crate::device::Devices;
use crate::error::Error;
use crate::fault::Faults;
use crate::nonce::Nonces;
use crate::options::{Options, User};
use crate::party_info::key_id;
use crate::state::{Identifiers, State};

/// The identity provider, apart from its socket.
#[derive(Debug)]
pub(crate) struct Idp {
    pub(crate) endpoints: Endpoints,
    pub(crate) identifiers: Identifiers,
    pub(crate) users: Vec<User>,
    pub(crate) trust: TrustStore,
    pub(crate) faults: Faults,
    pub(crate) request_time_limit: Duration,
    pub(crate) signing_key: EcPrivateKey,
    pub(crate) signing_kid: String,
    devices: Mutex<Devices>,
    nonces: Mutex<Nonces>,
    _lock: File,
}

/// The URLs of this server; the issuer is the one without a path.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    pub(crate) nonce: String,
    pub(crate) token: String,
    pub(crate) jwks: String,
    pub(crate) registration: String,
}

impl Endpoints {
    /// The same endpoints below a path; the issuer stays.
    pub(crate) fn below(&self, path: &str) -> Self {
        let (old, new) = (&self.issuer, format!("{}{path}", self.issuer));
        let moved = |url: &str| url.replacen(old, &new, 1);
        Self {
            issuer: self.issuer.clone(),
            nonce: moved(&self.nonce),
            token: moved(&self.token),
            jwks: moved(&self.jwks),
            registration: moved(&self.registration),
        }
    }
}

impl Idp {
    /// Opens the state directory and reads the trust file; `url` has no slash at its end.
    ///
    /// # Errors
    /// Those of the options and of the two.
    pub(crate) fn open(options: &Options, url: &str) -> Result<Self, Error> {
        let mut users: Vec<User> = Vec::new();
        for user in &options.users {
            if users.iter().any(|known| known.name() == user.name()) {
                return Err(Error::User { user: user.name().to_owned(), why: "the name is given twice" });
            }
            users.push(user.clone());
        }
        let trust = match &options.trust {
            Some(path) => TrustStore::load(path)?,
            None => TrustStore::default(),
        };
        let State { signing_key, identifiers, devices, lock } = State::open(&options.state)?;
        let endpoint = |path: &str| format!("{url}{path}");
        Ok(Self {
            endpoints: Endpoints {
                issuer: url.to_owned(),
                nonce: endpoint(NONCE),
                token: endpoint(TOKEN),
                jwks: endpoint(JWKS),
                registration: endpoint(REGISTER),
            },
            identifiers,
            users,
            trust,
            faults: options.faults.as_slice().into(),
            request_time_limit: options.request_time_limit,
            signing_kid: key_id(&signing_key.public().x963().unwrap_or_default()),
            signing_key,
            devices: Mutex::new(devices),
            nonces: Mutex::new(Nonces::default()),
            _lock: lock,
        })
    }

    /// The user with this name.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name() == name)
    }

    /// The registered devices. A handler that panicked cannot have left them half changed.
    pub(crate) fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outstanding nonces.
    pub(crate) fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Path of the nonce endpoint.
pub(crate) const NONCE: &str = "/psso/nonce";
/// Path of the token endpoint.
pub(crate) const TOKEN: &str = "/psso/token";
/// Path of the JWK Set.
pub(crate) const JWKS: &str = "/psso/jwks";
/// Path of the registration endpoint.
pub(crate) const REGISTER: &str = "/psso/register";
/// Path of the client configuration.
pub(crate) const CONFIGURATION: &str = "/psso.toml";
