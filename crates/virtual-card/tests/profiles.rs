//! What `pivkit-vcard` plays: profiles, quirks, presets and touch, from outside; attestations as openssl sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;
use smartcard::{Command as CardCommand, StatusWord};
use tempfile::TempDir;

use self::program::{Program, Reader, get_data, openssl, select, send, verify};

fn output(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pivkit-vcard")).args(arguments).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn profiles_lists_what_run_takes_and_run_takes_it() {
    let list = output(&["profiles"]);
    let section = |title: &str| -> Vec<String> {
        let lines =
            list.lines().skip_while(|line| !line.starts_with(title)).skip(1).take_while(|line| !line.is_empty());
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!(section("Profiles"), ["plain", "yubikey-4", "yubikey-5.4", "yubikey-5.7", "federal"]);
    assert_eq!(section("Presets"), ["alice", "reference"]);
    let values = [("=N", "=5"), ("=HEX4", "=6010"), ("=ON:OFF", "=1:1"), ("=ALG", "=aes256"), ("=HEX", "=3B00")];
    let quirks: Vec<_> = section("Quirks")
        .into_iter()
        .map(|form| {
            let example = values.iter().find(|(placeholder, _)| form.ends_with(placeholder));
            example.map_or(form.clone(), |(placeholder, value)| form.replace(placeholder, value))
        })
        .collect();
    assert_eq!(quirks.len(), 37, "one for each habit");
    let reader = Reader::new();
    let mut program = Program::start(&["--vpcd", &reader.address(), "--quirk", &quirks.join(",")]);
    let card = reader.accept();
    assert_eq!(hex::encode(smartcard::CardTransport::atr(&card)), "3b00");
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn what_it_cannot_be_is_refused() {
    for (arguments, message) in [
        (["--profile", "yubikey-6"], "there is no profile \"yubikey-6\""),
        (["--quirk", "zlib,slow"], "\"slow\" is not a quirk"),
        (["--quirk", "pin-tries=99"], "\"pin-tries=99\" is not a quirk"),
        (["--touch", "soon"], "\"soon\" is not a touch"),
        (["--preset", "bob"], "there is no preset \"bob\": use alice or reference"),
    ] {
        let mut program = Program::start(&arguments);
        assert_eq!(program.exit().code(), Some(2), "{arguments:?}");
        let errors = program.errors();
        assert!(errors.contains(message), "{errors}");
    }
}

#[test]
fn a_yubikey_is_kept_as_one_with_its_root_beside_it() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    let path = state.display().to_string();
    let mut program = Program::start(&["--vpcd", &reader.address(), "--state", &path, "--profile", "yubikey-5.4"]);
    let mut card = reader.accept();
    let serial = CardCommand::new(0, 0xf8, 0, 0).expecting_answer();
    let first = send(&mut card, &serial).unwrap().data;
    let certificate = CardCommand::new(0, 0xcb, 0x3f, 0xff).with_data([0x5c, 3, 0x5f, 0xff, 0x01]).expecting_answer();
    let object = send(&mut card, &certificate).unwrap().data;
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    drop(card);

    // The certificate is the first part of the object: 53 82 xxxx 70 82 xxxx.
    fs::write(state.join("f9.der"), &object[8..]).unwrap();
    openssl(&state, "x509 -inform DER -in f9.der -out f9.pem");
    openssl(&state, "verify -x509_strict -CAfile attestation-root.pem f9.pem");

    // Without --profile it is what it was; with another one it is an error.
    let mut program = Program::start(&["--vpcd", &reader.address(), "--state", &path]);
    let mut card = reader.accept();
    assert_eq!(send(&mut card, &serial).unwrap().data, first);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    let error = Program::start(&["--state", &path, "--profile", "plain"]).fail();
    assert!(error.contains("is a yubikey-5.4, not a plain"), "{error}");
}

/// What a quirk puts into a new card stays; on a kept card it changes nothing, and that is said.
#[test]
fn a_kept_card_keeps_its_tries_and_its_management_key_whatever_quirks_it_is_run_with() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let path = directory.path().join("state").display().to_string();
    let address = reader.address();
    let run = |quirks: &[&str], algorithm: u8, tries: u16| {
        let arguments = ["--vpcd", &address, "--state", &path, "--profile", "yubikey-5.4"];
        let mut program = Program::start(&[&arguments[..], quirks].concat());
        let mut card = reader.accept();
        assert_eq!(verify(&mut card, ""), StatusWord(0x63c0 | tries), "{quirks:?}");
        let metadata = CardCommand::new(0, 0xf7, 0, 0x9b).expecting_answer();
        let metadata = program::send_on(&mut card, &metadata).unwrap().data;
        assert_eq!(metadata.get(..3), Some(&[0x01, 1, algorithm][..]), "{quirks:?}");
        assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
        program.errors()
    };
    let first = ["--quirk", "pin-tries=5,management-key=aes128"];
    for arguments in [&first[..], &first, &[]] {
        let errors = run(arguments, 0x08, 5);
        assert!(!errors.contains("is for new cards"), "{errors}");
    }
    let errors = run(&["--quirk", "pin-tries=7,management-key=3des,pin-policy=6010,retired=0"], 0x08, 5);
    for quirk in ["pin-tries=7", "management-key=3des", "pin-policy=6010"] {
        let said = format!("--quirk {quirk} is for new cards: the kept card stays as it is");
        assert!(errors.contains(&said), "{quirk}: {errors}");
    }
    assert!(!errors.contains("--quirk retired"), "{errors}");
    run(&[], 0x08, 5);
}

#[test]
fn the_reference_card_has_its_five_certificates() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    let path = state.display().to_string();
    let arguments = ["--vpcd", &reader.address(), "--preset", "reference", "--state", &path];
    let mut program = Program::start(&arguments);
    let mut card = reader.accept();
    assert!(program.line().ends_with("slots 9a RSA2048, 9c P256, 9d RSA2048, 9e P256, 82 RSA2048"));
    for last in [0x05, 0x0a, 0x0b, 0x01, 0x0d] {
        assert_eq!(send(&mut card, &get_data(last)).unwrap().status, StatusWord::OK);
    }
    let history = send(&mut card, &get_data(0x0c)).unwrap().data;
    assert_eq!(hex::encode(history), "5308c10101c20100fe00", "one retired key on the card");
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    for slot in ["9a", "9c", "9d", "9e", "82"] {
        openssl(&state, &format!("verify -x509_strict -CAfile ca.pem {slot}.pem"));
    }
}

#[test]
fn who_waits_for_a_touch_can_be_ended() {
    let reader = Reader::new();
    let arguments = ["--vpcd", &reader.address(), "--profile", "yubikey-4", "--touch", "never=3600"];
    let mut program = Program::start(&arguments);
    let mut card = reader.accept();
    assert_eq!(send(&mut card, &select()).unwrap().status, StatusWord::OK);
    assert_eq!(verify(&mut card, "123456"), StatusWord::OK);
    program::authenticate_with_3des(&mut card);
    // A key in 9E for which the card must be touched.
    let generate = [0xac, 6, 0x80, 1, 0x11, 0xab, 1, 2];
    let generate = CardCommand::new(0, 0x47, 0, 0x9e).with_data(generate).expecting_answer();
    assert_eq!(program::send_on(&mut card, &generate).unwrap().status, StatusWord::OK);
    let hash = [&[0x7c, 0x24, 0x82, 0, 0x81, 0x20][..], &[7; 32]].concat();
    let sign = CardCommand::new(0, 0x87, 0x11, 0x9e).with_data(hash).expecting_answer();
    let waiting = std::thread::spawn(move || program::send_on(&mut card, &sign));
    let before = Instant::now();
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    assert!(before.elapsed() < program::LIMIT);
    assert!(waiting.join().unwrap().is_err() || before.elapsed() < program::LIMIT);
}
