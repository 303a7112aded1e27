//! The PIV application of a card, selected within a transaction.

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Exchange, StatusWord};

use crate::card::Known;
use crate::pin::{self, PinReference};
use crate::{
    AlgorithmId, CertificateObject, Chuid, DiscoveryObject, Error, Hash, KeyHistory, LastTry, ObjectId, Pin, PinStatus,
    Slot, general_authenticate,
};

/// A selected PIV application. The card belongs to this program until the session is dropped.
pub struct Session<'a> {
    exchange: Exchange<'a>,
    known: &'a mut Known,
}

impl<'a> Session<'a> {
    pub(crate) fn new(exchange: Exchange<'a>, known: &'a mut Known) -> Self {
        Self { exchange, known }
    }

    /// GET DATA (SP 800-73-4 Part 2, 3.1.2): the whole object with its tag (53, or 7E for the discovery object). `None` if
    /// the card has none, or an empty one.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if the card refuses, or that of a lost connection.
    pub fn read_object(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, Error> {
        let tag = object.tag().0.to_be_bytes();
        let tag: Vec<u8> = tag.into_iter().skip_while(|byte| *byte == 0).collect();
        let command =
            Command::new(0x00, INS_GET_DATA, 0x3f, 0xff).with_data(tlv::encode(TAG_LIST, &tag)).expecting_answer();
        let response = self.exchange.send(&command)?;
        match response.status {
            StatusWord::OK => Ok(Some(response.data).filter(|data| !data.is_empty())),
            StatusWord::NOT_FOUND | StatusWord::REFERENCE_NOT_FOUND => Ok(None),
            sw => Err(Error::Status { command: "GET DATA", sw }),
        }
    }

    /// The contents of an object in tag 53.
    fn read_contents(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, Error> {
        let Some(data) = self.read_object(object)? else { return Ok(None) };
        match tlv::find(&data, DATA) {
            Ok(contents) => Ok(contents.filter(|contents| !contents.is_empty()).map(<[u8]>::to_vec)),
            Err(error) => Err(Error::malformed(object, error)),
        }
    }

    /// The discovery object: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or those of [`Session::read_object`].
    pub fn discovery(&mut self) -> Result<Option<DiscoveryObject>, Error> {
        self.read_object(ObjectId::Discovery)?.as_deref().map(DiscoveryObject::parse).transpose()
    }

    /// The card holder unique identifier: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or those of [`Session::read_object`].
    pub fn chuid(&mut self) -> Result<Option<Chuid>, Error> {
        self.read_contents(ObjectId::Chuid)?.as_deref().map(Chuid::parse).transpose()
    }

    /// The key history object: one command.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or those of [`Session::read_object`].
    pub fn key_history(&mut self) -> Result<Option<KeyHistory>, Error> {
        self.read_contents(ObjectId::KeyHistory)?.as_deref().map(KeyHistory::parse).transpose()
    }

    /// The certificate of a slot: one command where the card gives long answers, about one per 256 bytes elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], or those of [`Session::read_object`].
    pub fn certificate(&mut self, slot: Slot) -> Result<Option<CertificateObject>, Error> {
        match self.read_contents(ObjectId::Certificate(slot))? {
            Some(contents) => CertificateObject::parse(slot, &contents),
            None => Ok(None),
        }
    }

    /// How many tries are left for the card's own PIV PIN: one command, which costs no try.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn pin_status(&mut self) -> Result<PinStatus, Error> {
        self.status_of(PinReference::Application)
    }

    fn status_of(&mut self, reference: PinReference) -> Result<PinStatus, Error> {
        Ok(PinStatus::of(self.exchange.send(&pin::status_command(reference))?.status))
    }

    /// Verifies the PIN (SP 800-73-4 Part 2, 3.2.1): the global PIN if the discovery object says that people use that one,
    /// the card's own PIV PIN otherwise. Two commands, of which the first reads the retry counter and lets no PIN pass when
    /// `last_try` is to be kept, and one for the discovery object if it was not read yet. The PIN is sent once, whatever
    /// happens.
    ///
    /// # Errors
    ///
    /// [`Error::LastPinTry`], [`Error::PinTriesUnknown`] and [`Error::PinBlocked`] before a PIN is sent;
    /// [`Error::WrongPin`] and [`Error::PinBlocked`] after it; that of a lost connection.
    pub fn verify_pin(mut self, pin: &Pin, last_try: LastTry) -> Result<VerifiedSession<'a>, Error> {
        let reference = self.pin_reference()?;
        self.status_of(reference)?.guard(last_try)?;
        self.known.pin_sent = true;
        let response = self.exchange.send(&pin::verify_command(reference, pin))?;
        pin::verify_answer(response.status)?;
        Ok(VerifiedSession { session: self, fresh: true })
    }

    /// Which PIN people use; read once for each card. Only a discovery object that says so makes it the global one.
    fn pin_reference(&mut self) -> Result<PinReference, Error> {
        if let Some(reference) = self.known.pin_reference {
            return Ok(reference);
        }
        let reference = match self.discovery() {
            Err(error) if error.ends_session() => return Err(error),
            Ok(Some(discovery)) if discovery.pin_usage_policy.global_pin_preferred() => PinReference::Global,
            _ => PinReference::Application,
        };
        Ok(*self.known.pin_reference.insert(reference))
    }

    /// The serial number of a YubiKey (Yubico's extension, instruction F8). `None` if the card does not know the command.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn yubikey_serial(&mut self) -> Result<Option<u32>, Error> {
        let command = Command::new(0x00, INS_YUBICO_SERIAL, 0x00, 0x00).expecting_answer();
        let response = self.exchange.send(&command)?;
        Ok(<[u8; 4]>::try_from(response.data).ok().filter(|_| response.status.is_ok()).map(u32::from_be_bytes))
    }
}

/// A selected PIV application whose PIN was verified in this transaction: it signs.
///
/// The card keeps the PIN verified after the session, until it is reset, removed, or another application is selected.
pub struct VerifiedSession<'a> {
    session: Session<'a>,
    /// Nothing was signed since the PIN was verified.
    fresh: bool,
}

impl VerifiedSession<'_> {
    /// Signs `message` with the key in `slot`, hashed and padded here: one command with extended length, up to five
    /// without. RSA is PKCS#1 v1.5 and gives as many bytes as the modulus has; ECDSA gives DER.
    ///
    /// # Errors
    ///
    /// [`Error::PinRequired`] if the slot wants the PIN before every signature and there was one already,
    /// [`Error::TouchTimeout`] if the key did not sign right after the PIN was verified, [`Error::NoKey`] if the slot has no such key, [`Error::Malformed`], [`Error::Status`], or that of a lost
    /// connection.
    pub fn sign(&mut self, slot: Slot, algorithm: AlgorithmId, hash: Hash, message: &[u8]) -> Result<Vec<u8>, Error> {
        let input = algorithm.signature_input(hash, message);
        let fresh = std::mem::replace(&mut self.fresh, false);
        let response = self.session.exchange.send(&general_authenticate::command(slot, algorithm, &input))?;
        match general_authenticate::signature(slot, algorithm, &response) {
            Err(Error::PinRequired { slot }) if fresh => Err(Error::TouchTimeout { slot }),
            result => result,
        }
    }
}

/// P1-P2 3FFF: the object is named in the data field.
const INS_GET_DATA: u8 = 0xcb;
const INS_YUBICO_SERIAL: u8 = 0xf8;
const TAG_LIST: Tag = Tag(0x5c);
const DATA: Tag = Tag(0x53);
