//! Changing and unblocking the PIN, changing the PUK (SP 800-73-4 Part 2, 3.2.2 and 3.2.3).
//!
//! ```text
//! CHANGE REFERENCE DATA   00 24 00 reference   old (8 bytes) new (8 bytes)
//! RESET RETRY COUNTER     00 2C 00 80          PUK (8 bytes) new PIN (8 bytes)
//! ```
//!
//! Each takes the old secret, and so a try. The counter is read first, the command is sent once, and the last try is kept
//! unless the caller says otherwise.

use smartcard::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::pin;
use crate::yubico::PUK;
use crate::{Error, LastTry, Pin, PinReference, PinStatus, Puk, Session};

impl Session<'_> {
    /// How many tries are left for the PUK: one command where the card tells it in its metadata, two elsewhere. No try is
    /// used. [`PinStatus::Unknown`] on the many cards that do not tell.
    ///
    /// # Errors
    ///
    /// That of a lost connection.
    pub fn puk_status(&mut self) -> Result<PinStatus, Error> {
        match self.puk_metadata() {
            Err(error) if error.ends_session() => return Err(error),
            metadata => {
                if let Some(puk) = metadata.ok().and_then(|metadata| metadata.present()) {
                    let left = puk.tries_left;
                    return Ok(if left == 0 { PinStatus::Blocked } else { PinStatus::TriesLeft(left) });
                }
            }
        }
        // Not in the standard, but some cards answer the empty VERIFY for the PUK as they do for the PIN.
        match PinStatus::of(self.send(&Command::new(0x00, INS_VERIFY, 0x00, PUK))?.status) {
            PinStatus::Verified => Ok(PinStatus::Unknown(StatusWord::OK)),
            status => Ok(status),
        }
    }

    /// Changes the PIN that people use (the global one if the discovery object says so): two commands, and one for the
    /// discovery object if it was not read yet.
    ///
    /// # Errors
    ///
    /// [`Error::LastPinTry`], [`Error::PinTriesUnknown`] and [`Error::PinBlocked`] before a PIN is sent; [`Error::WrongPin`]
    /// and [`Error::PinBlocked`] for the old one; [`Error::NewSecretRefused`] if the card's own rules forbid the new one;
    /// [`Error::Status`]; that of a lost connection, after which it is not known which PIN the card has.
    pub fn change_pin(&mut self, old: &Pin, new: &Pin, last_try: LastTry) -> Result<(), Error> {
        let reference = self.pin_reference()?;
        self.pin_status_of(reference)?.permits_pin(last_try)?;
        let status = self.send_pair(INS_CHANGE_REFERENCE_DATA, reference.number(), &old.padded(), &new.padded())?;
        refused(status)?;
        pin::old_answer(status, "CHANGE REFERENCE DATA")
    }

    /// Changes the PUK: two or three commands.
    ///
    /// # Errors
    ///
    /// [`Error::LastPukTry`], [`Error::PukTriesUnknown`] and [`Error::PukBlocked`] before a PUK is sent; [`Error::WrongPuk`]
    /// and [`Error::PukBlocked`] for the old one; [`Error::NewSecretRefused`]; [`Error::Status`]; that of a lost connection,
    /// after which it is not known which PUK the card has.
    pub fn change_puk(&mut self, old: &Puk, new: &Puk, last_try: LastTry) -> Result<(), Error> {
        self.puk_status()?.permits_puk(last_try)?;
        let status = self.send_pair(INS_CHANGE_REFERENCE_DATA, PUK, &old.padded(), &new.padded())?;
        refused(status)?;
        puk_answer(status, "CHANGE REFERENCE DATA")
    }

    /// Gives the PIN a new value and all its tries, by the PUK: two or three commands.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if people use the global PIN, which no PIV command unblocks; else as
    /// [`Session::change_puk`].
    pub fn unblock_pin(&mut self, puk: &Puk, new: &Pin, last_try: LastTry) -> Result<(), Error> {
        if self.pin_reference()? == PinReference::Global {
            return Err(Error::NotSupported { what: "unblocking the global PIN" });
        }
        self.puk_status()?.permits_puk(last_try)?;
        let reference = PinReference::Application.number();
        let status = self.send_pair(INS_RESET_RETRY_COUNTER, reference, &puk.padded(), &new.padded())?;
        refused(status)?;
        puk_answer(status, "RESET RETRY COUNTER")
    }

    pub(crate) fn send_pair(&mut self, ins: u8, reference: u8, old: &[u8], new: &[u8]) -> Result<StatusWord, Error> {
        let mut data = Zeroizing::new(Vec::with_capacity(old.len() + new.len()));
        data.extend_from_slice(old);
        data.extend_from_slice(new);
        Ok(self.send_once(&Command::new(0x00, ins, 0x00, reference).with_secret(data))?.status)
    }
}

/// The card found the old secret right, or did not look at it, and does not like the new one.
fn refused(sw: StatusWord) -> Result<(), Error> {
    match sw {
        StatusWord::INCORRECT_DATA | StatusWord::CONDITIONS_NOT_SATISFIED => Err(Error::NewSecretRefused { sw }),
        _ => Ok(()),
    }
}

fn puk_answer(status: StatusWord, command: &'static str) -> Result<(), Error> {
    pin::old_answer(status, command).map_err(|error| match error {
        Error::WrongPin { retries_left } => Error::WrongPuk { retries_left },
        Error::PinBlocked => Error::PukBlocked,
        error => error,
    })
}

const INS_VERIFY: u8 = 0x20;
const INS_CHANGE_REFERENCE_DATA: u8 = 0x24;
pub(crate) const INS_RESET_RETRY_COUNTER: u8 = 0x2c;
