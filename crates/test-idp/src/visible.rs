//! Foreign text made safe to look at, in a browser or a terminal: what could deceive the reader is shown as an escape such as
//! `\u{202e}`. The rule is that of pivkit's own output.

use std::borrow::Cow;

/// Replaces control characters (line ends too), and those that are not seen or change the direction of text.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(deceives) {
        return Cow::Borrowed(text);
    }
    let escape = |character: char| {
        if deceives(character) { format!("\\u{{{:x}}}", u32::from(character)) } else { character.to_string() }
    };
    Cow::Owned(text.chars().map(escape).collect())
}

/// The same for a page of several lines, in its texts and attributes alike.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Unicode 16: the general categories Cc, Cf, Zl, Zp and Co, noncharacters, variation selectors, and letters that show as
/// nothing.
fn deceives(character: char) -> bool {
    let code = u32::from(character);
    // The last two of each plane are noncharacters.
    character.is_control()
        || code & 0xFFFE == 0xFFFE
        || UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

const UNSEEN: [(u32, u32); 27] = [
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xE000, 0xF8FF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0x10FFFF),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_that_of_the_other_programs() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            assert_eq!(visible(&text), identity::text::escape_control(&text), "{:x}", u32::from(character));
        }
    }

    #[test]
    fn lines_stay() {
        assert_eq!(visible_lines("a\u{202e}b\n\tc"), "a\\u{202e}b\n\\u{9}c");
    }
}
