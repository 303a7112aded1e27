//! The client: from the nonce to the checked answer.
//!
//! ```text
//! begin_login          POST nonce endpoint                                network
//! sign_assertion       SmartCard: embedded assertion                      card, and nothing else
//! sign_with_user_key   Secure Enclave key: embedded assertion             user key, and nothing else
//! with_password        password: as a claim, or encrypted                 nothing
//! submit               JWKS, login request -> token endpoint              device keys, network
//!
//! refresh              JWKS, nonce, refresh request -> refresh endpoint   device keys, network
//! key_request          nonce, key request -> key endpoint                 device keys, network
//! key_exchange         nonce, key exchange -> key endpoint                device keys, network
//! ```

use std::fmt;
use std::time::Instant;

use jose::{JwkSet, PublicKey, Signer};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::Config;
use crate::http::{self, HttpClient, HttpRequest, HttpResponse};
use crate::key_request::{self, KeyService};
use crate::key_response::{self, ExchangedKey, ProvidedKey};
use crate::login::{PendingLogin, SignedLogin, prove};
use crate::login_request::{self, Proof};
use crate::login_response::{self, LoginResponse};
use crate::outcome::{LoginOutcome, Timings, Tokens};
use crate::registration::{self, Registration, RegistrationRequest};
use crate::request::{Nonces, Signed};
use crate::secret_json::SecretMap;
use crate::{
    CardCredential, DeviceKeys, Error, assertion, clock, id_token, invalid_credential, jwks, password_assertion,
    refresh_request, response,
};

/// The longest user name, in characters.
const MAX_USER_LEN: usize = 256;
/// The longest password, in bytes.
const MAX_PASSWORD_LEN: usize = 4096;
const TOKEN_ENDPOINT: &str = "token endpoint";
const REFRESH_ENDPOINT: &str = "refresh endpoint";
const KEY_ENDPOINT: &str = "key endpoint";

/// A Platform SSO client for one identity provider.
pub struct Client {
    config: Config,
    http: Box<dyn HttpClient>,
    before_posting: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Client {
    /// Makes a client. Nothing is sent yet.
    #[must_use]
    pub fn new(config: Config, http: Box<dyn HttpClient>) -> Self {
        Self { config, http, before_posting: None }
    }

    /// Has `hook` called just before a refresh, a key request or a key exchange is posted. From then on until the answer is
    /// kept, something may be lost that the server gives only once: a program should not let itself be interrupted.
    #[must_use]
    pub fn before_posting(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.before_posting = Some(Box::new(hook));
        self
    }

    fn post(&self, endpoint: &'static str, request: &HttpRequest) -> Result<HttpResponse, Error> {
        if let Some(hook) = &self.before_posting {
            hook();
        }
        http::exchange(self.http.as_ref(), endpoint, request, &[200])
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Registers the device's public keys for a user, and what else the request names. Registering the same again is
    /// no error.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use psso::RegistrationRequest;
    ///
    /// # let (client, keys, _dir) = client("");
    /// let user_key = psso::jose::EcPrivateKey::generate()?.public();
    /// let request = RegistrationRequest { user_key: Some(&user_key), ..RegistrationRequest::new("alice") };
    /// let registration = client.register(&keys, &request)?;
    /// assert_eq!(registration.device_id, keys.signing_public().kid);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] without a `registration_endpoint`, or with a user name, key or certificate that cannot be
    /// one; [`Error::Network`], [`Error::Endpoint`], [`Error::UnexpectedAnswer`] as the server behaves;
    /// [`Error::Rejected`] when it confirms another device or user.
    pub fn register(&self, keys: &DeviceKeys, request: &RegistrationRequest<'_>) -> Result<Registration, Error> {
        registration::register(self.http.as_ref(), &self.config, keys, request)
    }

    /// Begins a login: fetches the server's nonce and makes the client's.
    ///
    /// # Errors
    /// [`Error::Config`] for a user name that cannot be one; [`Error::Network`], [`Error::Endpoint`] and
    /// [`Error::UnexpectedAnswer`] as the nonce endpoint behaves; [`Error::Crypto`] without random bytes.
    pub fn begin_login(&self, user: &str) -> Result<PendingLogin, Error> {
        check_user(user)?;
        let (nonces, nonce) = Nonces::fetch(self.http.as_ref(), &self.config)?;
        let timings = Timings { nonce, ..Timings::default() };
        Ok(PendingLogin { user: user.to_owned(), nonces, previous_refresh_token: None, timings })
    }

    /// SmartCard method: has the card sign the embedded assertion. The card is needed for this call only.
    ///
    /// # Errors
    /// [`Error::Signer`] with the card's own error; [`Error::Crypto`] when the certificate cannot be used,
    /// [`Error::CardMismatch`] when the signature does not belong to it; [`Error::Config`] when the signer's algorithm
    /// is not one of the key.
    pub fn sign_assertion(&self, login: PendingLogin, mut card: CardCredential<'_>) -> Result<SignedLogin, Error> {
        prove(login, |login| assertion::sign_with_card(&self.config, login, &mut card).map(Proof::Assertion))
    }

    /// Secure Enclave key method: has the user key sign the embedded assertion.
    ///
    /// `key` is the public half of the signer's key, which the identity provider knows from the registration.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use psso::jose::{Algorithm, EcPrivateKey, Signer, SignerError};
    ///
    /// /// A key that somebody else keeps.
    /// struct Enclave(EcPrivateKey);
    ///
    /// impl Signer for Enclave {
    ///     fn algorithm(&self) -> Algorithm {
    ///         Algorithm::Es256
    ///     }
    ///
    ///     fn sign(&mut self, signing_input: &[u8]) -> Result<Vec<u8>, SignerError> {
    ///         self.0.sign(signing_input)
    ///     }
    /// }
    ///
    /// # let (client, keys, _dir) = client("groups = [\"admins\"]");
    /// let key = EcPrivateKey::generate()?;
    /// let public = key.public();
    /// let login = client.begin_login("alice")?;
    /// let signed = client.sign_with_user_key(login, &mut Enclave(key), &public)?;
    /// let outcome = client.submit(signed, &keys)?;
    /// assert_eq!(outcome.groups, ["admins"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] when the key is not on P-256 or does not sign ES256; [`Error::UserKey`] with the signer's own
    /// error; [`Error::Crypto`] when the signature does not belong to the key.
    pub fn sign_with_user_key(
        &self,
        login: PendingLogin,
        signer: &mut dyn Signer,
        key: &PublicKey,
    ) -> Result<SignedLogin, Error> {
        prove(login, |login| assertion::sign_with_user_key(&self.config, login, signer, key).map(Proof::Assertion))
    }

    /// Password method: encrypts the password to the identity provider where the configuration has its key
    /// (`login_request_encryption_key`), else keeps it for a claim of the login request.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use psso::secrecy::SecretString;
    ///
    /// # let (client, keys, _dir) = client("");
    /// let password = SecretString::from("correct horse battery staple");
    /// let login = client.begin_login("alice")?;
    /// let outcome = client.submit(client.with_password(login, &password)?, &keys)?;
    /// assert_eq!(outcome.unique_identifier.as_deref(), Some("subject-1"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`] for an empty password or one over 4096 bytes; [`Error::Crypto`] when it cannot be encrypted.
    pub fn with_password(&self, login: PendingLogin, password: &SecretString) -> Result<SignedLogin, Error> {
        if !(1..=MAX_PASSWORD_LEN).contains(&password.expose_secret().len()) {
            return Err(Error::config(format!("the password is empty or longer than {MAX_PASSWORD_LEN} bytes")));
        }
        prove(login, |login| match self.config.login_request_encryption() {
            Some(encryption) => {
                password_assertion::encrypt(&self.config, encryption, login, password).map(Proof::EncryptedPassword)
            }
            None => Ok(Proof::Password(password.clone())),
        })
    }

    /// Fetches the identity provider's keys, sends the login request, decrypts the response and checks the id_token. The
    /// keys come first: a nonce is not spent on an answer that could not be checked.
    ///
    /// # Errors
    /// [`Error::Network`] when an endpoint is down or slow; [`Error::InvalidCredential`] when the password is wrong;
    /// [`Error::Endpoint`] when the login was refused otherwise (401) or the server failed;
    /// [`Error::UnexpectedAnswer`] for another kind of answer; [`Error::Rejected`] with the name of the check when the
    /// answer does not hold.
    pub fn submit(&self, login: SignedLogin, keys: &DeviceKeys) -> Result<LoginOutcome, Error> {
        let started = Instant::now();
        let SignedLogin { pending, proof } = login;
        let idp_keys = jwks::fetch(self.http.as_ref(), &self.config)?;
        let signed = login_request::sign(&self.config, &pending, &proof, keys)?;
        let response = http::send(self.http.as_ref(), TOKEN_ENDPOINT, &signed.request)?;
        if response.status != 200 {
            let is_password = !matches!(proof, Proof::Assertion(_));
            return Err(invalid_credential::refusal(&self.config, TOKEN_ENDPOINT, &response, is_password));
        }
        let content = self.open(TOKEN_ENDPOINT, &response, &login_response::KIND, &signed, keys)?;
        self.accept(content, idp_keys, pending.user, &pending.nonces, started, pending.timings)
    }

    /// [`sign_assertion`](Self::sign_assertion) and [`submit`](Self::submit) in one.
    ///
    /// # Errors
    /// Those of both.
    pub fn finish_login(
        &self,
        login: PendingLogin,
        keys: &DeviceKeys,
        card: CardCredential<'_>,
    ) -> Result<LoginOutcome, Error> {
        let signed = self.sign_assertion(login, card)?;
        self.submit(signed, keys)
    }

    /// Exchanges a refresh token for new tokens. The device signs; no card, key or password is needed.
    ///
    /// The identity provider's keys and its nonce are fetched first: while one of them cannot be had the refresh token is
    /// not sent, and stays good.
    ///
    /// The request names no user; `user` is for the outcome only. Whether the answer is about the same one as the
    /// login was, the caller sees in [`LoginOutcome::unique_identifier`].
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use psso::secrecy::{ExposeSecret, SecretString};
    ///
    /// # let (client, keys, _dir) = client("");
    /// let token = SecretString::from("refresh-1");
    /// let outcome = client.refresh("alice", &token, &keys)?;
    /// // The old one may be worth nothing any more.
    /// let token = outcome.tokens.refresh_token.unwrap_or(token);
    /// assert_eq!(token.expose_secret(), "refresh-2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`submit`](Self::submit), without [`Error::InvalidCredential`]; a token that the server takes no more is
    /// [`Error::Endpoint`].
    pub fn refresh(&self, user: &str, refresh_token: &SecretString, keys: &DeviceKeys) -> Result<LoginOutcome, Error> {
        check_user(user)?;
        let idp_keys = jwks::fetch(self.http.as_ref(), &self.config)?;
        let (nonces, nonce) = Nonces::fetch(self.http.as_ref(), &self.config)?;
        let started = Instant::now();
        let signed = refresh_request::sign(&self.config, &nonces, refresh_token, keys)?;
        let response = self.post(REFRESH_ENDPOINT, &signed.request)?;
        let content = self.open(REFRESH_ENDPOINT, &response, &login_response::KIND, &signed, keys)?;
        self.accept(content, idp_keys, user.to_owned(), &nonces, started, Timings { nonce, ..Timings::default() })
    }

    /// Asks the key service for a new key: the identity provider keeps it and sends a certificate of it.
    ///
    /// # Errors
    /// [`Error::Config`] without a `key_endpoint`; [`Error::Network`], [`Error::Endpoint`],
    /// [`Error::UnexpectedAnswer`] as the server behaves; [`Error::Rejected`] with the name of the check when the
    /// answer does not hold.
    pub fn key_request(
        &self,
        user: &str,
        refresh_token: &SecretString,
        keys: &DeviceKeys,
    ) -> Result<ProvidedKey, Error> {
        let content = self.ask_key_service(user, refresh_token, keys, |service| service.request(keys))?;
        key_response::provided(content, clock::now())
    }

    /// Asks the key service for the secret that its key shares with `other`, a key on P-256 (ECDH, SP 800-56A
    /// 5.7.1.2). `key_context` is what the key request was answered with, if it was.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/small_idp.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use psso::jose::EcPrivateKey;
    /// use psso::secrecy::SecretString;
    ///
    /// # let (client, keys, _dir) = client("");
    /// let token = SecretString::from("refresh-1");
    /// let provided = client.key_request("alice", &token, &keys)?;
    /// let context = provided.key_context.as_ref();
    ///
    /// let other = EcPrivateKey::generate()?;
    /// let exchanged = client.key_exchange("alice", &token, &other.public(), context, &keys)?;
    /// assert_eq!(exchanged.key.len(), 32);
    /// assert_eq!(format!("{exchanged:?}").find("key:"), None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`key_request`](Self::key_request), and [`Error::Config`] when `other` is not on P-256.
    pub fn key_exchange(
        &self,
        user: &str,
        refresh_token: &SecretString,
        other: &PublicKey,
        key_context: Option<&SecretString>,
        keys: &DeviceKeys,
    ) -> Result<ExchangedKey, Error> {
        let content =
            self.ask_key_service(user, refresh_token, keys, |service| service.exchange(other, key_context, keys))?;
        key_response::exchanged(content, clock::now())
    }

    fn ask_key_service(
        &self,
        user: &str,
        refresh_token: &SecretString,
        keys: &DeviceKeys,
        sign: impl FnOnce(&KeyService<'_>) -> Result<Signed, Error>,
    ) -> Result<SecretMap, Error> {
        check_user(user)?;
        // Before a nonce is fetched for nothing.
        key_request::endpoint(&self.config)?;
        let (nonces, _) = Nonces::fetch(self.http.as_ref(), &self.config)?;
        let signed = sign(&KeyService::new(&self.config, &nonces, user, refresh_token)?)?;
        let response = self.post(KEY_ENDPOINT, &signed.request)?;
        self.open(KEY_ENDPOINT, &response, &key_response::KIND, &signed, keys)
    }

    fn open(
        &self,
        endpoint: &'static str,
        answer: &HttpResponse,
        kind: &response::Kind,
        signed: &Signed,
        keys: &DeviceKeys,
    ) -> Result<SecretMap, Error> {
        response::open(endpoint, answer, kind, keys.encryption(), &signed.apv)
    }

    /// Reads what the response carries, and checks the id_token in it.
    fn accept(
        &self,
        content: SecretMap,
        idp_keys: JwkSet,
        user: String,
        nonces: &Nonces,
        started: Instant,
        before: Timings,
    ) -> Result<LoginOutcome, Error> {
        let now = clock::now();
        let opened = LoginResponse::read(content, &self.config, now)?;
        let expected = id_token::Expected {
            issuer: self.config.issuer(),
            client_id: self.config.client_id(),
            nonce: &nonces.client,
            algorithms: self.config.id_token_algorithms(),
            now,
        };
        let idp_keys = jwks::fetch_if_rotated(self.http.as_ref(), &self.config, idp_keys, &opened.id_token)?;
        let claims = id_token::verify(&opened.id_token, &idp_keys, &expected)?;
        // Nobody asked about them: then the claim may be anything of the provider's own.
        let wanted = self.config.wants_groups().then(|| self.config.group_response_claim());
        let groups = wanted.map_or(Ok(Vec::new()), |claim| id_token::groups(&claims, claim))?;
        let required = self.config.requires_unique_identifier();
        let unique_identifier = id_token::unique_identifier(&claims, self.config.unique_identifier_claim(), required)?;
        let timings = Timings { token: started.elapsed(), ..before };
        tracing::info!(
            nonce_ms = timings.nonce.as_millis(),
            card_ms = timings.card.as_millis(),
            token_ms = timings.token.as_millis(),
            "login_accepted"
        );
        Ok(LoginOutcome {
            user,
            id_token_claims: claims,
            unique_identifier,
            groups,
            kerberos: opened.kerberos,
            tokens: Tokens {
                id_token: SecretString::from(opened.id_token.as_str()),
                refresh_token: opened.refresh_token,
            },
            refresh_token_expires_in: opened.refresh_token_expires_in,
            timings,
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A name that can be shown as it is, and that looks like what it is.
pub(crate) fn check_user(user: &str) -> Result<(), Error> {
    let deceives = |character: char| character.is_control() || is_invisible(character);
    if user.trim().is_empty() || user.chars().any(deceives) || user.chars().count() > MAX_USER_LEN {
        return Err(Error::config("the user name is empty, too long, or contains control or invisible characters"));
    }
    Ok(())
}

/// Marks of direction and others without a width (Unicode, general category Cf). Joiners are letters' own in some scripts.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
