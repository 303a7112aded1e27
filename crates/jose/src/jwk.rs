//! JSON Web Keys, public ones (RFC 7517; members of RFC 7518 section 6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, json};

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

    fn from_value(value: Value) -> Result<Self, Error> {
        serde_json::from_value(value).map_err(|source| Error::Json { what: "JWK", source })
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
            _ => Err(Error::malformed("JWK Set", "no array named keys")),
        }
    }

    /// The first key with this key ID that is not meant for encryption.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid) && key.key_use.as_deref() != Some("enc"))
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
    fn duplicates_and_other_shapes_are_refused() {
        for bad in [r#"{"keys":[],"keys":[]}"#, r#"{"keys":{}}"#, "{}", "[]", r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#]
        {
            assert!(JwkSet::from_json(bad).is_err(), "{bad}");
        }
        assert!(Jwk::from_json(r#"{"kid":"x"}"#).is_err());
    }
}
