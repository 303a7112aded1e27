//! JSON that is safe to see on a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use pivkit::text::escape_control;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// One document, indented, with a line end.
pub(crate) fn document(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping(PrettyFormatter::new())))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The same for a value too large for memory, which is written as it comes.
pub(crate) fn write_document(value: &impl Serialize, writer: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *writer, Escaping(PrettyFormatter::new())))?;
    writer.write_all(b"\n")
}

/// One line of JSON Lines.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping(serde_json::ser::CompactFormatter)))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes characters that could deceive a terminal as `\uXXXX`. The value is the same; only its form is harmless.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if matches!(escape_control(fragment), Cow::Borrowed(_)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 2];
        for character in fragment.chars() {
            let one = character.to_string();
            if escape_control(&one) == one {
                writer.write_all(one.as_bytes())?;
            } else {
                for unit in character.encode_utf16(&mut buffer) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_characters_are_escaped_and_keep_their_value() {
        for text in ["a\u{202e}b", "\u{9b}2J", "\u{e0001}", "plain ü 漢", "\u{1b}[0m\n\"\\"] {
            let bytes = document(&text).unwrap();
            let written = String::from_utf8(bytes.clone()).unwrap();
            let inner = written.trim_end();
            assert_eq!(escape_control(inner), inner, "{text:?}");
            assert_eq!(serde_json::from_slice::<String>(&bytes).unwrap(), text);
        }
        assert!(String::from_utf8(document(&"ü").unwrap()).unwrap().contains('ü'));
    }
}
