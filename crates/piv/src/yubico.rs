//! What YubiKeys, and cards that took it over from them, answer beyond the standard: firmware version, serial number,
//! metadata, attestation. Every question is optional and harmless; its answer is kept with the card.
//!
//! ```text
//! FD version (3 bytes)   F8 serial number (4 bytes, big-endian)   F7 metadata   F9 attestation of a slot (a certificate)
//! ```

use std::fmt;

use smartcard::{Command, StatusWord};

use crate::metadata::{self, Metadata};
use crate::mutual_authentication::MANAGEMENT_KEY;
use crate::{
    AdminData, CertificateObject, Error, KeyMetadata, ManagementKeyMetadata, ObjectId, PinMetadata, PinPolicy,
    PinReference, Session, Slot,
};

/// The version of a card's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub [u8; 3]);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// What was learnt of a card from its maker's own commands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vendor {
    version: Option<Option<Version>>,
    serial: Option<Option<u32>>,
    /// The card does not know GET METADATA.
    no_metadata: bool,
}

impl Session<'_> {
    /// The firmware version (FD): one command, once for each card. `None` if the card does not know it.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn version(&mut self) -> Result<Option<Version>, Error> {
        if let Some(version) = self.known.vendor.version {
            return Ok(version);
        }
        let version = self.ask(INS_VERSION)?.map(Version);
        Ok(*self.known.vendor.version.insert(version))
    }

    /// The serial number of a YubiKey (F8): one command, once for each card. `None` if the card does not know it.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn yubikey_serial(&mut self) -> Result<Option<u32>, Error> {
        if let Some(serial) = self.known.vendor.serial {
            return Ok(serial);
        }
        let serial = self.ask(INS_SERIAL)?.map(u32::from_be_bytes);
        Ok(*self.known.vendor.serial.insert(serial))
    }

    /// A question whose answer has a fixed length.
    fn ask<const N: usize>(&mut self, instruction: u8) -> Result<Option<[u8; N]>, Error> {
        let response = self.send(&Command::new(0x00, instruction, 0x00, 0x00).expecting_answer())?;
        Ok(<[u8; N]>::try_from(response.data).ok().filter(|_| response.status.is_ok()))
    }

    /// What the card tells of the key in `slot`: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], [`Error::Status`] if the card fails, or that of a lost connection.
    pub fn key_metadata(&mut self, slot: Slot) -> Result<Metadata<KeyMetadata>, Error> {
        let metadata = self.metadata(slot.key_reference(), KeyMetadata::parse)?;
        self.known.pin_always.retain(|known| *known != slot);
        if matches!(&metadata, Metadata::Present(key) if key.pin_policy == Some(PinPolicy::Always)) {
            self.known.pin_always.push(slot);
        }
        Ok(metadata)
    }

    /// What the card tells of its PIN: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or that of a lost connection.
    pub fn pin_metadata(&mut self) -> Result<Metadata<PinMetadata>, Error> {
        self.metadata(PinReference::Application.number(), PinMetadata::parse)
    }

    /// What the card tells of its PUK: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or that of a lost connection.
    pub fn puk_metadata(&mut self) -> Result<Metadata<PinMetadata>, Error> {
        self.metadata(PUK, PinMetadata::parse)
    }

    /// What the card tells of its management key: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or that of a lost connection.
    pub fn management_key_metadata(&mut self) -> Result<Metadata<ManagementKeyMetadata>, Error> {
        self.metadata(MANAGEMENT_KEY, ManagementKeyMetadata::parse)
    }

    fn metadata<T>(
        &mut self,
        reference: u8,
        parse: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Metadata<T>, Error> {
        if self.known.vendor.no_metadata {
            return Ok(Metadata::Unknown);
        }
        let response = self.send(&metadata::command(reference))?;
        self.known.vendor.no_metadata =
            matches!(response.status, StatusWord::INSTRUCTION_NOT_SUPPORTED | StatusWord::CLASS_NOT_SUPPORTED);
        metadata::answer(&response, parse)
    }

    /// The card's statement that it made the key in `slot` itself: a certificate in DER, signed with the card's attestation
    /// key. One command.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if the card attests nothing, [`Error::NotAttested`] if it does not attest this key, or that
    /// of a lost connection.
    pub fn attestation(&mut self, slot: Slot) -> Result<Vec<u8>, Error> {
        let response = self.send(&Command::new(0x00, INS_ATTEST, slot.key_reference(), 0x00).expecting_answer())?;
        match response.status {
            StatusWord::OK if !response.data.is_empty() => Ok(response.data),
            StatusWord::INSTRUCTION_NOT_SUPPORTED
            | StatusWord::CLASS_NOT_SUPPORTED
            | StatusWord::FUNCTION_NOT_SUPPORTED => Err(Error::NotSupported { what: "an attestation" }),
            sw => Err(Error::NotAttested { slot, sw }),
        }
    }

    /// The certificate of the card's attestation key, which signed its attestations: one command. `None` if there is none.
    ///
    /// # Errors
    ///
    /// Those of [`Session::certificate`].
    pub fn attestation_certificate(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some(contents) = self.read_contents(ObjectId::AttestationCertificate)? else { return Ok(None) };
        Ok(CertificateObject::parse_object(ObjectId::AttestationCertificate, &contents)?.map(|object| object.der))
    }

    /// What Yubico's tools wrote down about the card: one command. `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or those of [`Session::read_object`].
    pub fn admin_data(&mut self) -> Result<Option<AdminData>, Error> {
        self.read_contents(ObjectId::AdminData)?.as_deref().map(AdminData::parse).transpose()
    }
}

const INS_VERSION: u8 = 0xfd;
const INS_SERIAL: u8 = 0xf8;
const INS_ATTEST: u8 = 0xf9;
/// Key reference of the PUK (SP 800-73-4 Part 1, table 4a).
pub(crate) const PUK: u8 = 0x81;
