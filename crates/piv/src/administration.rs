//! A session in which the management key is authenticated: objects are written, keys made (SP 800-73-4 Part 2, 3.3; Yubico's
//! extensions FF, FA and F6).

use std::ops::{Deref, DerefMut};

use smartcard::tlv::{self, Tag};
use smartcard::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::mutual_authentication::MANAGEMENT_KEY;
use crate::{
    AdminData, AlgorithmId, CertificateObject, Error, LastTry, ManagementAlgorithm, ManagementKey, ObjectId, Pin,
    PinPolicy, PublicKey, Session, Slot, TouchPolicy, VerifiedSession, admin_data, generate,
};

/// A session, with or without the PIN verified, in which the management key is authenticated too. It can do all that the
/// session in it can.
///
/// The card keeps the management key authenticated after the session, until it is reset, removed, or another application
/// is selected.
pub struct Administration<S> {
    session: S,
    algorithm: ManagementAlgorithm,
}

/// A session of either kind. Nobody else can be one.
pub trait AnySession: sealed::Sealed {}

impl AnySession for Session<'_> {}
impl AnySession for VerifiedSession<'_> {}

mod sealed {
    use smartcard::{Command, Response};

    use crate::Error;

    pub trait Sealed {
        fn transmit(&mut self, command: &Command) -> Result<Response, Error>;
    }

    impl Sealed for crate::Session<'_> {
        fn transmit(&mut self, command: &Command) -> Result<Response, Error> {
            self.send_once(command)
        }
    }

    impl Sealed for crate::VerifiedSession<'_> {
        fn transmit(&mut self, command: &Command) -> Result<Response, Error> {
            self.send_once(command)
        }
    }
}

impl<S> Administration<S> {
    pub(crate) fn new(session: S, algorithm: ManagementAlgorithm) -> Self {
        Self { session, algorithm }
    }

    /// The algorithm of the card's management key.
    #[must_use]
    pub fn algorithm(&self) -> ManagementAlgorithm {
        self.algorithm
    }
}

impl<S: AnySession> Administration<S> {
    /// PUT DATA (3.3.1): replaces the contents of an object (what tag 53 holds). One command with extended length, one for
    /// each 255 bytes without.
    ///
    /// # Errors
    ///
    /// [`Error::ManagementKeyRequired`] if the card has forgotten the key; [`Error::Status`]; that of a lost connection,
    /// after which the object may be old, new or, on some cards, broken.
    pub fn put_object(&mut self, object: ObjectId, contents: &[u8]) -> Result<(), Error> {
        self.put(&put_data().with_data([object.tag_list(), tlv::encode(DATA, contents)].concat()))
    }

    /// Deletes an object: afterwards the card has none, or an empty one.
    ///
    /// # Errors
    ///
    /// As [`Administration::put_object`].
    pub fn delete_object(&mut self, object: ObjectId) -> Result<(), Error> {
        self.put_object(object, &[])
    }

    /// Writes the certificate of a slot, uncompressed.
    ///
    /// # Errors
    ///
    /// As [`Administration::put_object`].
    pub fn put_certificate(&mut self, slot: Slot, der: &[u8]) -> Result<(), Error> {
        self.put_object(ObjectId::Certificate(slot), &CertificateObject::encode(der))
    }

    /// Writes the administration data that Yubico's tools read.
    ///
    /// # Errors
    ///
    /// As [`Administration::put_object`].
    pub fn put_admin_data(&mut self, data: &AdminData) -> Result<(), Error> {
        self.put_object(ObjectId::AdminData, &data.encode())
    }

    /// Writes a management key into the printed information, where only the PIN opens it, as Yubico's tools do; what was
    /// there is gone. It does not become the card's key by that: see [`Administration::set_management_key`].
    ///
    /// # Errors
    ///
    /// As [`Administration::put_object`].
    pub fn put_protected_management_key(&mut self, key: &ManagementKey) -> Result<(), Error> {
        let contents = admin_data::with_protected_key(key);
        let object = ObjectId::Printed;
        let mut data = Zeroizing::new(object.tag_list());
        data.reserve_exact(contents.len() + 2);
        tlv::push(&mut data, DATA, &contents);
        self.put(&put_data().with_secret(data))
    }

    fn put(&mut self, command: &Command) -> Result<(), Error> {
        done(self.session.transmit(command)?.status, "PUT DATA")
    }

    /// Makes a new key in a slot, and gives its public half; what was in the slot is gone. One command, which may take a
    /// minute and more for a long RSA key.
    ///
    /// Policies other than the default are for YubiKeys and cards like them: others refuse or ignore them.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if the card makes no such key; [`Error::ManagementKeyRequired`]; [`Error::Malformed`];
    /// [`Error::Status`]; that of a lost connection, after which the slot may have a new key.
    pub fn generate_key(
        &mut self,
        slot: Slot,
        algorithm: AlgorithmId,
        pin_policy: PinPolicy,
        touch_policy: TouchPolicy,
    ) -> Result<PublicKey, Error> {
        let response = self.session.transmit(&generate::command(slot, algorithm, pin_policy, touch_policy))?;
        generate::answer(algorithm, &response)
    }

    /// Gives the card a new management key (Yubico's FF): one command. With `touch`, the card wants to be touched at each
    /// authentication.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidManagementKey`] if the key has not the length of `algorithm`, before anything is sent;
    /// [`Error::NotSupported`]; [`Error::ManagementKeyRequired`]; [`Error::Status`]; that of a lost connection, after which
    /// it is not known which key the card has.
    pub fn set_management_key(
        &mut self,
        algorithm: ManagementAlgorithm,
        key: &ManagementKey,
        touch: bool,
    ) -> Result<(), Error> {
        if key.bytes().len() != algorithm.key_length() {
            return Err(Error::InvalidManagementKey);
        }
        let mut data = Zeroizing::new(Vec::with_capacity(3 + key.bytes().len()));
        data.push(algorithm.number());
        tlv::push(&mut data, Tag(MANAGEMENT_KEY.into()), key.bytes());
        let p2 = if touch { 0xfe } else { 0xff };
        let command = Command::new(0x00, INS_SET_MANAGEMENT_KEY, 0xff, p2).with_secret(data);
        optional(self.session.transmit(&command)?.status, "SET MANAGEMENT KEY", "another management key")?;
        self.algorithm = algorithm;
        Ok(())
    }

    /// Moves a key to another slot (Yubico's F6, firmware 5.7): one command. Certificates stay where they are.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`], [`Error::ManagementKeyRequired`], [`Error::Status`], or that of a lost connection.
    pub fn move_key(&mut self, from: Slot, to: Slot) -> Result<(), Error> {
        let command = Command::new(0x00, INS_MOVE_KEY, to.key_reference(), from.key_reference());
        optional(self.session.transmit(&command)?.status, "MOVE KEY", "moving a key")
    }

    /// Destroys the key in a slot (Yubico's F6, firmware 5.7): one command. Its certificate stays.
    ///
    /// # Errors
    ///
    /// As [`Administration::move_key`].
    pub fn delete_key(&mut self, slot: Slot) -> Result<(), Error> {
        let command = Command::new(0x00, INS_MOVE_KEY, NOWHERE, slot.key_reference());
        optional(self.session.transmit(&command)?.status, "MOVE KEY", "deleting a key")
    }
}

impl<'a> Administration<Session<'a>> {
    /// Verifies the PIN too: see [`Session::verify_pin`].
    ///
    /// # Errors
    ///
    /// Those of [`Session::verify_pin`].
    pub fn verify_pin(self, pin: &Pin, last_try: LastTry) -> Result<Administration<VerifiedSession<'a>>, Error> {
        Ok(Administration { session: self.session.verify_pin(pin, last_try)?, algorithm: self.algorithm })
    }
}

impl Administration<VerifiedSession<'_>> {
    /// Authenticates once more, to see that a management key that was set is the card's: as
    /// [`Session::authenticate_management`].
    ///
    /// # Errors
    ///
    /// Those of [`Session::authenticate_management`].
    pub fn authenticate_again(&mut self, key: &ManagementKey) -> Result<(), Error> {
        self.algorithm = self.session.authenticate(key)?;
        Ok(())
    }

    /// Sets how many tries PIN and PUK have (Yubico's FA): one command. Both take the values of the factory by it, PIN
    /// `123456` and PUK `12345678`; change them at once.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`], [`Error::ManagementKeyRequired`], [`Error::Status`], or that of a lost connection.
    pub fn set_pin_retries(
        &mut self,
        pin_tries: std::num::NonZeroU8,
        puk_tries: std::num::NonZeroU8,
    ) -> Result<(), Error> {
        let command = Command::new(0x00, INS_SET_PIN_RETRIES, pin_tries.get(), puk_tries.get());
        optional(self.session.send_once(&command)?.status, "SET PIN RETRIES", "another number of tries")
    }
}

impl<S> Deref for Administration<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.session
    }
}

impl<S> DerefMut for Administration<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.session
    }
}

fn put_data() -> Command {
    Command::new(0x00, INS_PUT_DATA, 0x3f, 0xff)
}

fn done(sw: StatusWord, command: &'static str) -> Result<(), Error> {
    match sw {
        StatusWord::OK => Ok(()),
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => Err(Error::ManagementKeyRequired { command }),
        sw => Err(Error::Status { command, sw }),
    }
}

/// The same for a command that a card need not know.
fn optional(sw: StatusWord, command: &'static str, what: &'static str) -> Result<(), Error> {
    match sw {
        StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::FUNCTION_NOT_SUPPORTED => Err(Error::NotSupported { what }),
        sw => done(sw, command),
    }
}

const INS_PUT_DATA: u8 = 0xdb;
const INS_MOVE_KEY: u8 = 0xf6;
const INS_SET_PIN_RETRIES: u8 = 0xfa;
const INS_SET_MANAGEMENT_KEY: u8 = 0xff;
const NOWHERE: u8 = 0xff;
const DATA: Tag = Tag(0x53);
