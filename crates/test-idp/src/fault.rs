//! What the identity provider can be told to do wrong, one line a fault, for the tests of clients.
//!
//! Every login is verified first, and refused as always when it deserves it. Only an answer that would have been good is
//! spoilt, in one of four places:
//!
//! ```text
//! claims of the id_token    Faults::spoil_claims    fault/id_token.rs
//! its signature             Faults::sign            fault/id_token.rs
//! the JWE around it         Faults::encrypt         fault/jwe.rs, fault/sealing.rs
//! the answer that has it    Faults::answer          fault/delivery.rs
//! ```
//! and the JWK Set, which is not given out at all ([`Faults::hide_keys`]). Which faults are on is said at the start, for
//! all logins, or by the path, for one: see [`site`].

pub(crate) mod delivery;
mod id_token;
mod jwe;
mod sealing;
pub(crate) mod site;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::Error;

/// Something that the identity provider does wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The id_token carries another `nonce`.
    WrongNonce,
    /// The id_token carries another `aud`.
    WrongAud,
    /// The id_token carries another `iss`.
    WrongIss,
    /// The id_token expired an hour ago.
    Expired,
    /// The id_token's `nbf` is an hour ahead.
    NotYetValid,
    /// The id_token is signed by a key that is not in the JWKS, under the `kid` of one that is.
    WrongKey,
    /// The id_token's `alg` is `none`, and it has no signature.
    AlgNone,
    /// The id_token's `alg` is HS256, and the secret is the public key.
    Hs256PublicKey,
    /// The id_token's `kid` is in no JWKS.
    UnknownKid,
    /// The JWKS endpoint closes the connection without an answer.
    JwksUnreachable,
    /// The `apu` of the response names another key than its `epk`.
    WrongApu,
    /// The `epk` of the response is not a point of P-256.
    InvalidEpk,
    /// The coordinates in `epk`, and in `apu`, lack their leading zeros.
    UnpaddedEpk,
    /// The shared secret lacks its leading zeros in the derivation of the content key.
    UnpaddedZ,
    /// The IV has 96 bytes in the place of 96 bits.
    LongIv,
    /// The response ends in the middle.
    TruncatedJwe,
    /// The right response under another media type.
    WrongContentType,
    /// Status 200, but a page in HTML.
    Html,
    /// Status 500.
    Error500,
    /// Status 401.
    Refuse401,
    /// Status 307 to another path.
    Redirect,
    /// Status 307 to `http`.
    RedirectHttp,
    /// A body that is much larger than any response.
    OversizedBody,
    /// The right response, one byte a second.
    SlowBody,
    /// The right response, two minutes late.
    Slow,
}

/// Each fault with its name, what it does, and what a client does about it.
const TABLE: [(Fault, &str, &str, &str); 25] = [
    (
        Fault::WrongNonce,
        "wrong-nonce",
        "The id_token carries the nonce of another login.",
        "Compare `nonce` with the one of this login: an old id_token is being replayed.",
    ),
    (
        Fault::WrongAud,
        "wrong-aud",
        "The id_token is made out to another client.",
        "Compare `aud` with the client id: a token for somebody else is being passed on.",
    ),
    (
        Fault::WrongIss,
        "wrong-iss",
        "The id_token names another issuer.",
        "Compare `iss` with the configured issuer, character by character.",
    ),
    (Fault::Expired, "expired", "The id_token expired an hour ago.", "Compare `exp` with the clock."),
    (
        Fault::NotYetValid,
        "not-yet-valid",
        "The id_token is valid only in an hour (`nbf`).",
        "Compare `nbf`, where there is one, with the clock.",
    ),
    (
        Fault::WrongKey,
        "wrong-key",
        "The id_token is signed by a stranger, under the kid of a key that is in the JWKS.",
        "Verify the signature: a kid that is known proves nothing.",
    ),
    (
        Fault::AlgNone,
        "alg-none",
        "The id_token has `alg` none and an empty signature.",
        "Allow only the algorithms that are configured, and never `none`.",
    ),
    (
        Fault::Hs256PublicKey,
        "hs256-public-key",
        "The id_token has `alg` HS256; the secret is the PEM text of the public key that the JWKS has under this kid.",
        "Take the algorithm from the configuration and the key, not from the token.",
    ),
    (
        Fault::UnknownKid,
        "unknown-kid",
        "The id_token is signed by a stranger, under a kid that is not in the JWKS.",
        "Refuse a kid that the JWKS does not have, also after fetching it again.",
    ),
    (
        Fault::JwksUnreachable,
        "jwks-unreachable",
        "The JWKS endpoint closes the connection without an answer.",
        "Fail the login: an id_token that nobody verified is none.",
    ),
    (
        Fault::WrongApu,
        "wrong-apu",
        "PartyUInfo (`apu`) names another key than the ephemeral key (`epk`); the response can be decrypted.",
        "Compare the point inside `apu` with `epk`.",
    ),
    (
        Fault::InvalidEpk,
        "invalid-epk",
        "The ephemeral key (`epk`, and `apu` with it) is a point beside the curve P-256.",
        "Check that the point is on the curve before the device key touches it: wrong points leak the key bit by bit.",
    ),
    (
        Fault::UnpaddedEpk,
        "unpadded-epk",
        "A coordinate in `epk`, and in `apu` with it, lacks its leading zero byte, as with servers that print big numbers.",
        "Refuse the key by name (RFC 7518 6.2.1.2: 32 bytes each), or one login in 128 fails and nobody knows why.",
    ),
    (
        Fault::UnpaddedZ,
        "unpadded-z",
        "The content key is derived from a shared secret that lacks its leading zero byte.",
        "Derive it from all 32 bytes (RFC 7518 4.6.2), and report that the response cannot be opened.",
    ),
    (
        Fault::LongIv,
        "long-iv",
        "The IV has 96 bytes in the place of 96 bits; the response can be decrypted.",
        "Expect an IV of 12 bytes (RFC 7518 5.3).",
    ),
    (
        Fault::TruncatedJwe,
        "truncated-jwe",
        "The response ends in the middle of its ciphertext.",
        "Expect five parts and a tag of 16 bytes.",
    ),
    (
        Fault::WrongContentType,
        "wrong-content-type",
        "The right response comes as application/octet-stream.",
        "Compare the media type, without its parameters, before the body is looked at.",
    ),
    (
        Fault::Html,
        "html",
        "Status 200 with a page in HTML, as a captive portal sends it.",
        "Compare the media type; show nothing of the page.",
    ),
    (
        Fault::Error500,
        "error-500",
        "Status 500 with an OAuth error.",
        "Report the status; the card has signed, so the next try starts with a new nonce.",
    ),
    (
        Fault::Refuse401,
        "refuse-401",
        "Status 401 with invalid_grant, although the login was good.",
        "Report that the login was refused.",
    ),
    (
        Fault::Redirect,
        "redirect",
        "Status 307 to another path of this server.",
        "Follow no redirects: the body is a credential. One that is followed is in the log.",
    ),
    (
        Fault::RedirectHttp,
        "redirect-http",
        "Status 307 to an absolute URL with http.",
        "Follow no redirects, least of all to http: the assertion would travel in the clear.",
    ),
    (
        Fault::OversizedBody,
        "oversized-body",
        "The response is followed by 64 MiB of the letter A, of a length that is not announced.",
        "Stop reading at a limit; a response has some kilobytes.",
    ),
    (
        Fault::SlowBody,
        "slow-body",
        "The right response comes at one byte a second.",
        "Have a time limit for the whole exchange, and not only for each read.",
    ),
    (
        Fault::Slow,
        "slow",
        "The right response comes two minutes late.",
        "Have a time limit; a person waits in front of a locked screen.",
    ),
];

impl Fault {
    /// Every fault there is.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(fault, ..)| *fault)
    }

    /// The names of all faults, separated by commas.
    #[must_use]
    pub fn names() -> String {
        TABLE.map(|(_, name, ..)| name).join(", ")
    }

    /// The name, as on the command line and in a path.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn does(self) -> &'static str {
        self.row().2
    }

    /// What a client does about it, in a sentence.
    #[must_use]
    pub fn client_must(self) -> &'static str {
        self.row().3
    }

    /// The answers that it spoils: those with an id_token, or those of the key service too.
    #[must_use]
    pub fn answers(self) -> &'static str {
        match self {
            Self::WrongNonce
            | Self::WrongAud
            | Self::WrongIss
            | Self::Expired
            | Self::NotYetValid
            | Self::WrongKey
            | Self::AlgNone
            | Self::Hs256PublicKey
            | Self::UnknownKid
            | Self::JwksUnreachable => "login, refresh",
            Self::WrongApu
            | Self::InvalidEpk
            | Self::UnpaddedEpk
            | Self::UnpaddedZ
            | Self::LongIv
            | Self::TruncatedJwe
            | Self::WrongContentType
            | Self::Html
            | Self::Error500
            | Self::Refuse401
            | Self::Redirect
            | Self::RedirectHttp
            | Self::OversizedBody
            | Self::SlowBody
            | Self::Slow => "login, refresh, key request, key exchange",
        }
    }

    /// All faults as a text for people: name, what it does, to which answers, what a client does about it.
    #[must_use]
    pub fn table() -> String {
        let head = "--fault NAME             for every request\n/fault/NAME/psso.toml    the configuration of a client for which the fault is on\n";
        let lines = TABLE.map(|(fault, name, does, must)| {
            format!("\n{name}\n    {does}\n    Answers: {}\n    Client: {must}\n", fault.answers())
        });
        format!("{head}{}", lines.concat())
    }

    /// Every fault is in the table: a test sees to it.
    fn row(self) -> (Self, &'static str, &'static str, &'static str) {
        TABLE.iter().find(|(fault, ..)| *fault == self).copied().unwrap_or((self, "", "", ""))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE
            .iter()
            .find(|(_, name, ..)| *name == text)
            .map(|(fault, ..)| *fault)
            .ok_or_else(|| Error::UnknownFault { name: text.to_owned(), known: Self::names() })
    }
}

/// What a client can make of an answer, and so what may be changed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is a good one.
    Whole,
    /// It is spoilt or late. A client that refuses it goes on with what it had before, any other with what is in it.
    Doubtful,
    /// Something else comes in its place.
    Replaced,
}

/// The faults that are on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<[Fault]>);

impl Faults {
    /// These and those.
    pub(crate) fn and(&self, more: Fault) -> Self {
        Self(self.0.iter().copied().chain([more]).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Fault> {
        self.0.iter().copied()
    }

    /// What a client can make of the answer.
    pub(crate) fn delivery(&self) -> Delivery {
        use Fault::{Error500, Html, Redirect, RedirectHttp, Refuse401};
        let replaces = |fault| matches!(fault, Html | Error500 | Refuse401 | Redirect | RedirectHttp);
        match self.0.first() {
            None => Delivery::Whole,
            Some(_) if self.iter().any(replaces) => Delivery::Replaced,
            Some(_) => Delivery::Doubtful,
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}

impl From<&[Fault]> for Faults {
    fn from(faults: &[Fault]) -> Self {
        Self(faults.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_line_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for fault in Fault::all() {
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
            assert!(names.insert(fault.name()) && fault.name().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            for sentence in [fault.does(), fault.client_must()] {
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
            }
        }
        let error = "wrong".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("`wrong`") && error.contains("wrong-nonce") && error.contains("slow"), "{error}");
    }
}
