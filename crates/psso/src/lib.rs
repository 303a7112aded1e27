//! A client of Apple's Platform SSO protocol.
//!
//! A login proves two things: the device signs the *login request* (which device it is), and inside it is the proof of
//! who the user is. The answer is encrypted to the device and carries an id_token, which is checked against the
//! identity provider's keys.
//!
//! | method | the proof | |
//! |---|---|---|
//! | SmartCard | an *embedded assertion* that the card signs, with its certificate | [`Client::sign_assertion`] |
//! | Secure Enclave key | an embedded assertion that a key of the user signs | [`Client::sign_with_user_key`] |
//! | password | the password, or an assertion with it that is encrypted to the identity provider | [`Client::with_password`] |
//!
//! After a login: [`Client::refresh`] for new tokens without the proof, [`Client::key_request`] and
//! [`Client::key_exchange`] for keys that the identity provider keeps. Each of them has an example.
//!
//! Card and user key are anything that implements [`jose::Signer`]; the network is anything that implements
//! [`http::HttpClient`].
//!
//! | type | for |
//! |---|---|
//! | [`Config`] | the identity provider, from a TOML file; [`Config::lint`] says what is wrong with one |
//! | [`discover`] | what an issuer says about itself |
//! | [`DeviceKeys`] | the device's two keys in a state directory |
//! | [`UserKey`] | the Secure Enclave method's key, in a file that stands in |
//! | [`SignOnStore`] | what a login leaves behind: tokens, sealed, for one process at a time |
//! | [`Client`] | registration, login, refresh, key service |
//! | [`CardCredential`] | the card's certificate and signer |
//! | [`LoginOutcome`] | the verified claims, groups, Kerberos tickets, tokens |
//! | [`inspect`](fn@inspect::inspect) | what is in a token of this protocol, and does it hold |
//! | [`Verifier`](verify::Verifier) | the other side: requests verified and answered, for an identity provider |
//! | [`http::HttpClient`] | the network; [`UreqClient`] is the real one, with [`Roots`] of one's own where need be |
//!
//! Here a key in software stands in for the card, and a closure for the network:
//!
//! ```
//! use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
//! use psso::inspect::{InspectOptions, Kind, inspect};
//! use psso::{CardCredential, Client, Config};
//!
//! struct NonceOnly;
//!
//! impl HttpClient for NonceOnly {
//!     fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, HttpError> {
//!         let body = br#"{"Nonce":"AwABAAAA"}"#.to_vec();
//!         Ok(HttpResponse { status: 200, content_type: Some("application/json".into()), body: body.into() })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::from_toml(r#"
//!     issuer = "https://idp.example"
//!     client_id = "9b0f"
//!     audience = "urn:example:psso"
//!     nonce_endpoint = "https://idp.example/psso/nonce"
//!     token_endpoint = "https://idp.example/psso/token"
//!     jwks_endpoint = "https://idp.example/psso/jwks"
//! "#)?;
//! let client = Client::new(config, Box::new(NonceOnly));
//!
//! // In place of a card: a key in software with a certificate.
//! let key = rcgen::KeyPair::generate()?;
//! let certificate = rcgen::CertificateParams::new(vec![])?.self_signed(&key)?;
//! let mut signer = jose::EcPrivateKey::from_pem(&key.serialize_pem())?;
//!
//! let pending = client.begin_login("alice")?;
//! let card = CardCredential { certificate_der: certificate.der(), signer: &mut signer };
//! let signed = client.sign_assertion(pending, card)?;
//!
//! let seen = inspect(signed.assertion().unwrap(), &InspectOptions::default())?;
//! assert_eq!(seen.kind, Kind::EmbeddedAssertion);
//! assert_eq!(seen.claims.unwrap()["sub"], "alice");
//! assert!(seen.checks.iter().all(|check| check.ok));
//! # Ok(())
//! # }
//! ```
//! [`Client::submit`] would now send the login request.
//!
//! Source: developer.apple.com/documentation/authenticationservices; the pages are cited by their short names:
//! NONCE (obtaining-a-server-nonce), LOGIN (creating-and-validating-a-login-request), ASSERT
//! (creating-an-embedded-assertion), JWE (creating-a-json-web-encryption-jwe-login-response), PROC
//! (processing-the-json-web-encryption-jwe-login-response), VERIFY (performing-encryption-verification), ENCPW
//! (creating-an-encrypted-embedded-assertion), REFRESH (creating-a-refresh-request), KEYS
//! (supporting-key-requests-and-key-exchange-requests), AUTHPROC (authentication-process).

#![forbid(unsafe_code)]

mod algorithm;
mod assertion;
mod check;
mod client;
mod clock;
pub mod config;
mod device_keys;
mod discovery;
mod error;
mod form;
pub mod http;
mod id_token;
pub mod inspect;
mod invalid_credential;
mod judge;
mod jwks;
mod kerberos;
mod key_request;
mod key_response;
mod kid;
mod login;
mod login_request;
mod login_response;
mod method;
mod nonce;
mod outcome;
pub mod party_info;
mod password_assertion;
#[cfg(test)]
mod published;
mod random;
mod refresh_request;
mod registration;
mod registrations;
mod request;
mod response;
mod secret_json;
mod sign_on;
mod state_dir;
#[cfg(test)]
mod testing;
mod user_key;
pub mod verify;
mod x5c;

pub use algorithm::card_algorithm;
pub use assertion::CardCredential;
pub use check::{Check, Level};
pub use client::Client;
pub use clock::{CLOCK_SKEW, MAX_REQUEST_LIFETIME};
pub use config::Config;
pub use device_keys::{DeviceKeys, DevicePublicKey};
pub use discovery::{Discovered, discover};
pub use error::Error;
pub use http::roots::Roots;
pub use http::ureq_client::{TimeLimits, UreqClient};
/// The JOSE layer, for implementing [`jose::Signer`] without another dependency.
pub use jose;
pub use kerberos::KerberosTicket;
pub use key_response::{ExchangedKey, ProvidedKey};
pub use kid::{canonical_key_id, key_id, same_key_id};
pub use login::{PendingLogin, SignedLogin};
pub use method::{Method, UnknownMethod};
pub use outcome::{LoginOutcome, Timings, Tokens};
pub use registration::{Registration, RegistrationRequest, registration_request};
pub use registrations::{RegisteredUser, Registrations};
/// The text that passwords and tokens are, for using this crate without another dependency.
pub use secrecy;
pub use sign_on::{
    ForgottenDevice, KeyChoice, KeyPlace, LockedSignOn, SignOn, SignOnError, SignOnHeader, SignOnStore, UnlockKey,
};
pub use state_dir::StateDir;
pub use user_key::UserKey;
