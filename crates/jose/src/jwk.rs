//! JSON Web Keys, public ones (RFC 7517; members of RFC 7518 section 6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Algorithm, Error, json};

/// A public key as JSON. Members that are not listed here are ignored (RFC 7517 section 4).
///
/// This is the form only; [`PublicKey::from_jwk`](crate::PublicKey::from_jwk) judges it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Jwk {
    /// Key type: `EC` or `RSA`; others are kept and refused when used.
    pub kty: String,
    /// Curve of an EC key: `P-256` or `P-384`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// X coordinate of an EC key, base64url of its full width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Y coordinate of an EC key, base64url of its full width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Modulus of an RSA key, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent of an RSA key, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Key ID (RFC 7517 4.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Intended use, `sig` or `enc` (RFC 7517 4.2).
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// Intended algorithm (RFC 7517 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What it may be used for, such as `verify` (RFC 7517 4.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
}

impl Jwk {
    /// Reads one JWK.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`] when it is not a JSON object with a `kty`, or names a member twice.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let object = json::parse_object("JWK", text.as_bytes())?;
        Self::from_value(Value::Object(object))
    }

    /// The same key with a key ID.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Whether it is meant for signatures: neither `use` nor `key_ops` says otherwise.
    #[must_use]
    pub fn may_verify(&self) -> bool {
        self.key_use.as_deref() != Some("enc")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"))
    }

    /// Whether it is a key for this algorithm: by its type and curve, and by `alg` where it has one.
    #[must_use]
    pub fn suits(&self, algorithm: Algorithm) -> bool {
        let of_its_kind = match algorithm {
            Algorithm::Es256 => self.kty == "EC" && self.crv.as_deref() == Some("P-256"),
            Algorithm::Es384 => self.kty == "EC" && self.crv.as_deref() == Some("P-384"),
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => self.kty == "RSA",
        };
        of_its_kind && self.alg.as_deref().is_none_or(|alg| alg == algorithm.name())
    }

    /// Reads a value that is JSON already. What does not fit is told by the member's name, never by its value.
    pub(crate) fn from_value(value: Value) -> Result<Self, Error> {
        let why = misfit(&value);
        serde_json::from_value(value).map_err(|_| Error::malformed("JWK", why))
    }
}

/// What is wrong with a value that is no JWK.
fn misfit(value: &Value) -> String {
    let Some(members) = value.as_object() else {
        return "not a JSON object".to_owned();
    };
    let is_text = |name: &&&str| members.get(**name).is_none_or(|value| value.is_string() || value.is_null());
    match ["kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"].iter().find(|name| !is_text(name)) {
        Some(name) => format!("{name} is not a text"),
        None if !members.get("kty").is_some_and(Value::is_string) => "kty is missing".to_owned(),
        None => "key_ops is not a list of texts".to_owned(),
    }
}

/// A set of public keys (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JwkSet {
    /// The keys, in the order of the document.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a JWK Set. Entries that are not readable as a [`Jwk`] are left out, as RFC 7517 section 5 advises.
    ///
    /// # Errors
    /// [`Error::Json`] or [`Error::Malformed`] when it is not a JSON object with an array `keys`, or names a member
    /// twice.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let mut object = json::parse_object("JWK Set", text.as_bytes())?;
        match object.remove("keys") {
            Some(Value::Array(keys)) => {
                Ok(Self { keys: keys.into_iter().filter_map(|key| Jwk::from_value(key).ok()).collect() })
            }
            Some(_) => Err(Error::malformed("JWK Set", "keys is not a list")),
            None => Err(Error::malformed("JWK Set", "keys is missing")),
        }
    }

    /// The first key with this key ID that [may verify](Jwk::may_verify).
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.named(kid).find(|key| key.may_verify())
    }

    /// Every key with this key ID, whatever it is meant for; RFC 7517 4.5 has several share one where their types differ.
    pub fn named(&self, kid: &str) -> impl Iterator<Item = &Jwk> {
        self.keys.iter().filter(move |key| key.kid.as_deref() == Some(kid))
    }
}

impl From<Vec<Jwk>> for JwkSet {
    fn from(keys: Vec<Jwk>) -> Self {
        Self { keys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_skips_what_it_cannot_read_and_finds_by_kid() {
        let set = JwkSet::from_json(
            r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"},7,{"n":1},{"kty":"EC","kid":"b","use":"enc","x":"1"},
                {"kty":"EC","kid":"b","use":"sig","x":"2"}],"more":true}"#,
        )
        .unwrap();
        assert_eq!(set.keys.len(), 3);
        assert_eq!(set.find("b").unwrap().x.as_deref(), Some("2"));
        assert!(set.find("B").is_none());
        assert!(set.find("").is_none());
    }

    #[test]
    fn a_key_is_chosen_by_what_it_is_for() {
        let jwk = |text: &str| Jwk::from_json(text).unwrap();
        for (text, may) in [
            (r#"{"kty":"EC"}"#, true),
            (r#"{"kty":"EC","use":"sig","key_ops":["sign","verify"]}"#, true),
            (r#"{"kty":"EC","use":"enc"}"#, false),
            (r#"{"kty":"EC","key_ops":["deriveKey"]}"#, false),
            (r#"{"kty":"EC","key_ops":[]}"#, false),
        ] {
            assert_eq!(jwk(text).may_verify(), may, "{text}");
        }
        let suits = |text: &str| Algorithm::ALL.into_iter().filter(|one| jwk(text).suits(*one)).collect::<Vec<_>>();
        assert_eq!(suits(r#"{"kty":"EC","crv":"P-256"}"#), [Algorithm::Es256]);
        assert_eq!(suits(r#"{"kty":"EC","crv":"P-384"}"#), [Algorithm::Es384]);
        assert_eq!(suits(r#"{"kty":"RSA"}"#), [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512]);
        assert_eq!(suits(r#"{"kty":"RSA","alg":"RS256"}"#), [Algorithm::Rs256]);
        for other in [r#"{"kty":"RSA","alg":"PS256"}"#, r#"{"kty":"AKP","alg":"ES256"}"#, r#"{"kty":"EC"}"#] {
            assert!(suits(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn what_is_no_jwk_is_told_without_its_values() {
        for (text, why) in [
            (r#"{"kid":"SECRET"}"#, "kty is missing"),
            (r#"{"kty":7}"#, "kty is not a text"),
            (r#"{"kty":"EC","x":["SECRET"]}"#, "x is not a text"),
            (r#"{"kty":"EC","key_ops":"SECRET"}"#, "key_ops is not a list of texts"),
        ] {
            assert_eq!(Jwk::from_json(text).unwrap_err().to_string(), format!("malformed JWK: {why}"));
        }
        assert!(JwkSet::from_json(r#"{"keys":{}}"#).unwrap_err().to_string().ends_with("keys is not a list"));
    }

    #[test]
    fn duplicates_and_other_shapes_are_refused() {
        for bad in [r#"{"keys":[],"keys":[]}"#, r#"{"keys":{}}"#, "{}", "[]", r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#]
        {
            assert!(JwkSet::from_json(bad).is_err(), "{bad}");
        }
        assert!(Jwk::from_json(r#"{"kid":"x"}"#).is_err());
    }
}
