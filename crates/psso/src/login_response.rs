//! The login response, also to a refresh (JWE and PROC pages of Apple's documentation).
//!
//! ```text
//! application/platformsso-login-response+jwt
//! { id_token, refresh_token, refresh_token_expires_in | expires_in, token_type, ..., Kerberos dictionaries }
//! ```
//! `token_type` is "expected, but not verified", so it is not looked at.

use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::Error;
use crate::config::Config;
use crate::kerberos::{self, KerberosTicket};
use crate::response::Kind;
use crate::secret_json::SecretMap;

pub(crate) const MEDIA_TYPE: &str = "application/platformsso-login-response+jwt";
/// `typ` of the response; SDK 13 writes `JWT`.
pub(crate) const TYP: &str = "platformsso-login-response+jwt";
/// The name of the check where nothing better is known.
pub(crate) const CHECK: &str = "login_response";
pub(crate) const KIND: Kind = Kind { media_type: MEDIA_TYPE, typ: TYP, check: CHECK };

pub(crate) use crate::response::check_apu;

/// Parses the JWE of a response; what is refused gets the name of the header member at fault.
pub(crate) fn parse(token: &str) -> Result<jose::jwe::Jwe, Error> {
    crate::response::parse(token, CHECK)
}

/// What the response carries.
pub(crate) struct LoginResponse {
    /// A JWS, nothing of it verified.
    pub(crate) id_token: Zeroizing<String>,
    pub(crate) refresh_token: Option<SecretString>,
    /// Seconds; there if and only if there is a refresh token.
    pub(crate) refresh_token_expires_in: Option<u64>,
    pub(crate) kerberos: Vec<KerberosTicket>,
}

impl LoginResponse {
    /// Reads the content. Tokens are moved out of it, the rest is wiped.
    pub(crate) fn read(mut content: SecretMap, config: &Config) -> Result<Self, Error> {
        let kerberos = kerberos::tickets(&content, config.kerberos_ticket_mappings())?;
        let expires_in = refresh_lifetime(&content).map_err(|why| Error::rejected("refresh_token_expires_in", why))?;
        let id_token = content.take_text("id_token").map(Zeroizing::new);
        let refresh_token = content.take_text("refresh_token").map(SecretString::from);
        Ok(Self {
            id_token: id_token.ok_or_else(|| Error::rejected("id_token", "it is missing"))?,
            refresh_token_expires_in: expires_in.map(|(_, seconds)| seconds),
            refresh_token,
            kerberos,
        })
    }
}

/// The member that says how long the refresh token is good, and the seconds; nothing where there is no token, which needs no time either.
pub(crate) fn refresh_lifetime(content: &Map<String, Value>) -> Result<Option<(&'static str, u64)>, &'static str> {
    if content.get("refresh_token").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Ok(None);
    }
    let mut names = ["refresh_token_expires_in", "expires_in"].into_iter();
    let found = names.find_map(|name| Some((name, seconds(content, name)?)));
    found.map(Some).ok_or("neither it nor expires_in is there as a number of seconds")
}

fn seconds(content: &Map<String, Value>, name: &str) -> Option<u64> {
    match content.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    }
}
