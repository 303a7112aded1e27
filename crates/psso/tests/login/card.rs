//! A card in software: the keys and certificates in tests/data.

use jose::{Algorithm, EcPrivateKey, Signer, SignerError};
use psso::CardCredential;
use rsa::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub(crate) struct Card {
    pub(crate) certificate: Vec<u8>,
    key: Key,
    algorithm: Algorithm,
    /// How often it signed.
    pub(crate) signed: usize,
}

enum Key {
    P256(EcPrivateKey),
    P384(p384::ecdsa::SigningKey),
    Rsa(Box<rsa::RsaPrivateKey>),
    Missing,
}

impl Card {
    pub(crate) fn p256() -> Self {
        let key = Key::P256(EcPrivateKey::from_pem(include_str!("../data/p256.key")).unwrap());
        Self::new(include_str!("../data/p256.crt"), key, Algorithm::Es256)
    }

    pub(crate) fn p384() -> Self {
        let key = p384::SecretKey::from_pkcs8_pem(include_str!("../data/p384.key")).unwrap();
        Self::new(include_str!("../data/p384.crt"), Key::P384(key.into()), Algorithm::Es384)
    }

    pub(crate) fn rsa(bits: usize, algorithm: Algorithm) -> Self {
        let (certificate, key) = match bits {
            2048 => (include_str!("../data/rsa2048.crt"), include_str!("../data/rsa2048.key")),
            3072 => (include_str!("../data/rsa3072.crt"), include_str!("../data/rsa3072.key")),
            _ => (include_str!("../data/rsa4096.crt"), include_str!("../data/rsa4096.key")),
        };
        let key = rsa::RsaPrivateKey::from_pkcs8_pem(key).unwrap();
        Self::new(certificate, Key::Rsa(Box::new(key)), algorithm)
    }

    /// A card that is pulled before it signs.
    pub(crate) fn removed() -> Self {
        Self { key: Key::Missing, ..Self::p256() }
    }

    /// A card whose certificate is of another key.
    pub(crate) fn mixed_up() -> Self {
        Self { key: Key::P256(EcPrivateKey::generate().unwrap()), ..Self::p256() }
    }

    pub(crate) fn credential(&mut self) -> (Vec<u8>, &mut dyn Signer) {
        (self.certificate.clone(), self)
    }

    fn new(certificate: &str, key: Key, algorithm: Algorithm) -> Self {
        let block = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap().1;
        Self { certificate: block.contents, key, algorithm, signed: 0 }
    }
}

impl Signer for Card {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        use rsa::Pkcs1v15Sign;
        self.signed += 1;
        match (&mut self.key, self.algorithm) {
            (Key::P256(key), _) => key.sign(message),
            (Key::P384(key), _) => {
                use p384::ecdsa::signature::Signer as _;
                let signature: p384::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().to_vec())
            }
            (Key::Rsa(key), Algorithm::Rs256) => Ok(key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))?),
            (Key::Rsa(key), Algorithm::Rs384) => Ok(key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message))?),
            (Key::Rsa(key), _) => Ok(key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message))?),
            (Key::Missing, _) => Err("the card was removed".into()),
        }
    }
}

pub(crate) fn login(
    client: &psso::Client,
    keys: &psso::DeviceKeys,
    card: &mut Card,
) -> Result<psso::LoginOutcome, psso::Error> {
    let pending = client.begin_login("alice")?;
    let (certificate, signer) = card.credential();
    client.finish_login(pending, keys, CardCredential { certificate_der: &certificate, signer })
}
