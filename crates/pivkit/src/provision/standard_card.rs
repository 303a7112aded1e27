//! A card administered with the standard's commands, and Yubico's where it knows them, over any transport.
//!
//! For every card that is no YubiKey, for the transport `vpcd:`, and for what the crate `yubikey` cannot reach: cards that
//! speak T=0, and YubiKeys that do not give a serial number. One transaction lasts from the first step to the last: the
//! card keeps the PIN and the management key that long, and nobody is asked anything meanwhile.

use piv::{Administration, ObjectId, Pin, Puk, Session, VerifiedSession};
use provision::{
    AdministeredCard, Error, KeyAlgorithm, KeySlot, ManagementKey, ManagementKeyAlgorithm, Object, PinPolicy,
    ReferenceData, Source, TouchPolicy,
};
use zeroize::Zeroizing;

use super::secrets::LastTries;
use super::state::piv_slot;

/// A card in one session, from its selection on.
pub(crate) struct StandardCard<'a> {
    state: State<'a>,
    last_tries: LastTries,
}

enum State<'a> {
    Selected(Session<'a>),
    Verified(VerifiedSession<'a>),
    Open(Administration<VerifiedSession<'a>>),
    /// A step failed that takes the session with it.
    Failed,
}

impl<'a> StandardCard<'a> {
    pub(crate) fn new(session: Session<'a>, last_tries: LastTries) -> Self {
        Self { state: State::Selected(session), last_tries }
    }

    fn session(&mut self) -> Result<&mut Session<'a>, Error> {
        match &mut self.state {
            State::Selected(session) => Ok(session),
            State::Verified(session) => Ok(session),
            State::Open(session) => Ok(&mut **session),
            State::Failed => Err(not_open("a session")),
        }
    }

    fn verified(&mut self) -> Result<&mut VerifiedSession<'a>, Error> {
        match &mut self.state {
            State::Verified(session) => Ok(session),
            State::Open(session) => Ok(session),
            State::Selected(_) | State::Failed => Err(not_open("the PIN")),
        }
    }

    fn open(&mut self) -> Result<&mut Administration<VerifiedSession<'a>>, Error> {
        match &mut self.state {
            State::Open(session) => Ok(session),
            _ => Err(not_open("the management key")),
        }
    }
}

impl AdministeredCard for StandardCard<'_> {
    fn read(&mut self, object: Object) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let contents =
            self.session()?.read_contents(object_id(object)).map_err(|error| translated(error, "reading"))?;
        Ok(contents.map(Zeroizing::new))
    }

    fn write(&mut self, object: Object, contents: &[u8]) -> Result<(), Error> {
        self.open()?
            .put_object(object_id(object), contents)
            .map_err(|error| translated(error, &format!("writing {object}")))
    }

    fn authenticate(&mut self, key: &ManagementKey) -> Result<(), Error> {
        let key = piv_key(key)?;
        let session = match std::mem::replace(&mut self.state, State::Failed) {
            State::Verified(session) => session.authenticate_management(&key),
            State::Open(mut session) => session.authenticate_again(&key).map(|()| session),
            other => {
                self.state = other;
                return Err(not_open("the PIN"));
            }
        };
        self.state = State::Open(session.map_err(|error| translated(error, "the management key"))?);
        Ok(())
    }

    fn store_management_key(&mut self, new: &ManagementKey) -> Result<(), Error> {
        let key = piv_key(new)?;
        let failed = |error| translated(error, "setting the management key");
        self.open()?.put_protected_management_key(&key).map_err(failed)
    }

    fn set_management_key(&mut self, new: &ManagementKey) -> Result<(), Error> {
        let key = piv_key(new)?;
        let session = self.open()?;
        let translated = |error| translated(error, "setting the management key");
        session.set_management_key(piv_algorithm(new.algorithm()), &key, false).map_err(translated)?;
        let mut data = session.admin_data().map_err(translated)?.unwrap_or_default();
        (data.management_key_stored, data.salt) = (true, None);
        session.put_admin_data(&data).map_err(translated)
    }

    fn verify_pin(&mut self, pin: &ReferenceData) -> Result<(), Error> {
        let pin = piv_pin(pin)?;
        let last_try = self.last_tries.pin;
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Selected(session) => {
                self.state = State::Verified(session.verify_pin(&pin, last_try).map_err(|error| code("PIN", error))?);
            }
            other => {
                self.state = other;
                self.verified()?.verify_pin_again(&pin, last_try).map_err(|error| code("PIN", error))?;
            }
        }
        Ok(())
    }

    fn change_pin(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error> {
        let (old, new, last_try) = (piv_pin(old)?, piv_pin(new)?, self.last_tries.pin);
        self.session()?.change_pin(&old, &new, last_try).map_err(|error| code("PIN", error))
    }

    fn change_puk(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error> {
        let (old, new, last_try) = (piv_puk(old)?, piv_puk(new)?, self.last_tries.puk);
        self.session()?.change_puk(&old, &new, last_try).map_err(|error| code("PUK", error))
    }

    fn generate(
        &mut self,
        slot: KeySlot,
        algorithm: KeyAlgorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Result<Vec<u8>, Error> {
        let key =
            self.open()?.generate_key(piv_slot(slot), algorithm_id(algorithm), pin_policy(pin), touch_policy(touch));
        let key = key.map_err(|error| translated(error, &format!("generating a {algorithm} key in slot {slot}")))?;
        Ok(key.to_spki_der())
    }

    fn sign(&mut self, slot: KeySlot, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let what = format!("signing with the key in slot {slot}");
        let hash = if algorithm == KeyAlgorithm::P384 { piv::Hash::Sha384 } else { piv::Hash::Sha256 };
        let session = self.verified()?;
        session.sign(piv_slot(slot), algorithm_id(algorithm), hash, message).map_err(|error| translated(error, &what))
    }

    fn attest(&mut self, slot: KeySlot) -> Result<Vec<u8>, Error> {
        let what = format!("attesting the key in slot {slot}");
        self.session()?.attestation(piv_slot(slot)).map_err(|error| translated(error, &what))
    }
}

fn not_open(what: &str) -> Error {
    Error::NotAuthenticated { what: what.to_owned() }
}

/// The card's refusals that the caller tells apart; everything else keeps the card's error.
fn translated(error: piv::Error, what: &str) -> Error {
    let what = what.to_owned();
    match error {
        piv::Error::CardRemoved(_) => Error::CardRemoved,
        piv::Error::CardReset(_) | piv::Error::Transport(_) => Error::Connection(Source::from(error)),
        piv::Error::WrongManagementKey { .. } | piv::Error::OtherManagementKey { .. } => Error::WrongManagementKey,
        piv::Error::ManagementKeyRequired { .. } | piv::Error::PinRequired { .. } | piv::Error::TouchTimeout { .. } => {
            Error::NotAuthenticated { what }
        }
        piv::Error::NoKey { .. } => Error::NoSuchKey { what, source: Source::from(error) },
        piv::Error::NotSupported { .. } | piv::Error::NotAttested { .. } => Error::NotSupported { what },
        piv::Error::Malformed { .. } => Error::Malformed { what: "an answer", source: Some(Source::from(error)) },
        error => Error::Refused { what, source: Source::from(error) },
    }
}

/// The same for PIN and PUK.
fn code(which: &'static str, error: piv::Error) -> Error {
    match error {
        piv::Error::WrongPin { retries_left } | piv::Error::WrongPuk { retries_left } => {
            Error::WrongReference { which, retries_left }
        }
        piv::Error::PinBlocked | piv::Error::PukBlocked => Error::Blocked { which },
        error => translated(error, &format!("the {which}")),
    }
}

fn unfit(error: piv::Error) -> Error {
    Error::Refused { what: "what was given".to_owned(), source: Source::from(error) }
}

fn piv_key(key: &ManagementKey) -> Result<piv::ManagementKey, Error> {
    piv::ManagementKey::new(Zeroizing::new(key.as_bytes().to_vec())).map_err(unfit)
}

fn piv_algorithm(algorithm: ManagementKeyAlgorithm) -> piv::ManagementAlgorithm {
    match algorithm {
        ManagementKeyAlgorithm::TripleDes => piv::ManagementAlgorithm::TripleDes,
        ManagementKeyAlgorithm::Aes128 => piv::ManagementAlgorithm::Aes128,
        ManagementKeyAlgorithm::Aes192 => piv::ManagementAlgorithm::Aes192,
        ManagementKeyAlgorithm::Aes256 => piv::ManagementAlgorithm::Aes256,
    }
}

fn piv_pin(pin: &ReferenceData) -> Result<Pin, Error> {
    Pin::new(std::str::from_utf8(pin.as_bytes()).unwrap_or_default()).map_err(unfit)
}

fn piv_puk(puk: &ReferenceData) -> Result<Puk, Error> {
    Puk::new(std::str::from_utf8(puk.as_bytes()).unwrap_or_default()).map_err(unfit)
}

fn object_id(object: Object) -> ObjectId {
    match object {
        Object::Chuid => ObjectId::Chuid,
        Object::Ccc => ObjectId::Ccc,
        Object::Certificate(slot) => ObjectId::Certificate(piv_slot(slot)),
        Object::AdminData => ObjectId::AdminData,
        Object::Printed => ObjectId::Printed,
        Object::AttestationCertificate => ObjectId::AttestationCertificate,
    }
}

fn algorithm_id(algorithm: KeyAlgorithm) -> piv::AlgorithmId {
    match algorithm {
        KeyAlgorithm::Rsa2048 => piv::AlgorithmId::Rsa2048,
        KeyAlgorithm::Rsa3072 => piv::AlgorithmId::Rsa3072,
        KeyAlgorithm::Rsa4096 => piv::AlgorithmId::Rsa4096,
        KeyAlgorithm::P256 => piv::AlgorithmId::EccP256,
        KeyAlgorithm::P384 => piv::AlgorithmId::EccP384,
    }
}

pub(crate) fn pin_policy(policy: PinPolicy) -> piv::PinPolicy {
    match policy {
        PinPolicy::Default => piv::PinPolicy::Default,
        PinPolicy::Never => piv::PinPolicy::Never,
        PinPolicy::Once => piv::PinPolicy::Once,
        PinPolicy::Always => piv::PinPolicy::Always,
    }
}

pub(crate) fn touch_policy(policy: TouchPolicy) -> piv::TouchPolicy {
    match policy {
        TouchPolicy::Default => piv::TouchPolicy::Default,
        TouchPolicy::Never => piv::TouchPolicy::Never,
        TouchPolicy::Always => piv::TouchPolicy::Always,
        TouchPolicy::Cached => piv::TouchPolicy::Cached,
    }
}
