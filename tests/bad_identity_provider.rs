//! Identity providers that are down or know nobody, and configurations that lead nowhere: exit code 7, and no second use of the
//! PIN. Those that answer wrongly are in `refusals_client`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bad_input::assert_refused;
use crate::bench::card::{Card, pin_tries};
use crate::bench::idp::{Device, Idp};
use crate::bench::{Bench, oracle};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const LOGIN: i32 = 7;

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

fn registered(bench: &Bench, idp: Idp) -> (Idp, Device) {
    let device = Device::new(bench, idp.configuration(bench));
    device.register(bench).success();
    (idp, device)
}
