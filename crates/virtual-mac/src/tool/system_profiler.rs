//! system_profiler(8): `SPSmartCardsDataType -json` and `-xml`.
//!
//! How keys other than RSA ones are called, and the usage of keys that do not sign, is unknown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use super::sc_auth::token_id;
use crate::Outcome;
use crate::certificate::{Certificate, Key};
use crate::mac::{Card, Mac};

pub(super) fn run(mac: &Mac, arguments: &[String]) -> Outcome {
    let has = |word: &str| arguments.iter().any(|one| one == word);
    let items = if has("SPSmartCardsDataType") { sections(mac) } else { Vec::new() };
    if has("-json") {
        let report = json!({ "SPSmartCardsDataType": items });
        return Outcome::says(format!("{}\n", serde_json::to_string_pretty(&report).unwrap_or_default()));
    }
    if has("-xml") {
        return xml(&json!([{ "_dataType": "SPSmartCardsDataType", "_items": items }]));
    }
    let tokens: String = mac.cards.iter().map(|card| format!("        {}:\n", token_id(mac, card))).collect();
    Outcome::says(format!("SmartCards:\n\n    Available SmartCards (token):\n\n{tokens}\n"))
}

fn sections(mac: &Mac) -> Vec<Value> {
    let readers = mac.cards.iter().map(|card| format!("{} (ATR:{ATR})", card.reader));
    let driver = "fr.apdu.ccid.smartcardccid:1.5.1 (/usr/libexec/SmartCardServices/drivers/ifd-ccid.bundle)";
    let own = "com.apple.CryptoTokenKit.pivtoken:1.0 (/System/Library/Frameworks/CryptoTokenKit.framework/PlugIns/pivtoken.appex)";
    let others = mac.token_drivers.iter().map(|driver| format!("{driver}:1.0 (/Applications/{driver}.appex)"));
    let tokens: Vec<Value> = SYSTEM_TOKENS
        .iter()
        .map(|name| json!({ "_name": name }))
        .chain(mac.cards.iter().map(|card| token(mac, card)))
        .collect();
    vec![
        section("READERS", readers),
        section("READERS_DRIVERS", [driver.to_owned()]),
        section("SMARTCARDS_DRIVERS", [own.to_owned()].into_iter().chain(others)),
        json!({ "_items": tokens, "_name": "AVAIL_SMARTCARDS_KEYCHAIN" }),
        json!({ "_items": tokens, "_name": "AVAIL_SMARTCARDS_TOKEN" }),
    ]
}

/// Entries numbered `#01`, `#02`.
fn section(name: &str, entries: impl IntoIterator<Item = String>) -> Value {
    let mut section: Map<String, Value> = (1..)
        .zip(entries)
        .map(|(number, entry): (u32, String)| (format!("#{number:02}"), Value::String(entry)))
        .collect();
    section.insert("_name".to_owned(), name.into());
    Value::Object(section)
}

fn token(mac: &Mac, card: &Card) -> Value {
    let certificates =
        card.certificates.iter().filter_map(|(slot, der)| Some((slot, Certificate::parse(der.as_ref())?)));
    section(&token_id(mac, card), certificates.map(|(slot, certificate)| entry(slot, &certificate, card.trusted)))
}

fn entry(slot: &str, certificate: &Certificate, trusted: bool) -> String {
    let kind = match certificate.key {
        Key::Rsa { bits } => format!("RSA {bits}-bit"),
        Key::Ec { bits } => format!("ECC {bits}-bit"),
        Key::Other => "unknown".to_owned(),
    };
    let usage = match (slot, certificate.key) {
        ("9a" | "9c" | "9e", _) => "Sign ",
        (_, Key::Rsa { .. }) => "Decrypt Unwrap ",
        _ => "Derive ",
    };
    let trust = if trusted { "YES" } else { "NO" };
    let hash = certificate.hash.to_lowercase();
    let (from, to) = (instant(certificate.not_before), instant(certificate.not_after));
    format!(
        "Kind: private {kind}, Certificate: {{length = 20, bytes = 0x{hash}}}, Usage: {usage}\nValid from: {from} to: {to}, \
         SSL trust: NO, X509 trust: {trust} \n\n-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(&certificate.der)
    )
}

fn instant(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] +0000");
    at.format(&format).unwrap_or_default()
}

fn xml(report: &Value) -> Outcome {
    let mut bytes = Vec::new();
    match plist::to_writer_xml(&mut bytes, report) {
        Ok(()) => Outcome::says(bytes),
        Err(error) => Outcome::fails(1, error.to_string()),
    }
}

/// Tokens of the Secure Enclave, which are there on every Mac with one.
const SYSTEM_TOKENS: [&str; 2] = ["com.apple.setoken", "com.apple.setoken:aks"];

const ATR: &str = "{length = 23, bytes = 0x3bfd1300008131fe158073c021c057597562694b657940}";
