//! Cards in software, for the library: a key, its certificate, and signatures in the form in which a card gives them.

use std::path::{Path, PathBuf};

use psso::jose::{Algorithm, PublicKey, Signer, SignerError, ecdsa};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    OtherNameValue, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512,
    PublicKeyData as _, SanType, SigningKey as _,
};

use super::Bench;

/// A certification authority on P-256.
pub(crate) struct SoftwareAuthority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, in PEM.
    pub(crate) file: PathBuf,
}

impl SoftwareAuthority {
    pub(crate) fn new(bench: &Bench) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Software CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let file = bench.file("software-ca.pem", params.self_signed(&key).unwrap().pem());
        Self { issuer: Issuer::new(params, key), file }
    }

    /// Its public key, as a SubjectPublicKeyInfo.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }

    /// Its signature, as DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.issuer.key().sign(message).unwrap()
    }

    /// A card of this user with this key.
    pub(crate) fn issue(&self, user: &str, key: CardKey) -> SoftwareCard {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let upn = OtherNameValue::Utf8String(format!("{user}@example.test"));
        params.subject_alt_names = vec![SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], upn))];
        let certificate = params.signed_by(&key.pair, &self.issuer).unwrap();
        SoftwareCard { certificate: certificate.der().to_vec(), key, padded: false }
    }
}

/// A key that a card could hold.
pub(crate) struct CardKey {
    pair: KeyPair,
    algorithm: Algorithm,
}

impl CardKey {
    /// A new key on P-256.
    pub(crate) fn p256() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), algorithm: Algorithm::Es256 }
    }

    /// A new key on P-384.
    pub(crate) fn p384() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), algorithm: Algorithm::Es384 }
    }

    /// The RSA key in a file, of 2048, 3072 or 4096 bits.
    pub(crate) fn rsa(pem: &Path, bits: u32) -> Self {
        let (scheme, algorithm) = match bits {
            2048 => (&PKCS_RSA_SHA256, Algorithm::Rs256),
            3072 => (&PKCS_RSA_SHA384, Algorithm::Rs384),
            _ => (&PKCS_RSA_SHA512, Algorithm::Rs512),
        };
        let pem = std::fs::read_to_string(pem).unwrap();
        Self { pair: KeyPair::from_pem_and_sign_algo(&pem, scheme).unwrap(), algorithm }
    }

    /// Keys of this kind, until the X (0) or Y (1) of one begins with a zero byte.
    pub(crate) fn padded(make: fn() -> Self, coordinate: usize) -> Self {
        loop {
            let key = make();
            let point = &key.pair.der_bytes()[1..];
            if point[coordinate * point.len() / 2] == 0 {
                return key;
            }
        }
    }

    /// The private key, PKCS#8 in PEM.
    pub(crate) fn pem(&self) -> String {
        self.pair.serialize_pem()
    }
}

/// A card with one key; it signs as it is told, and asks for no PIN.
pub(crate) struct SoftwareCard {
    pub(crate) certificate: Vec<u8>,
    key: CardKey,
    /// Whether r or s of its signatures has to begin with a zero byte.
    pub(crate) padded: bool,
}

impl SoftwareCard {
    /// The public key.
    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::from_spki_der(&self.key.pair.subject_public_key_info()).unwrap()
    }
}

impl Signer for SoftwareCard {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let width = match self.key.algorithm {
            Algorithm::Es256 => 32,
            Algorithm::Es384 => 48,
            _ => return Ok(self.key.pair.sign(message)?),
        };
        loop {
            let raw = ecdsa::der_to_raw(&self.key.pair.sign(message)?, width)?;
            if !self.padded || raw[0] == 0 || raw[width] == 0 {
                return Ok(raw);
            }
        }
    }
}
