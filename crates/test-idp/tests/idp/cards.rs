//! Certification authorities, and the keys and certificates of cards.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::Algorithm;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, OtherNameValue, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PKCS_RSA_SHA384, PKCS_RSA_SHA512, PublicKeyData, RevokedCertParams,
    SanType, SerialNumber, SigningKey,
};
use rsa::pkcs8::EncodePrivateKey;
use sha2::{Digest, Sha256};

/// User principal name in a subject alternative name.
pub(crate) const UPN: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// A self-signed certification authority.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A revocation list of an hour ago with these serial numbers, due again `due` from now; PEM.
    pub(crate) fn revocation_list(&self, revoked: &[&[u8]], due: time::Duration) -> String {
        let now = time::OffsetDateTime::now_utc();
        let revoked_certs = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now - time::Duration::HOUR,
            next_update: now + due,
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }

    /// A certificate for a card of this person, changed by `edit`; standard base64 of its DER.
    pub(crate) fn issue(&self, key: &CardKey, upn: &str, edit: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Alice Example");
        params.subject_alt_names = vec![SanType::OtherName((UPN.to_vec(), OtherNameValue::from(upn)))];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        edit(&mut params);
        BASE64_STANDARD.encode(params.signed_by(key.pair.as_ref(), &self.0).unwrap().der())
    }
}

/// A card's key and the algorithm that it signs with.
#[derive(Clone)]
pub(crate) struct CardKey {
    pair: Arc<KeyPair>,
    algorithm: Algorithm,
}

impl CardKey {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let rsa = |scheme| KeyPair::from_pkcs8_pem_and_sign_algo(rsa_2048(), scheme).unwrap();
        let pair = match algorithm {
            Algorithm::Es256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            Algorithm::Es384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
            Algorithm::Rs256 => rsa(&PKCS_RSA_SHA256),
            Algorithm::Rs384 => rsa(&PKCS_RSA_SHA384),
            Algorithm::Rs512 => rsa(&PKCS_RSA_SHA512),
        };
        Self { pair: Arc::new(pair), algorithm }
    }

    /// A signature in the form of JOSE.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(message).unwrap();
        match self.algorithm {
            Algorithm::Es256 => p256::ecdsa::Signature::from_der(&signature).unwrap().to_bytes().to_vec(),
            Algorithm::Es384 => p384::ecdsa::Signature::from_der(&signature).unwrap().to_bytes().to_vec(),
            _ => signature,
        }
    }

    /// SHA-256 of what is in the subject public key's bit string: for an elliptic curve the point.
    pub(crate) fn kid(&self) -> String {
        BASE64_STANDARD.encode(Sha256::digest(self.pair.der_bytes()))
    }
}

/// One RSA key for all tests; making one takes a while.
fn rsa_2048() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| {
        let mut random = getrandom::rand_core::UnwrapErr(getrandom::SysRng);
        let key = rsa::RsaPrivateKey::new(&mut random, 2048).unwrap();
        key.to_pkcs8_pem(rsa::pkcs8::LineEnding::LF).unwrap().to_string()
    })
}
