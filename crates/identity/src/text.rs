//! Texts that people read: foreign text made safe to show, errors with their causes.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces every character that could deceive the reader of a terminal or a log by a visible
/// escape such as `\u{202e}`.
///
/// Escaped are control characters (line ends and tabs too), line and paragraph separators, the
/// characters that change the direction of text, those that are not visible (zero-width, soft
/// hyphen, invisible operators, tags, fillers) and those no program should exchange (private use,
/// noncharacters). Letters of every script, blanks and the backslash stay as they are, so the
/// result is for reading; it cannot be turned back.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    let harmless = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if harmless || !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_deceptive(character) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// An error and its causes in one line, each cause once: "a: b: c".
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Unicode 16: general categories Cc, Cf, Zl, Zp and Co, the noncharacters, the variation
/// selectors, and the letters that show as nothing.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            u32::from(character),
            0xAD | 0x34F
                | 0x600..=0x605
                | 0x61C
                | 0x6DD
                | 0x70F
                | 0x890..=0x891
                | 0x8E2
                | 0x115F..=0x1160
                | 0x17B4..=0x17B5
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xE000..=0xF8FF
                | 0xFDD0..=0xFDEF
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0x110BD
                | 0x110CD
                | 0x13430..=0x1343F
                | 0x1BCA0..=0x1BCA3
                | 0x1D173..=0x1D17A
                | 0xE0000..=0x10FFFF
        )
        || u32::from(character) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_ordinary_text_alone() {
        for text in ["", "CN=Zoë Müller 東京 \\ \"x\"", "DOMAIN\\alice", "אבג", "👩"] {
            assert!(matches!(escape_control(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn shows_what_would_deceive() {
        assert_eq!(escape_control("a\nb\t\u{1b}[31m\u{7f}\u{9b}"), "a\\u{a}b\\u{9}\\u{1b}[31m\\u{7f}\\u{9b}");
        assert_eq!(escape_control("\u{202e}evil\u{2066}"), "\\u{202e}evil\\u{2066}");
        assert_eq!(escape_control("ali\u{200b}ce\u{feff}"), "ali\\u{200b}ce\\u{feff}");
        for hidden in "\u{2028}\u{2029}\u{200e}\u{200f}\u{061c}\u{2060}\u{ad}\u{e0041}\u{fe0f}\u{ffff}\u{3164}".chars()
        {
            let text = format!("a{hidden}b");
            assert!(!escape_control(&text).contains(hidden), "{:x}", u32::from(hidden));
        }
    }
}
