//! SELECT, and what it answers (SP 800-73-4 Part 2, 3.1.1).

use smartcard::{Command, Response, StatusWord};

use crate::Error;

/// The application identifier of PIV without its version number: cards match it by its beginning.
const PIV_AID: [u8; 9] = [0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];

pub(crate) fn command() -> Command {
    Command::new(0x00, 0xa4, 0x04, 0x00).with_data(PIV_AID).expecting_answer()
}

/// What the card says of itself in its answer is information only, and cards differ much in it; being selected is what
/// counts.
pub(crate) fn answer(response: &Response) -> Result<(), Error> {
    match response.status {
        StatusWord::OK => Ok(()),
        StatusWord::NOT_FOUND
        | StatusWord::FUNCTION_NOT_SUPPORTED
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::INCORRECT_P1_P2 => Err(Error::NotPiv { sw: response.status }),
        sw => Err(Error::Status { command: "SELECT", sw }),
    }
}
