//! Verifying requests, for identity providers written in Rust (LOGIN: what the identity provider must check).
//!
//! ```text
//! token ─ header ─ registered device ─ its signature ─ the nonce, used up ─ claims ─ apv names the registered key ─ user
//!                                                                                                                   │
//!   login         assertion: key or certificate of the user, signature, claims, agreement ─ the server's policy ────┤
//!                 or a password, in the clear or encrypted                                                          │
//!   refresh       the refresh token's user ─────────────────────────────────────────────────────────────────────────┤
//!   key service   the refresh token's user, the same as the request's ──────────────────────────────────────────────┤
//!                                                                                   VerifiedLogin and its like ─ answer
//! ```
//! What only the server knows comes through [`Provider`]. Each step names its check as [`inspect`](crate::inspect) does, and
//! the first one that fails ends it with a [`Refusal`]. What real Macs are known to send otherwise than documented (`x5c` as
//! a string, times as strings, `kid` in another base64, `typ` of macOS 13) is accepted and noted in the checks;
//! [`Verifier::strict`] refuses it. Names in the checks of one verification are unique.
//!
//! A whole login, client and server in one process:
//!
//! ```
//! use std::cell::RefCell;
//! use std::collections::HashSet;
//! use std::rc::Rc;
//!
//! use jose::{EcPrivateKey, jws};
//! use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
//! use psso::verify::{CardCertificate, Denied, Device, Expected, Provider, Tokens, Verifier};
//! use psso::{CardCredential, Client, Config, DeviceKeys, key_id};
//! use serde_json::json;
//!
//! // What the server knows: one device, one user with one certificate, its nonces, its key for id_tokens.
//! struct Server {
//!     device: Device,
//!     certificate: Vec<u8>,
//!     nonces: HashSet<String>,
//!     key: EcPrivateKey,
//! }
//!
//! impl Provider for Server {
//!     fn device(&mut self, kid: &str) -> Option<Device> {
//!         (kid == key_id(&self.device.signing)).then(|| self.device.clone())
//!     }
//!
//!     fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
//!         if self.nonces.remove(nonce) { Ok(()) } else { Err(Denied::new("unknown or used")) }
//!     }
//!
//!     fn user(&mut self, user: &str, _device: &str) -> Result<(), Denied> {
//!         if user == "alice" { Ok(()) } else { Err(Denied::new("not a user here")) }
//!     }
//!
//!     // Alice is known by her very certificate; others would build a chain and look for her name in it.
//!     fn card(&mut self, card: &CardCertificate<'_>) -> Result<(), Denied> {
//!         if card.der == self.certificate { Ok(()) } else { Err(Denied::new("another certificate")) }
//!     }
//! }
//!
//! impl Server {
//!     // The token endpoint.
//!     fn login(&mut self, assertion: &str) -> Result<HttpResponse, Box<dyn std::error::Error>> {
//!         let verifier = Verifier::new(Expected::new("9b0f", "urn:example:psso", "https://idp.example/token"));
//!         let login = verifier.login(assertion, self)?;
//!         assert!(login.checks.iter().all(|check| check.ok));
//!
//!         let claims = json!({"iss": "https://idp.example", "sub": login.user, "aud": "9b0f", "nonce": login.nonce,
//!             "iat": now(), "exp": now() + 300});
//!         let header = json!({"alg": "ES256", "kid": "1"});
//!         let id_token = jws::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &mut self.key)?;
//!         let answer = login.answer(&Tokens {
//!             id_token: &id_token,
//!             refresh_token: &"opaque".into(),
//!             refresh_token_expires_in: 3600,
//!             more: &serde_json::Map::new(),
//!         })?;
//!         let body = answer.body.into_bytes().into();
//!         Ok(HttpResponse { status: 200, content_type: Some(answer.content_type.into()), body })
//!     }
//! }
//!
//! // The network: the client's requests are the server's calls.
//! struct Network(Rc<RefCell<Server>>);
//!
//! impl HttpClient for Network {
//!     fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
//!         let mut server = self.0.borrow_mut();
//!         let answer = match request.url.path() {
//!             "/nonce" => {
//!                 server.nonces.insert("N1".into());
//!                 json!({"Nonce": "N1"})
//!             }
//!             "/jwks" => json!({"keys": [server.key.public().to_jwk().with_kid("1")]}),
//!             _ => {
//!                 let form: Vec<_> = url::form_urlencoded::parse(&request.body).collect();
//!                 let (_, assertion) = form.iter().find(|(name, _)| name == "assertion").unwrap();
//!                 return Ok(server.login(assertion).expect("the login is good"));
//!             }
//!         };
//!         let body = answer.to_string().into_bytes().into();
//!         Ok(HttpResponse { status: 200, content_type: Some("application/json".into()), body })
//!     }
//! }
//! # fn now() -> u64 {
//! #     std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The card: a key in software with a certificate. The device: its keys in a directory.
//! let key = rcgen::KeyPair::generate()?;
//! let certificate = rcgen::CertificateParams::new(vec![])?.self_signed(&key)?;
//! let mut card = EcPrivateKey::from_pem(&key.serialize_pem())?;
//! let state = tempfile::tempdir()?;
//! let device = DeviceKeys::open_or_create(&state.path().join("device"))?;
//! # use base64::Engine as _;
//! # let key = |key: psso::DevicePublicKey| {
//! #     let point = base64::engine::general_purpose::STANDARD.decode(key.x963).unwrap();
//! #     jose::PublicKey::from_x963(&point).unwrap()
//! # };
//!
//! let server = Rc::new(RefCell::new(Server {
//!     device: Device { signing: key(device.signing_public()), encryption: Some(key(device.encryption_public())) },
//!     certificate: certificate.der().to_vec(),
//!     nonces: HashSet::new(),
//!     key: EcPrivateKey::generate()?,
//! }));
//! let config = Config::from_toml(r#"
//!     issuer = "https://idp.example"
//!     client_id = "9b0f"
//!     audience = "urn:example:psso"
//!     nonce_endpoint = "https://idp.example/nonce"
//!     token_endpoint = "https://idp.example/token"
//!     jwks_endpoint = "https://idp.example/jwks"
//! "#)?;
//! let client = Client::new(config, Box::new(Network(server)));
//! let pending = client.begin_login("alice")?;
//! let card = CardCredential { certificate_der: certificate.der(), signer: &mut card };
//! let outcome = client.finish_login(pending, &device, card)?;
//! assert_eq!(outcome.id_token_claims["sub"], "alice");
//! # Ok(())
//! # }
//! ```

mod answer;
mod key_service;
mod login;
mod outer;
mod password;
mod provider;
mod refresh;
mod trail;

use jose::jws::Jws;

pub use answer::{Answer, Certified, Exchanged, Tokens};
pub use key_service::{Operation, VerifiedKeyRequest};
pub use login::{Method, VerifiedLogin};
pub use provider::{CardCertificate, Denied, Device, Provider, TokenUse, UserKey};
pub use refresh::VerifiedRefresh;
pub use trail::Refusal;

use crate::inspect::Kind;
use crate::judge::Clock;
use crate::{CLOCK_SKEW, Config, MAX_REQUEST_LIFETIME, clock};
use trail::Trail;

/// Who the identity provider is to its clients; what a client has in its [`Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// The client id: outer `iss` and `client_id`.
    pub client_id: String,
    /// `aud` of an assertion.
    pub audience: String,
    /// `aud` of a login request: the URL of the token endpoint, without its query.
    pub token_endpoint: String,
    /// `aud` of a refresh request, where it is not the token endpoint's.
    pub refresh_endpoint: String,
    /// The URL of the key service, which some clients write as `aud`.
    pub key_endpoint: Option<String>,
    /// The claim that carries the server's nonce.
    pub server_nonce_claim: String,
    /// The member of `claims.id_token` in which groups are asked for.
    pub group_request_claim: String,
}

impl Expected {
    /// The same endpoint for logins and refreshes, no key service, and Apple's names for the claims.
    #[must_use]
    pub fn new(client_id: impl Into<String>, audience: impl Into<String>, token_endpoint: impl Into<String>) -> Self {
        let token_endpoint = token_endpoint.into();
        Self {
            client_id: client_id.into(),
            audience: audience.into(),
            refresh_endpoint: token_endpoint.clone(),
            token_endpoint,
            key_endpoint: None,
            server_nonce_claim: "request_nonce".to_owned(),
            group_request_claim: "groups".to_owned(),
        }
    }
}

impl From<&Config> for Expected {
    fn from(config: &Config) -> Self {
        Self {
            client_id: config.client_id().to_owned(),
            audience: config.audience().to_owned(),
            token_endpoint: config.token_endpoint().audience().to_owned(),
            refresh_endpoint: config.refresh_endpoint().audience().to_owned(),
            key_endpoint: config.key_endpoint().map(|endpoint| endpoint.audience().to_owned()),
            server_nonce_claim: config.server_nonce_claim().to_owned(),
            group_request_claim: config.group_request_claim().to_owned(),
        }
    }
}

/// Verifies requests.
#[derive(Debug, Clone)]
pub struct Verifier {
    expected: Expected,
    now: Option<i64>,
    skew: i64,
    max_lifetime: i64,
    strict: bool,
}

/// A request that may be answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verified {
    /// A login.
    Login(Box<VerifiedLogin>),
    /// A refresh.
    Refresh(Box<VerifiedRefresh>),
    /// A key request or a key exchange.
    KeyRequest(Box<VerifiedKeyRequest>),
}

impl Verifier {
    /// Judges by the present time, with [`CLOCK_SKEW`] and [`MAX_REQUEST_LIFETIME`].
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self { expected, now: None, skew: CLOCK_SKEW, max_lifetime: MAX_REQUEST_LIFETIME, strict: false }
    }

    /// Judges as at another moment, Unix time.
    #[must_use]
    pub fn at(self, now: i64) -> Self {
        Self { now: Some(now), ..self }
    }

    /// How far a client's clock may be off, in seconds.
    #[must_use]
    pub fn clock_skew(self, seconds: u32) -> Self {
        Self { skew: i64::from(seconds), ..self }
    }

    /// How long a request or an assertion may be made for, from `iat` to `exp`, in seconds. A longer one is refused.
    #[must_use]
    pub fn max_lifetime(self, seconds: u32) -> Self {
        Self { max_lifetime: i64::from(seconds), ..self }
    }

    /// Refuses what deviates from the documentation as well. Some real Macs will not be able to log in.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Verifies a login request.
    ///
    /// # Errors
    /// [`Refusal`] with the first check that fails.
    pub fn login(&self, token: &str, provider: &mut dyn Provider) -> Result<VerifiedLogin, Refusal> {
        login::verify(self, token, provider, &mut self.trail())
    }

    /// Verifies a refresh request.
    ///
    /// # Errors
    /// [`Refusal`] with the first check that fails.
    pub fn refresh(&self, token: &str, provider: &mut dyn Provider) -> Result<VerifiedRefresh, Refusal> {
        refresh::verify(self, token, provider, &mut self.trail())
    }

    /// Verifies a request to the key service.
    ///
    /// # Errors
    /// [`Refusal`] with the first check that fails.
    pub fn key_request(&self, token: &str, provider: &mut dyn Provider) -> Result<VerifiedKeyRequest, Refusal> {
        key_service::verify(self, token, provider, &mut self.trail())
    }

    /// Verifies whatever request it says it is, for one endpoint that takes them all: the documentation's samples post them
    /// to one URL. Which message it is, is decided before its signature and judged with it.
    ///
    /// # Errors
    /// [`Refusal`] with the first check that fails; `typ` for a message that is no request.
    pub fn any(&self, token: &str, provider: &mut dyn Provider) -> Result<Verified, Refusal> {
        let read = Jws::parse(token.trim_ascii()).ok();
        let kind = read.map(|jws| Kind::of_jws(jws.header_text("typ"), &jws.claims().unwrap_or_default()));
        match kind {
            Some(Kind::RefreshRequest) => self.refresh(token, provider).map(Box::new).map(Verified::Refresh),
            Some(Kind::KeyRequest) => self.key_request(token, provider).map(Box::new).map(Verified::KeyRequest),
            _ => self.login(token, provider).map(Box::new).map(Verified::Login),
        }
    }

    fn trail(&self) -> Trail {
        Trail { checks: Vec::new(), strict: self.strict }
    }

    fn clock(&self) -> Clock {
        let now = self.now.unwrap_or_else(clock::now);
        Clock { now, skew: self.skew, max_lifetime: self.max_lifetime }
    }
}

#[cfg(test)]
mod tests;
