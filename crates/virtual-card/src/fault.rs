//! Faults at chosen commands: what a card in a bad reader, or a bad card, does.
//!
//! ```text
//! # a comment
//! at 5 remove          the card leaves the reader just before the fifth command
//! at 7 sw=6F00         the seventh command is answered with this status word and not executed
//! at 2 of CB garbage   the second GET DATA (instruction CB) is executed, and something else is answered
//! at 1 of 24 remove-after   the first CHANGE REFERENCE DATA is executed, and the card leaves before it answers
//! ```
//!
//! Commands are counted from 1 since the card was started, over every reset and reconnection; so are those of each
//! instruction. GET RESPONSE (C0) and each part of a chain are commands of their own. Where a line `at N` and a line
//! `at N of INS` mean the same command, the first kind counts, and the other has no effect.

mod answer;
mod plan;

use std::fmt;
use std::time::Duration;

use smartcard::StatusWord;

pub(crate) use answer::Outcome;
pub use plan::{CommandRecord, FaultPlan};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `remove`: the card is pulled before it sees the command.
    Remove,
    /// `reset`: the card loses its state before it sees the command, as when another program resets it. In process and
    /// in the reader of `--transport vpcd:` the client is told so. pcscd tells of a reset only when one of its own clients
    /// did it, and only between two transactions of another one: across pcscd the card leaves and is back a moment later.
    Reset,
    /// `remove-after`: the card executes the command, and is pulled before it answers.
    RemoveAfter,
    /// `reset-after`: the card executes the command, and loses its state before it answers. Who is told of it: as for
    /// `reset`.
    ResetAfter,
    /// `sw=HEX4`: the command is answered with this status word and not executed.
    Status(StatusWord),
    /// `truncate`, `truncate=BYTES`: the command is executed, and of the answer only so many bytes come through, one
    /// without a number; never none, which across vpcd would mean a reset. The status word is the end of a whole answer.
    Truncate(usize),
    /// `garbage`: the command is executed; the answer is 9000 after bytes that are no BER-TLV.
    Garbage,
    /// `hang=SECONDS`: the command is executed, and its answer comes so much later.
    Hang(Duration),
    /// `endless-chain`: the command is not executed. Its answer, and that of every GET RESPONSE which follows it, is one
    /// byte and the promise of more.
    EndlessChain,
    /// `gzip-bomb`: the command is not executed. The answer is a certificate object of less than 64 KiB whose certificate
    /// unpacks to 50 MB.
    GzipBomb,
}

impl Fault {
    /// Reads a fault as fault files have it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        match (name, value) {
            ("remove", None) => Ok(Self::Remove),
            ("reset", None) => Ok(Self::Reset),
            ("remove-after", None) => Ok(Self::RemoveAfter),
            ("reset-after", None) => Ok(Self::ResetAfter),
            ("sw", Some(value)) => Ok(Self::Status(StatusWord(status_word(value)?))),
            ("truncate", None) => Ok(Self::Truncate(1)),
            ("truncate", Some(value)) => match value.parse() {
                Ok(bytes) if bytes > 0 => Ok(Self::Truncate(bytes)),
                _ => Err("truncate= takes a number of bytes from 1, as in truncate=20".to_owned()),
            },
            ("garbage", None) => Ok(Self::Garbage),
            ("hang", Some(value)) => Ok(Self::Hang(seconds(value)?)),
            ("endless-chain", None) => Ok(Self::EndlessChain),
            ("gzip-bomb", None) => Ok(Self::GzipBomb),
            _ => Err(format!(
                "there is no fault {text:?}: use remove, reset, remove-after, reset-after, sw=HEX4, truncate, truncate=BYTES, \
                 garbage, hang=SECONDS, endless-chain or gzip-bomb"
            )),
        }
    }
}

impl fmt::Display for Fault {
    /// As fault files have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("remove"),
            Self::Reset => f.write_str("reset"),
            Self::RemoveAfter => f.write_str("remove-after"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::Status(status) => write!(f, "sw={:04X}", status.0),
            Self::Truncate(1) => f.write_str("truncate"),
            Self::Truncate(bytes) => write!(f, "truncate={bytes}"),
            Self::Garbage => f.write_str("garbage"),
            Self::Hang(time) => write!(f, "hang={}", time.as_secs_f64()),
            Self::EndlessChain => f.write_str("endless-chain"),
            Self::GzipBomb => f.write_str("gzip-bomb"),
        }
    }
}

fn status_word(text: &str) -> Result<u16, String> {
    let status = u16::from_str_radix(text, 16).ok().filter(|_| text.len() == 4 && !text.starts_with('+'));
    status.ok_or_else(|| "a status word has four hexadecimal digits, as in sw=6F00".to_owned())
}

/// At most an hour, as a decimal number.
fn seconds(text: &str) -> Result<Duration, String> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse().ok().filter(|seconds| decimal && (0.0..=3600.0).contains(seconds));
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| "hang= takes a number of seconds up to 3600, as in hang=2 or hang=0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_written_alike() {
        let faults = [
            ("remove", Fault::Remove),
            ("reset", Fault::Reset),
            ("remove-after", Fault::RemoveAfter),
            ("reset-after", Fault::ResetAfter),
            ("sw=6F00", Fault::Status(StatusWord(0x6f00))),
            ("truncate", Fault::Truncate(1)),
            ("truncate=20", Fault::Truncate(20)),
            ("garbage", Fault::Garbage),
            ("hang=2", Fault::Hang(Duration::from_secs(2))),
            ("hang=0.5", Fault::Hang(Duration::from_millis(500))),
            ("endless-chain", Fault::EndlessChain),
            ("gzip-bomb", Fault::GzipBomb),
        ];
        for (text, fault) in faults {
            assert_eq!(Fault::parse(text), Ok(fault));
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_fault() {
        for text in [
            "explode",
            "",
            "remove=1",
            "reset=",
            "remove-before",
            "reset-after=1",
            "sw",
            "sw=6F",
            "sw=+F00",
            "sw=6F000",
            "truncate=",
            "truncate=0",
            "truncate=-1",
            "hang",
            "hang=",
            "hang=-1",
            "hang=inf",
            "hang=nan",
            "hang=1e3",
            "hang=3601",
            "gzip-bomb=50",
        ] {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
    }
}
