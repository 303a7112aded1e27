//! Resetting the PIV application (Yubico's FB): every key and object is destroyed, PIN, PUK and management key are those of
//! the factory. The card does it only when PIN and PUK are blocked.

use smartcard::{Command, StatusWord};

use crate::pin::{PinStatus, verify_command};
use crate::reference_data::INS_RESET_RETRY_COUNTER;
use crate::{Error, Pin, PinReference, Session};

impl Session<'_> {
    /// Blocks PIN and PUK with wrong ones, on purpose: after it, nothing but [`Session::reset`] helps the card. As many
    /// commands as there are tries, and one or two more.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] if the card answers in a way that blocks nothing; [`Error::Random`]; that of a lost connection.
    pub fn block_pin_and_puk(&mut self) -> Result<(), Error> {
        let reference = PinReference::Application;
        self.block("VERIFY", |session| Ok(session.send_once(&verify_command(reference, &random_pin()?))?.status))?;
        self.block("RESET RETRY COUNTER", |session| {
            let (puk, pin) = (random_pin()?, random_pin()?);
            session.send_pair(INS_RESET_RETRY_COUNTER, reference.number(), &puk.padded(), &pin.padded())
        })
    }

    fn block(
        &mut self,
        command: &'static str,
        mut attempt: impl FnMut(&mut Self) -> Result<StatusWord, Error>,
    ) -> Result<(), Error> {
        let mut sw = StatusWord::NO_DIAGNOSIS;
        for _ in 0..MAX_ATTEMPTS {
            sw = attempt(self)?;
            match PinStatus::of(sw) {
                PinStatus::Blocked => return Ok(()),
                // By a chance of one in a hundred million it was the right one, and the tries are back.
                PinStatus::TriesLeft(_) | PinStatus::Verified => {}
                PinStatus::Unknown(StatusWord::VERIFICATION_FAILED) => {}
                PinStatus::Unknown(sw) => return Err(Error::Status { command, sw }),
            }
        }
        Err(Error::Status { command, sw })
    }

    /// Resets the PIV application: one command. Every key, certificate and object is gone after it.
    ///
    /// # Errors
    ///
    /// [`Error::NotSupported`] if the card does not know the command; [`Error::NotBlocked`] if PIN or PUK has tries left;
    /// [`Error::Status`]; that of a lost connection.
    pub fn reset(&mut self) -> Result<(), Error> {
        let response = self.send_once(&Command::new(0x00, INS_RESET, 0x00, 0x00).taking_time())?;
        match response.status {
            StatusWord::OK => Ok(()),
            StatusWord::INSTRUCTION_NOT_SUPPORTED | StatusWord::CLASS_NOT_SUPPORTED => {
                Err(Error::NotSupported { what: "a reset" })
            }
            sw @ (StatusWord::CONDITIONS_NOT_SATISFIED | StatusWord::SECURITY_STATUS_NOT_SATISFIED) => {
                Err(Error::NotBlocked { sw })
            }
            sw => Err(Error::Status { command: "RESET", sw }),
        }
    }
}

/// Eight random digits: a form that every card compares, and so counts.
fn random_pin() -> Result<Pin, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    Pin::new(&bytes.map(|byte| char::from(b'0' + byte % 10)).iter().collect::<String>())
}

const INS_RESET: u8 = 0xfb;
/// More than any counter has: it is one byte.
const MAX_ATTEMPTS: usize = 300;
