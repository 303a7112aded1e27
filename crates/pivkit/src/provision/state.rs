//! How a card stands before anything is changed: read without PIN and management key.

use identity::{Certificate, PublicKey};
use piv::{AdminData, ManagementAlgorithm, Metadata, ObjectId, PinMetadata, PinStatus, Session};
use provision::KeySlot;
use smartcard::StatusWord;

/// What is on a card, as far as provisioning is concerned.
#[derive(Clone, Debug)]
pub(crate) struct CardState {
    /// The answer to reset says that it is a YubiKey.
    pub(crate) is_yubikey: bool,
    /// The firmware of a card that keeps Yubico's administration data.
    pub(crate) version: Option<piv::Version>,
    pub(crate) serial: Option<u32>,
    pub(crate) pin: CodeState,
    pub(crate) puk: CodeState,
    pub(crate) management_key: ManagementKeyState,
    pub(crate) admin_data: AdminData,
    pub(crate) chuid: ChuidState,
    pub(crate) has_ccc: bool,
    pub(crate) authentication: SlotState,
    pub(crate) key_management: SlotState,
}

/// A PIN or a PUK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeState {
    /// Whether it is the factory's, if the card says.
    pub(crate) is_factory: Option<bool>,
    /// How many tries are left, if the card says.
    pub(crate) tries_left: Option<u8>,
    /// What the card said when it did not say how many tries are left.
    pub(crate) untold: Option<StatusWord>,
}

/// The management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ManagementKeyState {
    /// It is the factory's.
    pub(crate) is_factory: bool,
    /// Its cipher, if the card says or the factory's key has told.
    pub(crate) algorithm: Option<ManagementAlgorithm>,
}

/// The CHUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChuidState {
    /// There is none.
    Absent,
    /// It has no GUID, or one of zeros.
    Nameless,
    /// There is something that cannot be read.
    Unreadable,
    /// It names the card.
    Named([u8; 16]),
}

/// One of the two slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotState {
    pub(crate) key: KeyState,
    pub(crate) trial: Trial,
    pub(crate) certificate: CertificateState,
}

/// A key, as far as the card tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// The card does not tell.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// There is one.
    Present(PresentKey),
}

/// What using a key showed on a card that does not tell of it, and has no certificate for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// There is none, or nothing had to be tried.
    #[default]
    NoKey,
    /// There is one.
    Key,
    /// The card answers alike whether there is one or not.
    Unclear,
}

/// A key that the card tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresentKey {
    /// SubjectPublicKeyInfo in DER, if the card gives it.
    pub(crate) public_key: Option<Vec<u8>>,
    pub(crate) pin_policy: Option<piv::PinPolicy>,
    pub(crate) touch_policy: Option<piv::TouchPolicy>,
}

/// What is in the certificate object of a slot.
#[derive(Clone, Debug, Default)]
pub(crate) enum CertificateState {
    /// Nothing.
    #[default]
    Absent,
    /// Something that is no certificate.
    Unreadable,
    /// A certificate.
    Present(Box<Certificate>),
}

impl CertificateState {
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn present(&self) -> Option<&Certificate> {
        match self {
            Self::Present(certificate) => Some(certificate),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

impl CardState {
    /// Reads it: two sessions, no PIN. The factory's management key is tried where the card does not say whether it has it;
    /// a wrong one costs nothing.
    ///
    /// # Errors
    ///
    /// [`piv::Error::NotPiv`], [`piv::Error::Malformed`] for the administration data, or that of a lost connection.
    pub(crate) fn read(card: &mut piv::Card) -> Result<Self, piv::Error> {
        let is_yubikey = piv::is_yubikey(card.atr());
        let mut state = Self::read_in(&mut card.session()?, is_yubikey)?;
        if state.management_key.algorithm.is_none() {
            match card.session()?.authenticate_management(&piv::ManagementKey::factory_default()) {
                Ok(administration) => {
                    let algorithm = Some(administration.algorithm());
                    state.management_key = ManagementKeyState { is_factory: true, algorithm };
                }
                Err(error) if error.ends_session() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(state)
    }

    fn read_in(session: &mut Session<'_>, is_yubikey: bool) -> Result<Self, piv::Error> {
        let pin_metadata = session.pin_metadata()?.present();
        let puk_metadata = session.puk_metadata()?.present();
        let pin = match pin_metadata {
            Some(pin) => CodeState::told(pin),
            None => CodeState::of(session.pin_status()?),
        };
        let puk = match puk_metadata {
            Some(puk) => CodeState::told(puk),
            None => CodeState::of(session.puk_status()?),
        };
        let management_key = session.management_key_metadata()?.present();
        let admin_data = admin_data(session)?;
        let version = session.version()?;
        if is_yubikey && version.is_none() {
            // Taken for a card without Yubico's commands, it would keep the factory's management key.
            return Err(piv::Error::NotSupported { what: "the version of a YubiKey's firmware" });
        }
        Ok(Self {
            is_yubikey,
            version: version.filter(|_| admin_data.is_some()),
            serial: session.yubikey_serial()?,
            pin,
            puk,
            management_key: ManagementKeyState {
                is_factory: management_key.is_some_and(|key| key.is_default),
                algorithm: management_key.and_then(|key| key.algorithm),
            },
            admin_data: admin_data.unwrap_or_default(),
            chuid: match lenient(session.chuid())? {
                None => ChuidState::Unreadable,
                Some(None) => ChuidState::Absent,
                Some(Some(piv::Chuid { guid: None })) => ChuidState::Nameless,
                Some(Some(piv::Chuid { guid: Some(guid) })) => ChuidState::Named(guid),
            },
            // One that cannot be read stays: nothing here needs it.
            has_ccc: !matches!(lenient(session.read_contents(ObjectId::Ccc))?, Some(None)),
            authentication: SlotState::read(session, KeySlot::Authentication)?,
            key_management: SlotState::read(session, KeySlot::KeyManagement)?,
        })
    }

    /// The GUID, which names the card.
    pub(crate) fn guid(&self) -> Option<[u8; 16]> {
        match self.chuid {
            ChuidState::Named(guid) => Some(guid),
            ChuidState::Absent | ChuidState::Nameless | ChuidState::Unreadable => None,
        }
    }

    pub(crate) fn slot(&self, slot: KeySlot) -> &SlotState {
        match slot {
            KeySlot::Authentication => &self.authentication,
            KeySlot::KeyManagement => &self.key_management,
        }
    }

    /// Whether the card knows Yubico's commands: the management key can be replaced, keys are attested.
    pub(crate) fn has_extensions(&self) -> bool {
        self.version.is_some()
    }
}

impl CodeState {
    /// What the card tells in its metadata.
    fn told(metadata: PinMetadata) -> Self {
        Self { is_factory: Some(metadata.is_default), tries_left: Some(metadata.tries_left), untold: None }
    }

    /// What the card tells of the counter alone.
    fn of(status: PinStatus) -> Self {
        match status {
            PinStatus::TriesLeft(tries) => Self { tries_left: Some(tries), ..Self::default() },
            PinStatus::Blocked => Self { tries_left: Some(0), ..Self::default() },
            PinStatus::Verified => Self::default(),
            PinStatus::Unknown(status) => Self { untold: Some(status), ..Self::default() },
        }
    }
}

impl SlotState {
    fn read(session: &mut Session<'_>, slot: KeySlot) -> Result<Self, piv::Error> {
        let slot = piv_slot(slot);
        let mut key = match session.key_metadata(slot)? {
            Metadata::Unknown => KeyState::Unknown,
            Metadata::Absent => KeyState::Absent,
            Metadata::Present(key) => KeyState::Present(PresentKey {
                public_key: key.public_key.map(|key| key.to_spki_der()),
                pin_policy: key.pin_policy,
                touch_policy: key.touch_policy,
            }),
        };
        let certificate = match lenient(session.certificate(slot))? {
            None => CertificateState::Unreadable,
            Some(None) => CertificateState::Absent,
            Some(Some(object)) => match Certificate::from_der(&object.der) {
                Ok(certificate) => CertificateState::Present(Box::new(certificate)),
                Err(_) => CertificateState::Unreadable,
            },
        };
        let mut trial = Trial::NoKey;
        if key == KeyState::Unknown {
            match attested(session, slot)? {
                Some(present) => key = KeyState::Present(present),
                None if certificate.is_absent() => trial = Trial::of(session, slot)?,
                None => {}
            }
        }
        Ok(Self { key, trial, certificate })
    }

    /// The public key in the slot (SubjectPublicKeyInfo, DER): the card's own word, else its certificate's.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        match &self.key {
            KeyState::Present(PresentKey { public_key: Some(key), .. }) => Some(key.clone()),
            KeyState::Absent => None,
            _ => self.certificate.present().map(|certificate| certificate.spki_der().to_vec()),
        }
    }

    /// Whether the certificate is for the key, as far as the card tells.
    pub(crate) fn certificate_fits(&self) -> bool {
        let Some(certificate) = self.certificate.present() else { return false };
        let key = self.public_key().and_then(|key| PublicKey::from_spki_der(&key).ok());
        key.is_some_and(|key| key == *certificate.public_key())
    }
}

impl Trial {
    /// Asks for a signature without the PIN, with each algorithm: a card refuses that for want of the PIN where it has such
    /// a key, and for want of the key where it has none.
    fn of(session: &mut Session<'_>, slot: piv::Slot) -> Result<Self, piv::Error> {
        let (mut keys, mut none) = (0, 0);
        for (algorithm, hash) in TRIED {
            match session.sign_without_pin(slot, algorithm, hash, b"pivkit asks whether there is a key") {
                Ok(_) | Err(piv::Error::PinRequired { .. }) => keys += 1,
                Err(piv::Error::NoKey { .. } | piv::Error::NotSupported { .. }) => none += 1,
                Err(error) if error.ends_session() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(match (keys, none) {
            (0, none) if none == TRIED.len() => Self::NoKey,
            // A key has one algorithm.
            (1, _) => Self::Key,
            _ => Self::Unclear,
        })
    }
}

/// The algorithms that keys in these slots have.
const TRIED: [(piv::AlgorithmId, piv::Hash); 5] = [
    (piv::AlgorithmId::EccP256, piv::Hash::Sha256),
    (piv::AlgorithmId::EccP384, piv::Hash::Sha384),
    (piv::AlgorithmId::Rsa2048, piv::Hash::Sha256),
    (piv::AlgorithmId::Rsa3072, piv::Hash::Sha256),
    (piv::AlgorithmId::Rsa4096, piv::Hash::Sha256),
];

/// The key that a card without metadata attests, as YubiKeys do from firmware 4.3 on: its own word, without proof.
fn attested(session: &mut Session<'_>, slot: piv::Slot) -> Result<Option<PresentKey>, piv::Error> {
    match session.attestation(slot) {
        Ok(der) => Ok(Certificate::from_der(&der).ok().map(|certificate| PresentKey {
            public_key: Some(certificate.spki_der().to_vec()),
            pin_policy: None,
            touch_policy: None,
        })),
        Err(error) if error.ends_session() => Err(error),
        Err(_) => Ok(None),
    }
}

/// `None` for a card that knows no such object: Nitrokeys answer Yubico's commands, and have the standard's objects only.
fn admin_data(session: &mut Session<'_>) -> Result<Option<AdminData>, piv::Error> {
    match session.admin_data() {
        Ok(data) => Ok(Some(data.unwrap_or_default())),
        Err(piv::Error::Status { sw: StatusWord::INCORRECT_DATA | StatusWord::FUNCTION_NOT_SUPPORTED, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `None` for what is refused, or can be read and not be understood; an error for a connection that is lost.
fn lenient<T>(result: Result<T, piv::Error>) -> Result<Option<T>, piv::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(piv::Error::Malformed { .. } | piv::Error::Status { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn piv_slot(slot: KeySlot) -> piv::Slot {
    match slot {
        KeySlot::Authentication => piv::Slot::Authentication,
        KeySlot::KeyManagement => piv::Slot::KeyManagement,
    }
}
