//! The signature of a certificate or a revocation list, over the bytes of its TBSCertificate or TBSCertList as received
//! (RFC 5280 sections 4.1.1 and 5.1.1, RFC 5758, RFC 8017 section 8.2).
//!
//! ECDSA on P-256 and P-384 and RSA PKCS#1 v1.5 with 2048 to 8192 bits, with SHA-256, SHA-384 and
//! SHA-512. SHA-1 and RSA-PSS are refused.

use jose::PublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::asn1_rs::BitString;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry as known;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::AlgorithmIdentifier;

/// Why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureProblem {
    /// The key of the issuer did not make it.
    Wrong,
    /// It is of an algorithm that is not supported.
    Algorithm,
    /// The issuer's key is not supported.
    Key,
}

/// Whether the key of `issuer` signed `certificate`.
///
/// # Errors
/// Why not, or why nobody can tell.
pub(super) fn is_signed_by(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
) -> Result<(), SignatureProblem> {
    // RFC 5280 section 4.1.1.2: both places must name the same algorithm, and only one is signed.
    let algorithm = &certificate.signature_algorithm;
    if *algorithm != certificate.tbs_certificate.signature {
        return Err(SignatureProblem::Wrong);
    }
    if scheme(algorithm).is_none() {
        return Err(SignatureProblem::Algorithm);
    }
    if PublicKey::from_spki_der(issuer.public_key().raw).is_err() {
        return Err(SignatureProblem::Key);
    }
    let right = verify(algorithm, certificate.tbs_certificate.as_ref(), &certificate.signature_value, issuer);
    right.then_some(()).ok_or(SignatureProblem::Wrong)
}

/// Whether the key of `issuer` signed a revocation list.
pub(super) fn is_list_of(list: &CertificateRevocationList<'_>, issuer: &X509Certificate<'_>) -> bool {
    // RFC 5280 section 5.1.1.2, as above.
    let algorithm = &list.signature_algorithm;
    *algorithm == list.tbs_cert_list.signature
        && verify(algorithm, list.tbs_cert_list.as_ref(), &list.signature_value, issuer)
}

fn verify(
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &BitString<'_>,
    issuer: &X509Certificate<'_>,
) -> bool {
    let Some((scheme, hash)) = scheme(algorithm) else {
        return false;
    };
    if signature.unused_bits != 0 {
        return false;
    }
    let spki = issuer.public_key().raw;
    let signature = signature.data.as_ref();
    match scheme {
        Scheme::Ecdsa => ecdsa(spki, &hash.digest(message), signature),
        Scheme::Rsa => rsa(spki, hash, message, signature),
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Ecdsa,
    Rsa,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// The algorithm, when it is one of ours with the parameters that it must have: none for ECDSA
/// (RFC 5758 section 3.2), NULL for RSA (RFC 4055 section 5).
fn scheme(algorithm: &AlgorithmIdentifier<'_>) -> Option<(Scheme, Hash)> {
    let oid = &algorithm.algorithm;
    let found = if *oid == known::OID_SIG_ECDSA_WITH_SHA256 {
        (Scheme::Ecdsa, Hash::Sha256)
    } else if *oid == known::OID_SIG_ECDSA_WITH_SHA384 {
        (Scheme::Ecdsa, Hash::Sha384)
    } else if *oid == known::OID_SIG_ECDSA_WITH_SHA512 {
        (Scheme::Ecdsa, Hash::Sha512)
    } else if *oid == known::OID_PKCS1_SHA256WITHRSA {
        (Scheme::Rsa, Hash::Sha256)
    } else if *oid == known::OID_PKCS1_SHA384WITHRSA {
        (Scheme::Rsa, Hash::Sha384)
    } else if *oid == known::OID_PKCS1_SHA512WITHRSA {
        (Scheme::Rsa, Hash::Sha512)
    } else {
        return None;
    };
    let parameters = algorithm.parameters();
    let as_required = match found.0 {
        Scheme::Ecdsa => parameters.is_none(),
        Scheme::Rsa => parameters.is_some_and(|any| any.tag().0 == 5 && any.data.is_empty()),
    };
    as_required.then_some(found)
}

fn ecdsa(spki: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(spki) {
        p256::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
    } else if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(spki) {
        p384::ecdsa::Signature::from_der(signature)
            .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
    } else {
        false
    }
}

fn rsa(spki: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    use rsa::signature::Verifier;

    let Ok(key) = rsa::RsaPublicKey::from_public_key_der(spki) else {
        return false;
    };
    // RFC 8017 section 8.2.2 step 1: the signature is as long as the modulus.
    if !(2048..=8192).contains(&key.n().bits()) || signature.len() != key.size() {
        return false;
    }
    let Ok(signature) = Signature::try_from(signature) else {
        return false;
    };
    match hash {
        Hash::Sha256 => VerifyingKey::<Sha256>::new(key).verify(message, &signature),
        Hash::Sha384 => VerifyingKey::<Sha384>::new(key).verify(message, &signature),
        Hash::Sha512 => VerifyingKey::<Sha512>::new(key).verify(message, &signature),
    }
    .is_ok()
}
