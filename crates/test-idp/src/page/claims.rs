//! A header or a set of claims as a table; times are spelled out.

use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::visible::visible;

use super::moment::{clock, from_now};

/// The member that a check refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspect<'a> {
    pub(super) name: &'a str,
    /// What it should have been, where that is one text.
    pub(super) expected: Option<&'a str>,
}

/// The members of a JSON object, in their order; `now` is when it came.
pub(super) fn table(what: &str, members: &Map<String, Value>, suspect: Option<Suspect<'_>>, now: i64) -> Markup {
    let is_suspect = |name: &str| suspect.is_some_and(|suspect| suspect.name == name);
    let expected = || {
        html! {
            @if let Some(expected) = suspect.and_then(|suspect| suspect.expected) { span.expected { "expected: " code { (expected) } } }
        }
    };
    html! {
        table.claims {
            caption { (what) }
            @if members.is_empty() { tr { td.empty { "nothing" } } }
            @for (name, value) in members {
                tr.suspect[is_suspect(name)] {
                    th scope="row" { (name) }
                    td { (shown(name, value, now)) @if is_suspect(name) { (expected()) } }
                }
            }
            @if let Some(Suspect { name, .. }) = suspect.filter(|suspect| !members.contains_key(suspect.name)) {
                tr.suspect { th scope="row" { (name) } td { span.aside { "is not there" } (expected()) } }
            }
        }
    }
}

fn shown(name: &str, value: &Value, now: i64) -> Markup {
    match (name, value) {
        ("iat" | "exp" | "nbf" | "not_before" | "not_after", value) => match seconds(value) {
            Some(seconds) => {
                html! { code { (text(value)) } " " span.aside { (clock(seconds)) ", " (from_now(seconds, now)) } }
            }
            None => html! { code { (text(value)) } },
        },
        _ => html! { code { (text(value)) } },
    }
}

/// Text as it is, anything else as JSON; cut where nobody would read on.
fn text(value: &Value) -> String {
    let whole = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Line ends too, which the page as a whole keeps.
    let whole = visible(&whole).into_owned();
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    let start: String = whole.chars().take(LONGEST).collect();
    format!("{start}… ({} bytes)", whole.len())
}

fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// In characters.
const LONGEST: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(claims: &Value, suspect: Option<&str>) -> String {
        table(
            "claims",
            claims.as_object().unwrap(),
            suspect.map(|name| Suspect { name, expected: Some("<x>") }),
            1_700_000_000,
        )
        .into_string()
    }

    #[test]
    fn claims_are_text_whatever_they_say() {
        let html = rendered(&json!({"<b>": "</td><script>alert(1)</script>", "a\"b": ["<i>", {"<u>": 1}]}), None);
        for raw in ["<script", "<b>", "<i>", "<u>", "</td><"] {
            assert_eq!(html.matches(raw).count(), usize::from(raw == "</td><") * 2, "{raw}: {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    }

    #[test]
    fn times_are_spelled_out_and_the_suspect_is_marked() {
        let html = rendered(&json!({"exp": 1_699_999_940, "iat": "1700000000", "aud": 7}), Some("aud"));
        assert!(html.contains("60 seconds ago") && html.contains("2023-11-14 22:13:20 UTC, now"), "{html}");
        assert!(html.contains("<tr class=\"suspect\"><th scope=\"row\">aud"), "{html}");
        let html = rendered(&json!({}), Some("aud"));
        assert!(html.contains("is not there") && html.contains("expected: <code>&lt;x&gt;</code>"), "{html}");
    }

    #[test]
    fn nobody_reads_ten_thousand_letters() {
        let html = rendered(&json!({"long": "é".repeat(10_000)}), None);
        assert!(html.len() < 2_000 && html.contains("(20000 bytes)"), "{}", html.len());
    }
}
