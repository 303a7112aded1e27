//! A session with the PIN verified: the keys work.

use std::ops::{Deref, DerefMut};

use zeroize::Zeroizing;

use crate::general_authenticate::Input;
use crate::{
    Administration, AlgorithmId, Error, Hash, LastTry, ManagementKey, ObjectId, Pin, PinStatus, Session, Slot,
    admin_data,
};

/// A selected PIV application whose PIN was verified in this transaction: it signs, decrypts and agrees. It can do all that
/// a [`Session`] can.
///
/// The card keeps the PIN verified after the session, until it is reset, removed, or another application is selected.
pub struct VerifiedSession<'a> {
    session: Session<'a>,
    /// What the counter said before.
    status_before: PinStatus,
    /// No command was sent since the PIN was verified.
    fresh: bool,
}

impl<'a> VerifiedSession<'a> {
    pub(crate) fn new(session: Session<'a>, status_before: PinStatus) -> Self {
        Self { session, status_before, fresh: true }
    }

    /// What the card said about the PIN before it was verified: the counter was read anyway.
    #[must_use]
    pub fn status_before(&self) -> PinStatus {
        self.status_before
    }

    /// Verifies the PIN once more, for a slot that wants it before each use: two commands, as [`Session::verify_pin`].
    ///
    /// # Errors
    ///
    /// Those of [`Session::verify_pin`].
    pub fn verify_pin_again(&mut self, pin: &Pin, last_try: LastTry) -> Result<(), Error> {
        self.session.verify(pin, last_try)?;
        self.fresh = true;
        Ok(())
    }

    /// Signs `message` with the key in `slot`, hashed and padded here: one command with extended length, up to five
    /// without. RSA is PKCS#1 v1.5 and gives as many bytes as the modulus has; ECDSA gives DER; Ed25519 signs the message
    /// itself, whatever `hash` says, and gives 64 bytes.
    ///
    /// A card that refuses a long command in the extended form may get it again in the short one; what it refuses first may
    /// use up the PIN of a key that wants it before each use. So the key in 9C, and every other one whose metadata were read
    /// ([`Session::key_metadata`]) and say [`PinPolicy::Always`](crate::PinPolicy::Always), gets its command once.
    ///
    /// # Errors
    ///
    /// [`Error::PinRequired`] if the slot wants the PIN before every signature and there was another command since,
    /// [`Error::TouchTimeout`] if the key did not sign right after the PIN was verified, [`Error::NoKey`] if the slot has no
    /// such key, [`Error::NotSupported`] for X25519, [`Error::Malformed`], [`Error::Status`], or that of a lost connection.
    pub fn sign(&mut self, slot: Slot, algorithm: AlgorithmId, hash: Hash, message: &[u8]) -> Result<Vec<u8>, Error> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        waited(fresh, self.session.sign_without_pin(slot, algorithm, hash, message))
    }

    /// Decrypts one block with the RSA key in `slot`: c^d mod n, with its padding, which the caller takes off, in constant
    /// time. `block` is as long as the modulus.
    ///
    /// # Errors
    ///
    /// [`Error::InputLength`] before anything is sent; [`Error::NotSupported`] for a key that is not RSA; else as
    /// [`VerifiedSession::sign`].
    pub fn decrypt(&mut self, slot: Slot, algorithm: AlgorithmId, block: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if !algorithm.is_rsa() {
            return Err(Error::NotSupported { what: "decryption with a key that is not RSA" });
        }
        check_length(block, algorithm.length())?;
        let fresh = std::mem::replace(&mut self.fresh, false);
        waited(fresh, self.session.use_key(slot, algorithm, Input::Challenge(block)))
    }

    /// Agrees on a secret with the holder of another key (SP 800-56A ECC CDH, RFC 7748 X25519). `point` is the other's
    /// public key: 04, X, Y for P-256 and P-384, 32 bytes for X25519. The secret is as long as a coordinate.
    ///
    /// # Errors
    ///
    /// [`Error::InputLength`] before anything is sent; [`Error::NotSupported`] for a key of another kind; else as
    /// [`VerifiedSession::sign`].
    pub fn agree(&mut self, slot: Slot, algorithm: AlgorithmId, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        match algorithm {
            AlgorithmId::EccP256 | AlgorithmId::EccP384 => check_length(point, 1 + 2 * algorithm.length())?,
            AlgorithmId::X25519 => check_length(point, algorithm.length())?,
            _ => return Err(Error::NotSupported { what: "key agreement with a key of this kind" }),
        }
        let fresh = std::mem::replace(&mut self.fresh, false);
        let secret = waited(fresh, self.session.use_key(slot, algorithm, Input::Exponentiation(point)))?;
        // A secret of all zeros is what a point of small order gives (RFC 7748 6.1): nobody's secret.
        if secret.len() != algorithm.length() || secret.iter().fold(0, |all, byte| all | byte) == 0 {
            return Err(Error::wrong_answer("GENERAL AUTHENTICATE", "it is no shared secret"));
        }
        Ok(secret)
    }

    /// The management key that is stored on the card under the PIN, as Yubico's tools do it: one command. `None` if there is
    /// none.
    ///
    /// # Errors
    ///
    /// Those of [`Session::read_object`].
    pub fn protected_management_key(&mut self) -> Result<Option<ManagementKey>, Error> {
        let object = self.read_object(ObjectId::Printed)?.map(Zeroizing::new);
        Ok(object.and_then(|object| admin_data::protected_key(&object)))
    }

    /// Authenticates the management key: see [`Session::authenticate_management`]. The PIN stays verified.
    ///
    /// # Errors
    ///
    /// Those of [`Session::authenticate_management`].
    pub fn authenticate_management(mut self, key: &ManagementKey) -> Result<Administration<Self>, Error> {
        let algorithm = self.authenticate(key)?;
        Ok(Administration::new(self, algorithm))
    }
}

impl<'a> Deref for VerifiedSession<'a> {
    type Target = Session<'a>;

    fn deref(&self) -> &Session<'a> {
        &self.session
    }
}

impl<'a> DerefMut for VerifiedSession<'a> {
    /// Whatever is done with the session comes between the PIN and the key.
    fn deref_mut(&mut self) -> &mut Session<'a> {
        self.fresh = false;
        &mut self.session
    }
}

/// A key that refuses right after the PIN was verified did not miss the PIN.
fn waited<T>(fresh: bool, result: Result<T, Error>) -> Result<T, Error> {
    match result {
        Err(Error::PinRequired { slot }) if fresh => Err(Error::TouchTimeout { slot }),
        result => result,
    }
}

fn check_length(input: &[u8], wanted: usize) -> Result<(), Error> {
    if input.len() == wanted { Ok(()) } else { Err(Error::InputLength { wanted, given: input.len() }) }
}
