//! What is written down of a certificate where a login module keeps less of it: a comment above its line.
//!
//! ```text
//! # pivkit KEY: HASH until YYYY-MM-DD SUBJECT
//! ```
//!
//! KEY names the line that it belongs to, so that a remark whose line was changed by hand is not believed: the first eight
//! hexadecimal digits of the digest. HASH is the pairing hash. SUBJECT is the subject of the certificate, safe to print, at
//! most 200 characters. Login modules pass comments over; nobody is let in by one.

use identity::text::escape_control;
use identity::{Certificate, PairingHash};
use time::Date;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// What was written down of a paired certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The pairing hash of its key.
    pub hash: PairingHash,
    /// The day (UTC) on which it ends.
    pub until: Date,
    /// Its subject, safe to print, at most 200 characters.
    pub subject: String,
}

impl Remark {
    /// The remark for a certificate.
    pub fn of(certificate: &Certificate) -> Self {
        let subject = escape_control(certificate.subject()).chars().take(MAX_SUBJECT).collect();
        Remark { hash: certificate.pairing_hash(), until: certificate.not_after().date(), subject }
    }

    /// The line for the mapping that `key` names, without line end.
    pub(crate) fn line(&self, key: &str) -> String {
        let until = self.until.format(DAY).unwrap_or_default();
        format!("# pivkit {key}: {} until {until} {}", self.hash, self.subject).trim_end().to_owned()
    }

    /// The remark in a line, if it is one for `key`.
    pub(crate) fn parse(line: &str, key: &str) -> Option<Self> {
        let rest = line.trim().strip_prefix("# pivkit ")?.strip_prefix(key)?.strip_prefix(": ")?;
        let (hash, rest) = rest.split_once(" until ")?;
        let (until, subject) = rest.split_once(' ').unwrap_or((rest, ""));
        let subject = escape_control(subject).chars().take(MAX_SUBJECT).collect();
        Some(Remark { hash: hash.parse().ok()?, until: Date::parse(until, DAY).ok()?, subject })
    }
}

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MAX_SUBJECT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pam_p11::tests::certificate;

    #[test]
    fn is_read_as_it_was_written() {
        let remark = Remark::of(&certificate("Alice\n-> bob"));
        assert!(!remark.subject.contains('\n'), "{remark:?}");
        let line = remark.line("AABBCCDD");
        assert!(!line.contains('\n') && line.starts_with("# pivkit AABBCCDD: "), "{line}");
        assert_eq!(Remark::parse(&line, "AABBCCDD"), Some(remark.clone()));
        assert_eq!(Remark::parse(&line, "AABBCCDE"), None);
        let nameless = Remark { subject: String::new(), ..remark };
        assert_eq!(Remark::parse(&nameless.line("X"), "X"), Some(nameless));
    }

    #[test]
    fn other_comments_are_none() {
        for line in ["", "#", "# pivkit X: ", "# pivkit X: 00 until 2020-01-01 CN=a", "# pivkit X: until", "# Alice"] {
            assert_eq!(Remark::parse(line, "X"), None, "{line}");
        }
    }
}
