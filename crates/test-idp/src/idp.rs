//! What every request handler shares.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jose::EcPrivateKey;
use zeroize::Zeroizing;

use crate::certificate::Policy;
use crate::certificate::chain::TrustStore;
use crate::certificate::revocation::RevocationLists;
use crate::clock;
use crate::error::Error;
use crate::fault::Faults;
use crate::files;
use crate::key_service::ContextKey;
use crate::mimic::Mimic;
use crate::options::{Group, IdTokenAlgorithm, Options, User};
use crate::page::PageFor;
use crate::passwords::Passwords;
use crate::registration_token::RegistrationToken;
use crate::store::{Identifiers, ServerKey, SigningKey, Store};

/// The identity provider, apart from its socket.
#[derive(Debug)]
pub(crate) struct Idp {
    pub(crate) endpoints: Endpoints,
    pub(crate) identifiers: Identifiers,
    pub(crate) users: Vec<User>,
    pub(crate) groups: Vec<Group>,
    pub(crate) policy: Policy,
    pub(crate) passwords: Option<Passwords>,
    /// The key that encrypted passwords are for; only with passwords.
    pub(crate) login_encryption_key: Option<EcPrivateKey>,
    pub(crate) context_key: ContextKey,
    pub(crate) registration: Registering,
    pub(crate) faults: Faults,
    /// To whom the page is shown, where we are.
    pub(crate) page: PageFor,
    mimics: Vec<Mimic>,
    pub(crate) request_time_limit: Duration,
    /// In seconds.
    pub(crate) refresh_token_lifetime: i64,
    pub(crate) store: Store,
    /// What id_tokens are signed with; the signing key is one of it, also after a rotation.
    pub(crate) id_token_algorithm: IdTokenAlgorithm,
    /// The signing key that was used last.
    signing_key: Mutex<Arc<SigningKey>>,
    _lock: File,
}

/// Who may register what.
#[derive(Debug)]
pub(crate) struct Registering {
    /// What a registration must carry.
    pub(crate) token: Option<RegistrationToken>,
    /// Whether a key or certificate of a user can be registered without a token, from this machine: no other can reach the
    /// server.
    pub(crate) open: bool,
}

/// The URLs of this server; the issuer is the one without a path.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    pub(crate) nonce: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
    pub(crate) key: String,
    pub(crate) jwks: String,
    pub(crate) registration: String,
}

impl Endpoints {
    /// The endpoints under `url`, which has no slash at its end.
    fn under(url: &str) -> Self {
        let endpoint = |path: &str| format!("{url}{path}");
        Self {
            issuer: url.to_owned(),
            nonce: endpoint(NONCE),
            token: endpoint(TOKEN),
            refresh: endpoint(REFRESH),
            key: endpoint(KEY),
            jwks: endpoint(JWKS),
            registration: endpoint(REGISTER),
        }
    }

    /// The same endpoints below a path; the issuer stays.
    pub(crate) fn below(&self, path: &str) -> Self {
        Self { issuer: self.issuer.clone(), ..Self::under(&format!("{}{path}", self.issuer)) }
    }
}

impl Idp {
    /// Opens the state directory and reads the files that the options name; `url` has no slash at its end.
    ///
    /// # Errors
    /// Those of the options and of the files.
    pub(crate) fn open(options: &Options, url: &str) -> Result<Self, Error> {
        let mut users: Vec<User> = Vec::new();
        for user in &options.users {
            if users.iter().any(|known| known.name() == user.name()) {
                return Err(Error::User { user: user.name().to_owned(), why: "the name is given twice" });
            }
            // Names in certificates are compared so: one card could be that of both.
            if users.iter().any(|known| known.name().eq_ignore_ascii_case(user.name())) {
                let why = "another user differs from it only in the case of letters";
                return Err(Error::User { user: user.name().to_owned(), why });
            }
            users.push(user.clone());
        }
        let trust = match &options.trust {
            Some(path) => TrustStore::load(path)?,
            None => TrustStore::default(),
        };
        let trust = options.more_trust.iter().try_fold(trust, |trust, path| trust.and(path))?;
        let revocation = RevocationLists::load(&options.crls, &trust)?;
        let passwords = options.passwords.as_deref().map(Passwords::load).transpose()?;
        let token = options.registration_token.as_deref().map(RegistrationToken::load).transpose()?;
        files::private_directory(&options.state)?;
        let lock = files::lock(&options.state)?;
        let store = Store::open(&options.state, options.id_token_algorithm)?;
        let login_encryption_key = passwords.is_some().then(|| login_encryption_key(&store)).transpose()?;
        Ok(Self {
            endpoints: Endpoints::under(url),
            identifiers: store.identifiers()?,
            users,
            groups: options.groups.clone(),
            policy: Policy { trust, revocation },
            passwords,
            login_encryption_key,
            context_key: context_key(&store)?,
            registration: Registering { token, open: options.listen.ip().is_loopback() && options.url.is_none() },
            faults: options.faults.as_slice().into(),
            page: options.page.at(options.listen, options.url.as_ref()),
            mimics: options.mimics.clone(),
            request_time_limit: options.request_time_limit,
            refresh_token_lifetime: i64::try_from(options.refresh_token_lifetime.as_secs()).unwrap_or(i64::MAX),
            id_token_algorithm: options.id_token_algorithm,
            signing_key: Mutex::new(Arc::new(store.sign_with(options.id_token_algorithm, clock::now())?)),
            store,
            _lock: lock,
        })
    }

    /// The user with this name.
    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name() == name)
    }

    /// Whether a deviation is asked for.
    pub(crate) fn mimics(&self, mimic: Mimic) -> bool {
        self.mimics.contains(&mimic)
    }

    /// The key with this identifier, which the database says signs now: read again when another process has rotated it.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn signing_key(&self, kid: Option<&str>) -> Result<Arc<SigningKey>, Error> {
        let mut key = self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        if kid != Some(&key.kid) {
            *key = Arc::new(self.store.signing_key()?);
        }
        Ok(Arc::clone(&key))
    }
}

fn login_encryption_key(store: &Store) -> Result<EcPrivateKey, Error> {
    let make = || {
        let pem = EcPrivateKey::generate()?.to_pkcs8_pem()?;
        Ok(Zeroizing::new(pem.as_bytes().to_vec()))
    };
    let pem = store.server_key(ServerKey::LoginRequestEncryption, make)?;
    let key = std::str::from_utf8(&pem).ok().and_then(|pem| EcPrivateKey::from_pem(pem).ok());
    key.ok_or_else(|| store.not_understood("it has a login request encryption key that is none"))
}

fn context_key(store: &Store) -> Result<ContextKey, Error> {
    let bytes = store.server_key(ServerKey::KeyContext, ContextKey::generate)?;
    ContextKey::from_bytes(&bytes).ok_or_else(|| store.not_understood("it has a key_context key that is none"))
}

/// Path of the nonce endpoint.
pub(crate) const NONCE: &str = "/psso/nonce";
/// Path of the token endpoint.
pub(crate) const TOKEN: &str = "/psso/token";
/// Path of the refresh endpoint.
pub(crate) const REFRESH: &str = "/psso/refresh";
/// Path of the key service.
pub(crate) const KEY: &str = "/psso/key";
/// Path of the JWK Set.
pub(crate) const JWKS: &str = "/psso/jwks";
/// Path of the registration endpoint.
pub(crate) const REGISTER: &str = "/psso/register";
/// Path of the client configuration.
pub(crate) const CONFIGURATION: &str = "/psso.toml";
/// Path of the issuer's metadata (OpenID Connect Discovery 1.0 section 4).
pub(crate) const METADATA: &str = "/.well-known/openid-configuration";
