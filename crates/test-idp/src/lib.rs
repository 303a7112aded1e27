//! A small, strict identity provider for Platform SSO logins with a smart card, for tests and
//! demonstrations.
//!
//! | path | what |
//! |---|---|
//! | `GET /psso.toml` | configuration of a client |
//! | `POST /psso/nonce` | a nonce for one login, for five minutes |
//! | `GET /psso/jwks` | the key that signs id_tokens |
//! | `POST /psso/register` | registers the two keys of a device for a user |
//! | `POST /psso/token` | the login |
//!
//! A login is refused at the first [`Check`] that it fails, with status 401 and
//! `{"error":"invalid_grant","error_description":"...","check":"assertion.nonce"}`. Nothing is
//! stored then. A request that cannot be understood gets 400.
//!
//! The signing key, the identifiers and the registered devices stay across a restart, in a private
//! directory. Nonces live in memory: a restart forgets the outstanding ones, which makes a login
//! in progress start again and lets nobody use one twice.
//!
//! It depends on the crate `jose` and on no other of this workspace, least of all on `psso`, whose
//! counterpart it is: the layouts and the checks here are written from the published description
//! a second time.
//!
//! It is not for production: no revocation, no refresh, registration without authentication, no
//! TLS, and no limit on the number of connections.
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
mod device;
mod error;
mod fault;
mod files;
mod idp;
mod login;
mod nonce;
mod options;
mod party_info;
mod response;
mod routes;
mod server;
mod state;

pub use check::Check;
pub use error::Error;
pub use fault::Fault;
pub use options::{BaseUrl, Options, User};
pub use server::{Handle, Server};
