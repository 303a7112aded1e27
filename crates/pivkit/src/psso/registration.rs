//! `pivkit psso keys` and `pivkit psso register`.

use std::path::{Path, PathBuf};

use identity::Certificate;
use psso::{DeviceKeys, Method, RegisteredUser, RegistrationRequest, Registrations, SignOnStore, StateDir, UserKey};
use secrecy::SecretString;

use super::Configuration;
use super::config::client;
use crate::Error;
use crate::files::certificates;
use crate::report::{DeviceKeysReport, RegistrationReport, SCHEMA_VERSION};

/// The public keys of this device; makes the keys on first use.
///
/// # Errors
///
/// [`Error::Psso`] if the directory cannot be used or is open to others.
pub fn keys(state: &Path) -> Result<DeviceKeysReport, Error> {
    let keys = DeviceKeys::open_or_create(state)?;
    Ok(DeviceKeysReport {
        schema_version: SCHEMA_VERSION,
        device_signing_key: keys.signing_public(),
        device_encryption_key: keys.encryption_public(),
    })
}

/// What `pivkit psso register` was asked.
#[derive(Debug)]
pub struct RegisterRequest {
    /// The login configuration.
    pub configuration: Configuration,
    /// Certificates of authorities to be trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// The device's state directory.
    pub state: PathBuf,
    /// The user, as the identity provider knows them.
    pub user: String,
    /// How the user will sign in; the Secure Enclave method gets a user key.
    pub method: Method,
    /// The file with the certificate on the user's card, to be pinned.
    pub certificate: Option<PathBuf>,
    /// What the identity provider asks for before it takes a registration.
    pub token: Option<SecretString>,
}

/// Registers this device and a user with the identity provider; makes the keys on first use.
///
/// # Errors
///
/// [`Error::Psso`]; [`Error::File`] and [`Error::Input`] for the certificate.
pub fn register(request: &RegisterRequest) -> Result<RegistrationReport, Error> {
    let parts = Parts::of(request)?;
    let client = client(request.configuration.config.clone(), request.ca.as_deref())?;
    let registration = client.register(&parts.keys, &parts.request(request))?;
    let mut user = RegisteredUser::now(&request.user, request.method);
    user.user_key = parts.user_key.as_ref().map(|key| key.registered_public().kid);
    user.user_certificate = parts.certificate.as_ref().map(|certificate| hex::encode(certificate.sha256()));
    Registrations::note(&parts.dir, &request.configuration.config, &parts.keys, user)?;
    Ok(RegistrationReport { schema_version: SCHEMA_VERSION, registration, method: request.method })
}

/// What [`register`] would send, for an identity provider that is configured by hand.
///
/// # Errors
///
/// As [`register`], but for what the network does.
pub fn registration(request: &RegisterRequest) -> Result<serde_json::Value, Error> {
    let parts = Parts::of(request)?;
    Ok(psso::registration_request(&request.configuration.config, &parts.keys, &parts.request(request))?)
}

/// What a registration is made of.
struct Parts {
    dir: StateDir,
    keys: DeviceKeys,
    user_key: Option<UserKey>,
    user_public: Option<jose::PublicKey>,
    certificate: Option<Certificate>,
}

impl Parts {
    fn of(request: &RegisterRequest) -> Result<Self, Error> {
        let config = &request.configuration.config;
        let certificate = request.certificate.as_deref().map(one_certificate).transpose()?;
        let dir = StateDir::open_or_create(&request.state)?;
        Registrations::check_provider(&dir, config)?;
        SignOnStore::new(dir.clone()).check_provider(config)?;
        let keys = DeviceKeys::open_or_create(&request.state)?;
        let wants_key = request.method == Method::SecureEnclaveKey;
        let user_key = wants_key.then(|| UserKey::open_or_create(&request.state)).transpose()?;
        let user_public = user_key.as_ref().map(UserKey::public);
        Ok(Self { dir, keys, user_key, user_public, certificate })
    }

    fn request<'a>(&'a self, request: &'a RegisterRequest) -> RegistrationRequest<'a> {
        RegistrationRequest {
            user: &request.user,
            user_key: self.user_public.as_ref(),
            user_certificate: self.certificate.as_ref().map(Certificate::der),
            registration_token: request.token.as_ref(),
        }
    }
}

/// The certificate in a file, which holds one alone.
fn one_certificate(path: &Path) -> Result<Certificate, Error> {
    let mut found = certificates(path)?;
    match (found.pop(), found.is_empty()) {
        (Some(Ok(certificate)), true) => Ok(certificate),
        (Some(Err(error)), true) => Err(Error::Input { what: format!("{}: {error}", path.display()) }),
        _ => Err(Error::Input { what: format!("{} does not hold one certificate alone", path.display()) }),
    }
}
