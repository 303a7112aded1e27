//! The PIV application of a card, selected within a transaction.

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Exchange, Response, StatusWord};
use zeroize::Zeroizing;

use crate::card::Known;
use crate::general_authenticate::{self, Input};
use crate::pin::{self, PinReference};
use crate::select::Application;
use crate::{
    Administration, AlgorithmId, CertificateObject, Chuid, DiscoveryObject, Error, Hash, KeyHistory, LastTry,
    ManagementAlgorithm, ManagementKey, ObjectId, Pin, PinStatus, Slot, VerifiedSession, mutual_authentication,
};

/// A selected PIV application. The card belongs to this program until the session is dropped.
pub struct Session<'a> {
    exchange: Exchange<'a>,
    application: Application,
    pub(crate) known: &'a mut Known,
}

impl<'a> Session<'a> {
    pub(crate) fn new(exchange: Exchange<'a>, application: Application, known: &'a mut Known) -> Self {
        Self { exchange, application, known }
    }

    /// What the card said of its PIV application when it was selected.
    #[must_use]
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Sends a command that changes nothing.
    pub(crate) fn send(&mut self, command: &Command) -> Result<Response, Error> {
        Ok(self.exchange.send(command)?)
    }

    /// Sends a command that changes the card, or may cost a try: if the session is lost, nothing is repeated by itself.
    pub(crate) fn send_once(&mut self, command: &Command) -> Result<Response, Error> {
        (self.known.changed, self.known.unanswered) = (true, true);
        let response = self.send(command)?;
        self.known.unanswered = false;
        Ok(response)
    }

    /// GET DATA (SP 800-73-4 Part 2, 3.1.2): the whole object with its tag (53, or 7E for the discovery object). `None` if
    /// the card has none, or an empty one.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if the card refuses, or that of a lost connection.
    pub fn read_object(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, Error> {
        let command = Command::new(0x00, INS_GET_DATA, 0x3f, 0xff).with_data(object.tag_list()).expecting_answer();
        let response = self.exchange.send(&command)?;
        match response.status {
            StatusWord::OK => Ok(Some(response.data).filter(|data| !data.is_empty())),
            StatusWord::NOT_FOUND | StatusWord::REFERENCE_NOT_FOUND => Ok(None),
            sw => Err(Error::Status { command: "GET DATA", sw }),
        }
    }

    /// The contents of an object in tag 53: one command. `None` if the card has none, or an empty one.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if there is no tag 53, or those of [`Session::read_object`].
    pub fn read_contents(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, Error> {
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
        self.pin_status_of(PinReference::Application)
    }

    /// How many tries are left for a PIN: one command, which costs no try.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn pin_status_of(&mut self, reference: PinReference) -> Result<PinStatus, Error> {
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
        let status_before = self.verify(pin, last_try)?;
        Ok(VerifiedSession::new(self, status_before))
    }

    /// Reads the counter, and sends the PIN if that permits it; gives what the counter said.
    pub(crate) fn verify(&mut self, pin: &Pin, last_try: LastTry) -> Result<PinStatus, Error> {
        let reference = self.pin_reference()?;
        let status = self.pin_status_of(reference)?;
        status.permits_pin(last_try)?;
        let response = self.send_once(&pin::verify_command(reference, pin))?;
        pin::verify_answer(response.status)?;
        Ok(status)
    }

    /// Which PIN people use; read once for each card. Only a discovery object that says so makes it the global one.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn pin_reference(&mut self) -> Result<PinReference, Error> {
        if let Some(reference) = self.known.pin_reference {
            return Ok(reference);
        }
        let reference = match self.discovery() {
            Ok(Some(discovery)) if discovery.pin_usage_policy.global_pin_preferred() => PinReference::Global,
            Ok(_) => PinReference::Application,
            Err(error) if error.ends_session() => return Err(error),
            // Which one cannot be known. Where there is only one, that is no matter; where there are two, the PIN would be
            // a wrong one for the other, and cost a try.
            Err(error) => match self.pin_status_of(PinReference::Global)? {
                PinStatus::Unknown(_) => PinReference::Application,
                _ => return Err(error),
            },
        };
        Ok(*self.known.pin_reference.insert(reference))
    }

    /// Authenticates the management key, mutually: two commands, and one to ask for its algorithm on cards that may tell.
    /// Else the algorithms of the key's length are tried, Triple DES first; a wrong one is refused without cost.
    ///
    /// # Errors
    ///
    /// [`Error::OtherManagementKey`] if the card's key has another length or algorithm; [`Error::WrongManagementKey`];
    /// [`Error::CardNotAuthentic`]; [`Error::Random`]; that of a lost connection.
    pub fn authenticate_management(mut self, key: &ManagementKey) -> Result<Administration<Self>, Error> {
        let algorithm = self.authenticate(key)?;
        Ok(Administration::new(self, algorithm))
    }

    pub(crate) fn authenticate(&mut self, key: &ManagementKey) -> Result<ManagementAlgorithm, Error> {
        let known = match self.management_key_metadata() {
            Err(error) if error.ends_session() => return Err(error),
            metadata => metadata.ok().and_then(|metadata| metadata.present()).and_then(|key| key.algorithm),
        };
        match known {
            Some(algorithm) => mutual_authentication::authenticate(&mut self.exchange, key, &[algorithm]),
            None => mutual_authentication::authenticate(&mut self.exchange, key, &ManagementAlgorithm::ALL),
        }
    }

    /// Signs with a key that wants no PIN, as the one in slot 9E: see [`VerifiedSession::sign`].
    ///
    /// # Errors
    ///
    /// [`Error::PinRequired`] if the key wants one all the same, and those of [`VerifiedSession::sign`].
    pub fn sign_without_pin(
        &mut self,
        slot: Slot,
        algorithm: AlgorithmId,
        hash: Hash,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let what = "a signature with a key for key agreement";
        let input = algorithm.signature_input(hash, message).ok_or(Error::NotSupported { what })?;
        Ok(self.use_key(slot, algorithm, Input::Challenge(&input))?.to_vec())
    }

    pub(crate) fn use_key(
        &mut self,
        slot: Slot,
        algorithm: AlgorithmId,
        input: Input<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        // The PIN was verified for one command. Other keys than that in 9C may want it as often, and only metadata tell; of a
        // card whose metadata nobody read, a long command that is refused in one form goes out in another all the same.
        let once = slot == Slot::Signature || self.known.pin_always.contains(&slot);
        let command = general_authenticate::command(slot, algorithm, input);
        let response = self.exchange.send(&if once { command.once() } else { command })?;
        general_authenticate::answer(slot, algorithm, response)
    }
}

/// P1-P2 3FFF: the object is named in the data field.
const INS_GET_DATA: u8 = 0xcb;
const DATA: Tag = Tag(0x53);
