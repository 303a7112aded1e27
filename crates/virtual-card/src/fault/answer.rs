//! What a fault makes of a command: the same for every reader.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use smartcard::tlv::{self, Tag};

use super::{Fault, FaultPlan};
use crate::VirtualCard;

/// What the reader sees of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer, data and status word.
    Answer(Vec<u8>),
    /// The answer, after this time.
    Late(Duration, Vec<u8>),
    /// The card was reset and does not answer.
    Reset,
    /// The card is gone and does not answer.
    Removed,
}

impl FaultPlan {
    /// Gives a command to `card`, unless something goes wrong with it.
    pub(crate) fn transmit(&mut self, card: &mut VirtualCard, apdu: &[u8]) -> Outcome {
        let Some(fault) = self.next_command(apdu) else { return Outcome::Answer(card.transmit(apdu)) };
        tracing::info!(%fault, command = self.commands(), "fault");
        Outcome::Answer(match fault {
            Fault::RemoveAfter | Fault::ResetAfter => {
                // What it would have answered, nobody hears.
                let _ = card.transmit(apdu);
                card.reset();
                return if fault == Fault::RemoveAfter { Outcome::Removed } else { Outcome::Reset };
            }
            Fault::Remove => {
                card.reset();
                return Outcome::Removed;
            }
            Fault::Reset => {
                card.reset();
                return Outcome::Reset;
            }
            Fault::Hang(time) => return Outcome::Late(time, card.transmit(apdu)),
            Fault::Status(status) => status.0.to_be_bytes().to_vec(),
            Fault::Truncate(bytes) => {
                let mut answer = card.transmit(apdu);
                answer.truncate(bytes);
                answer
            }
            Fault::Garbage => {
                // The card has done what it was told.
                let _ = card.transmit(apdu);
                GARBAGE.to_vec()
            }
            Fault::EndlessChain => ENDLESS.to_vec(),
            Fault::GzipBomb => card.answer_instead(apdu, gzip_bomb().to_vec()),
        })
    }
}

/// A tag of many bytes that has no end, and 9000.
const GARBAGE: [u8; 18] =
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x90, 0x00];
/// One byte, and that there is one more.
const ENDLESS: [u8; 3] = [0x00, 0x61, 0x01];

/// A certificate object (SP 800-73-4 Part 1, Appendix A, Table 10) that says of itself that it is compressed.
fn gzip_bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = [0; 10_000];
        for _ in 0..UNPACKED / zeros.len() {
            // Writing to memory does not fail.
            let _ = encoder.write_all(&zeros);
        }
        let mut content = tlv::encode(Tag(0x70), &encoder.finish().unwrap_or_default());
        tlv::push(&mut content, Tag(0x71), &[0x01]);
        tlv::push(&mut content, Tag(0xfe), &[]);
        tlv::encode(Tag(0x53), &content)
    })
}

/// How large the certificate claims to be, in bytes.
const UNPACKED: usize = 50_000_000;

#[cfg(test)]
mod tests;
