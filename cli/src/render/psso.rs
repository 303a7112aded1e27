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
    let mut text = format!("signed in: {}\n", safe(&report.user));
    text.push_str("id_token, verified:\n");
    text.push_str(&members(&report.id_token_claims));
    let times = report.timings_ms;
    text.push_str(&format!("refresh token good for {} s\n", report.refresh_token_expires_in));
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
        let verdict = if check.ok { "ok  " } else { "FAIL" };
        text.push_str(&format!("  {verdict}  {}: {}\n", safe(&check.name), safe(&check.detail)));
    }
    for (name, inner) in [("assertion", &inspection.assertion), ("id_token", &inspection.id_token)] {
        if let Some(inner) = inner {
            text.push_str(&format!("{name}:\n{}", inspected(inner, "  ")));
        }
    }
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}
