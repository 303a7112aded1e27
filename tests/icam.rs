//! The eight ICAM test cards in a real reader: what pivkit shows of them is what openssl reads in the certificates' files,
//! and what OpenSC reads on the card; and the keys sign.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::bench::card::Card;
use crate::bench::oracle::pairing_hash;
use crate::bench::{Bench, PIN, from_base64, not_run, project};
use crate::foreign_clients::pkcs11;

#[test]
fn golden_piv() {
    assert_card("01_Golden_PIV");
}

#[test]
fn golden_piv_i() {
    assert_card("02_Golden_PIV-I");
}

#[test]
fn not_yet_valid() {
    assert_card("12_Certs_not_yet_valid");
}

#[test]
fn expired() {
    assert_card("13_Certs_are_expired");
}

#[test]
fn application_pin_only() {
    assert_card("26_Disco_Object_Present_App_PIN_Only");
}

#[test]
fn global_pin_primary() {
    assert_card("28_Disco_Object_Present_Global_PIN_Primary");
}

#[test]
fn golden_fips_201_2() {
    assert_card("46_Golden_FIPS_201-2_PIV");
}

#[test]
fn large_card_authentication_certificate() {
    assert_card("53_FIPS_201-2_Large_Card_Auth_Cert");
}

/// A slot: its name, how its file begins, OpenSC's id and label.
const SLOTS: [(&str, &str, &str, &str); 4] = [
    ("9a", "3-ICAM_PIV_Auth", "01", "Certificate for PIV Authentication"),
    ("9c", "4-ICAM_PIV_Dig_Sig", "02", "Certificate for Digital Signature"),
    ("9d", "5-ICAM_PIV_Key_Mgmt", "03", "Certificate for Key Management"),
    ("9e", "6-ICAM_PIV_Card_Auth", "04", "Certificate for Card Authentication"),
];

fn assert_card(name: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    for program in ["pkcs11-tool", "pkcs15-tool"] {
        let Some(()) = not_run::unless_installed(program) else { return };
    }
    let directory = project().join("tests/data/icam").join(name);
    let _card = Card::insert(&bench, &["--load-icam", directory.to_str().unwrap()]);
    let output = bench.pivkit(&["identities", "--json"]).output().success();
    let report = output.json();
    let card = &report["cards"][0];
    assert_eq!(report["errors"], serde_json::json!([]), "{output}");
    let guid = hex::encode_upper(guid(&fs::read(directory.join("8-CHUID_Object")).unwrap()));
    assert_eq!(card["guid"], guid.as_str(), "{output}");
    assert_eq!(card["token_id"], format!("com.apple.pivtoken:{guid}"), "{output}");

    let identities = card["identities"].as_array().unwrap();
    assert_eq!(identities.len(), SLOTS.len(), "{output}");
    let certificates = bench.command("pkcs15-tool", &["--list-certificates"]).output().success();
    let objects = pkcs11(&bench, &["--list-objects", "--type", "cert"]).output().success();
    for (slot, file, id, label) in SLOTS {
        let identity = identities.iter().find(|identity| identity["slot"] == slot);
        let identity = identity.unwrap_or_else(|| panic!("{slot} is missing: {output}"));
        let der = der_of(&bench, &directory.join(format!("{file}_SP_800-73-4.crt")));
        assert_eq!(from_base64(&identity["certificate"]), der, "{slot}: {output}");
        assert_openssl_agrees(&bench, identity, &der);
        assert_problem(&bench, name, identity);

        let sha256 = |der: &[u8]| bench.openssl(&["dgst", "-sha256", "-r"], der).stdout;
        let theirs = bench.command("pkcs15-tool", &["--read-certificate", id]).output().success();
        let theirs = bench.openssl(&["x509", "-outform", "DER"], &theirs.bytes).bytes;
        assert_eq!(sha256(&theirs), sha256(&der), "{slot}");
        let serial = identity["serial_number"].as_str().unwrap().to_uppercase();
        for (tool, lists) in [("pkcs15-tool", &certificates), ("pkcs11-tool", &objects)] {
            let entry = entry(&lists.stdout, label).unwrap_or_else(|| panic!("{tool} shows no {label}: {lists}"));
            let ids: Vec<_> = entry.iter().filter(|line| line.trim_start().starts_with("ID")).collect();
            assert!(ids.len() == 1 && ids[0].ends_with(&format!(" {id}")), "{tool}, {slot}: {entry:?}");
            assert!(entry.iter().any(|line| line.contains(&serial)), "{tool}, {slot}: {entry:?}");
        }
    }
    let pin = if name.contains("Global_PIN") { "654321" } else { PIN };
    assert_signs(&bench, pin, &from_base64(&identities[0]["certificate"]));
}

/// The value of tag 34 in a CHUID; the fields before it are shorter than 128 bytes.
fn guid(chuid: &[u8]) -> &[u8] {
    let (header, rest) = chuid.split_at(2);
    let (value, rest) = rest.split_at(header[1].into());
    if header[0] == 0x34 { value } else { guid(rest) }
}

/// The lines about the object with this label.
fn entry<'a>(list: &'a str, label: &str) -> Option<Vec<&'a str>> {
    // Each object starts with a line that is not indented.
    let mut entries: Vec<Vec<&str>> = Vec::new();
    for line in list.lines().filter(|line| !line.is_empty()) {
        match entries.last_mut() {
            Some(entry) if line.starts_with([' ', '\t']) => entry.push(line),
            _ => entries.push(vec![line]),
        }
    }
    entries.into_iter().find(|entry| entry.iter().any(|line| line.contains(label)))
}

/// Hash, subject, issuer, serial number, validity, UPN and e-mail address are those that openssl reads.
fn assert_openssl_agrees(bench: &Bench, identity: &Value, der: &[u8]) {
    let x509 = |args: &[&str]| bench.openssl(&[&["x509", "-inform", "DER", "-noout"], args].concat(), der).stdout;
    assert_eq!(identity["pairing_hash"], pairing_hash(bench, der));
    assert_eq!(identity["algorithm"], "RSA2048");
    let facts = x509(&["-serial", "-subject", "-issuer", "-dates", "-nameopt", "RFC2253", "-dateopt", "iso_8601"]);
    let fact = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    assert_eq!(fact("serial="), identity["serial_number"].as_str().unwrap().to_uppercase());
    assert_eq!(fact("subject="), identity["subject"], "{facts}");
    assert_eq!(fact("issuer="), identity["issuer"], "{facts}");
    assert_eq!(fact("notBefore=").replace(' ', "T"), identity["not_before"].as_str().unwrap(), "{facts}");
    assert_eq!(fact("notAfter=").replace(' ', "T"), identity["not_after"].as_str().unwrap(), "{facts}");
    let names = x509(&["-ext", "subjectAltName"]);
    let upn = names.split("UPN::").nth(1).map(|rest| rest.split([',', '\n']).next().unwrap());
    assert_eq!(identity["upn"].as_str(), upn, "{names}");
    let email: Vec<_> = x509(&["-email"]).lines().map(str::to_owned).collect();
    assert_eq!(identity["email"], serde_json::json!(email));
}

/// A certificate that is not valid now says so, and no other one does. Those for logging in on two of the cards are not.
fn assert_problem(bench: &Bench, card: &str, identity: &Value) {
    let now = bench.command("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().success().stdout;
    let time = |name: &str| identity[name].as_str().unwrap();
    let expected = match (time("not_before"), time("not_after"), now.trim()) {
        (first, _, now) if now < first => Some("not valid before"),
        (_, last, now) if now > last => Some("expired"),
        _ => None,
    };
    let problems: Vec<_> = identity["problems"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(problems.len(), usize::from(expected.is_some()), "{identity}");
    assert!(expected.is_none_or(|expected| problems[0].contains(expected)), "{identity}");
    if identity["slot"] == "9a" && now.as_str() < "2030" {
        let invalid = ["12_Certs_not_yet_valid", "13_Certs_are_expired"].contains(&card);
        assert_eq!(expected.is_some(), invalid, "{identity}");
    }
}

/// A signature of the key in 9A, made by way of OpenSC, verifies with the certificate in 9A.
fn assert_signs(bench: &Bench, pin: &str, certificate: &[u8]) {
    let message = b"what the card is asked to sign";
    let (input, signature) = (bench.file("message", message), bench.path("signature"));
    let files = ["--input-file", input.to_str().unwrap(), "--output-file", signature.to_str().unwrap()];
    let sign = ["--login", "--pin", pin, "--sign", "--id", "01", "--mechanism", "SHA256-RSA-PKCS"];
    pkcs11(bench, &[&sign[..], &files].concat()).output().success();
    let public_key = bench.openssl(&["x509", "-inform", "DER", "-noout", "-pubkey"], certificate);
    let public_key = bench.file("public-key.pem", public_key.bytes);
    let verify =
        ["dgst", "-sha256", "-verify", public_key.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
    bench.openssl(&verify, message).prints(&["Verified OK"]);
}

/// Some of the files begin with what openssl knew of the PKCS#12 that they came from.
fn der_of(bench: &Bench, path: &PathBuf) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let form = if String::from_utf8_lossy(&bytes).contains("-----BEGIN") { "PEM" } else { "DER" };
    bench.openssl(&["x509", "-inform", form, "-outform", "DER"], &bytes).bytes
}
