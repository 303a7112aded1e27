//! Which algorithm a card key signs an assertion with.
//!
//! | key | algorithm | |
//! |---|---|---|
//! | P-256 | ES256 | documented (ASSERT) |
//! | RSA-2048 | RS256 | documented as one of RS256, RS384, RS512 "depending on key type and length"; the pairs of size and hash are our choice |
//! | RSA-3072 | RS384 | likewise |
//! | RSA-4096 | RS512 | likewise |
//! | P-384 | ES384 | our choice: a later list of algorithms in Apple's API has it, the assertion's page does not |

use jose::{Algorithm, KeyType, PublicKey};

use crate::Error;

/// The algorithm for a card key: the one of the table above, or `wanted` if the key can do it.
///
/// # Errors
/// [`Error::Config`] when the key cannot do `wanted`.
pub fn card_algorithm(key: &PublicKey, wanted: Option<Algorithm>) -> Result<Algorithm, Error> {
    use Algorithm::{Es256, Es384, Rs256, Rs384, Rs512};
    let (possible, usual): (&[Algorithm], Algorithm) = match key.key_type() {
        KeyType::P256 => (&[Es256], Es256),
        KeyType::P384 => (&[Es384], Es384),
        KeyType::Rsa { bits: 3072 } => (&[Rs256, Rs384, Rs512], Rs384),
        KeyType::Rsa { bits: 4096 } => (&[Rs256, Rs384, Rs512], Rs512),
        _ => (&[Rs256, Rs384, Rs512], Rs256),
    };
    match wanted {
        None => Ok(usual),
        Some(wanted) if possible.contains(&wanted) => Ok(wanted),
        Some(wanted) => {
            let names: Vec<&str> = possible.iter().map(|algorithm| algorithm.name()).collect();
            Err(Error::config(format!("this card key cannot sign {wanted}; it can sign {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::der;
    use crate::x5c::public_key;

    #[test]
    fn defaults_and_overrides() {
        for (certificate, usual, refused) in [
            (include_str!("../tests/data/p256.crt"), Algorithm::Es256, Algorithm::Es384),
            (include_str!("../tests/data/p384.crt"), Algorithm::Es384, Algorithm::Es256),
            (include_str!("../tests/data/rsa2048.crt"), Algorithm::Rs256, Algorithm::Es256),
            (include_str!("../tests/data/rsa3072.crt"), Algorithm::Rs384, Algorithm::Es256),
            (include_str!("../tests/data/rsa4096.crt"), Algorithm::Rs512, Algorithm::Es384),
        ] {
            let key = public_key(&der(certificate)).unwrap();
            assert_eq!(card_algorithm(&key, None).unwrap(), usual);
            assert_eq!(card_algorithm(&key, Some(usual)).unwrap(), usual);
            assert!(matches!(card_algorithm(&key, Some(refused)), Err(Error::Config { .. })));
        }
        let rsa = public_key(&der(include_str!("../tests/data/rsa2048.crt"))).unwrap();
        assert_eq!(card_algorithm(&rsa, Some(Algorithm::Rs512)).unwrap(), Algorithm::Rs512);
    }
}
