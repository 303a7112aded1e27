//! Platform SSO.

use pivkit::login::Inspection;
use pivkit::report::{DeviceKeysReport, LoginReport, RegistrationReport};
use serde_json::Value;

use super::safe;

pub(crate) fn keys(report: &DeviceKeysReport) -> String {
    let key = |name: &str, key: &pivkit::login::DevicePublicKey| {
        format!("{name}\n  kid   {}\n  x963  {}\n", key.kid, key.x963)
    };
    let signing = key("device signing key", &report.device_signing_key);
    signing + &key("device encryption key", &report.device_encryption_key)
}

pub(crate) fn registration(registration: &Value) -> String {
    format!("{registration:#}\n")
}

pub(crate) fn registered(report: &RegistrationReport) -> String {
    let registration = &report.registration;
    let already = if registration.created { "" } else { " (it was already)" };
    format!("registered: device {} for user {}{already}\n", safe(&registration.device_id), safe(&registration.user))
}

pub(crate) fn logged_in(report: &LoginReport) -> String {
    let mut text = format!("signed in: {}{}\n", safe(&report.user), known_as(report));
    text.push_str("id_token, verified:\n");
    text.push_str(&members(&report.id_token_claims));
    let times = report.timings_ms;
    if let Some(seconds) = report.refresh_token_expires_in {
        text.push_str(&format!("refresh token good for {seconds} s\n"));
    }
    text.push_str(&format!(
        "took {} ms: nonce {}, card {}, token {}\n",
        times.total, times.nonce, times.card, times.token
    ));
    if let Some(tokens) = &report.tokens {
        text.push_str(&format!("id_token: {}\n", safe(&tokens.id_token)));
        if let Some(token) = &tokens.refresh_token {
            text.push_str(&format!("refresh_token: {}\n", safe(token)));
        }
    }
    text
}

/// Whom the identity provider says it signed in, where that is not the user who was asked for. `sub` is opaque at many
/// providers, so the readable name counts if there is one.
fn known_as(report: &LoginReport) -> String {
    let claim = |name: &'static str| Some((name, report.id_token_claims.get(name)?.as_str()?));
    let (sub, readable) = (claim("sub"), claim("preferred_username"));
    if readable.is_some_and(|(_, name)| name == report.user) {
        return String::new();
    }
    let others: Vec<String> = [sub, readable]
        .into_iter()
        .flatten()
        .filter(|(_, name)| *name != report.user)
        .map(|(claim, name)| format!("{claim} {}", safe(name)))
        .collect();
    if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) }
}

/// `name  value` lines, strings without quotes.
fn members(map: &serde_json::Map<String, Value>) -> String {
    let width = map.keys().map(|name| safe(name).chars().count()).max().unwrap_or_default();
    let line = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("  {:width$}  {}\n", safe(name), safe(&value))
    };
    map.iter().map(line).collect()
}

pub(crate) fn inspection(inspection: &Inspection) -> String {
    inspected(inspection, "")
}

fn inspected(inspection: &Inspection, indent: &str) -> String {
    let kind = serde_json::to_value(inspection.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default().replace('_', " ");
    let mut text = format!("{kind}\nheader\n{}", members(&inspection.header));
    if let Some(claims) = &inspection.claims {
        text.push_str(&format!("claims\n{}", members(claims)));
    }
    text.push_str("checks\n");
    for check in &inspection.checks {
        text.push_str(&super::psso_verify::check(check));
    }
    for (name, inner) in [("assertion", &inspection.assertion), ("id_token", &inspection.id_token)] {
        if let Some(inner) = inner {
            text.push_str(&format!("{name}:\n{}", inspected(inner, "  ")));
        }
    }
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use pivkit::report::Timings;
    use serde_json::json;

    use super::*;

    fn shown(claims: &Value, refresh_token_expires_in: Option<u64>) -> String {
        logged_in(&LoginReport {
            schema_version: 1,
            user: "alice".to_owned(),
            id_token_claims: claims.as_object().unwrap().clone(),
            refresh_token_expires_in,
            timings_ms: Timings { nonce: 1, card: 2, token: 3, total: 6 },
            tokens: None,
        })
    }

    #[test]
    fn another_user_is_not_passed_over() {
        for (claims, first) in [
            (json!({"sub": "alice"}), "signed in: alice"),
            (json!({"sub": "bob"}), "signed in: alice (sub bob)"),
            (json!({"sub": "8f1c", "preferred_username": "alice"}), "signed in: alice"),
            (json!({"sub": "alice", "preferred_username": "bob"}), "signed in: alice (preferred_username bob)"),
            (
                json!({"sub": "8f1c", "preferred_username": "bob"}),
                "signed in: alice (sub 8f1c, preferred_username bob)",
            ),
            (json!({}), "signed in: alice"),
        ] {
            assert_eq!(shown(&claims, None).lines().next(), Some(first));
        }
    }

    #[test]
    fn a_refresh_token_that_is_not_there_is_not_good_for_any_time() {
        assert!(shown(&json!({}), Some(7)).contains("refresh token good for 7 s\n"));
        assert!(!shown(&json!({}), None).contains("refresh token"));
    }
}
