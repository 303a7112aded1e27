//! The login response, also to a refresh (JWE and PROC pages of Apple's documentation).
//!
//! ```text
//! application/platformsso-login-response+jwt
//! { id_token, refresh_token, refresh_token_expires_in | expires_in, token_type, ..., Kerberos dictionaries }
//! ```
//! `token_type` is "expected, but not verified", so it is not looked at. What else is there is well-formed or the response
//! is refused; a member that is `null` counts as one that is not there.

use secrecy::SecretString;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::kerberos::{self, KerberosTicket};
use crate::response::Kind;
use crate::secret_json::SecretMap;
use crate::{Error, clock};

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
    /// Seconds; there if and only if there is a refresh token. They end before the year 10000.
    pub(crate) refresh_token_expires_in: Option<u64>,
    pub(crate) kerberos: Vec<KerberosTicket>,
}

impl LoginResponse {
    /// Reads the content, which came at the moment `now`. Tokens are moved out of it, the rest is wiped.
    pub(crate) fn read(mut content: SecretMap, config: &Config, now: i64) -> Result<Self, Error> {
        let kerberos = kerberos::tickets(&content, config.kerberos_ticket_mappings())?;
        let expires_in = refresh_lifetime(&content, now).map_err(|(name, why)| Error::rejected(name, why))?;
        let id_token = content.require_text("id_token").map_err(|why| Error::rejected("id_token", why))?;
        let refresh_token = content.take_text("refresh_token").map(SecretString::from);
        Ok(Self {
            id_token: Zeroizing::new(id_token),
            refresh_token_expires_in: expires_in.map(|(_, seconds)| seconds),
            refresh_token,
            kerberos,
        })
    }
}

/// The member that says how long the refresh token is good, and the seconds; nothing where there is no token, which needs
/// no time either. An error is the member at fault, and what is wrong with it.
pub(crate) fn refresh_lifetime(
    content: &Map<String, Value>,
    now: i64,
) -> Result<Option<(&'static str, u64)>, (&'static str, &'static str)> {
    let has_token = match content.get("refresh_token") {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) if !text.is_empty() => true,
        Some(_) => return Err(("refresh_token", "it is not a text with something in it")),
    };
    let mut found = None;
    for name in ["refresh_token_expires_in", "expires_in"] {
        let seconds = seconds(content, name, now).map_err(|why| (name, why))?;
        found = found.or(seconds.map(|seconds| (name, seconds)));
    }
    match found {
        _ if !has_token => Ok(None),
        None => Err(("refresh_token_expires_in", "neither it nor expires_in is there")),
        found => Ok(found),
    }
}

/// A whole number of seconds, or a string of digits; it ends before the year 10000.
fn seconds(content: &Map<String, Value>, name: &str, now: i64) -> Result<Option<u64>, &'static str> {
    const NO_NUMBER: &str = "it is not a whole number of seconds";
    const TOO_LONG: &str = "it ends after the year 9999";
    let seconds = match content.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) => seconds,
            // 3600.0 is a whole number. The cast saturates.
            (None, Some(seconds)) if seconds >= 0.0 && seconds.fract() == 0.0 => seconds as u64,
            _ => return Err(NO_NUMBER),
        },
        Some(Value::String(text)) if clock::is_digits(text) => text.parse().map_err(|_| TOO_LONG)?,
        Some(_) => return Err(NO_NUMBER),
    };
    let end = i64::try_from(seconds).ok().and_then(|seconds| now.checked_add(seconds));
    if end.is_some_and(|end| end <= clock::END_OF_TIME) { Ok(Some(seconds)) } else { Err(TOO_LONG) }
}
