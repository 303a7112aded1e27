//! A check: what was looked at in a message, with which verdict, and what it is for.
//!
//! [`inspect`](crate::inspect) shows them all; [`verify`](crate::verify) refuses by the first that fails. Both name them
//! alike: a header member or a claim, `signature`, `decryption`, `claims`; with `x5c.` in front what is checked about the
//! certificate, with `assertion.` or `id_token.` what is checked about the token inside.

use serde::Serialize;

/// A verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// It is as documented.
    Holds,
    /// It is acceptable, and known to be sent, but not as documented; the detail says how it should be.
    Deviates,
    /// It is wrong.
    Fails,
    /// It could not be judged, for want of a key or of another thing that was not given.
    NotChecked,
}

/// One check and its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// What was checked: a header member, a claim, `signature`, `decryption`, `claims`, or the part of a malformed token
    /// that is at fault; `assertion.` and `id_token.` in front of what must agree with the token inside.
    pub name: String,
    /// Whether it can be relied on: [`Level::Holds`] or [`Level::Deviates`].
    pub ok: bool,
    /// The verdict.
    pub level: Level,
    /// A sentence for people: what was found.
    pub detail: String,
    /// A sentence for people: what the check is for. Empty where the name says it.
    pub meaning: &'static str,
}

impl Check {
    pub(crate) fn new(name: impl Into<String>, verdict: Verdict) -> Self {
        let name = name.into();
        let ok = matches!(verdict.level, Level::Holds | Level::Deviates);
        Self { meaning: meaning(&name), name, ok, level: verdict.level, detail: verdict.detail }
    }

    /// The same check of a token inside another one.
    pub(crate) fn inside(mut self, prefix: &str) -> Self {
        self.name = format!("{prefix}.{}", self.name);
        self
    }

    /// The same check with another verdict, for a caller that knows why it says less than it seems to.
    #[must_use]
    pub fn not_checked(self, why: impl Into<String>) -> Self {
        Self::new(self.name, Verdict::not_checked(why))
    }
}

/// A verdict and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) level: Level,
    pub(crate) detail: String,
}

impl Verdict {
    pub(crate) fn holds(detail: impl Into<String>) -> Self {
        Self { level: Level::Holds, detail: detail.into() }
    }

    pub(crate) fn fails(why: impl Into<String>) -> Self {
        Self { level: Level::Fails, detail: why.into() }
    }

    pub(crate) fn not_checked(why: impl Into<String>) -> Self {
        Self { level: Level::NotChecked, detail: why.into() }
    }

    /// What holds, but not as documented; `how` says what there is, and what there should be.
    pub(crate) fn deviates(how: impl AsRef<str>) -> Self {
        Self::holds("").noting(Some(how.as_ref()))
    }

    /// Adds a deviation, if there is one. What fails stays what it is.
    #[must_use]
    pub(crate) fn noting(mut self, how: Option<&str>) -> Self {
        let Some(how) = how.filter(|_| matches!(self.level, Level::Holds | Level::Deviates)) else {
            return self;
        };
        self.level = Level::Deviates;
        let before = if self.detail.is_empty() { "" } else { "; " };
        self.detail = format!("{}{before}deviates from the documentation: {how}", self.detail);
        self
    }

    pub(crate) fn of(ok: bool, good: impl Into<String>, bad: impl Into<String>) -> Self {
        if ok { Self::holds(good) } else { Self::fails(bad) }
    }
}

impl<G: Into<String>, B: Into<String>> From<Result<G, B>> for Verdict {
    fn from(result: Result<G, B>) -> Self {
        match result {
            Ok(detail) => Self::holds(detail),
            Err(why) => Self::fails(why),
        }
    }
}

/// A list of checks that grows.
pub(crate) trait Record {
    fn record(&mut self, name: impl Into<String>, verdict: impl Into<Verdict>);
}

impl Record for Vec<Check> {
    fn record(&mut self, name: impl Into<String>, verdict: impl Into<Verdict>) {
        self.push(Check::new(name, verdict.into()));
    }
}

/// What a check is for: what must be, and never that it is so. It stands beside a check that fails as well.
fn meaning(name: &str) -> &'static str {
    match name {
        "assertion.nonce" | "assertion.request_nonce" | "assertion.scope" => {
            "The assertion must be made for this very request, so that it cannot be put into another one."
        }
        "assertion.sub" => "The assertion must be of the user whom the device asks for.",
        "assertion.apv" => "The password must be encrypted for this very request.",
        "id_token.nonce" => "The id_token must answer this very request.",
        _ => match name.strip_prefix("assertion.").unwrap_or(name) {
            "typ" => "The header must say which message it is, so that one kind cannot pass for another.",
            "alg" => "Only some algorithms are safe, and the sender of this message uses fewer still.",
            "enc" => "The content must be encrypted with the one algorithm that the protocol has.",
            "kid" => "The header must name the key, so that the right one is used.",
            "signature" => {
                "A good one shows that nobody but the owner of the key made the message, and that nobody changed it."
            }
            "x5c" => "The certificate of the key that signed may come with the message.",
            "x5c.validity" => "A certificate is good between its dates only.",
            "x5c.key" => "The certificate must be of the key that is expected.",
            "x5c.trust" => "The identity provider must know whose certificate this is.",
            "claims" => "A message must say all that it has to say.",
            "iss" => {
                "Who made it: a request is the client's, an assertion the user's, an id_token the identity provider's."
            }
            "client_id" => "The client must be the one that the identity provider has registered.",
            "sub" | "username" => "Who it is about.",
            "aud" => "For whom it was made, so that it is of no use elsewhere.",
            "azp" => "The client that it was issued to, where it is for several.",
            "iat" => "It must have been made in the past.",
            "nbf" => "It must be good already.",
            "exp" => "It must still be good.",
            "nonce" => "The client's random value, by which an answer is known to belong to its request.",
            "request_nonce" => "The server's random value, good for one request, so that nobody can send it again.",
            "scope" => "What the client wants to get.",
            "grant_type" => "How the user proves who they are.",
            "assertion" => "The user's part, inside the device's request.",
            "password" => "The password must be the user's.",
            "refresh_token" => "The identity provider must have given out this token, and it must still be good.",
            "jwe_crypto" => "How the device wants its answer encrypted.",
            "jwe_crypto.key" => "The answer must be encrypted to the device that is registered, and to no other.",
            "version" | "request_type" | "key_purpose" => "What the key service is asked for.",
            "other_publickey" => "The Mac's half of the key exchange.",
            "epk" => {
                "The ephemeral key. A point that is not on the curve would give parts of the recipient's key away."
            }
            "apu" => "The sender's part of the key derivation must name the ephemeral key of this very message.",
            "apv" => "The recipient's part of the key derivation must be what the recipient asked for.",
            "apv.key" => "The answer must be made for the key that opens it.",
            "decryption" => {
                "The content opens only with the key that it was encrypted for, and only if nobody changed it."
            }
            "refresh_token_expires_in" | "expires_in" => "How long the refresh token is good.",
            "certificate" => "The certificate of the key that the identity provider keeps.",
            "id_token" => "The identity provider's word on who signed in.",
            "key_context" => "What the identity provider wants to see again in the next exchange.",
            "key" => "The result of the key exchange, which must be 32 bytes.",
            _ => "",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_a_note_and_no_failure() {
        let check = Check::new("x5c", Verdict::holds("CN=a").noting(Some("a bare string")));
        assert_eq!((check.ok, check.level), (true, Level::Deviates));
        assert_eq!(check.detail, "CN=a; deviates from the documentation: a bare string");
        assert_eq!(Verdict::deviates("x").detail, "deviates from the documentation: x");
        assert_eq!(Verdict::fails("no").noting(Some("x")), Verdict::fails("no"));
        assert_eq!(Verdict::holds("yes").noting(None), Verdict::holds("yes"));
        let twice = Verdict::deviates("x").noting(Some("y"));
        assert_eq!(twice.detail, "deviates from the documentation: x; deviates from the documentation: y");
    }

    #[test]
    fn what_was_not_checked_cannot_be_relied_on() {
        let json = serde_json::to_value(Check::new("signature", Verdict::not_checked("no key"))).unwrap();
        assert_eq!((&json["ok"], &json["level"]), (&false.into(), &"not_checked".into()));
        assert!(json["meaning"].as_str().unwrap().starts_with("A good one shows that nobody but"));
        assert_eq!(meaning("assertion.signature"), meaning("signature"));
        assert_ne!(meaning("assertion.nonce"), meaning("nonce"));
    }
}
