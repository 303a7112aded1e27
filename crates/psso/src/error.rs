//! What can go wrong in a registration or a login.

use std::path::PathBuf;

use crate::http::HttpError;

/// Why a step did not succeed. Variants differ by what the caller can do about it.
///
/// Text that came from a server is escaped and cut short. No variant carries a token, a key or a PIN.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server could not be reached, or not in time, or its answer was not one to be read. Try again later, or check the URL.
    #[error("the {endpoint} at {url} {}", if source.is_answer() { "sent an answer that is not taken" } else { "did not answer" })]
    Network {
        /// Which endpoint: "nonce endpoint", "token endpoint", "refresh endpoint", "key endpoint", "JWKS endpoint",
        /// "registration endpoint", "metadata endpoint".
        endpoint: &'static str,
        /// Its URL.
        url: String,
        /// What happened.
        #[source]
        source: HttpError,
    },
    /// The server answered with another status than success: it refused, or it is broken.
    #[error("the {endpoint} answered {status}{}", reason(.oauth_error, .description, .check))]
    Endpoint {
        /// Which endpoint.
        endpoint: &'static str,
        /// The HTTP status; 401 means that the login was refused.
        status: u16,
        /// `error` of the JSON answer (RFC 6749 5.2), if there was one.
        oauth_error: Option<String>,
        /// `error_description` of the JSON answer and what else it says, or what came instead of JSON.
        description: Option<String>,
        /// `check` of the JSON answer: the name that some servers give to the check that failed.
        check: Option<String>,
    },
    /// The identity provider says that the credential is wrong: the password, most likely. It is the person's turn.
    ///
    /// `invalid_credential_predicate` of the configuration decides over a 400 or a 401; without one, a 401 to a
    /// password is such an answer.
    #[error("the identity provider does not accept the credential: the {endpoint} answered {status}{}",
        reason(.oauth_error, .description, .check))]
    InvalidCredential {
        /// Which endpoint.
        endpoint: &'static str,
        /// The HTTP status, 400 or 401.
        status: u16,
        /// `error` of the JSON answer (RFC 6749 5.2), if there was one.
        oauth_error: Option<String>,
        /// `error_description` of the JSON answer.
        description: Option<String>,
        /// `check` of the JSON answer.
        check: Option<String>,
    },
    /// The server answered with success, but not with what the protocol asks for (an HTML page, for example).
    #[error("the {endpoint} sent an answer that is not of the protocol: {why}")]
    UnexpectedAnswer {
        /// Which endpoint.
        endpoint: &'static str,
        /// What came.
        why: String,
    },
    /// A check of the answer failed. The login did not happen; the server or its configuration is wrong, or someone
    /// is in the way.
    #[error("the check of {claim} failed: {why}")]
    Rejected {
        /// The name of the check: a claim (`nonce`, `iss`, `aud`, ...), a header member (`alg`, `kid`, `epk`, `apu`,
        /// ...), `signature`, `decryption`, or the message that is malformed.
        claim: &'static str,
        /// What was expected and what came.
        why: String,
    },
    /// The signer (the card) failed; its own error is the source.
    #[error("the card did not sign")]
    Signer(#[source] jose::SignerError),
    /// The user key (the Secure Enclave key of a Mac, or what stands in for it) failed; its own error is the source.
    #[error("the user key did not sign")]
    UserKey(#[source] jose::SignerError),
    /// The card's signature does not verify with the key of its certificate: the two do not belong together.
    #[error("the card's signature does not belong to its certificate")]
    CardMismatch(#[source] jose::Error),
    /// A token or a key to inspect is not one.
    #[error("{what}")]
    Unreadable {
        /// What cannot be read.
        what: String,
        /// The reason in detail.
        #[source]
        source: Option<jose::Error>,
    },
    /// A certificate, a key or the random numbers of this side cannot be used.
    #[error("{why}")]
    Crypto {
        /// What is unusable.
        why: String,
        /// The reason in detail.
        #[source]
        source: Option<jose::Error>,
    },
    /// The configuration, or an argument such as the user name, is wrong.
    #[error("{why}")]
    Config {
        /// What is wrong, with the name of the field.
        why: String,
        /// The reason in detail.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The state directory with the device keys cannot be used as it is.
    #[error("{}: {why}", path.display())]
    State {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// The reason in detail.
        #[source]
        source: Option<std::io::Error>,
    },
    /// One of the two device keys is there and the other is missing: the device has to be forgotten, and registered anew.
    #[error("{}: this device key is missing, and the other one is there", missing.display())]
    HalfDevice {
        /// The file that is missing.
        missing: PathBuf,
    },
    /// What an earlier login left behind cannot be used, or that of this one cannot be kept.
    #[error(transparent)]
    SignOn(#[from] crate::SignOnError),
}

impl Error {
    pub(crate) fn rejected(claim: &'static str, why: impl Into<String>) -> Self {
        Self::Rejected { claim, why: why.into() }
    }

    pub(crate) fn config(why: impl Into<String>) -> Self {
        Self::Config { why: why.into(), source: None }
    }

    pub(crate) fn crypto(why: impl Into<String>, source: impl Into<Option<jose::Error>>) -> Self {
        Self::Crypto { why: why.into(), source: source.into() }
    }

    pub(crate) fn unreadable(what: impl Into<String>, source: impl Into<Option<jose::Error>>) -> Self {
        Self::Unreadable { what: what.into(), source: source.into() }
    }
}

/// An error and its causes, in one line, each said once: the cause says which member of a JSON text occurs twice, and where.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// ` (error): description [check]`, as much of it as there is.
fn reason(error: &Option<String>, description: &Option<String>, check: &Option<String>) -> String {
    let part = |text: &Option<String>, before: &str, after: &str| {
        text.as_ref().map(|text| format!("{before}{text}{after}")).unwrap_or_default()
    };
    part(error, " (", ")") + &part(description, ": ", "") + &part(check, " [", "]")
}

/// Text of a stranger, fit to be shown: control and invisible characters escaped, at most `limit` characters.
pub(crate) fn shown(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut out: String = characters.by_ref().take(limit).flat_map(fit).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// Quotes and backslashes stay as they are: they deceive nobody.
fn fit(character: char) -> impl Iterator<Item = char> {
    let plain = matches!(character, '\'' | '"' | '\\');
    let escaped = (!plain).then(|| character.escape_debug());
    plain.then_some(character).into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_is_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\r\n\u{202e}b", 40), "a\\u{1b}[31m\\r\\n\\u{202e}b");
        assert_eq!(shown("ééééé", 3), "ééé…");
        assert_eq!(shown("abc", 3), "abc");
        assert_eq!(shown(r#"the issuer's "name" \"#, 40), r#"the issuer's "name" \"#);
    }
}
