//! `formatString`: literal text with `$1` to `$n` for the fields.

use std::fmt;

/// A format string of which every reference names a field of the list.
///
/// `$` and decimal digits refer to a field, counted from 1; any other `$` is literal. There are no conditions and no change of
/// case (SmartCardServices(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatString {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// The index in the list, from 0.
    Field(usize),
}

/// Why a text is no format string for a list of fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// It refers to a field that is not on the list.
    #[error("${reference} refers to no field: the list has {fields}")]
    OutOfRange {
        /// The digits behind the `$`.
        reference: String,
        /// How many fields there are.
        fields: usize,
    },
    /// It refers to no field at all: every card would have the same value.
    #[error("it refers to no field, so every card would have the same value")]
    NoField,
    /// It holds characters that no value of a directory can have.
    #[error("it holds control characters or invisible ones")]
    Control,
    /// It is too long.
    #[error("it has more than {MAX_FORMAT} bytes")]
    TooLong,
}

impl FormatString {
    /// Reads a format string for a list of so many fields.
    ///
    /// # Errors
    ///
    /// [`FormatError`].
    pub fn parse(text: &str, fields: usize) -> Result<Self, FormatError> {
        if text.len() > MAX_FORMAT {
            return Err(FormatError::TooLong);
        }
        if text.chars().any(super::deceives) {
            return Err(FormatError::Control);
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            let (before, reference) = rest.split_at(start);
            let reference = reference.get(1..).unwrap_or_default();
            let length = reference.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, behind) = reference.split_at(length);
            literal.push_str(before);
            rest = behind;
            if digits.is_empty() {
                literal.push('$');
                continue;
            }
            let index = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            let out_of_range = || FormatError::OutOfRange { reference: digits.to_owned(), fields };
            let index = index.filter(|index| *index < fields).ok_or_else(out_of_range)?;
            parts.extend(Some(Part::Literal(std::mem::take(&mut literal))).filter(|part| !part.is_empty()));
            parts.push(Part::Field(index));
        }
        literal.push_str(rest);
        parts.extend(Some(Part::Literal(literal)).filter(|part| !part.is_empty()));
        if !parts.iter().any(|part| matches!(part, Part::Field(_))) {
            return Err(FormatError::NoField);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The text as it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The literal text before the first field, such as `Kerberos:`.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// Whether the field with this index, from 0, is referred to.
    pub fn uses(&self, index: usize) -> bool {
        self.parts.contains(&Part::Field(index))
    }

    /// Whether a reference has several digits: programs that replace `$1` first read it as `$1` and more digits.
    pub fn has_long_reference(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Field(index) if *index >= 9))
    }

    /// The text with `value` of each index, from 0, in its place.
    pub(crate) fn fill(&self, mut value: impl FnMut(usize) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Field(index) => value(*index),
        };
        self.parts.iter().map(part).collect()
    }

    /// Whether this could have made the value: its literal texts stand in it in this order, with something in the place of
    /// each field.
    pub fn could_make(&self, value: &str) -> bool {
        fits(&self.parts, value)
    }
}

/// Tries the literal texts one after the other, the first place of each that leaves room for the fields before it. The last
/// one must stand at the end.
fn fits(parts: &[Part], value: &str) -> bool {
    let mut rest = value;
    // How many characters the fields since the last literal text must have at least.
    let mut fields = 0_usize;
    for (position, part) in parts.iter().enumerate() {
        let Part::Literal(text) = part else {
            fields += 1;
            continue;
        };
        let skip: usize = rest.chars().take(fields).map(char::len_utf8).sum();
        if rest.chars().count() < fields {
            return false;
        }
        let found = match (fields, position + 1 == parts.len()) {
            (0, _) => rest.starts_with(text.as_str()).then_some(0),
            (_, true) => rest.len().checked_sub(text.len()).filter(|at| *at >= skip && rest.ends_with(text.as_str())),
            (_, false) => rest.get(skip..).and_then(|tail| tail.find(text.as_str())).map(|at| at + skip),
        };
        let Some(found) = found else { return false };
        rest = rest.get(found + text.len()..).unwrap_or_default();
        fields = 0;
    }
    if fields == 0 { rest.is_empty() } else { rest.chars().count() >= fields }
}

impl Part {
    fn is_empty(&self) -> bool {
        matches!(self, Part::Literal(text) if text.is_empty())
    }
}

impl fmt::Display for FormatString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

const MAX_FORMAT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, values: &[&str]) -> String {
        FormatString::parse(text, values.len()).unwrap().fill(|index| values[index].to_owned())
    }

    #[test]
    fn fields_take_their_places() {
        assert_eq!(filled("Kerberos:$1", &["a@b"]), "Kerberos:a@b");
        assert_eq!(filled("$2-$1", &["x", "y"]), "y-x");
        assert_eq!(filled("$1$1", &["x"]), "xx");
        assert_eq!(filled("US$ $1 $", &["5"]), "US$ 5 $");
        assert_eq!(filled("$1", &["$1 $2"]), "$1 $2", "values are not looked into");
        assert_eq!(filled("$11$1", &["a"; 11]), "aa");
    }

    #[test]
    fn what_is_refused() {
        let error = |text: &str, fields| FormatString::parse(text, fields).unwrap_err();
        for text in ["$0", "$2", "a$3", "$10", "$99999999999999999999999"] {
            assert!(matches!(error(text, 1), FormatError::OutOfRange { .. }), "{text}");
        }
        for text in ["", "Kerberos:", "$", "$a"] {
            assert_eq!(error(text, 1), FormatError::NoField, "{text}");
        }
        assert_eq!(error("a\n$1", 1), FormatError::Control);
        assert_eq!(error(&format!("{}$1", "x".repeat(2000)), 1), FormatError::TooLong);
    }

    #[test]
    fn values_that_could_have_been_made() {
        let could = |text: &str, value: &str| FormatString::parse(text, 2).unwrap().could_make(value);
        assert!(could("Kerberos:$1", "Kerberos:a") && !could("Kerberos:$1", "Kerberos:"));
        assert!(!could("Kerberos:$1", "kerberos:a") && !could("Kerberos:$1", "X Kerberos:a"));
        assert!(could("$1", "ü") && !could("$1", "") && could("$1$2", "üx") && !could("$1$2", "ü"));
        assert!(could("$1-$2", "a-b") && could("$1-$2", "--b") && !could("$1-$2", "a-") && !could("$1-$2", "-b"));
        assert!(could("$1@x", "a@x@x") && !could("$1@x", "@x") && !could("$1@x", "a@xy"));
        assert!(could("<$1>", "<a>") && !could("<$1>", "<>") && !could("<$1>", "<a"));
    }
}
