//! A YubiKey over PC/SC, through the crate `yubikey`.
//!
//! It opens a connection of its own: nobody else in this process may hold one to the same card meanwhile. It knows no
//! transport but PC/SC, and only cards that speak T=1 and answer GET VERSION and GET SERIAL.
//!
//! What the crate (0.9.0-rc.0) does not do, and who does it instead:
//!
//! - It sets the management key before it stores it. Here the key is stored and read back first, and the crate's own
//!   `set_protected` then finds it there. See [`protected`].
//! - Its CHUID and CCC are read and written at fixed offsets, with an expiry in 2030: the caller builds the contents, the
//!   crate only writes them.
//! - Its certificates take no key usage for each slot and go to the card unchecked: [`Unsigned`](crate::Unsigned).
//! - It signs a digest with Ed25519 where the whole message belongs; no such key is generated here.
//! - It reads retry counters by selecting the application anew, reads no compressed certificate, and takes any failure to
//!   read one for an empty slot: the caller reads a card's state by other means before this is opened.
//! - It panics on some short answers, and reads an answer without end for ever: every call is [guarded], on a thread of its
//!   own that is left to itself when its time is over.

use std::ffi::CString;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256, Sha384};
use yubikey::certificate::yubikey_signer::{KeyType, Rsa2048, Rsa3072, Rsa4096, YubiRsa};
use yubikey::piv::{self, AlgorithmId, SlotId};
use yubikey::{Context, MgmAlgorithmId, MgmKey, YubiKey};
use zeroize::Zeroizing;

use crate::guard::guarded;
use crate::{
    AdministeredCard, Error, KeyAlgorithm, KeySlot, ManagementKey, ManagementKeyAlgorithm, Object, PinPolicy,
    ReferenceData, TouchPolicy, protected,
};

/// A YubiKey that this process has connected to. When it is dropped the card is reset, so that the PIN and the
/// management key are no longer in force.
pub struct YubiKeyCard {
    /// None once a call took too long: the thread that made it has it.
    yubikey: Option<YubiKey>,
    reader: String,
    serial: u32,
    version: (u8, u8, u8),
}

impl YubiKeyCard {
    /// Connects to the YubiKey in `reader`, whose name is as PC/SC gives it.
    ///
    /// # Errors
    ///
    /// [`Error::CardRemoved`] if there is none any more, [`Error::Connection`] if the card is no YubiKey, another program
    /// holds it, or PC/SC fails.
    pub fn open(reader: &str) -> Result<Self, Error> {
        let open = || -> yubikey::Result<Option<YubiKey>> {
            let mut context = Context::open()?;
            let named = context.iter()?.find(|candidate| candidate.name() == reader);
            named.map(|found| found.open()).transpose()
        };
        match guarded(open) {
            Some(Ok(Some(yubikey))) => {
                let version = yubikey.version();
                Ok(Self {
                    reader: reader.to_owned(),
                    serial: yubikey.serial().0,
                    version: (version.major, version.minor, version.patch),
                    yubikey: Some(yubikey),
                })
            }
            Some(Ok(None)) => Err(Error::CardRemoved),
            Some(Err(error)) if is_removed(error) => Err(Error::CardRemoved),
            Some(Err(error)) => Err(Error::Connection(error.into())),
            None => Err(malformed("the version")),
        }
    }

    /// The serial number.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The firmware: major, minor, patch.
    #[must_use]
    pub fn version(&self) -> (u8, u8, u8) {
        self.version
    }

    /// Makes a call of the crate; `None` if it panicked.
    ///
    /// # Errors
    ///
    /// [`Error::Connection`] if it does not end in time, or an earlier one did not.
    fn run<T: Send + 'static>(
        &mut self,
        limit: Duration,
        call: impl FnOnce(&mut YubiKey) -> T + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let too_late = || Error::Connection("the card does not come to an end of its answer".into());
        let mut yubikey = self.yubikey.take().ok_or_else(too_late)?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let result = guarded(|| call(&mut yubikey));
            // Nobody waits for it any more if it took too long.
            let _ = sender.send((yubikey, result));
        });
        let (yubikey, result) = receiver.recv_timeout(limit).map_err(|_| too_late())?;
        self.yubikey = Some(yubikey);
        Ok(result)
    }

    fn call<T: Send + 'static>(
        &mut self,
        limit: Duration,
        what: impl Fn() -> String,
        call: impl FnOnce(&mut YubiKey) -> yubikey::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        match self.run(limit, call)? {
            Some(result) => result.map_err(|error| self.settled(translated(error, what()))),
            None => Err(self.settled(malformed("an answer"))),
        }
    }

    /// Whether an error that could be anything is in truth a card that is gone: the crate takes the empty answer, which
    /// readers give for a card that was just pulled, for a refusal.
    fn settled(&self, error: Error) -> Error {
        let unclear = matches!(error, Error::Refused { .. } | Error::Malformed { .. } | Error::Connection(_));
        if unclear && has_left(&self.reader) { Error::CardRemoved } else { error }
    }

    fn change(
        &mut self,
        which: &'static str,
        call: impl FnOnce(&mut YubiKey) -> yubikey::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        match self.run(CALL_LIMIT, call)? {
            Some(Ok(())) => Ok(()),
            Some(Err(yubikey::Error::WrongPin { tries: 0 } | yubikey::Error::PinLocked)) => {
                Err(Error::Blocked { which })
            }
            Some(Err(yubikey::Error::WrongPin { tries })) => {
                Err(Error::WrongReference { which, retries_left: Some(tries) })
            }
            Some(Err(error)) => Err(self.settled(translated(error, format!("the {which}")))),
            None => Err(self.settled(malformed("the answer to a PIN or PUK"))),
        }
    }
}

impl AdministeredCard for YubiKeyCard {
    fn read(&mut self, object: Object) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match self.run(CALL_LIMIT, move |yubikey| yubikey.fetch_object(object.tag()))? {
            Some(Ok(contents)) => Ok(Some(contents).filter(|contents| !contents.is_empty())),
            Some(Err(yubikey::Error::NotFound)) => Ok(None),
            Some(Err(error)) => Err(self.settled(translated(error, format!("reading {object}")))),
            None => Err(self.settled(malformed("an object"))),
        }
    }

    fn write(&mut self, object: Object, contents: &[u8]) -> Result<(), Error> {
        let mut contents = Zeroizing::new(contents.to_vec());
        self.call(
            CALL_LIMIT,
            || format!("writing {object}"),
            move |yubikey| yubikey.save_object(object.tag(), &mut contents),
        )
    }

    fn authenticate(&mut self, key: &ManagementKey) -> Result<(), Error> {
        let key = mgm_key(key)?;
        match self.run(CALL_LIMIT, move |yubikey| yubikey.authenticate(&key))? {
            Some(Ok(())) => Ok(()),
            Some(Err(yubikey::Error::AuthenticationError | yubikey::Error::SizeError)) => {
                // The crate says so of every answer that is no success.
                let gone = self.settled(malformed("the answer to the management key"));
                Err(if matches!(gone, Error::CardRemoved) { gone } else { Error::WrongManagementKey })
            }
            Some(Err(error)) => Err(self.settled(translated(error, "the management key".to_owned()))),
            None => Err(self.settled(malformed("the answer to the management key"))),
        }
    }

    fn store_management_key(&mut self, new: &ManagementKey) -> Result<(), Error> {
        self.write(Object::Printed, &protected::contents(new.as_bytes()))
    }

    fn set_management_key(&mut self, new: &ManagementKey) -> Result<(), Error> {
        let key = mgm_key(new)?;
        self.call(CALL_LIMIT, || "setting the management key".to_owned(), move |yubikey| key.set_protected(yubikey))
    }

    fn verify_pin(&mut self, pin: &ReferenceData) -> Result<(), Error> {
        let pin = copy(pin);
        self.change("PIN", move |yubikey| yubikey.verify_pin(&pin))
    }

    fn change_pin(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error> {
        let (old, new) = (copy(old), copy(new));
        self.change("PIN", move |yubikey| yubikey.change_pin(&old, &new))
    }

    fn change_puk(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error> {
        let (old, new) = (copy(old), copy(new));
        self.change("PUK", move |yubikey| yubikey.change_puk(&old, &new))
    }

    fn generate(
        &mut self,
        slot: KeySlot,
        algorithm: KeyAlgorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Result<Vec<u8>, Error> {
        let what = || format!("generating a key of type {algorithm} in slot {slot}");
        let (pin, touch) = (pin_policy(pin), touch_policy(touch));
        let key = self.call(KEY_LIMIT, what, move |yubikey| {
            piv::generate(yubikey, slot_id(slot), algorithm_id(algorithm), pin, touch)
        })?;
        der::Encode::to_der(&key)
            .map_err(|error| Error::Malformed { what: "the public key", source: Some(error.into()) })
    }

    fn sign(&mut self, slot: KeySlot, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        let input = match algorithm {
            KeyAlgorithm::Rsa2048 => <YubiRsa<Rsa2048> as KeyType>::prepare(message),
            KeyAlgorithm::Rsa3072 => <YubiRsa<Rsa3072> as KeyType>::prepare(message),
            KeyAlgorithm::Rsa4096 => <YubiRsa<Rsa4096> as KeyType>::prepare(message),
            KeyAlgorithm::P256 => Ok(Sha256::digest(message).to_vec()),
            KeyAlgorithm::P384 => Ok(Sha384::digest(message).to_vec()),
        };
        let input = input.map_err(|error| Error::Certificate(error.into()))?;
        let what = || format!("signing with the key in slot {slot}");
        let signature = self.call(CALL_LIMIT, what, move |yubikey| {
            piv::sign_data(yubikey, &input, algorithm_id(algorithm), slot_id(slot))
        })?;
        Ok(signature.to_vec())
    }

    fn attest(&mut self, slot: KeySlot) -> Result<Vec<u8>, Error> {
        match self.run(CALL_LIMIT, move |yubikey| piv::attest(yubikey, slot_id(slot)))? {
            Some(Ok(certificate)) => Ok(certificate.to_vec()),
            // The crate does not say whether the key was imported or the slot is empty.
            Some(Err(yubikey::Error::NotSupported | yubikey::Error::GenericError)) => {
                let gone = self.settled(malformed("the attestation"));
                let unable = Error::NotSupported { what: format!("attest the key in slot {slot}") };
                Err(if matches!(gone, Error::CardRemoved) { gone } else { unable })
            }
            Some(Err(error)) => Err(self.settled(translated(error, format!("attesting the key in slot {slot}")))),
            None => Err(self.settled(malformed("the attestation"))),
        }
    }
}

/// Asks the PC/SC service whether the card has left the reader, and gives it time to notice.
fn has_left(reader: &str) -> bool {
    let Ok(reader) = CString::new(reader) else { return false };
    let Ok(context) = pcsc::Context::establish(pcsc::Scope::User) else { return true };
    let mut states = [pcsc::ReaderState::new(reader, pcsc::State::PRESENT)];
    let deadline = Instant::now() + TIME_TO_NOTICE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match context.get_status_change(left, &mut states) {
            Ok(()) => {}
            Err(pcsc::Error::Timeout) => return false,
            Err(_) => return true,
        }
        let [state] = &mut states;
        if !state.event_state().contains(pcsc::State::PRESENT) || left.is_zero() {
            return !state.event_state().contains(pcsc::State::PRESENT);
        }
        state.sync_current_state();
    }
}

/// How long one call may take; somebody may have to touch the card.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// How long making a key may take. YubiKeys have been seen to need more than a minute for RSA with 4096 bits.
const KEY_LIMIT: Duration = Duration::from_secs(300);

/// For a thread of its own.
fn copy(secret: &ReferenceData) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.as_bytes().to_vec())
}

/// How long the service may take to notice that a card was pulled.
const TIME_TO_NOTICE: Duration = Duration::from_secs(1);

fn malformed(what: &'static str) -> Error {
    Error::Malformed { what, source: None }
}

fn is_removed(error: yubikey::Error) -> bool {
    use pcsc::Error::{NoSmartcard, ReaderUnavailable, RemovedCard, UnknownReader};
    matches!(
        error,
        yubikey::Error::PcscError { inner: Some(RemovedCard | NoSmartcard | ReaderUnavailable | UnknownReader) }
    )
}

fn translated(error: yubikey::Error, what: String) -> Error {
    match error {
        error if is_removed(error) => Error::CardRemoved,
        yubikey::Error::PcscError { .. } => Error::Connection(error.into()),
        yubikey::Error::AuthenticationError => Error::NotAuthenticated { what },
        yubikey::Error::NotSupported | yubikey::Error::AlgorithmError => Error::NotSupported { what },
        yubikey::Error::ParseError | yubikey::Error::SizeError | yubikey::Error::InvalidObject => {
            Error::Malformed { what: "an answer", source: Some(error.into()) }
        }
        error => Error::Refused { what, source: error.into() },
    }
}

fn mgm_key(key: &ManagementKey) -> Result<MgmKey, Error> {
    let algorithm = match key.algorithm() {
        ManagementKeyAlgorithm::TripleDes => MgmAlgorithmId::ThreeDes,
        ManagementKeyAlgorithm::Aes128 => MgmAlgorithmId::Aes128,
        ManagementKeyAlgorithm::Aes192 => MgmAlgorithmId::Aes192,
        ManagementKeyAlgorithm::Aes256 => MgmAlgorithmId::Aes256,
    };
    MgmKey::from_bytes(key.as_bytes(), Some(algorithm)).map_err(|_| Error::WrongManagementKey)
}

fn slot_id(slot: KeySlot) -> SlotId {
    match slot {
        KeySlot::Authentication => SlotId::Authentication,
        KeySlot::KeyManagement => SlotId::KeyManagement,
    }
}

fn algorithm_id(algorithm: KeyAlgorithm) -> AlgorithmId {
    match algorithm {
        KeyAlgorithm::Rsa2048 => AlgorithmId::Rsa2048,
        KeyAlgorithm::Rsa3072 => AlgorithmId::Rsa3072,
        KeyAlgorithm::Rsa4096 => AlgorithmId::Rsa4096,
        KeyAlgorithm::P256 => AlgorithmId::EccP256,
        KeyAlgorithm::P384 => AlgorithmId::EccP384,
    }
}

fn pin_policy(policy: PinPolicy) -> yubikey::PinPolicy {
    match policy {
        PinPolicy::Default => yubikey::PinPolicy::Default,
        PinPolicy::Never => yubikey::PinPolicy::Never,
        PinPolicy::Once => yubikey::PinPolicy::Once,
        PinPolicy::Always => yubikey::PinPolicy::Always,
    }
}

fn touch_policy(policy: TouchPolicy) -> yubikey::TouchPolicy {
    match policy {
        TouchPolicy::Default => yubikey::TouchPolicy::Default,
        TouchPolicy::Never => yubikey::TouchPolicy::Never,
        TouchPolicy::Always => yubikey::TouchPolicy::Always,
        TouchPolicy::Cached => yubikey::TouchPolicy::Cached,
    }
}
