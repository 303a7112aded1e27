//! Commands to a card, and the bytes they become (ISO/IEC 7816-4:2020, 5.2 and 5.3).
//!
//! ```text
//! short      CLA INS P1 P2 [Lc(1) data(1..=255)] [Le(1)]
//! extended   CLA INS P1 P2  00 [Lc(2) data(1..=65535)] [Le(2)]     without data and Le: as short
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::{Error, Wait};

/// The four bytes that say what a command does: CLA, INS, P1, P2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header(pub [u8; 4]);

/// One command as an application means it, whatever the length of its data. [`Exchange`](crate::Exchange) turns it
/// into one or several [`Apdu`]s.
pub struct Command {
    header: Header,
    data: Data,
    answer_expected: bool,
    once: bool,
    wait: Wait,
}

enum Data {
    Plain(Vec<u8>),
    Secret(Zeroizing<Vec<u8>>),
}

impl Command {
    /// A command of class, instruction and parameters, without data.
    #[must_use]
    pub fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self {
            header: Header([cla, ins, p1, p2]),
            data: Data::Plain(Vec::new()),
            answer_expected: false,
            once: false,
            wait: Wait::Answer,
        }
    }

    /// Adds the data field.
    #[must_use]
    pub fn with_data(self, data: impl Into<Vec<u8>>) -> Self {
        Self { data: Data::Plain(data.into()), ..self }
    }

    /// Adds a data field that is a secret: it is wiped after use, and never logged.
    #[must_use]
    pub fn with_secret(self, data: Zeroizing<Vec<u8>>) -> Self {
        Self { data: Data::Secret(data), ..self }
    }

    /// Says that the card shall answer with data (sends an Le field).
    #[must_use]
    pub fn expecting_answer(self) -> Self {
        Self { answer_expected: true, ..self }
    }

    /// Says that the card must not see this command a second time, in whatever form: the first one uses something up, such as
    /// a PIN that was verified for one signature.
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Says that the card may take minutes for this command, as for making an RSA key.
    #[must_use]
    pub fn taking_time(self) -> Self {
        Self { wait: Wait::Work, ..self }
    }

    /// Says that the card may wait for a person to touch it before it answers.
    #[must_use]
    pub fn awaiting_touch(self) -> Self {
        Self { wait: Wait::Touch, ..self }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// True if the card shall answer with data.
    #[must_use]
    pub fn answer_expected(&self) -> bool {
        self.answer_expected
    }

    /// The data field.
    pub(crate) fn data(&self) -> &[u8] {
        match &self.data {
            Data::Plain(data) => data,
            Data::Secret(data) => data,
        }
    }

    /// True if the card may be told again in another form what it refused in one.
    pub(crate) fn is_repeatable(&self) -> bool {
        !self.once && !self.is_secret()
    }

    /// True if the data field is a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.data, Data::Secret(_))
    }

    /// How each APDU of this command is to be treated.
    pub(crate) fn treatment(&self) -> Treatment {
        Treatment { secret: self.is_secret(), wait: self.wait }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = hex::encode(self.header.0);
        match &self.data {
            Data::Plain(data) => write!(f, "Command({header} {})", hex::encode(data)),
            Data::Secret(data) => write!(f, "Command({header} + {} secret bytes)", data.len()),
        }
    }
}

/// How an APDU is treated on its way to the card.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Treatment {
    /// Its data are never logged.
    pub(crate) secret: bool,
    /// What it is if the answer does not come at once.
    pub(crate) wait: Wait,
}

/// One command APDU, ready for the wire. Its bytes are wiped when it is dropped.
pub struct Apdu {
    bytes: Zeroizing<Vec<u8>>,
    header: Header,
    data_length: usize,
    treatment: Treatment,
}

impl Apdu {
    /// The short form: at most 255 bytes of data; with `le`, up to 256 bytes of answer are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::CommandTooLong`] if the data exceed 255 bytes.
    pub(crate) fn short(header: Header, data: &[u8], le: Option<u8>, treatment: Treatment) -> Result<Self, Error> {
        let lc =
            u8::try_from(data.len()).map_err(|_| Error::CommandTooLong { reason: "over 255 bytes in a short APDU" })?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + 1 + data.len() + 1));
        bytes.extend_from_slice(&header.0);
        if lc > 0 {
            bytes.push(lc);
            bytes.extend_from_slice(data);
        }
        bytes.extend(le);
        Ok(Self { bytes, header, data_length: data.len(), treatment })
    }

    /// The extended form, asking for up to 65,536 bytes of answer where one is expected.
    ///
    /// # Errors
    ///
    /// [`Error::CommandTooLong`] if the data exceed 65,535 bytes.
    pub(crate) fn extended(
        header: Header,
        data: &[u8],
        answer_expected: bool,
        treatment: Treatment,
    ) -> Result<Self, Error> {
        let lc = u16::try_from(data.len())
            .map_err(|_| Error::CommandTooLong { reason: "over 65,535 bytes in an extended APDU" })?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + 3 + data.len() + 2));
        bytes.extend_from_slice(&header.0);
        if lc > 0 || answer_expected {
            bytes.push(0);
        }
        if lc > 0 {
            bytes.extend_from_slice(&lc.to_be_bytes());
            bytes.extend_from_slice(data);
        }
        if answer_expected {
            bytes.extend_from_slice(&[0, 0]);
        }
        Ok(Self { bytes, header, data_length: data.len(), treatment })
    }

    /// What it is if the answer does not come at once.
    #[must_use]
    pub fn wait(&self) -> Wait {
        self.treatment.wait
    }

    /// The bytes for the wire. They may hold a PIN: send them, never log them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Apdu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.treatment.secret {
            write!(f, "Apdu({} + {} secret bytes)", hex::encode(self.header.0), self.data_length)
        } else {
            write!(f, "Apdu({})", hex::encode(&self.bytes))
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({})", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H: Header = Header([0x00, 0xcb, 0x3f, 0xff]);

    #[test]
    fn the_four_short_cases() {
        let bytes = |data: &[u8], le| Apdu::short(H, data, le, Treatment::default()).unwrap().as_bytes().to_vec();
        assert_eq!(hex::encode(bytes(&[], None)), "00cb3fff");
        assert_eq!(hex::encode(bytes(&[], Some(0))), "00cb3fff00");
        assert_eq!(hex::encode(bytes(&[0xaa, 0xbb], None)), "00cb3fff02aabb");
        assert_eq!(hex::encode(bytes(&[0xaa, 0xbb], Some(0))), "00cb3fff02aabb00");
    }

    #[test]
    fn the_four_extended_cases() {
        let bytes = |data: &[u8], le| Apdu::extended(H, data, le, Treatment::default()).unwrap().as_bytes().to_vec();
        assert_eq!(hex::encode(bytes(&[], false)), "00cb3fff");
        assert_eq!(hex::encode(bytes(&[], true)), "00cb3fff000000");
        assert_eq!(hex::encode(bytes(&[0xaa], false)), "00cb3fff000001aa");
        assert_eq!(hex::encode(bytes(&[0xaa], true)), "00cb3fff000001aa0000");
        assert_eq!(bytes(&[7; 300], true)[4..7], [0, 1, 44]);
    }

    #[test]
    fn too_much_data_is_refused() {
        assert!(matches!(Apdu::short(H, &[0; 256], None, Treatment::default()), Err(Error::CommandTooLong { .. })));
        assert!(matches!(
            Apdu::extended(H, &[0; 65_536], false, Treatment::default()),
            Err(Error::CommandTooLong { .. })
        ));
    }

    #[test]
    fn debug_of_a_secret_shows_its_length_only() {
        let pin = Zeroizing::new(b"123456\xff\xff".to_vec());
        let command = Command::new(0, 0x20, 0, 0x80).with_secret(pin);
        let apdu = Apdu::short(command.header(), command.data(), None, command.treatment()).unwrap();
        assert_eq!(format!("{command:?}"), "Command(00200080 + 8 secret bytes)");
        assert_eq!(format!("{apdu:?}"), "Apdu(00200080 + 8 secret bytes)");
    }
}
