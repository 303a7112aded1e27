//! The Concat KDF for ECDH-ES (RFC 7518 section 4.6.2; NIST SP 800-56A section 5.8.1 with SHA-256).
//!
//! ```text
//! SHA-256( 00000001 ‖ Z ‖ LP(AlgorithmID) ‖ LP(PartyUInfo) ‖ LP(PartyVInfo) ‖ key length in bits, 4 bytes )
//! LP(x) = length of x in 4 bytes, big-endian ‖ x
//! ```
//! One block of SHA-256 is all that a key of at most 256 bits needs.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Derives a 256-bit content encryption key.
///
/// `z` is the X coordinate of the shared point at its full width, `alg` the name of the content encryption
/// (`A256GCM`), `apu` and `apv` the decoded PartyUInfo and PartyVInfo.
///
/// RFC 7518 4.6.2 has no other errors than lengths over 32 bits, which no token that this crate reads can have.
#[must_use]
pub fn concat_kdf(z: &[u8], alg: &str, apu: &[u8], apv: &[u8]) -> Zeroizing<[u8; 32]> {
    derive(z, alg, apu, apv, 256)
}

/// As [`concat_kdf`], for a key of `bits` bits: the first `bits / 8` bytes count.
fn derive(z: &[u8], alg: &str, apu: &[u8], apv: &[u8], bits: u32) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(1u32.to_be_bytes());
    hash.update(z);
    for part in [alg.as_bytes(), apu, apv] {
        // A slice over 4 GiB cannot come out of a token of at most MAX_TOKEN_LEN bytes.
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        hash.update(len.to_be_bytes());
        hash.update(part);
    }
    hash.update(bits.to_be_bytes());
    Zeroizing::new(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7518 appendix C, from the two key pairs to the derived key: AlgorithmID A128GCM, Alice and Bob, 128 bits.
    #[test]
    fn rfc_7518_appendix_c() {
        let examples: serde_json::Value = serde_json::from_str(include_str!("../tests/data/rfc.json")).unwrap();
        let example = &examples["rfc7518_c"];
        let key = |name: &str| crate::EcPrivateKey::from_jwk_json(&example[name].to_string()).unwrap();
        let part = |name: &str| example[name].as_str().unwrap();
        let z = key("alice").diffie_hellman(&key("bob").public()).unwrap();
        assert_eq!(crate::base64url::encode(z.as_slice()), part("z"));
        let derived = derive(z.as_slice(), part("enc"), part("apu").as_bytes(), part("apv").as_bytes(), 128);
        assert_eq!(crate::base64url::encode(&derived[..16]), part("key"));
    }
}
