//! What is in a token of this protocol, and does it hold?
//!
//! [`inspect`](fn@inspect) takes a compact JWS or JWE, says which message it is, shows header and claims, and makes every check that
//! the token and the given keys allow. Serialised, an [`Inspection`] is
//!
//! ```json
//! {"schema_version":1,"kind":"embedded_assertion","header":{},"claims":{},
//!  "signature":{"valid":true,"key":"x5c"},"kid_matches":true,
//!  "checks":[{"name":"exp","ok":true,"level":"holds","detail":"...","meaning":"..."}]}
//! ```
//! `level` is `holds`, `deviates`, `fails` or `not_checked`; `ok` is true for the first two. What deviates is known to be
//! sent by real Macs and servers, and is accepted; the detail says how the documentation has it.
//! `claims` is null while a JWE is closed; `signature` is null for a JWE; `valid` and `key` are null when there is no
//! key to verify with, and `kid_matches` is null when there is nothing to compare with. A login request has its
//! embedded assertion inspected under `assertion`, a decrypted response its id_token under `id_token`, in the same
//! shape. Names in `checks` are unique.
//!
//! Every JWS has a check `signature`, and a signature that nobody verified does not hold. A message that may carry a
//! certificate (`x5c`) is verified with it where no key is given; that says that the message is whole, not whose it is.
//! Times are judged to the second, without leeway, those of the certificate as well; no chain is built: whether its
//! owner may log in is for the identity provider to say. An id_token is verified with given keys only.
//!
//! Passwords, tokens and keys among the claims are shown as `(hidden)` unless asked for. Of what was decrypted, only token
//! type, lifetimes and times, and the names in a Kerberos ticket are shown (of a password's assertion, its claims but the
//! password; of a key response, the certificate); of a device's request, only claims of the protocol.

mod hide;
mod jwe;
mod jws;
mod keys;
mod nonce;

use jose::EcPrivateKey;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::check::{Record as _, Verdict};
use crate::judge::Clock;
use crate::{Error, clock};

pub use crate::check::{Check, Level};
pub use crate::judge::kind::Kind;
pub use keys::{VerificationKey, decryption_key, verification_keys};

/// What to inspect with. The default is: no keys, now, and secrets hidden.
#[derive(Debug, Clone, Default)]
pub struct InspectOptions {
    /// The recipient's key, to open a JWE.
    pub decryption_key: Option<EcPrivateKey>,
    /// Keys to verify the signature with, of the token or of one inside it, chosen by `kid`. With them, the one in
    /// `x5c` counts for an assertion inside a login request only.
    pub verification_keys: Vec<VerificationKey>,
    /// The PartyVInfo that a JWE was made for, decoded; needed when its header does not carry it.
    pub apv: Option<Vec<u8>>,
    /// The moment at which times are judged, in seconds since 1970; now, if there is none.
    pub at: Option<i64>,
    /// Show passwords and tokens among the claims.
    pub show_secrets: bool,
}

impl InspectOptions {
    fn clock(&self) -> Clock {
        let now = self.at.unwrap_or_else(clock::now);
        Clock { now, skew: 0, max_lifetime: clock::MAX_REQUEST_LIFETIME }
    }
}

/// A signature's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SignatureVerdict {
    /// Whether it verifies; nothing when there is no key to verify with.
    pub valid: Option<bool>,
    /// Where the key came from: `given` or `x5c`.
    pub key: Option<&'static str>,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// Which message it is.
    pub kind: Kind,
    /// The protected header.
    pub header: Map<String, Value>,
    /// The claims, or the decrypted content.
    pub claims: Option<Map<String, Value>>,
    /// The signature's verdict; nothing for a JWE.
    pub signature: Option<SignatureVerdict>,
    /// Whether `kid` names the key that was used.
    pub kid_matches: Option<bool>,
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
    /// The embedded assertion of a login request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion: Option<Box<Inspection>>,
    /// The id_token of a decrypted login response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Box<Inspection>>,
}

impl Inspection {
    fn new(kind: Kind, header: Map<String, Value>) -> Self {
        Self {
            schema_version: 1,
            kind,
            header,
            claims: None,
            signature: None,
            kid_matches: None,
            checks: Vec::new(),
            assertion: None,
            id_token: None,
        }
    }

    fn check(&mut self, name: impl Into<String>, verdict: impl Into<Verdict>) {
        self.checks.record(name, verdict);
    }

    /// Whether every check holds or at most deviates, those of the tokens inside included.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
            && [&self.assertion, &self.id_token].into_iter().flatten().all(|inner| inner.all_hold())
    }
}

/// Takes a compact JWS or JWE apart and checks what can be checked; the JSON of a nonce endpoint as well. White space around
/// it is ignored.
///
/// # Errors
/// [`Error::Unreadable`] when it is not a compact JWS (three parts) or JWE (five parts) with a header that can be shown.
/// Everything else that is wrong with it is a check that fails.
pub fn inspect(token: &str, options: &InspectOptions) -> Result<Inspection, Error> {
    let token = token.trim_ascii();
    if token.starts_with('{') {
        return nonce::inspect(token, options);
    }
    match token.split('.').take(6).count() {
        3 => jws::inspect(token, options, jws::Place::Outermost),
        5 => jwe::inspect(token, options, None),
        parts => {
            let why = format!("this is not a compact JWS or JWE: those have 3 or 5 parts between dots, not {parts}");
            Err(Error::unreadable(why, None))
        }
    }
}

/// The header for showing. It is read less strictly than it is judged: padding, the other alphabet of base64 and names
/// that occur twice are for a check to find.
fn header(token: &str) -> Result<Map<String, Value>, Error> {
    jose::peek_header(token)
        .or_else(|error| match error {
            jose::Error::TooLarge { .. } => Err(error),
            _ => sloppy_header(token).ok_or(error),
        })
        .map_err(|error| Error::unreadable("the token cannot be read", error))
}

fn sloppy_header(token: &str) -> Option<Map<String, Value>> {
    let (header, _) = token.split_once('.')?;
    let header = header.trim_end_matches('=').replace('+', "-").replace('/', "_");
    serde_json::from_slice(&jose::base64url::decode("header", &header).ok()?).ok()
}

/// The claim that carries the server's nonce, unless configured.
const NONCE_CLAIM: &str = "request_nonce";

#[cfg(test)]
mod tests;
