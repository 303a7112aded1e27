//! Platform SSO.

use pivkit::psso::{DevicePublicKey, Inspection, Method};
use pivkit::report::{
    ConfigLintReport, DeviceKeysReport, KerberosReport, KeyExchangeReport, KeyRequestReport, LoginReport, LogoutReport,
    PssoStatusReport, RegistrationNote, RegistrationReport, SCHEMA_VERSION, SealReport, SignOnReport,
};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::safe;

pub(crate) fn keys(report: &DeviceKeysReport) -> String {
    let key = |name: &str, key: &DevicePublicKey| format!("{name}\n  kid   {}\n  x963  {}\n", key.kid, key.x963);
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
    let needed = match report.method {
        Method::SmartCard => "the card is",
        Method::SecureEnclaveKey => "the user key is",
        Method::Password => "the password is",
    };
    let mut no_refresh = format!("no refresh token came: {needed} needed again next time\n");
    if report.replaced_refreshable {
        no_refresh.push_str("the sign-on that was here before could be refreshed; this one took its place\n");
    }
    tokens(report, "signed in", &no_refresh)
}

pub(crate) fn refreshed(report: &LoginReport) -> String {
    tokens(report, "still signed in", "")
}

fn tokens(report: &LoginReport, what: &str, no_refresh: &str) -> String {
    let mut text = format!("{what}: {}{}\n", safe(&report.user), known_as(report));
    text.push_str("id_token, verified:\n");
    text.push_str(&members(&report.id_token_claims));
    let times = report.timings_ms;
    match report.refresh_token_expires_in {
        Some(seconds) => text.push_str(&format!("refresh token good for {seconds} s\n")),
        None => text.push_str(no_refresh),
    }
    if !report.groups.is_empty() {
        let groups: Vec<_> = report.groups.iter().map(|group| safe(group)).collect();
        text.push_str(&format!("groups: {}\n", groups.join(", ")));
    }
    report.kerberos.iter().for_each(|ticket| text.push_str(&kerberos(ticket)));
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

fn kerberos(ticket: &KerberosReport) -> String {
    let [mapping, service, client, realm] =
        [&ticket.mapping, &ticket.service, &ticket.client, &ticket.realm].map(|text| safe(text));
    let kind = ticket.encryption_key_type;
    format!("kerberos ticket {mapping}: {service} for {client} in {realm}, key type {kind}\n")
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

pub(crate) fn key_requested(report: &KeyRequestReport) -> String {
    let context = if report.key_context_kept { "kept for a key exchange" } else { "none" };
    let mut text = format!("key for {}\n", safe(&report.user));
    for (name, value) in [
        ("subject", report.subject.as_deref().unwrap_or("(cannot be read)")),
        ("issued", &report.issued_at),
        ("expires", &report.expires_at),
        ("context", context),
    ] {
        text.push_str(&format!("  {name:<8} {}\n", safe(value)));
    }
    text + &report.certificate_pem
}

pub(crate) fn key_exchanged(report: &KeyExchangeReport) -> String {
    let mut text = format!("key agreed on for {}, until {}\n", safe(&report.user), safe(&report.expires_at));
    text.push_str(match report.verified {
        Some(_) => "it is the one that the certificate of the key request gives\n",
        None => "whether it is the one that the certificate of the key request gives is not known here\n",
    });
    match &report.written_to {
        Some(path) => text.push_str(&format!("written to {}\n", safe(path))),
        None => text.push_str("not written anywhere; --out FILE keeps it\n"),
    }
    text
}

pub(crate) fn status(report: &PssoStatusReport) -> String {
    let mut text = format!("state {}\n", safe(&report.state));
    match &report.device {
        Some(device) => text.push_str(&format!("device {}\n", safe(&device.device_signing_key.kid))),
        None => text.push_str("no device keys\n"),
    }
    if let Some(key) = &report.user_key {
        let (kid, file, place) = (safe(&key.kid), safe(&key.file), safe(&key.stands_in_for));
        text.push_str(&format!("user key {kid}: {file}, software in place of {place}\n"));
    }
    text.push_str(
        &report.registration.as_ref().map_or_else(|| "no registration noted\n".to_owned(), registration_note),
    );
    text.push_str(&report.sign_on.as_ref().map_or_else(|| "nobody is signed in\n".to_owned(), sign_on));
    text
}

fn registration_note(note: &RegistrationNote) -> String {
    let mut text = format!("registered at {} as client {}\n", safe(&note.issuer), safe(&note.client_id));
    for user in &note.users {
        text.push_str(&format!("  {} by {} on {}\n", safe(&user.user), user.method, safe(&user.registered_at)));
    }
    text
}

fn sign_on(report: &SignOnReport) -> String {
    let place = format!("sealed: {}\n", seal(&report.sealed_with));
    let Some(details) = &report.details else {
        let problem = report.problem.as_deref().unwrap_or("it cannot be read");
        return format!("signed in at {}, and it cannot be used: {}\n{place}", safe(&report.issuer), safe(problem));
    };
    let mut text = format!("signed in: {} by {} at {}\n", safe(&details.user), details.method, safe(&report.issuer));
    text.push_str(&format!("  last login    {}\n", safe(&details.last_login)));
    if let Some(refresh) = &details.last_refresh {
        text.push_str(&format!("  last refresh  {}\n", safe(refresh)));
    }
    let until = details.refresh_token_expires_at.as_deref().unwrap_or("a time that was not told");
    match &details.why_not {
        None => text.push_str(&format!("  can be refreshed until {}\n", safe(until))),
        Some(why) => text.push_str(&format!("  cannot be refreshed: {}\n", safe(why))),
    }
    if let Some(key) = &details.unlock_key {
        let until = key.expires_at.as_deref().map(|until| format!(" until {}", safe(until))).unwrap_or_default();
        text.push_str(&format!("  the identity provider holds a key for unlocking{until}\n"));
    }
    text.push_str(&members(&details.claims));
    text + &place
}

fn seal(seal: &SealReport) -> String {
    safe(&seal.meaning)
}

pub(crate) fn logged_out(report: &LogoutReport) -> String {
    if report.removed.is_empty() {
        return "nobody is signed in; nothing was removed\n".to_owned();
    }
    let mut text = String::from(if report.dry_run { "would be removed\n" } else { "removed\n" });
    report.removed.iter().for_each(|what| text.push_str(&format!("  {}\n", safe(what))));
    if !report.still_known.is_empty() {
        text.push_str("the identity provider was not told, and still knows\n");
        report.still_known.iter().for_each(|what| text.push_str(&format!("  {}\n", safe(what))));
    }
    text
}

pub(crate) fn linted(report: &ConfigLintReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let level = serde_json::to_value(finding.level).unwrap_or_default();
        text.push_str(&format!("{}: {}\n", level.as_str().unwrap_or("note"), safe(&finding.to_string())));
    }
    let verdict = if report.usable { "can be used" } else { "cannot be used" };
    text + &format!("{} {verdict}\n", safe(&report.file))
}

pub(crate) fn inspection(inspection: &Inspection) -> String {
    inspected(inspection, "")
}

/// One of several messages: the file that it came from, and what was found or why nothing was.
pub(crate) struct Named {
    pub(crate) file: String,
    pub(crate) found: Result<Inspection, String>,
}

impl Serialize for Named {
    /// The members of the inspection, or `error`, after the name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = match &self.found {
            Ok(inspection) => serde_json::to_value(inspection).map_err(S::Error::custom)?,
            Err(why) => json!({"schema_version": SCHEMA_VERSION, "error": why}),
        };
        let mut map = serializer.serialize_map(None)?;
        if let Value::Object(members) = &mut members {
            map.serialize_entry("schema_version", &members.shift_remove("schema_version"))?;
            map.serialize_entry("file", &self.file)?;
            members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        }
        map.end()
    }
}

pub(crate) fn named_inspection(named: &Named) -> String {
    let file = safe(&named.file);
    match &named.found {
        Ok(inspection) => format!("{file}:\n{}", inspected(inspection, "  ")),
        Err(why) => format!("{file}:\n  cannot be inspected: {}\n", safe(why)),
    }
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

    use super::*;

    fn shown(claims: &Value, refresh_token_expires_in: Option<u64>) -> String {
        logged_in(&report(claims, refresh_token_expires_in))
    }

    fn report(claims: &Value, refresh_token_expires_in: Option<u64>) -> LoginReport {
        LoginReport {
            schema_version: 1,
            user: "alice".to_owned(),
            method: Method::SmartCard,
            replaced_refreshable: false,
            sealed_with: SealReport { place: pivkit::psso::KeyPlace::File, meaning: String::new() },
            unique_identifier: None,
            groups: Vec::new(),
            kerberos: Vec::new(),
            id_token_claims: claims.as_object().unwrap().clone(),
            refresh_token_expires_in,
            timings_ms: Timings { nonce: 1, card: 2, token: 3, total: 6 },
            tokens: None,
        }
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
        let none = shown(&json!({}), None);
        assert!(none.contains("no refresh token came: the card is needed again next time\n"), "{none}");
        assert!(!none.contains("good for") && !none.contains("before"), "{none}");
        let mut replaced = LoginReport { replaced_refreshable: true, ..report(&json!({}), None) };
        assert!(logged_in(&replaced).contains("the sign-on that was here before could be refreshed"));
        replaced.method = Method::Password;
        assert!(logged_in(&replaced).contains("the password is needed"));
        assert!(!refreshed(&replaced).contains("refresh"), "a refresh keeps the token that it has");
        replaced.refresh_token_expires_in = Some(7);
        assert!(!logged_in(&replaced).contains("before"));
    }
}
