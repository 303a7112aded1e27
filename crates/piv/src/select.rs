//! SELECT, and what it answers (SP 800-73-4 Part 2, 3.1.1 and table 3).
//!
//! ```text
//! 61 { 4F AID, whole or without its RID   79 { 4F RID }   50 label   5F50 URL   AC algorithms }   in any order, 19 to 124 bytes
//! ```

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Response, StatusWord};

use crate::Error;

/// What the card says of its PIV application when it is selected. Information only: cards differ much in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// The whole application identifier, RID included, if the card names it.
    pub aid: Option<Vec<u8>>,
    /// The application's label. Foreign text.
    pub label: Option<String>,
}

/// The name by which a card lets its PIV application be selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Name {
    /// The identifier without its version: most cards match a name by its beginning, whatever their version.
    #[default]
    WithoutVersion,
    /// All of it, for cards that compare it whole.
    Whole,
    /// The five bytes of the RID.
    Rid,
}

impl Name {
    /// The name to try when the card refuses this one.
    pub(crate) fn next(self) -> Option<Self> {
        match self {
            Self::WithoutVersion => Some(Self::Whole),
            Self::Whole => Some(Self::Rid),
            Self::Rid => None,
        }
    }

    fn bytes(self) -> &'static [u8] {
        let length = match self {
            Self::WithoutVersion => 9,
            Self::Whole => PIV_AID.len(),
            Self::Rid => RID_LENGTH,
        };
        PIV_AID.get(..length).unwrap_or(&PIV_AID)
    }
}

pub(crate) fn command(name: Name) -> Command {
    Command::new(0x00, INS_SELECT, 0x04, 0x00).with_data(name.bytes()).expecting_answer()
}

/// Being selected is what counts; an answer that cannot be read says nothing.
pub(crate) fn answer(response: &Response) -> Result<Application, Error> {
    match response.status {
        StatusWord::OK => Ok(Application::parse(&response.data).unwrap_or_default()),
        StatusWord::NOT_FOUND
        | StatusWord::FUNCTION_NOT_SUPPORTED
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED
        | StatusWord::INCORRECT_P1_P2 => Err(Error::NotPiv { sw: response.status }),
        sw => Err(Error::Status { command: "SELECT", sw }),
    }
}

impl Application {
    fn parse(answer: &[u8]) -> Result<Self, tlv::TlvError> {
        let template = tlv::find(answer, APPLICATION_PROPERTY_TEMPLATE)?.unwrap_or(answer);
        let aid = tlv::find(template, AID)?.filter(|aid| !aid.is_empty()).map(|aid| {
            let (rid, _) = PIV_AID.split_at(RID_LENGTH);
            if aid.starts_with(rid) { aid.to_vec() } else { [rid, aid].concat() }
        });
        let label = tlv::find(template, LABEL)?.filter(|label| !label.is_empty());
        Ok(Self { aid, label: label.map(|label| String::from_utf8_lossy(label).into_owned()) })
    }
}

const INS_SELECT: u8 = 0xa4;
/// The application identifier of PIV (SP 800-73-4 Part 1, 2.2): RID of NIST, PIX, version 1.0.
const PIV_AID: [u8; 11] = [0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00];
const RID_LENGTH: usize = 5;
const APPLICATION_PROPERTY_TEMPLATE: Tag = Tag(0x61);
const AID: Tag = Tag(0x4f);
const LABEL: Tag = Tag(0x50);

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(answer: &str) -> Application {
        super::answer(&Response { data: hex::decode(answer).unwrap(), status: StatusWord::OK }).unwrap()
    }

    #[test]
    fn the_identifier_is_whole_whether_the_card_says_all_of_it_or_only_the_pix() {
        // A YubiKey's answer; one with the whole identifier; and one with a label, in another order.
        let yubikey = selected("61114f0600001000010079074f05a000000308");
        assert_eq!(hex::encode(yubikey.aid.unwrap()), "a000000308000010000100");
        let whole = selected("61164f0ba00000030800001000010079074f05a000000308");
        assert_eq!(hex::encode(whole.aid.unwrap()), "a000000308000010000100");
        let labelled = selected("611679074f05a0000003085003504956 4f06000010000100".replace(' ', "").as_str());
        assert_eq!(hex::encode(labelled.aid.unwrap()), "a000000308000010000100");
        assert_eq!(labelled.label.unwrap(), "PIV");
    }

    #[test]
    fn a_card_that_says_nothing_or_nonsense_is_selected_all_the_same() {
        for answer in ["", "6100", "ff", "61054f", "4f00"] {
            assert_eq!(selected(answer), Application::default(), "{answer}");
        }
    }
}
