//! One login in full.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::advice;
use super::claims::{self, Suspect};
use super::layout::{badge, page};
use super::moment::{clock, from_now};
use super::view::{Login, Message, Refusal};

/// Renders it; `now` is in seconds since 1970.
pub(super) fn render(login: &Login, issuer: &str, now: i64) -> Markup {
    let body = html! {
        section.latest.bad[login.refusal.is_some()].good[login.refusal.is_none()] {
            p.aside { a href="/" { "All logins" } " · number " (login.id) }
            h1 { (title(login)) " " (badge(login.refusal.is_none())) }
            @if let Some(Refusal { check, reason }) = &login.refusal {
                p.reason { code { (check) } " " (sentence(reason)) }
                p { strong { "Look at: " } (advice::for_check(check)) }
            }
            @if let (None, Some(fault)) = (&login.refusal, &login.fault) {
                p.reason { "A good request, answered wrongly on purpose: the fault " code { (fault) } "." }
            }
        }
        div.columns {
            div.stack {
                section {
                    h2 { "Request" }
                    table.claims {
                        (row("when", &format!("{}, {}", clock(login.time), from_now(login.time, now))))
                        (row("what", &login.kind))
                        (row("user", login.user.as_deref().unwrap_or("nobody, as far as it was read")))
                        (row("device", login.device.as_deref().unwrap_or("none that is registered")))
                        (row("client-request-id", login.request_id.as_deref().unwrap_or("none")))
                    }
                }
                @if let Some(certificate) = &login.certificate {
                    section { h2 { "Certificate of the assertion" } (claims::table("", certificate, suspect_of_certificate(login, certificate), login.time)) }
                }
            }
            section { h2 { "Checks" } (checks(login)) }
        }
        @for message in &login.messages { (decoded(message, login)) }
        @if login.messages.is_empty() { p.empty { "Nothing of what was sent could be decoded." } }
    };
    page(&title(login), issuer, &body)
}

/// What it was and of whom: `SmartCard login of alice`.
pub(super) fn title(login: &Login) -> String {
    match &login.user {
        Some(user) => format!("{} of {user}", login.kind),
        None => login.kind.clone(),
    }
}

/// A reason as a sentence.
pub(super) fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    // Names of claims stay as they are written.
    let first_word = reason.split(' ').next().unwrap_or_default();
    let begins = if ["the", "a", "an", "there", "another"].contains(&first_word) {
        first + characters.as_str()
    } else {
        reason.to_owned()
    };
    if begins.ends_with(['.', '!', '?']) || begins.is_empty() { begins } else { begins + "." }
}

fn row(name: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

fn checks(login: &Login) -> Markup {
    html! {
        @if login.checks.is_empty() { p.empty { "None was made." } }
        ol.checks {
            @for verdict in &login.checks {
                @if verdict.held {
                    li.held { span aria-hidden="true" { "✓" } " " code { (verdict.check) } " " span.sr { "held" } }
                } @else {
                    li.failed {
                        span aria-hidden="true" { "✗" } " " code { (verdict.check) } " " span.sr { "failed" }
                        @if let Some(refusal) = login.refusal.as_ref().filter(|refusal| refusal.check == verdict.check) {
                            " " (sentence(&refusal.reason))
                        }
                    }
                }
            }
        }
        @if login.refusal.is_some() { p.aside { "It ends at the first check that does not hold; those after it were not made." } }
    }
}

fn decoded(message: &Message, login: &Login) -> Markup {
    let name = login.refusal.as_ref().and_then(|refusal| suspect(&refusal.check, &message.name));
    let suspect = name.map(|name| Suspect { name, expected: login.expected.as_deref() });
    html! {
        section {
            h2 { (heading(&message.name)) }
            div.columns {
                (claims::table("header", &message.header, suspect.filter(|suspect| is_header(suspect.name)), login.time))
                (claims::table("claims", &message.claims, suspect.filter(|suspect| !is_header(suspect.name)), login.time))
            }
        }
    }
}

fn heading(name: &str) -> &str {
    match name {
        "outer" => "Login request, signed by the device",
        "assertion" => "Assertion in it, signed by the card or the user's key",
        other => other,
    }
}

/// The member of a message that a check is about: `aud` of `assertion.aud` in `assertion`.
fn suspect<'a>(check: &'a str, message: &str) -> Option<&'a str> {
    match check.split_once('.') {
        Some((family, "format" | "signature")) if family == message => None,
        Some((family, name)) if family == message => Some(match name {
            "apv" => "jwe_crypto",
            "device_user" => "username",
            other => other,
        }),
        _ => None,
    }
}

/// The line of a certificate that a check is about.
fn suspect_of_certificate<'a>(login: &'a Login, certificate: &Map<String, Value>) -> Option<Suspect<'a>> {
    let is_early = certificate.get("not_before").and_then(Value::as_i64).is_some_and(|begin| login.time < begin);
    let name = match login.refusal.as_ref()?.check.as_str() {
        "certificate.chain" => "issuer",
        "certificate.validity" if is_early => "not_before",
        "certificate.validity" => "not_after",
        "certificate.revoked" | "certificate.issuer_serial" => "serial",
        "certificate.upn" => "upn",
        "certificate.pinned" => "sha256",
        _ => return None,
    };
    Some(Suspect { name, expected: login.expected.as_deref() })
}

fn is_header(name: &str) -> bool {
    matches!(name, "typ" | "alg" | "kid" | "x5c" | "crit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_points_at_what_it_checked() {
        for (check, message, expected) in [
            ("assertion.aud", "assertion", Some("aud")),
            ("assertion.aud", "outer", None),
            ("outer.apv", "outer", Some("jwe_crypto")),
            ("certificate.upn", "assertion", None),
            ("certificate.upn", "outer", None),
            ("assertion.signature", "assertion", None),
            ("nonsense", "assertion", None),
        ] {
            assert_eq!(suspect(check, message), expected, "{check} {message}");
        }
    }

    #[test]
    fn a_check_points_at_what_is_wrong_with_a_certificate() {
        let certificate = Map::from_iter([("not_before".to_owned(), 100.into())]);
        for (check, time, expected) in [
            ("certificate.upn", 0, Some("upn")),
            ("certificate.validity", 99, Some("not_before")),
            ("certificate.validity", 100, Some("not_after")),
            ("certificate.key_usage", 0, None),
            ("assertion.aud", 0, None),
        ] {
            let refusal = Some(Refusal { check: check.to_owned(), ..Refusal::default() });
            let login = Login { refusal, time, ..Login::default() };
            assert_eq!(suspect_of_certificate(&login, &certificate).map(|suspect| suspect.name), expected, "{check}");
        }
    }

    #[test]
    fn reasons_are_sentences() {
        assert_eq!(sentence("the nonce is old"), "The nonce is old.");
        assert_eq!(sentence("iss is not our client_id"), "iss is not our client_id.");
        assert_eq!(sentence(""), "");
    }
}
