//! A certificate or a request that waits for its signature.
//!
//! ```text
//! SEQUENCE { message, AlgorithmIdentifier, BIT STRING signature }
//! ```
//!
//! Both have this form (RFC 5280, 4.1 and RFC 2986, 4.2). The signature is SHA-256 with RSA (PKCS#1 v1.5), or ECDSA with
//! SHA-256 on P-256 and with SHA-384 on P-384.

use der::asn1::{AnyRef, BitStringRef, Null, ObjectIdentifier};
use der::{Decode, Document, Encode, Sequence};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, DynSignatureAlgorithmIdentifier, EncodePublicKey};

use crate::{Error, KeyAlgorithm};

/// A certificate or a request without its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    form: Form,
    message: Vec<u8>,
    algorithm: KeyAlgorithm,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Certificate,
    Request,
}

impl Unsigned {
    pub(crate) fn new(form: Form, message: Vec<u8>, algorithm: KeyAlgorithm) -> Self {
        Self { form, message, algorithm }
    }

    /// What the card is to sign.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The kind of the key that is to sign.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The whole thing in DER. Whether the signature is right is not checked here. `signature` is as long as the
    /// modulus for RSA, and in DER for ECDSA.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`].
    pub fn signed(&self, signature: &[u8]) -> Result<Vec<u8>, Error> {
        #[derive(Sequence)]
        struct Signed<'a> {
            message: AnyRef<'a>,
            algorithm: AlgorithmIdentifierRef<'a>,
            signature: BitStringRef<'a>,
        }
        let signed = Signed {
            message: AnyRef::from_der(&self.message).map_err(Error::certificate)?,
            algorithm: signature_algorithm(self.algorithm),
            signature: BitStringRef::from_bytes(signature).map_err(Error::certificate)?,
        };
        signed.to_der().map_err(Error::certificate)
    }

    /// What `signed` gives, as PEM: `CERTIFICATE` or `CERTIFICATE REQUEST` (RFC 7468).
    ///
    /// # Errors
    ///
    /// As [`signed`](Self::signed).
    pub fn signed_pem(&self, signature: &[u8]) -> Result<String, Error> {
        let label = match self.form {
            Form::Certificate => "CERTIFICATE",
            Form::Request => "CERTIFICATE REQUEST",
        };
        der::pem::encode_string(label, der::pem::LineEnding::LF, &self.signed(signature)?).map_err(Error::certificate)
    }
}

/// The key on the card, as far as the builder has to know it.
pub(crate) struct CardKey {
    public_key: CardPublicKey,
    algorithm: KeyAlgorithm,
}

/// A SubjectPublicKeyInfo in DER.
#[derive(Clone)]
pub(crate) struct CardPublicKey(Document);

impl CardKey {
    pub(crate) fn new(public_key: &[u8], algorithm: KeyAlgorithm) -> Result<Self, Error> {
        let document = Document::from_der(public_key).map_err(Error::certificate)?;
        Ok(Self { public_key: CardPublicKey(document), algorithm })
    }
}

impl EncodePublicKey for CardPublicKey {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(self.0.clone())
    }
}

impl signature::Keypair for CardKey {
    type VerifyingKey = CardPublicKey;

    fn verifying_key(&self) -> CardPublicKey {
        self.public_key.clone()
    }
}

impl DynSignatureAlgorithmIdentifier for CardKey {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        let algorithm = signature_algorithm(self.algorithm);
        Ok(AlgorithmIdentifierOwned { oid: algorithm.oid, parameters: algorithm.parameters.map(der::asn1::Any::from) })
    }
}

/// RFC 4055, 5 (with NULL) and RFC 5758, 3.2 (without parameters).
fn signature_algorithm(key: KeyAlgorithm) -> AlgorithmIdentifierRef<'static> {
    match key {
        KeyAlgorithm::P256 => AlgorithmIdentifierRef { oid: ECDSA_WITH_SHA256, parameters: None },
        KeyAlgorithm::P384 => AlgorithmIdentifierRef { oid: ECDSA_WITH_SHA384, parameters: None },
        _ => AlgorithmIdentifierRef { oid: SHA256_WITH_RSA, parameters: Some(AnyRef::from(Null)) },
    }
}

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
