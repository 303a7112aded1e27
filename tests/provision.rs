//! `pivkit provision` makes cards ready: openssl, Yubico's ykman, OpenSC behind PAM, and the crate `yubikey` find on them what
//! it says.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::card::{Card, pin_tries};
use crate::bench::oracle;
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, from_base64, project, yubikey};
use crate::pam::{assert_accepted, assert_not_authorized, assert_refused, authenticate, with_pam};

const NEW_PIN: &str = "843925";

#[test]
fn a_yubikey_5_4_with_p256() {
    assert_ready("yubikey-5.4", "P256");
}

#[test]
fn a_yubikey_5_4_with_rsa() {
    assert_ready("yubikey-5.4", "RSA2048");
}

#[test]
fn a_yubikey_5_7_with_p256() {
    assert_ready("yubikey-5.7", "P256");
}

#[test]
fn a_yubikey_5_7_with_rsa() {
    assert_ready("yubikey-5.7", "RSA2048");
}

/// A YubiKey in a reader, from the factory to a login.
fn assert_ready(profile: &str, algorithm: &str) {
    let Some(bench) = yubikey_bench() else { return };
    let _card = Card::insert(&bench, &["--profile", profile]);
    let root = bench.path("card/attestation-root.pem");
    let attested = ["--require-attestation", "--attestation-root", root.to_str().unwrap()];
    let run = provision_with(&bench, algorithm, &attested, &[("RUST_LOG", "pivkit=debug")]).success();
    assert!(run.stderr.contains("driver=\"yubikey\""), "another driver was used: {run}");
    let report = run.json();
    assert_eq!(report["management_key"], "protected", "{run}");
    assert_eq!((&report["pin_is_factory"], &report["puk_is_factory"]), (&false.into(), &false.into()), "{run}");
    for slot in report["slots"].as_array().unwrap() {
        assert_eq!(slot["attestation"]["serial"], report["serial"], "{run}");
        assert_certificate(&bench, slot, algorithm);
    }

    // Nothing is left to do, and nothing is done.
    let again = provision(&bench, algorithm, &attested).success();
    assert_eq!(
        (&again.json()["changed"], &again.json()["slots"][0]["certificate"]),
        (&false.into(), &report["slots"][0]["certificate"])
    );
    assert_eq!(pin_tries(&bench, "card"), 3);

    // macOS names its token after the GUID, so `identities` has one.
    let listed = bench.pivkit(&["identities", "--json"]).output().success().json();
    let card = &listed["cards"][0];
    assert_eq!(card["token_id"], format!("com.apple.pivtoken:{}", report["guid"].as_str().unwrap()));
    assert_eq!(card["identities"][0]["usable_for"][0], "authentication");
    assert_eq!(card["identities"][1]["usable_for"][0], "key_management");

    assert_ykman_still_works(&bench);

    let pin = bench.file("pin", NEW_PIN);
    assert_not_authorized(&authenticate(&bench, "alice", NEW_PIN));
    bench.pivkit(&["pair", "--user", "alice", "--pin-file", pin.to_str().unwrap(), "--yes"]).output().success();
    assert_accepted(&authenticate(&bench, "alice", NEW_PIN));
    assert_refused(&authenticate(&bench, "alice", PIN), "PIN not verified");
}

/// ykman sees no factory code, and writes with the management key that it finds under the PIN.
fn assert_ykman_still_works(bench: &Bench) {
    let ykman = |args: &[&str]| yubikey::ykman(bench, args).output();
    let info = ykman(&["info"]).success();
    assert!(!info.stdout.contains("Using default"), "{info}");
    assert!(info.stdout.contains("Management key is stored on the YubiKey, protected by PIN"), "{info}");
    let before = bench.pivkit(&["identities", "--json"]).output().success().json()["cards"][0]["guid"].clone();
    ykman(&["objects", "generate", "CHUID", "--pin", NEW_PIN]).success();
    let after = bench.pivkit(&["identities", "--json"]).output().success().json()["cards"][0]["guid"].clone();
    assert_ne!(before, after);
}

#[test]
fn a_plain_card_with_p256() {
    assert_plain("P256");
}

#[test]
fn a_plain_card_with_rsa() {
    assert_plain("RSA2048");
}

/// A card that answers no command beyond the standard.
fn assert_plain(algorithm: &str) {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain"]);
    let pin = bench.file("factory-pin", PIN);
    // The card does not tell how many tries its PUK has, so none is sent unless told.
    let before = state(&bench, "card");
    let with_codes =
        ["--pin-file", pin.to_str().unwrap(), "--puk-file", puk(&bench).to_str().unwrap()].map(str::to_owned);
    provision(&bench, algorithm, &with_codes.each_ref().map(String::as_str)).exits_with(4);
    assert_eq!(state(&bench, "card"), before);
    let run = provision(
        &bench,
        algorithm,
        &["--pin-file", pin.to_str().unwrap(), "--puk-file", puk(&bench).to_str().unwrap(), "--use-last-try"],
    );
    let report = run.success().json();
    assert_eq!(report["management_key"], "factory");
    assert!(report["notes"].to_string().contains("no command to replace it"), "{report}");
    for slot in report["slots"].as_array().unwrap() {
        assert_certificate(&bench, slot, algorithm);
    }
    let pin = bench.file("pin", NEW_PIN);
    let with_pin = ["--user", "alice", "--pin-file", pin.to_str().unwrap()];
    bench.pivkit(&[&["pair"], &with_pin[..], &["--yes"]].concat()).output().success();
    bench.pivkit(&[&["check"], &with_pin[..]].concat()).output().success();
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn certificates_of_an_authority_come_to_their_keys() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    assert_requests_and_import(&bench, &[]);
}

#[test]
fn certificates_come_to_the_keys_of_a_plain_card_that_proves_them() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain"]);
    let (pin, puk) = (bench.file("factory-pin", PIN), puk(&bench));
    assert_requests_and_import(
        &bench,
        &["--pin-file", pin.to_str().unwrap(), "--puk-file", puk.to_str().unwrap(), "--use-last-try"],
    );
}

fn assert_requests_and_import(bench: &Bench, more: &[&str]) {
    let folder = bench.path("folder/of/requests");
    let requests = [&["--csr-dir", folder.to_str().unwrap()], more].concat();
    let report = provision(bench, "P256", &requests).success().json();
    let pin = bench.file("pin", NEW_PIN);
    let (ca, ca_key) = oracle::authority(bench, "ca");
    let import = |slot: &str, file: &Path| {
        let args = ["provision", "import", "--slot", slot, "--pin-file", pin.to_str().unwrap(), "--yes", "--json"];
        bench.pivkit(&[&args[..], &[file.to_str().unwrap()]].concat()).output()
    };
    for (index, slot) in ["9a", "9d"].into_iter().enumerate() {
        let request = folder.join(format!("{slot}.csr"));
        let shown = bench.openssl(&["req", "-in", request.to_str().unwrap(), "-verify", "-noout", "-text"], &[]);
        assert!(format!("{shown}").contains("verify OK"), "{shown}");
        assert!(shown.stdout.contains("UPN::alice@example.test"), "{shown}");
        let certificate = bench.path(format!("{slot}-issued.pem"));
        let issue = ["x509", "-req", "-copy_extensions", "copyall", "-days", "30", "-in", request.to_str().unwrap()];
        let by =
            ["-CA", ca.to_str().unwrap(), "-CAkey", ca_key.to_str().unwrap(), "-out", certificate.to_str().unwrap()];
        bench.openssl(&[&issue[..], &by].concat(), &[]);

        // One for another key is not written, wherever it stands in the file.
        import(slot, &ca).exits_with(5).prints(&[]);
        let chain = bench.file("chain.pem", [fs::read(&ca).unwrap(), fs::read(&certificate).unwrap()].concat());
        let imported = import(slot, &chain).success().json();
        let written = &imported["slots"][index];
        let der = oracle::der_of(bench, &certificate);
        assert_eq!(from_base64(&written["certificate"]), der);
        assert_eq!(written["pairing_hash"], oracle::pairing_hash(bench, &der).as_str());
        assert_eq!(written["pairing_hash"], report["slots"][index]["pairing_hash"]);
        assert_eq!(import(slot, &certificate).success().json()["changed"], false);
    }
    bench.pivkit(&["pair", "--user", "alice", "--pin-file", pin.to_str().unwrap(), "--yes"]).output().success();
    assert_eq!(pin_tries(bench, "card"), 3);
}

#[test]
fn a_dry_run_changes_nothing() {
    let bench = Bench::vpcd();
    for profile in ["yubikey-5.4", "plain"] {
        let card = Card::insert_with_state(&bench, profile, &["--profile", profile]);
        let before = state(&bench, profile);
        let run = provision(&bench, "P256", &["--dry-run"]).success();
        let report = run.json();
        assert!(report["plan"].as_array().unwrap().len() >= 6, "{run}");
        assert_eq!(report["changed"], false);
        assert!(!bench.path("puk.txt").exists(), "a PUK was made up for nothing");
        assert_eq!(state(&bench, profile), before);
        drop(card);
    }
}

#[test]
fn codes_of_the_factory_and_codes_that_are_none_are_refused_before_anything_is_changed() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let before = state(&bench, "card");
    let new_pin = |pin: &str| {
        let file = bench.file("new-pin.txt", pin);
        let args = ["provision", "--subject", "Alice", "--yes", "--new-pin-file", file.to_str().unwrap()];
        bench.pivkit(&[&args[..], &["--random-puk", bench.path("puk.txt").to_str().unwrap()]].concat()).output()
    };
    let refused = new_pin(PIN).exits_with(5);
    assert!(refused.stderr.contains("the PIN is the one that every card leaves the factory with"), "{refused}");
    new_pin("12345").exits_with(2);
    new_pin("123456789").exits_with(2);
    let (pin, puk) = (bench.file("new-pin.txt", NEW_PIN), bench.file("new-puk.txt", "12345678"));
    let codes = ["--new-pin-file", pin.to_str().unwrap(), "--new-puk-file", puk.to_str().unwrap()];
    let refused = bench.pivkit(&[&["provision", "--subject", "Alice", "--yes"], &codes[..]].concat()).output();
    assert!(refused.exits_with(5).stderr.contains("the PUK is the one"));
    let unasked =
        bench.pivkit(&["provision", "--subject", "Alice", "--yes", "--non-interactive"]).output().exits_with(2);
    assert!(unasked.stderr.contains("--new-pin-file"), "{unasked}");
    assert_eq!(state(&bench, "card"), before);
}

#[test]
fn a_card_that_was_exchanged_meanwhile_stays_as_it_is() {
    let Some(bench) = Bench::pcscd() else { return };
    let looked_at = Card::insert_with_state(&bench, "looked-at", &["--profile", "yubikey-5.4"]);
    let new_pin = bench.path("new-pin.pipe");
    assert!(Command::new("mkfifo").arg(&new_pin).status().unwrap().success());
    let (pipe, puk) = (new_pin.to_str().unwrap(), bench.path("puk.txt"));
    let args =
        ["provision", "--subject", "Alice", "--yes", "--new-pin-file", pipe, "--random-puk", puk.to_str().unwrap()];
    let (run, waiting) = (bench.pivkit(&args), new_pin.clone());
    let run = std::thread::spawn(move || {
        let output = run.output();
        // Should it have ended early, nobody waits for it at the pipe.
        drop(fs::OpenOptions::new().read(true).write(true).open(waiting));
        output
    });
    // The plan is made when the new PIN is asked for: whoever opens the pipe waits for the other.
    let mut answer = fs::OpenOptions::new().write(true).open(&new_pin).unwrap();
    drop(looked_at);
    bench.wait_for_empty_reader();
    let _other = Card::insert_with_state(&bench, "other", &["--profile", "yubikey-5.4"]);
    let before = state(&bench, "other");
    // Nobody reads it if the run has ended.
    drop(std::io::Write::write_all(&mut answer, NEW_PIN.as_bytes()));
    drop(answer);
    let refused = run.join().unwrap();
    let refused = refused.exits_with(3);
    assert!(refused.stderr.contains("another card is in the reader"), "{refused}");
    assert_eq!(state(&bench, "other"), before);
}

#[test]
fn what_is_in_a_slot_stays_unless_it_is_to_be_replaced() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--preset", "reference"]);
    let before = state(&bench, "card");
    let refused = provision(&bench, "P256", &[]).exits_with(5);
    assert!(refused.stderr.contains("slot 9a is in use") && refused.stderr.contains("--replace"), "{refused}");
    assert_eq!(state(&bench, "card"), before);

    let listed = |bench: &Bench| bench.pivkit(&["identities", "--json", "--all-slots"]).output().success().json();
    let identities = listed(&bench)["cards"][0]["identities"].as_array().unwrap().clone();
    provision(&bench, "P256", &["--replace"]).success();
    let now = listed(&bench)["cards"][0]["identities"].as_array().unwrap().clone();
    assert_eq!(identities.len(), now.len());
    for (then, now) in identities.iter().zip(&now) {
        assert_eq!(then["slot"], now["slot"]);
        let replaced = then["slot"] == "9a" || then["slot"] == "9d";
        assert_eq!(then["pairing_hash"] != now["pairing_hash"], replaced, "{now}");
    }
}

#[test]
fn keys_that_another_root_vouches_for_get_no_certificate() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let (other, _) = oracle::authority(&bench, "other");
    let refused = provision(&bench, "P256", &["--require-attestation", "--attestation-root", other.to_str().unwrap()]);
    let refused = refused.exits_with(5);
    assert!(refused.stderr.contains("none of the given roots issued"), "{refused}");
    let listed = bench.pivkit(&["identities", "--json"]).output().exits_with(5).json();
    assert_eq!(listed["cards"][0]["identities"].as_array().map(Vec::len), Some(0), "{listed}");
}

#[test]
fn the_trace_of_provisioning_holds_no_secret() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4"]);
    let run = provision_with(&bench, "P256", &[], &[("RUST_LOG", "trace")]).success();
    assert!(run.stderr.contains("DEBUG") || run.stderr.contains("TRACE"), "nothing was logged: {run}");
    let puk = fs::read_to_string(bench.path("puk.txt")).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&fs::read(bench.path("card/card.json")).unwrap()).unwrap();
    let printed = state["objects"]["5FC109"].as_str().unwrap_or_else(|| panic!("{state}"));
    let key = printed.split_once("8918").unwrap_or_else(|| panic!("{printed}")).1.to_owned();
    let lower = run.stderr.to_lowercase();
    let digits: String = lower.chars().filter(char::is_ascii_hexdigit).collect();
    for secret in [NEW_PIN, puk.lines().next().unwrap()] {
        let numbers = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for form in [secret.to_owned(), numbers] {
            assert!(!lower.contains(&form), "{run}");
        }
        assert!(!digits.contains(&hex::encode(secret)), "{run}");
    }
    assert!(key.len() == 48 && !digits.contains(&key[..32]), "{run}");
    let numbers = hex::decode(&key).unwrap().iter().take(6).map(u8::to_string).collect::<Vec<_>>().join(", ");
    assert!(!lower.contains(&numbers), "{run}");
}

#[test]
fn the_crate_yubikey_takes_the_card_for_a_yubikey() {
    let Some(bench) = yubikey_bench() else { return };
    let mut build = Command::new(env!("CARGO"));
    let binaries = crate::bench::binary("pivkit");
    build.current_dir(project()).args(["build", "--quiet", "--offline", "--workspace", "--examples", "--target-dir"]);
    build.arg(binaries.ancestors().nth(2).unwrap());
    assert!(build.status().unwrap().success(), "the example does not build");
    let tour = binaries.with_file_name("examples").join("yubikey_tour");
    for (profile, version) in [("yubikey-5.4", "5.4.3"), ("yubikey-5.7", "5.7.4")] {
        let card = Card::insert_with_state(&bench, profile, &["--profile", profile]);
        let report = provision(&bench, "P256", &[]).success().json();
        let pin = bench.file("pin", NEW_PIN);
        let seen = bench.command(&tour, &[&pin]).output().success();
        let fact = |name: &str| {
            let line = seen.stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("no {name}: {seen}")).to_owned()
        };
        assert_eq!(fact("version"), version);
        assert_eq!(fact("serial"), report["serial"].to_string());
        assert!(fact("chuid").contains(report["guid"].as_str().unwrap()), "{seen}");
        assert!(
            seen.stdout.contains("key: 9a CN=Alice Example") && seen.stdout.contains("key: 9d CN=Alice Example"),
            "{seen}"
        );
        assert_eq!((fact("origin").as_str(), fact("algorithm").as_str()), ("Some(Generated)", "EccP256"));
        assert_eq!(fact("policy"), "Some((Once, Never))");
        let certificate = bench.file("tour.der", from_base64(&report["slots"][0]["certificate"]));
        let key = bench.openssl(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"], &[]).bytes;
        let (key, signature) =
            (bench.file("tour.pub", key), bench.file("tour.sig", hex::decode(fact("signature")).unwrap()));
        let verify = ["dgst", "-sha256", "-verify", key.to_str().unwrap(), "-signature", signature.to_str().unwrap()];
        bench.openssl(&verify, b"tour").prints(&["Verified OK"]);
        drop(card);
        bench.wait_for_empty_reader();
        fs::remove_file(bench.path("puk.txt")).unwrap();
    }
}

/// A reader that ykman takes for a YubiKey's, and a login module.
fn yubikey_bench() -> Option<Bench> {
    with_pam(Bench::pcscd_with_reader("Yubico YubiKey CCID")?)
}

/// Makes the card ready, with codes from files.
pub(crate) fn provision(bench: &Bench, algorithm: &str, more: &[&str]) -> Output {
    provision_with(bench, algorithm, more, &[])
}

fn provision_with(bench: &Bench, algorithm: &str, more: &[&str], environment: &[(&str, &str)]) -> Output {
    let new_pin = bench.file("new-pin.txt", NEW_PIN);
    let puk = bench.path("puk.txt");
    let fixed = [
        "provision",
        "--subject",
        "CN=Alice Example,O=Example",
        "--upn",
        "alice@example.test",
        "--slot-9a-algorithm",
        algorithm,
        "--slot-9d-algorithm",
        algorithm,
        "--new-pin-file",
        new_pin.to_str().unwrap(),
        "--random-puk",
        puk.to_str().unwrap(),
        "--yes",
        "--json",
    ];
    bench.pivkit_with(&[&fixed[..], more].concat(), environment).output().never_panicked()
}

/// The PUK that a virtual card has to begin with, in a file.
fn puk(bench: &Bench) -> std::path::PathBuf {
    bench.file("factory-puk", "12345678")
}

/// What a slot's certificate is to openssl.
fn assert_certificate(bench: &Bench, slot: &serde_json::Value, algorithm: &str) {
    let der = from_base64(&slot["certificate"]);
    assert_eq!(slot["pairing_hash"], oracle::pairing_hash(bench, &der).as_str());
    let pem = bench.openssl(&["x509", "-inform", "DER"], &der).bytes;
    let file = bench.file("certificate.pem", pem);
    let file = file.to_str().unwrap();
    bench.openssl(&["verify", "-x509_strict", "-check_ss_sig", "-CAfile", file, file], &[]).prints(&["OK"]);
    let text = bench.openssl(&["x509", "-in", file, "-noout", "-text"], &[]).stdout;
    let (usage, key) = match (slot["slot"].as_str(), algorithm) {
        (Some("9a"), "P256") => ("Digital Signature", "prime256v1"),
        (Some("9a"), _) => ("Digital Signature", "Public-Key: (2048 bit)"),
        (_, "P256") => ("Key Agreement", "prime256v1"),
        (_, _) => ("Key Encipherment", "Public-Key: (2048 bit)"),
    };
    for part in [usage, key, "UPN::alice@example.test", "CN = Alice Example"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// The files in which a card keeps itself.
pub(crate) fn state(bench: &Bench, card: &str) -> Vec<Vec<u8>> {
    ["card.json", "pin.json"].map(|name| fs::read(bench.path(card).join(name)).unwrap()).to_vec()
}
