//! `pivkit card sign`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use piv::{AlgorithmId, Hash, LastTry, Metadata, Pin, Session, Slot};

use super::in_doubt;
use crate::choice::connect_one;
use crate::error::Change;
use crate::report::{SCHEMA_VERSION, SignatureReport};
use crate::scan;
use crate::session::in_session;
use crate::signer::algorithm_id;
use crate::transport::CardReaders;
use crate::{CardChoice, Error, Ui};

/// The algorithm of a signature, by its name in JOSE (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// Not the name of a signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the algorithms are RS256, RS384, RS512, ES256, ES384 and EdDSA")]
pub struct InvalidSignatureAlgorithm;

/// What `pivkit card sign` was asked.
#[derive(Clone, Debug)]
pub struct SignRequest {
    /// Which card.
    pub card: CardChoice,
    /// The slot of the key.
    pub slot: Slot,
    /// The algorithm; without it, the card is asked for its key, which takes one or two commands more.
    pub algorithm: Option<SignatureAlgorithm>,
    /// What is signed, whole.
    pub message: Vec<u8>,
    /// Whether the last try may be used.
    pub last_try: LastTry,
}

/// Signs with the key in a slot. With the algorithm given and extended length it takes at most five commands: SELECT, the
/// discovery object, the retry counter, VERIFY, GENERAL AUTHENTICATE; with an RSA key that has not 2048 bits, one more for each
/// length that is tried. The key in 9E is used without a PIN where it lets itself be.
///
/// # Errors
///
/// [`Error::Card`] with the errors of a PIN and of [`piv::VerifiedSession::sign`]; [`Error::Algorithm`] if the key cannot sign
/// with the algorithm; [`Error::EmptySlot`] if the key is not known; those of choosing a card.
pub fn sign(readers: &mut CardReaders, request: &SignRequest, ui: &mut dyn Ui) -> Result<SignatureReport, Error> {
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let mut plan = None;
    if request.slot == Slot::CardAuthentication {
        let signed = in_session(&mut card, |mut session| {
            let (algorithm, key, others) = planned(&mut session, &reader, request, &mut plan)?;
            match first_that_fits(key, others, |key| {
                session.sign_without_pin(request.slot, key, algorithm.hash(), &request.message)
            }) {
                Err(piv::Error::PinRequired { .. }) => Ok(None),
                signed => Ok(Some((algorithm, signed.map_err(in_reader)?))),
            }
        })?;
        if let Some((algorithm, (key, signature))) = signed {
            return Ok(report(reader, request.slot, algorithm, key, &signature));
        }
    }
    let pin = match ui.pin_at_hand()? {
        Some(pin) => pin,
        None => ui.pin(&reader)?,
    };
    let signed = in_session(&mut card, |mut session| {
        let (algorithm, key, others) = planned(&mut session, &reader, request, &mut plan)?;
        let signed = with_pin(session, request, &pin, algorithm, key, others).map_err(in_reader)?;
        Ok((algorithm, signed))
    });
    let (algorithm, (key, signature)) = signed.map_err(|error| in_doubt(error, card.pin_was_sent(), Change::Try))?;
    Ok(report(reader, request.slot, algorithm, key, &signature))
}

/// The algorithm, the key that it needs, and what other keys it could be.
type Plan = (SignatureAlgorithm, AlgorithmId, &'static [AlgorithmId]);

fn planned(
    session: &mut Session<'_>,
    reader: &str,
    request: &SignRequest,
    plan: &mut Option<Plan>,
) -> Result<Plan, Error> {
    if let Some(plan) = plan {
        return Ok(*plan);
    }
    let new = match request.algorithm {
        Some(algorithm) => {
            let (key, others) = algorithm.keys();
            (algorithm, key, others)
        }
        None => {
            let key = key_in_slot(session, reader, request.slot)?;
            let unfit = || Error::Algorithm { key: key.to_string(), algorithm: "a signature".to_owned() };
            (SignatureAlgorithm::of(key).ok_or_else(unfit)?, key, &[][..])
        }
    };
    Ok(*plan.insert(new))
}

/// The algorithm of the key in a slot: by its metadata where the card has such, else by its certificate.
fn key_in_slot(session: &mut Session<'_>, reader: &str, slot: Slot) -> Result<AlgorithmId, Error> {
    let in_reader = |source| Error::Card { reader: reader.to_owned(), source };
    match session.key_metadata(slot) {
        Err(source) if source.ends_session() => return Err(in_reader(source)),
        Ok(Metadata::Present(piv::KeyMetadata { algorithm: Some(algorithm), .. })) => return Ok(algorithm),
        Ok(Metadata::Absent) => return Err(Error::EmptySlot { slot }),
        _ => {}
    }
    let found = scan::read_slot(session, slot, None).map_err(|error| error.in_reader(reader))?;
    let found = found.ok_or(Error::EmptySlot { slot })?;
    let key = found.identity.certificate.public_key().algorithm();
    let unfit = || Error::Algorithm { key: key.to_string(), algorithm: "a PIV card".to_owned() };
    algorithm_id(key).ok_or_else(unfit)
}

fn with_pin(
    session: Session<'_>,
    request: &SignRequest,
    pin: &Pin,
    algorithm: SignatureAlgorithm,
    key: AlgorithmId,
    others: &[AlgorithmId],
) -> Result<(AlgorithmId, Vec<u8>), piv::Error> {
    let mut session = session.verify_pin(pin, request.last_try)?;
    let mut first = true;
    first_that_fits(key, others, |key| {
        // A command came between the PIN and the key, which 9C does not forgive, and other slots only by their policy; the PIN
        // is known to be right by now.
        let again = !std::mem::take(&mut first);
        if again && request.slot == Slot::Signature {
            session.verify_pin_again(pin, request.last_try)?;
        }
        match session.sign(request.slot, key, algorithm.hash(), &request.message) {
            Err(piv::Error::PinRequired { .. }) if again => {
                session.verify_pin_again(pin, request.last_try)?;
                session.sign(request.slot, key, algorithm.hash(), &request.message)
            }
            signed => signed,
        }
    })
}

/// Signs with `key`, or with the first of `others` that the slot holds. A card refuses a wrong length without harm.
fn first_that_fits(
    key: AlgorithmId,
    others: &[AlgorithmId],
    mut sign: impl FnMut(AlgorithmId) -> Result<Vec<u8>, piv::Error>,
) -> Result<(AlgorithmId, Vec<u8>), piv::Error> {
    let refused = match sign(key) {
        Err(error @ piv::Error::NoKey { .. }) => error,
        result => return result.map(|signature| (key, signature)),
    };
    for key in others.iter().copied() {
        match sign(key) {
            Err(piv::Error::NoKey { .. }) => {}
            result => return result.map(|signature| (key, signature)),
        }
    }
    Err(refused)
}

fn report(
    reader: String,
    slot: Slot,
    algorithm: SignatureAlgorithm,
    key: AlgorithmId,
    signature: &[u8],
) -> SignatureReport {
    SignatureReport {
        schema_version: SCHEMA_VERSION,
        reader,
        slot: slot.to_string(),
        algorithm: algorithm.to_string(),
        key: key.to_string(),
        signature: STANDARD.encode(signature),
    }
}

impl SignatureReport {
    /// The signature as it is.
    #[must_use]
    pub fn signature_bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.signature).unwrap_or_default()
    }
}

impl SignatureAlgorithm {
    const ALL: [Self; 6] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::EdDsa];

    /// The key that the algorithm most likely means, and the others that it may mean.
    fn keys(self) -> (AlgorithmId, &'static [AlgorithmId]) {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => {
                (AlgorithmId::Rsa2048, &[AlgorithmId::Rsa3072, AlgorithmId::Rsa4096, AlgorithmId::Rsa1024])
            }
            Self::Es256 => (AlgorithmId::EccP256, &[]),
            Self::Es384 => (AlgorithmId::EccP384, &[]),
            Self::EdDsa => (AlgorithmId::Ed25519, &[]),
        }
    }

    /// What a key signs with when nobody says; `None` for one that signs nothing.
    fn of(key: AlgorithmId) -> Option<Self> {
        match key {
            AlgorithmId::EccP256 => Some(Self::Es256),
            AlgorithmId::EccP384 => Some(Self::Es384),
            AlgorithmId::Ed25519 => Some(Self::EdDsa),
            AlgorithmId::X25519 => None,
            _ => Some(Self::Rs256),
        }
    }

    fn hash(self) -> Hash {
        match self {
            Self::Rs256 | Self::Es256 | Self::EdDsa => Hash::Sha256,
            Self::Rs384 | Self::Es384 => Hash::Sha384,
            Self::Rs512 => Hash::Sha512,
        }
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = InvalidSignatureAlgorithm;

    fn from_str(text: &str) -> Result<Self, InvalidSignatureAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.to_string() == text).ok_or(InvalidSignatureAlgorithm)
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        })
    }
}
