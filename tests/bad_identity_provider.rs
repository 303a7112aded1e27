//! Identity providers that are down, slow, confused or hostile: exit code 7 with the name of the check, no token, and no second
//! use of the PIN.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::bad_input::assert_refused;
use crate::bench::card::{Card, pin_tries};
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::{Bench, oracle};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const LOGIN: i32 = 7;

#[test]
fn an_answer_with_a_wrong_claim_is_rejected_by_the_name_of_the_claim() {
    for (fault, words) in [
        ("wrong-nonce", "nonce"),
        ("wrong-aud", "aud"),
        ("wrong-iss", "iss"),
        ("expired", "exp"),
        ("not-yet-valid", "nbf"),
        ("wrong-key", "signature"),
        ("wrong-apu", "apu"),
    ] {
        assert_login_refused(fault, words);
    }
}

#[test]
fn an_answer_that_is_none_is_rejected() {
    for (fault, words) in [("html", "text/html"), ("error-500", "500"), ("refuse-401", "401"), ("redirect", "307")] {
        assert_login_refused(fault, words);
    }
}

#[test]
fn a_slow_provider_is_not_waited_for_for_ever() {
    let start = Instant::now();
    assert_login_refused("slow", "took longer");
    assert!(start.elapsed() < Duration::from_secs(100), "{:?}", start.elapsed());
}

#[test]
fn a_provider_that_is_down() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    drop(idp);
    for output in [device.login(&bench), device.register(&bench)] {
        assert_refused(&output, LOGIN, &["identity provider runs"]);
    }
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn a_provider_that_does_not_know_the_cards_authority() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let stranger = oracle::authority(&bench, "stranger");
    let (_idp, device) = registered(&bench, Idp::start(&bench, &stranger.0, &[]));
    assert_refused(&device.login(&bench), LOGIN, &["401", "invalid_grant"]);
}

#[test]
fn a_device_that_is_not_registered() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    assert_refused(&device.login(&bench), LOGIN, &["401", "pivkit psso register"]);
}

#[test]
fn a_card_of_somebody_else() {
    let bench = Bench::vpcd();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "bob", "bob@example.test", &oracle::P256, &authority);
    let _card = Card::insert(&bench, &["--load", &crate::foreign_clients::load("9a", &certificate, &key)]);
    let (_idp, device) = registered(&bench, Idp::start(&bench, &authority.0, &[]));
    assert_refused(&device.login(&bench), LOGIN, &["401"]);
}

#[test]
fn a_wrong_pin_at_a_login_costs_one_try_and_says_so() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let (idp, device) = registered(&bench, Idp::start(&bench, &card.authority(), &[]));
    bench.file("pin", "654321");
    assert_refused(&device.login(&bench), 4, &["PIN is wrong", "2 tries are left"]);
    assert_eq!(pin_tries(&bench, "card"), 2);
    assert!(!idp.log().contains("login accepted"), "{}", idp.log());
}

#[test]
fn a_configuration_that_cannot_be_used() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let config = idp.configuration(&bench);
    let good = fs::read_to_string(&config).unwrap();
    let device = Device::new(&bench, config.clone());
    for (bad, word) in [
        (String::new(), "issuer"),
        (format!("{good}surprise = 1\n"), "surprise"),
        (good.replace("token_endpoint = \"http:", "token_endpoint = \"ftp:"), "token_endpoint"),
        (
            good.replace("token_endpoint = \"http://127.0.0.1", "token_endpoint = \"http://idp.example"),
            "token_endpoint",
        ),
        ("issuer = [".to_owned(), "line 1"),
    ] {
        fs::write(&config, bad).unwrap();
        assert_refused(&device.login(&bench), USAGE, &[word]);
    }
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn a_folder_of_device_keys_that_others_can_read() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let (_idp, device) = registered(&bench, Idp::start(&bench, &card.authority(), &[]));
    fs::set_permissions(&device.state, fs::Permissions::from_mode(0o755)).unwrap();
    assert_refused(&device.login(&bench), FAILED, &["700"]);
}

/// Logs in at a provider with this fault; that must fail, without a trace of a token.
fn assert_login_refused(fault: &str, words: &str) {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let (idp, device) = registered(&bench, Idp::start(&bench, &card.authority(), &["--fault", fault]));
    let before = fs::read_dir(&device.state).unwrap().count();
    let output: Output = device.login_and_show_tokens(&bench);
    // The request was good; it is the answer that is not.
    idp.wait_for_login();
    assert_refused(&output, LOGIN, &[words]);
    assert_eq!(pin_tries(&bench, "card"), 3, "{output}");
    assert_eq!(fs::read_dir(&device.state).unwrap().count(), before, "{output}");
}

fn registered(bench: &Bench, idp: Idp) -> (Idp, Device) {
    let device = Device::new(bench, idp.configuration(bench));
    device.register(bench).success();
    (idp, device)
}
