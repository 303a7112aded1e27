//! Times, for people.

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-20 15:54:39 UTC`; the number itself when it is no time of this calendar.
pub(super) fn clock(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| seconds.to_string())
}

/// `4 minutes ago`, `in 2 hours`: how far a moment is from another one, both in seconds since 1970.
pub(super) fn from_now(seconds: i64, now: i64) -> String {
    let distance = now.saturating_sub(seconds);
    let (number, unit) = match distance.unsigned_abs() {
        0..=1 => return "now".to_owned(),
        far @ 2..120 => (far, "second"),
        far @ 120..7_200 => (far / 60, "minute"),
        far @ 7_200..172_800 => (far / 3_600, "hour"),
        far => (far / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if distance > 0 { format!("{number} {unit}{plural} ago") } else { format!("in {number} {unit}{plural}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_for_people() {
        assert_eq!(clock(1_700_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(clock(i64::MAX), i64::MAX.to_string());
        for (seconds, expected) in [
            (0, "now"),
            (-5, "5 seconds ago"),
            (-119, "119 seconds ago"),
            (-120, "2 minutes ago"),
            (300, "in 5 minutes"),
            (-7_200, "2 hours ago"),
            (-86_400 * 3, "3 days ago"),
        ] {
            assert_eq!(from_now(1_700_000_000 + seconds, 1_700_000_000), expected);
        }
        assert!(from_now(i64::MIN, i64::MAX).ends_with("days ago"));
    }
}
