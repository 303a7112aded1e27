//! A small, strict identity provider for Platform SSO logins with a smart card, for tests and
//! demonstrations.
//!
//! | path | what |
//! |---|---|
//! | `GET /psso.toml` | configuration of a client |
//! | `GET /.well-known/openid-configuration` | metadata of the issuer |
//! | `POST /psso/nonce` | a nonce for one request, for five minutes |
//! | `GET /psso/jwks` | the keys that sign id_tokens |
//! | `POST /psso/register` | registers the two keys of a device for a user, and a user's key or certificate |
//! | `POST /psso/token` | the login, with a smart card, a registered key or a password |
//! | `POST /psso/refresh` | the refresh |
//! | `POST /psso/key` | key request and key exchange |
//!
//! A request is refused at the first [`Check`] that it fails, with status 401 and
//! `{"error":"invalid_grant","error_description":"...","check":"assertion.nonce"}`. Nothing is
//! stored then but the spent nonce and a line of the log. A request that cannot be understood gets 400.
//!
//! Everything that outlives a restart is in a SQLite database in a private directory, also the nonces: none can be used
//! twice.
//!
//! It depends on the crate `jose` and on no other of this workspace, least of all on `psso`, whose
//! counterpart it is: the layouts and the checks here are written from the published description
//! a second time.
//!
//! It is not for production: registration without authentication unless a token is configured, passwords from a file, and no
//! TLS.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut options = test_idp::Options::new("/tmp/idp");
//! options.users.push("alice@example.test".parse()?);
//! options.trust = Some("ca.pem".into());
//! let (url, handle) = test_idp::Server::start(&options)?;
//! println!("{url}/psso.toml");
//! handle.stop()?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod answer;
mod certificate;
mod check;
mod claims;
mod clock;
mod demo;
mod device;
mod error;
mod examination;
mod fault;
mod files;
mod forget;
mod granted;
mod id_token_key;
mod idp;
mod key_service;
mod login;
mod mimic;
mod options;
mod page;
mod party_info;
mod passwords;
mod patience;
mod random;
mod reason;
mod redact;
mod refresh;
mod refresh_token;
mod registration_token;
mod response;
mod rotation;
mod routes;
mod server;
mod settle;
mod store;
mod trail;
mod visible;

pub use check::Check;
pub use demo::Demo;
pub use error::Error;
pub use fault::Fault;
pub use forget::{Forget, Forgotten, forget};
pub use mimic::Mimic;
pub use options::{BaseUrl, Group, IdTokenAlgorithm, Options, User};
pub use page::PageFor;
pub use rotation::{Rotated, rotate_key};
pub use server::{Handle, Server};
