//! Keys of Curve25519 as files and in certificates (RFC 8410), which the crates of the curve leave to others.
//!
//! ```text
//! PKCS#8   SEQUENCE { 0, SEQUENCE { OID }, OCTET STRING { OCTET STRING { 32 bytes } } }
//! SPKI     SEQUENCE { SEQUENCE { OID }, BIT STRING { 32 bytes } }
//! ```

use const_oid::ObjectIdentifier;
use der::asn1::{BitStringRef, OctetStringRef};
use der::pem::LineEnding;
use der::{Decode, Encode};
use rsa::pkcs8::PrivateKeyInfoRef;
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use crate::{Algorithm, Error, Source};

/// id-X25519 (RFC 8410, 3).
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// id-Ed25519 (RFC 8410, 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

fn identifier(algorithm: Algorithm) -> AlgorithmIdentifierRef<'static> {
    let oid = if algorithm == Algorithm::X25519 { X25519 } else { ED25519 };
    AlgorithmIdentifierRef { oid, parameters: None }
}

/// The key in a PKCS#8 file, if it is one of this curve.
pub(crate) fn read_pkcs8(der: &[u8]) -> Option<(Algorithm, Zeroizing<[u8; 32]>)> {
    let info = PrivateKeyInfoRef::from_der(der).ok()?;
    let algorithm = match info.algorithm.oid {
        X25519 => Algorithm::X25519,
        ED25519 => Algorithm::Ed25519,
        _ => return None,
    };
    let seed = <&OctetStringRef>::from_der(info.private_key.as_bytes()).ok()?;
    Some((algorithm, Zeroizing::new(seed.as_bytes().try_into().ok()?)))
}

/// The key as PKCS#8 in PEM.
pub(crate) fn pkcs8_pem(algorithm: Algorithm, seed: &[u8; 32]) -> Result<Zeroizing<String>, Error> {
    let failed = |source: Source| Error::Issue { what: "a key file", source };
    let encode = || -> der::Result<Zeroizing<Vec<u8>>> {
        let inner = Zeroizing::new(OctetStringRef::new(seed)?.to_der()?);
        PrivateKeyInfoRef::new(identifier(algorithm), OctetStringRef::new(&inner)?).to_der().map(Zeroizing::new)
    };
    let der = encode().map_err(|error| failed(error.into()))?;
    let pem = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &der);
    pem.map(Zeroizing::new).map_err(|error| failed(error.into()))
}

/// A public key as a SubjectPublicKeyInfo in DER.
pub(crate) fn spki(algorithm: Algorithm, key: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let failed = |source: der::Error| Error::Issue { what: "a public key", source: source.into() };
    let subject_public_key = BitStringRef::from_bytes(key).map_err(failed)?;
    let info = SubjectPublicKeyInfoRef { algorithm: identifier(algorithm), subject_public_key };
    info.to_der().map_err(failed)
}
