//! PartyUInfo (`apu`) and PartyVInfo (`apv`) of Platform SSO.
//!
//! ```text
//! LP(x)                 length of x in 4 bytes, big-endian ‖ x
//! apu of a response     LP("APPLE") ‖ LP(ephemeral key)
//! apv of a response     LP("Apple") ‖ LP(device encryption key) ‖ LP(client nonce)
//! apv of a password     LP(prefix)  ‖ LP(recipient key)         ‖ LP(server nonce)
//! ```
//! Keys are X9.63 points of 65 bytes, nonces are ASCII. The prefix of an `apu` is the server's: Entra writes `AAD`.
//! Sources: JWE, VERIFY and ENCPW pages of Apple's documentation; published vectors.

use jose::PublicKey;

/// The prefix that a Mac writes into its `apv`.
const DEVICE_PREFIX: &[u8] = b"Apple";
/// The prefix of an `apu`, also of the one that a Mac writes for a password.
const SENDER_PREFIX: &[u8] = b"APPLE";

/// A PartyInfo taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyInfo {
    /// Who wrote it.
    pub prefix: Vec<u8>,
    /// The key in it, as an X9.63 point; not yet known to be on a curve.
    pub point: Vec<u8>,
    /// The nonce of an `apv`; an `apu` has none.
    pub nonce: Option<Vec<u8>>,
}

impl PartyInfo {
    /// Takes an `apu` or `apv` apart: two or three fields and nothing after them.
    ///
    /// # Errors
    /// A sentence, when it has another form.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let (prefix, rest) = field(bytes)?;
        let (point, rest) = field(rest)?;
        if rest.is_empty() {
            return Ok(Self { prefix: prefix.to_vec(), point: point.to_vec(), nonce: None });
        }
        let (nonce, rest) = field(rest)?;
        if !rest.is_empty() {
            return Err("bytes after its last field");
        }
        Ok(Self { prefix: prefix.to_vec(), point: point.to_vec(), nonce: Some(nonce.to_vec()) })
    }
}

/// The `apv` that the device announces in a request and expects its response to be made for.
///
/// Empty when the key has no point, which no device key is.
#[must_use]
pub fn device_apv(device_encryption_key: &PublicKey, client_nonce: &str) -> Vec<u8> {
    device_encryption_key
        .x963()
        .map_or_else(Vec::new, |point| fields(&[DEVICE_PREFIX, &point, client_nonce.as_bytes()]))
}

/// The `apu` of whoever encrypts, a password or a response: from the ephemeral key as an X9.63 point.
#[must_use]
pub fn sender_apu(epk: &[u8]) -> Vec<u8> {
    fields(&[SENDER_PREFIX, epk])
}

/// The `apv` of an encrypted password. The nonce is the server's.
///
/// Empty when the key has no point, which no key to encrypt to is.
#[must_use]
pub fn password_apv(prefix: &str, recipient: &PublicKey, server_nonce: &str) -> Vec<u8> {
    recipient.x963().map_or_else(Vec::new, |point| fields(&[prefix.as_bytes(), &point, server_nonce.as_bytes()]))
}

fn fields(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        // Short fields; none comes near 4 GiB.
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn field(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or("it ends inside a length")?;
    let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| "a length that is too large")?;
    rest.split_at_checked(len).ok_or("a field reaches past its end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{apple, p256_private, text, url};

    #[test]
    fn published_apv_and_apu() {
        let vectors = apple();
        let vector = &vectors["apple_login_request_with_keys"];
        let device = p256_private(&vector["device_encryption_jwk"]).public();
        let nonce = text(&vector["nonce"]);
        assert_eq!(device_apv(&device, nonce), url(&vector["apv"]));

        let apv = PartyInfo::parse(&url(&vector["apv"])).unwrap();
        assert_eq!((apv.prefix.as_slice(), apv.nonce.as_deref()), (&b"Apple"[..], Some(nonce.as_bytes())));
        let apu = PartyInfo::parse(&url(&vector["apu"])).unwrap();
        assert_eq!((apu.prefix.as_slice(), apu.nonce), (&b"APPLE"[..], None));
        assert_eq!(apu.point, p256_private(&vector["ephemeral_jwk"]).public().x963().unwrap());
        assert_eq!(sender_apu(&apu.point), url(&vector["apu"]));
    }

    #[test]
    fn published_password_apv() {
        let vectors = apple();
        let vector = &vectors["encrypted_password_apv"];
        let apv = PartyInfo::parse(&url(&vector["apv"])).unwrap();
        assert_eq!(apv.prefix, text(&vector["expect"]["prefix"]).as_bytes());
        let nonce = String::from_utf8(apv.nonce.unwrap()).unwrap();
        assert_eq!((apv.point.len(), nonce.len()), (65, 110));
        let key = PublicKey::from_x963(&apv.point).unwrap();
        assert_eq!(password_apv("APPLEEMBEDDED", &key, &nonce), url(&vector["apv"]), "ours is the same");
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            &[][..],
            &[0, 0, 0],
            &[0, 0, 0, 0],
            &[0, 0, 0, 1, b'A'],
            &[0, 0, 0, 1, b'A', 0, 0, 0, 2, 1],
            &[0xff, 0xff, 0xff, 0xff, 1],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
        ] {
            assert!(PartyInfo::parse(bad).is_err(), "{bad:?}");
        }
        assert!(PartyInfo::parse(&[0; 8]).is_ok());
    }
}
