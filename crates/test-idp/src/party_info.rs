//! Key identifiers and party information of Platform SSO, from the published description of the
//! protocol and from nothing else in this workspace.
//!
//! ```text
//! LP(x) = length of x in 4 bytes, big-endian | x
//! kid   = base64( SHA-256( 04 | X | Y ) )                       standard alphabet, with `=`; of RSA keys the RSAPublicKey of
//!                                                           PKCS#1 as DER is hashed, which is our choice
//! apu   = LP("APPLE") | LP(04 | X | Y of epk)                   PartyUInfo of the response
//! apv   = LP("Apple") | LP(04 | X | Y of the device) | LP(nonce)  PartyVInfo
//! ```
//! Apple: "Creating a JSON Web Encryption (JWE) login response", "Creating and validating a login
//! request". The two spellings of the name are Apple's.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// The key identifier of an uncompressed X9.63 point, or of an RSAPublicKey (RFC 8017 A.1.1) as DER.
pub(crate) fn key_id(x963: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(x963))
}

/// Whether `kid`, in any spelling of base64, is the key identifier of the point.
pub(crate) fn is_key_id(kid: &str, x963: &[u8]) -> bool {
    canonical_key_id(kid).is_some_and(|canonical| canonical == key_id(x963))
}

/// A key identifier in its standard spelling: clients differ in alphabet and padding.
///
/// Nothing when it is not base64 of 32 bytes.
pub(crate) fn canonical_key_id(kid: &str) -> Option<String> {
    if kid.len() > 44 {
        return None;
    }
    let standard = kid.replace('-', "+").replace('_', "/");
    let hash = ANY_PADDING.decode(standard).ok()?;
    (hash.len() == 32).then(|| BASE64_STANDARD.encode(hash))
}

/// PartyUInfo for an ephemeral key; the prefix is `APPLE`.
pub(crate) fn apu(prefix: &[u8], epk_x963: &[u8]) -> Vec<u8> {
    [length_prefixed(prefix), length_prefixed(epk_x963)].concat()
}

/// PartyVInfo for the device encryption key and the client's nonce.
pub(crate) fn apv(device_x963: &[u8], nonce: &str) -> Vec<u8> {
    apv_with_prefix(b"Apple", device_x963, nonce.as_bytes())
}

/// PartyVInfo with another prefix.
pub(crate) fn apv_with_prefix(prefix: &[u8], x963: &[u8], nonce: &[u8]) -> Vec<u8> {
    [length_prefixed(prefix), length_prefixed(x963), length_prefixed(nonce)].concat()
}

/// The fields of a party information; nothing when the lengths do not add up.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        fields.push(field);
        bytes = rest;
    }
    Some(fields)
}

/// The callers pass at most a few hundred bytes; a length over 32 bits cannot occur.
fn length_prefixed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};

    #[test]
    fn layouts_are_as_published() {
        let point = [&[4][..], &[0x11; 64]].concat();
        let apu = apu(b"APPLE", &point);
        assert_eq!(apu[..13], *b"\0\0\0\x05APPLE\0\0\0\x41");
        assert_eq!(apu[13..], point);
        let apv = apv(&point, "CBA6437A-ED3F-438C-B859-078E058F1851");
        assert_eq!(apv[..13], *b"\0\0\0\x05Apple\0\0\0\x41");
        assert_eq!(apv[13..78], point);
        assert_eq!(apv[78..], *b"\0\0\0\x24CBA6437A-ED3F-438C-B859-078E058F1851");
    }

    #[test]
    fn fields_are_read_back_and_bad_lengths_are_not() {
        let point = [&[4][..], &[0x11; 64]].concat();
        let info = apv(&point, "nonce");
        assert_eq!(fields(&info).unwrap(), [&b"Apple"[..], &point, b"nonce"]);
        assert_eq!(fields(b"").unwrap(), Vec::<&[u8]>::new());
        for length in 1..info.len() {
            let cut = fields(&info[..length]);
            assert!(cut.is_none_or(|found| found.len() < 3), "{length}");
        }
        assert_eq!(fields(b"\xff\xff\xff\xffA"), None);
    }

    #[test]
    fn key_ids_are_compared_in_any_spelling() {
        // A point whose hash has bytes that the two alphabets write differently.
        let point = (0u8..=255).map(|n| [&[4][..], &[n; 64]].concat()).find(|p| {
            let kid = key_id(p);
            kid.contains('+') && kid.contains('/')
        });
        let point = point.unwrap();
        let hash = Sha256::digest(&point);
        for kid in [
            BASE64_STANDARD.encode(hash),
            BASE64_STANDARD_NO_PAD.encode(hash),
            BASE64_URL_SAFE.encode(hash),
            BASE64_URL_SAFE_NO_PAD.encode(hash),
        ] {
            assert!(is_key_id(&kid, &point), "{kid}");
            assert_eq!(canonical_key_id(&kid).unwrap(), key_id(&point));
        }
        for kid in ["", "AAAA", "====", &BASE64_STANDARD.encode([0; 32]), &"A".repeat(1000)] {
            assert!(!is_key_id(kid, &point), "{kid}");
        }
    }
}
