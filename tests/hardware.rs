//! The tests for owners of cards (hardware-tests) with the virtual card in a real reader's place: they run, and they run only
//! on the card that is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::bench::Bench;
use crate::bench::binary;
use crate::bench::card::Card;
use crate::bench::process::Output;

#[test]
fn without_a_named_card_nothing_runs() {
    let bench = Bench::vpcd();
    let output = run(&bench, &[]).success().prints(&["NOT RUN: no card is named"]);
    assert!(!output.stdout.contains("ok "), "{output}");
    for variables in [
        &["PIVKIT_HARDWARE_SERIAL=one"][..],
        &["PIVKIT_HARDWARE_GUID=1234"],
        &["PIVKIT_HARDWARE_WIPE=I agree that card 1 is erased"],
        &["PIVKIT_HARDWARE_SERIAL=1", "PIVKIT_HARDWARE_WIPE=yes"],
    ] {
        let output = run(&bench, variables).exits_with(2);
        assert_eq!(output.stdout, "", "{output}");
    }
}

#[test]
fn a_card_of_the_icam_set_is_read() {
    let Some(bench) = Bench::pcscd() else { return };
    let directory = crate::bench::project().join("tests/data/icam/01_Golden_PIV");
    let _card = Card::insert(&bench, &["--load-icam", directory.to_str().unwrap()]);
    let output = run(&bench, &["PIVKIT_HARDWARE_GUID=7B13D0E61F6E478EA0AABE0F9AD64A6C"]).success();
    output.prints(&["ok      each pairing hash is the one that openssl computes", "NOT RUN: 12 checks", " 0 failed"]);
    let another = run(&bench, &["PIVKIT_HARDWARE_GUID=00000000000000000000000000000001"]).exits_with(1);
    another.prints(&["FAILED  the named card is in a reader", "0 checks held, 1 failed"]);
}

#[test]
fn a_yubikey_is_read_and_not_changed() {
    let Some(bench) = Bench::pcscd() else { return };
    let card = Card::insert(&bench, &["--profile", "yubikey-5.4", "--preset", "alice"]);
    let serial = serial(&bench);
    let before = identities(&bench);
    let output = run(&bench, &[&format!("PIVKIT_HARDWARE_SERIAL={serial}")]).success();
    output.prints(&["ok      each pairing hash is the one that openssl computes", "NOT RUN: 12 checks", " 0 failed"]);
    assert_eq!(identities(&bench), before);

    // A pivkit that guesses a PIN once, on the way to a hash, is found out.
    let (pivkit, guess) = (binary("pivkit"), bench.file("guess", "654321"));
    let (pivkit, guess) = (pivkit.display(), guess.display());
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = hash ] && mkdir '{guess}.made'; then '{pivkit}' card verify-pin --pin-file '{guess}' \
         --non-interactive; fi >/dev/null 2>&1\nexec '{pivkit}' \"$@\"\n"
    );
    let guesser = bench.file("guesser", &script);
    fs::set_permissions(&guesser, Permissions::from_mode(0o700)).unwrap();
    let guesser = format!("PIVKIT_HARDWARE_PIVKIT={}", guesser.display());
    let output = run(&bench, &[&format!("PIVKIT_HARDWARE_SERIAL={serial}"), &guesser]).exits_with(1);
    output.prints(&["FAILED  reading has cost no try of the PIN: 3, then 2", "5 checks held, 1 failed"]);
    drop(card);
}

#[test]
fn a_yubikey_whose_owner_agrees_goes_through_everything_and_ends_as_from_the_factory() {
    for profile in ["yubikey-5.4", "yubikey-5.7"] {
        let Some(bench) = Bench::pcscd() else { return };
        let _card = Card::insert(&bench, &["--profile", profile, "--preset", "alice"]);
        let serial = serial(&bench);
        let agreement = format!("PIVKIT_HARDWARE_WIPE=I agree that card {serial} is erased");
        let output = run(&bench, &[&format!("PIVKIT_HARDWARE_SERIAL={serial}"), &agreement]).success();
        output.prints(&["ok      the keys sign what openssl verifies", "18 checks held, 0 failed"]);
        let info = bench.pivkit(&["card", "info", "--json"]).output().success().json();
        assert_eq!((&info["pin"]["is_default"], &info["puk"]["is_default"]), (&true.into(), &true.into()), "{info}");
        assert_eq!(info["slots"], serde_json::json!([]), "{info}");
    }
}

fn run(bench: &Bench, variables: &[&str]) -> Output {
    let program = binary("pivkit-hardware-tests");
    let program = Path::new(&program).to_str().unwrap();
    bench.command("env", &[variables, &[program]].concat()).output().never_panicked()
}

fn serial(bench: &Bench) -> u64 {
    let report = bench.pivkit(&["card", "info", "--json"]).output().success().json();
    report["serial"].as_u64().unwrap()
}

fn identities(bench: &Bench) -> serde_json::Value {
    bench.pivkit(&["identities", "--json"]).output().success().json()
}
