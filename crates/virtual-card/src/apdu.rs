//! Command APDUs as a card reads them (ISO/IEC 7816-4:2020, 5.2), and what it answers.
//!
//! ```text
//! short      CLA INS P1 P2 [Lc(1) data(1..=255)] [Le(1)]
//! extended   CLA INS P1 P2  00 [Lc(2) data(1..=65535)] [Le(2)]
//! ```

use smartcard::StatusWord;

/// One command APDU, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct CommandApdu<'a> {
    /// CLA, INS, P1, P2.
    pub(crate) header: [u8; 4],
    /// The data field; empty without one.
    pub(crate) data: &'a [u8],
    /// How many bytes of answer were asked for, in 1..=65,536. Without an Le field 256: the card answers all the same.
    pub(crate) le: usize,
    /// True for the extended form.
    pub(crate) extended: bool,
}

impl<'a> CommandApdu<'a> {
    /// Reads one APDU. The lengths must add up to the byte; otherwise the card answers the status word returned here.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, StatusWord> {
        let (header, body) = bytes.split_first_chunk::<4>().ok_or(StatusWord::WRONG_LENGTH)?;
        let (data, le, extended) = match body {
            [] => (&[][..], MAX_SHORT_ANSWER, false),
            [le] => (&[][..], short_le(*le), false),
            [0, high, low] => (&[][..], extended_le(*high, *low), true),
            [0, high, low, rest @ ..] => {
                let (data, le) = rest.split_at_checked(length(*high, *low)).ok_or(StatusWord::WRONG_LENGTH)?;
                match le {
                    _ if data.is_empty() => return Err(StatusWord::WRONG_LENGTH),
                    [] => (data, MAX_SHORT_ANSWER, true),
                    [high, low] => (data, extended_le(*high, *low), true),
                    _ => return Err(StatusWord::WRONG_LENGTH),
                }
            }
            [0, ..] => return Err(StatusWord::WRONG_LENGTH),
            [lc, rest @ ..] => {
                let (data, le) = rest.split_at_checked(usize::from(*lc)).ok_or(StatusWord::WRONG_LENGTH)?;
                match le {
                    [] => (data, MAX_SHORT_ANSWER, false),
                    [le] => (data, short_le(*le), false),
                    _ => return Err(StatusWord::WRONG_LENGTH),
                }
            }
        };
        Ok(Self { header: *header, data, le, extended })
    }
}

/// What a card answers to one APDU.
pub(crate) struct Answer {
    pub(crate) data: Vec<u8>,
    pub(crate) status: StatusWord,
}

impl Answer {
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.data.extend_from_slice(&self.status.0.to_be_bytes());
        self.data
    }
}

impl From<StatusWord> for Answer {
    fn from(status: StatusWord) -> Self {
        Self { data: Vec::new(), status }
    }
}

/// The longest answer to a short command, in bytes, without status word.
pub(crate) const MAX_SHORT_ANSWER: usize = 256;

const MAX_EXTENDED_ANSWER: usize = 65_536;

fn short_le(le: u8) -> usize {
    if le == 0 { MAX_SHORT_ANSWER } else { usize::from(le) }
}

fn extended_le(high: u8, low: u8) -> usize {
    match length(high, low) {
        0 => MAX_EXTENDED_ANSWER,
        le => le,
    }
}

fn length(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let cases: [(&str, &str, usize, bool); 7] = [
            ("00cb3fff", "", 256, false),
            ("00cb3fff00", "", 256, false),
            ("00cb3fff10", "", 16, false),
            ("00cb3fff02aabb", "aabb", 256, false),
            ("00cb3fff02aabb05", "aabb", 5, false),
            ("00cb3fff000000", "", 65_536, true),
            ("00cb3fff000002aabb0100", "aabb", 256, true),
        ];
        for (bytes, data, le, extended) in cases {
            let bytes = hex::decode(bytes).unwrap();
            let apdu = CommandApdu::parse(&bytes).ok().unwrap();
            assert_eq!(apdu.header, [0, 0xcb, 0x3f, 0xff]);
            assert_eq!((hex::encode(apdu.data).as_str(), apdu.le, apdu.extended), (data, le, extended));
        }
    }

    #[test]
    fn lengths_that_do_not_add_up_are_wrong() {
        let cases = [
            "",
            "00cb3f",
            "00cb3fff02aa",
            "00cb3fff02aabbccdd",
            "00cb3fff0000",
            "00cb3fff00000000",
            "00cb3fff000002aa",
            "00cb3fff000002aabb01",
            "00cb3fff000002aabb000000",
        ];
        for bytes in cases {
            let bytes = hex::decode(bytes).unwrap();
            assert_eq!(CommandApdu::parse(&bytes).err(), Some(StatusWord::WRONG_LENGTH), "{}", hex::encode(bytes));
        }
    }
}
