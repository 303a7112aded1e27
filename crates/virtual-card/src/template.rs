//! Key pairs as they cross the card's edge: the public key of GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 Part 2, 3.3.2
//! and Table 10) and the private key of Yubico's IMPORT.
//!
//! ```text
//! public key    81 modulus  82 public exponent          RSA
//!               86 point 04 || X || Y                   P-256, P-384
//!               86 32 bytes                             Ed25519, X25519
//! private key   01 p  02 q  03 dP  04 dQ  05 qInv       RSA, each of half the modulus' length; exponent 65537
//!               06 scalar                               P-256, P-384
//!               07 32 bytes, 08 32 bytes                Ed25519, X25519
//! ```

use getrandom::SysRng;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};
use smartcard::tlv::{self, Tag};

use crate::keys::{Material, PrivateKey};
use crate::{Algorithm, Error};

/// The data objects of a public key, without the template 7F49 around them.
pub(crate) fn public_key(key: &PrivateKey) -> Vec<u8> {
    let mut out = Vec::new();
    match &key.material {
        Material::Rsa(key) => {
            tlv::push(&mut out, MODULUS, &key.n().to_be_bytes_trimmed_vartime());
            tlv::push(&mut out, EXPONENT, &key.e().to_be_bytes_trimmed_vartime());
        }
        Material::P256(key) => tlv::push(&mut out, POINT, &key.public_key().to_sec1_bytes()),
        Material::P384(key) => tlv::push(&mut out, POINT, &key.public_key().to_sec1_bytes()),
        Material::Ed25519(key) => tlv::push(&mut out, POINT, key.verifying_key().as_bytes()),
        Material::X25519(key) => tlv::push(&mut out, POINT, x25519_dalek::PublicKey::from(&**key).as_bytes()),
    }
    out
}

/// The public key in its template, as GENERATE ASYMMETRIC KEY PAIR answers it.
pub(crate) fn public_key_template(key: &PrivateKey) -> Vec<u8> {
    tlv::encode(PUBLIC_KEY_TEMPLATE, &public_key(key))
}

/// Reads the private key of an IMPORT command, whose other data objects are left to the caller.
///
/// # Errors
///
/// [`Error::PrivateKey`] if it is not a key of `algorithm`.
pub(crate) fn private_key(algorithm: Algorithm, data: &[u8]) -> Result<PrivateKey, Error> {
    let refused = || Error::PrivateKey { reason: "its parts are not those of such a key" };
    let part = |tag: u32| tlv::find(data, Tag(tag)).ok().flatten().ok_or_else(refused);
    let material = match algorithm {
        Algorithm::P256 => p256::SecretKey::from_slice(part(0x06)?).map(Material::P256).map_err(|_| refused())?,
        Algorithm::P384 => p384::SecretKey::from_slice(part(0x06)?).map(Material::P384).map_err(|_| refused())?,
        Algorithm::Ed25519 | Algorithm::X25519 => {
            let seed = part(if algorithm == Algorithm::Ed25519 { 0x07 } else { 0x08 })?;
            let seed = seed.try_into().map_err(|_| refused())?;
            Material::of_seed(algorithm, seed).ok_or_else(refused)?
        }
        Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            let bits = algorithm.rsa_bits().ok_or_else(refused)?;
            let half = usize::try_from(bits / 16).map_err(|_| refused())?;
            // The three derived numbers are made anew; they must be there all the same.
            for tag in 0x03..=0x05 {
                if part(tag)?.len() > half {
                    return Err(refused());
                }
            }
            let key = rsa_key(part(0x01)?, part(0x02)?, bits).ok_or_else(refused)?;
            let key = PrivateKey::from_rsa(key)?;
            return if key.algorithm == algorithm { Ok(key) } else { Err(refused()) };
        }
    };
    Ok(PrivateKey { algorithm, material })
}

/// The key of two primes; `None` if they are none. The library wants to be sure of them beforehand.
fn rsa_key(p: &[u8], q: &[u8], bits: u32) -> Option<RsaPrivateKey> {
    let factor = |bytes: &[u8]| {
        let odd = bytes.last().is_some_and(|last| last & 1 == 1);
        BoxedUint::from_be_slice(bytes, bits / 2).ok().filter(|number| odd && number.bits() == bits / 2)
    };
    let (p, q) = (factor(p)?, factor(q)?);
    if p == q {
        return None;
    }
    let key = RsaPrivateKey::from_p_q(p, q, BoxedUint::from(PUBLIC_EXPONENT)).ok()?;
    // What is no prime gives a private exponent that does not undo the public one.
    let two = BoxedUint::from_be_slice(&[2], key.n().bits_precision()).ok()?;
    rsa::hazmat::rsa_decrypt_and_check(&key, Some(&mut SysRng), &two).ok()?;
    Some(key)
}

const PUBLIC_KEY_TEMPLATE: Tag = Tag(0x7f49);
const MODULUS: Tag = Tag(0x81);
const EXPONENT: Tag = Tag(0x82);
const POINT: Tag = Tag(0x86);
/// The only one that YubiKeys know.
const PUBLIC_EXPONENT: u64 = 65_537;

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of an RSA key as tools send them, each of half the modulus' length.
    fn rsa_parts(key: &PrivateKey) -> Vec<(u32, Vec<u8>)> {
        use rsa::traits::PrivateKeyParts;
        let Material::Rsa(key) = &key.material else { panic!("not RSA") };
        let half = key.size() / 2;
        let padded = |bytes: Box<[u8]>| [vec![0; half - bytes.len()], bytes.to_vec()].concat();
        let [p, q] = key.primes() else { panic!("not two primes") };
        vec![
            (0x01, padded(p.to_be_bytes_trimmed_vartime())),
            (0x02, padded(q.to_be_bytes_trimmed_vartime())),
            (0x03, padded(key.dp().unwrap().to_be_bytes_trimmed_vartime())),
            (0x04, padded(key.dq().unwrap().to_be_bytes_trimmed_vartime())),
            (0x05, padded(key.crt_coefficient().unwrap().to_be_bytes_trimmed_vartime())),
        ]
    }

    fn encoded(parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
        parts.iter().flat_map(|(tag, value)| tlv::encode(Tag(*tag), value)).collect()
    }

    #[test]
    fn an_rsa_key_is_read_from_its_parts() {
        for algorithm in [Algorithm::Rsa1024, Algorithm::Rsa2048] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let read = private_key(algorithm, &encoded(&rsa_parts(&key))).unwrap();
            assert_eq!(read.public_key_der().unwrap(), key.public_key_der().unwrap());
            assert_eq!(public_key(&read), public_key(&key));
        }
    }

    #[test]
    fn what_is_no_such_key_is_refused() {
        let key = PrivateKey::generate(Algorithm::Rsa1024).unwrap();
        let parts = rsa_parts(&key);
        let refused = |algorithm, parts: &[(u32, Vec<u8>)]| private_key(algorithm, &encoded(parts)).is_err();
        assert!(refused(Algorithm::Rsa2048, &parts), "another size");
        assert!(refused(Algorithm::P256, &parts));
        assert!(refused(Algorithm::Rsa1024, &parts[1..]), "a part is missing");
        for broken in [vec![0; 64], vec![0xff; 64], vec![7], Vec::new(), vec![1; 65]] {
            let mut parts = parts.clone();
            parts[0].1 = broken;
            assert!(refused(Algorithm::Rsa1024, &parts), "{:?} is no prime", parts[0].1);
        }
        let mut even = parts.clone();
        even[1].1[63] &= 0xfe;
        assert!(refused(Algorithm::Rsa1024, &even));
    }
}
