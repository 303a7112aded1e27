//! `card info`: what a card says of itself, compared with what other people's tools say of it.

use serde_json::{Value, json};

use crate::bench::card::Card;
use crate::bench::oracle::{der_of, pairing_hash};
use crate::bench::{Bench, PIN, not_run};
use crate::command_count::count;
use crate::foreign_clients::yubico;

fn info(bench: &Bench) -> Value {
    bench.pivkit(&["card", "info", "--json"]).output().success().json()
}

#[test]
fn a_yubikey_tells_everything_and_yubico_piv_tool_says_the_same() {
    let Some(bench) = Bench::pcscd() else { return };
    let Some(()) = not_run::unless_installed("yubico-piv-tool") else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--preset", "reference"]);
    // A YubiKey has no key history, so nothing says that 82 is in use.
    let report = bench.pivkit(&["card", "info", "--all-slots", "--json"]).output().success().json();
    assert_eq!(report["schema_version"], 1, "{report}");
    assert_eq!((&report["vendor"], &report["firmware"]), (&"Yubico".into(), &"5.4.3".into()), "{report}");
    assert_eq!(report["aid"], "A000000308000010000100", "{report}");
    assert_eq!((&report["pin"]["retries"], &report["pin"]["retries_total"]), (&3.into(), &3.into()), "{report}");
    assert_eq!((&report["puk"]["retries"], &report["puk"]["is_default"]), (&3.into(), &true.into()), "{report}");
    assert_eq!(report["management_key"]["algorithm"], "3DES", "{report}");
    let version = yubico(&bench, &["--action", "version"]).success();
    assert!(version.stdout.contains("5.4.3"), "{version}");
    let status = yubico(&bench, &["--action", "status"]).success();
    let serial = report["serial"].to_string();
    assert!(status.stdout.contains(&serial), "{serial}: {status}");
    let guid = report["guid"].as_str().unwrap().to_lowercase();
    assert!(status.stdout.to_lowercase().replace(' ', "").contains(&guid), "{guid}: {status}");

    let slots: Vec<_> = report["slots"].as_array().unwrap().iter().map(|slot| slot["slot"].clone()).collect();
    assert_eq!(json!(slots), json!(["9a", "9c", "9d", "9e", "82"]), "{report}");
    for slot in report["slots"].as_array().unwrap() {
        let name = slot["slot"].as_str().unwrap();
        let der = der_of(&bench, &bench.path("card").join(format!("{name}.pem")));
        assert_eq!(slot["certificate"]["pairing_hash"], pairing_hash(&bench, &der), "{slot}");
        let algorithm = if ["9c", "9e"].contains(&name) { "P-256" } else { "RSA-2048" };
        let policy = match name {
            "9c" => "always",
            "9e" => "never",
            _ => "once",
        };
        let key = &slot["key"];
        assert_eq!((&key["algorithm"], &key["origin"]), (&algorithm.into(), &"imported".into()), "{slot}");
        assert_eq!((&key["pin_policy"], &key["touch_policy"]), (&policy.into(), &"never".into()), "{slot}");
    }
}

#[test]
fn what_is_the_factorys_or_blocked_is_called_a_problem() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let problems = info(&bench)["problems"].to_string();
    for problem in
        ["no GUID", "the PIN is the factory's", "the PUK is the factory's", "the management key is the factory's"]
    {
        assert!(problems.contains(problem), "{problem}: {problems}");
    }
    let wrong = bench.file("wrong", "000000");
    let verify = ["card", "verify-pin", "--use-last-try", "--pin-file", wrong.to_str().unwrap()];
    for _ in 0..3 {
        bench.pivkit(&verify).output().exits_with(4);
    }
    let report = info(&bench);
    assert_eq!(report["pin"]["retries"], 0, "{report}");
    assert!(report["problems"].to_string().contains("the PIN is blocked"), "{report}");
}

#[test]
fn a_certificate_that_belongs_to_another_key_is_a_problem() {
    let bench = Bench::vpcd();
    let card = Card::insert(&bench, &["--profile", "yubikey-5.7", "--preset", "alice"]);
    drop(card);
    let key = bench.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], b"");
    crate::bench::card::replace_key(&bench, "card", "9d", &key.stdout);
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    let report = info(&bench);
    let problems = report["problems"].to_string();
    assert!(problems.contains("the certificate in slot 9d is not that of the key in it"), "{report}");
}

#[test]
fn a_plain_card_is_asked_for_no_more_than_it_has() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "plain", "--preset", "reference"]);
    let run = bench.pivkit_with(&["card", "info", "--json"], &[("RUST_LOG", "smartcard=trace")]).output().success();
    let report = run.json();
    for absent in ["vendor", "firmware", "serial", "management_key"] {
        assert_eq!(report[absent], Value::Null, "{absent}: {report}");
    }
    assert_eq!((&report["pin"]["retries"], &report["puk"]["retries"]), (&3.into(), &Value::Null), "{report}");
    assert_eq!(report["slots"].as_array().map(Vec::len), Some(5), "{report}");
    assert_eq!(report["problems"], json!([]), "{report}");
    // SELECT, discovery object, version, CHUID, key history, five certificates, tries.
    let commands = count(&run);
    assert!(commands <= 11, "{commands}");
}

#[test]
fn a_card_that_speaks_t0_tells_the_same_as_one_that_speaks_t1() {
    let Some(bench) = Bench::pcscd() else { return };
    let card = Card::insert(&bench, &["--profile", "plain", "--preset", "reference"]);
    let t1 = info(&bench);
    drop(card);
    bench.wait_for_empty_reader();
    let _card = Card::insert(&bench, &["--profile", "plain", "--quirk", "t0"]);
    let t0 = info(&bench);
    assert_ne!(t0["atr"], t1["atr"], "{t0}");
    assert_eq!((&t0["guid"], &t0["slots"], &t0["pin"]), (&t1["guid"], &t1["slots"], &t1["pin"]), "{t0}");
    let pin = bench.file("pin", PIN);
    let sign = ["card", "sign", "--slot", "9a", "--json", "--pin-file", pin.to_str().unwrap(), pin.to_str().unwrap()];
    bench.pivkit(&sign).output().success();
}

#[test]
fn a_federal_card_tells_both_pins() {
    let bench = Bench::vpcd();
    let _card = Card::insert(&bench, &["--profile", "federal"]);
    let report = info(&bench);
    assert_eq!(
        (&report["pin_usage_policy"], &report["pin_in_use"]),
        (&"6010".into(), &"application".into()),
        "{report}"
    );
    assert!(report["global_pin"]["retries"].is_number(), "{report}");
}
