//! A card that can be administered.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Error, KeyAlgorithm, KeySlot, ManagementKey, PinPolicy, TouchPolicy, protected};

/// The objects that provisioning reads and writes. There are no others here, so that no other can be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// The CHUID.
    Chuid,
    /// The card capability container.
    Ccc,
    /// The certificate of a slot.
    Certificate(KeySlot),
    /// Yubico's administrative data.
    AdminData,
    /// Printed information, where Yubico's tools keep the management key.
    Printed,
    /// The certificate of a YubiKey's attestation key (F9). It is only read.
    AttestationCertificate,
}

impl Object {
    /// The tag in GET DATA and PUT DATA (SP 800-73-4 Part 1, table 3; Yubico's PIV extensions).
    #[must_use]
    pub fn tag(self) -> u32 {
        match self {
            Self::Chuid => 0x5f_c102,
            Self::Ccc => 0x5f_c107,
            Self::Certificate(KeySlot::Authentication) => 0x5f_c105,
            Self::Certificate(KeySlot::KeyManagement) => 0x5f_c10b,
            Self::AdminData => 0x5f_ff00,
            Self::Printed => 0x5f_c109,
            Self::AttestationCertificate => 0x5f_ff01,
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chuid => f.pad("the CHUID"),
            Self::Ccc => f.pad("the card capability container"),
            Self::Certificate(slot) => write!(f, "the certificate in slot {slot}"),
            Self::AdminData => f.pad("the administrative data"),
            Self::Printed => f.pad("the printed information"),
            Self::AttestationCertificate => f.pad("the attestation certificate"),
        }
    }
}

/// A PIN or a PUK as a person types it: 6 to 8 bytes, not padded. It is wiped when dropped and never shown.
pub struct ReferenceData(Zeroizing<Vec<u8>>);

impl ReferenceData {
    /// Takes what was typed.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if it does not have 6 to 8 bytes.
    pub fn new(typed: &[u8]) -> Result<Self, Error> {
        match typed.len() {
            6..=8 => Ok(Self(Zeroizing::new(typed.to_vec()))),
            _ => Err(Error::input("the PIN or PUK", "it has 6 to 8 characters")),
        }
    }

    /// What was typed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ReferenceData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceData(..)")
    }
}

/// A card whose keys, objects and codes can be changed.
///
/// The order is the caller's: [`authenticate`](Self::authenticate) before anything is written or generated, and
/// [`verify_pin`](Self::verify_pin) before anything is signed or read that wants the PIN. Both last until the value is
/// dropped. No command is repeated, and no PIN or PUK is sent more than once for a call.
pub trait AdministeredCard {
    /// The contents of an object, without the tag 53 around them; `None` if the card has none, or an empty one.
    ///
    /// # Errors
    ///
    /// [`Error::NotAuthenticated`] if it wants the PIN first; [`Error::Refused`], [`Error::Malformed`], or that of a lost
    /// connection.
    fn read(&mut self, object: Object) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;

    /// Writes the contents of an object.
    ///
    /// # Errors
    ///
    /// [`Error::NotAuthenticated`], [`Error::Refused`], or that of a lost connection.
    fn write(&mut self, object: Object, contents: &[u8]) -> Result<(), Error>;

    /// Proves to the card that we have the management key, and lets the card prove the same. A wrong key costs nothing.
    ///
    /// # Errors
    ///
    /// [`Error::WrongManagementKey`], or that of a lost connection.
    fn authenticate(&mut self, key: &ManagementKey) -> Result<(), Error>;

    /// Gives the card a new management key and keeps it under the PIN: writes it to [`Object::Printed`], reads it back,
    /// sets it, and marks that in [`Object::AdminData`]. Needs the PIN and the old key. See
    /// [`protected`](crate::protected) for what a card pulled in between looks like.
    ///
    /// # Errors
    ///
    /// [`Error::PrintedInUse`], [`Error::NotSupported`], [`Error::NotReadBack`] before anything has changed for good;
    /// [`Error::NotAuthenticated`], [`Error::Refused`], or that of a lost connection.
    fn protect_management_key(&mut self, new: &ManagementKey) -> Result<(), Error> {
        stored_management_key(self)?;
        self.store_management_key(new)?;
        if stored_management_key(self)?.is_none_or(|stored| stored[..] != *new.as_bytes()) {
            return Err(Error::NotReadBack { what: "the management key under the PIN".to_owned() });
        }
        self.set_management_key(new)
    }

    /// Writes a management key to [`Object::Printed`]; the card's own stays as it is. One step of
    /// [`protect_management_key`](Self::protect_management_key), which is what to call.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn store_management_key(&mut self, new: &ManagementKey) -> Result<(), Error>;

    /// Gives the card the management key that is stored already, and marks in [`Object::AdminData`] that it is. The last step
    /// of [`protect_management_key`](Self::protect_management_key), which is what to call.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`], [`Error::NotAuthenticated`], [`Error::Refused`], or that of a lost connection.
    fn set_management_key(&mut self, new: &ManagementKey) -> Result<(), Error>;

    /// Verifies the PIN.
    ///
    /// # Errors
    ///
    /// [`Error::WrongReference`], [`Error::Blocked`], or that of a lost connection.
    fn verify_pin(&mut self, pin: &ReferenceData) -> Result<(), Error>;

    /// Replaces the PIN.
    ///
    /// # Errors
    ///
    /// [`Error::WrongReference`], [`Error::Blocked`], [`Error::Refused`], or that of a lost connection.
    fn change_pin(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error>;

    /// Replaces the PUK.
    ///
    /// # Errors
    ///
    /// As [`change_pin`](Self::change_pin).
    fn change_puk(&mut self, old: &ReferenceData, new: &ReferenceData) -> Result<(), Error>;

    /// Lets the card make a new key in a slot; the old one is lost. Returns its SubjectPublicKeyInfo in DER. RSA takes
    /// a YubiKey some seconds, and some cards a minute.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`], [`Error::NotAuthenticated`], [`Error::Refused`], [`Error::Malformed`], or that of a lost
    /// connection.
    fn generate(
        &mut self,
        slot: KeySlot,
        algorithm: KeyAlgorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Result<Vec<u8>, Error>;

    /// Signs `message`, which is hashed here with the hash of [`Unsigned`](crate::Unsigned): SHA-384 for P-384, SHA-256
    /// for the others. RSA is PKCS#1 v1.5, ECDSA gives DER.
    ///
    /// # Errors
    ///
    /// [`Error::NotAuthenticated`] if the PIN was not verified or nobody touched the card, [`Error::Refused`],
    /// [`Error::Malformed`], or that of a lost connection.
    fn sign(&mut self, slot: KeySlot, algorithm: KeyAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error>;

    /// The certificate by which the card attests that it made the key in a slot; in DER.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if the card attests nothing, or not this key.
    fn attest(&mut self, slot: KeySlot) -> Result<Vec<u8>, Error>;
}

/// The management key under the PIN, if there is one.
fn stored_management_key(card: &mut (impl AdministeredCard + ?Sized)) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let contents = card.read(Object::Printed)?;
    protected::key(contents.as_deref().map_or(&[], Vec::as_slice))
}
