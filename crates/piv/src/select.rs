//! SELECT, and what it answers (SP 800-73-4 Part 2, 3.1.1).

use smartcard::{Command, StatusWord, tlv};

use crate::Error;

/// The application property template (61), as far as it is of use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationProperties {
    /// What the card gives as its application identifier (4F): the whole of it, or only its last part (PIX).
    pub aid: Option<Vec<u8>>,
}

/// The application identifier of PIV without its version number: cards match it by its beginning.
const PIV_AID: [u8; 9] = [0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];

pub(crate) fn command() -> Command {
    Command::new(0x00, 0xa4, 0x04, 0x00).with_data(PIV_AID).expecting_answer()
}

pub(crate) fn answer(response: &smartcard::Response) -> Result<ApplicationProperties, Error> {
    if !response.status.is_ok() {
        return Err(match response.status {
            StatusWord::NOT_FOUND
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::INSTRUCTION_NOT_SUPPORTED
            | StatusWord::CLASS_NOT_SUPPORTED
            | StatusWord::INCORRECT_P1_P2 => Error::NotPiv { sw: response.status },
            sw => Error::Status { command: "SELECT", sw },
        });
    }
    // What the template says is information only, and cards differ much in it; being selected is what counts.
    let template = tlv::single(&response.data, APPLICATION_PROPERTY_TEMPLATE).unwrap_or_default();
    let aid = tlv::find(template, APPLICATION_IDENTIFIER).ok().flatten().map(<[u8]>::to_vec);
    Ok(ApplicationProperties { aid })
}

const APPLICATION_PROPERTY_TEMPLATE: tlv::Tag = tlv::Tag(0x61);
const APPLICATION_IDENTIFIER: tlv::Tag = tlv::Tag(0x4f);
