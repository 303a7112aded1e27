//! Power cuts while a card is made, reset, or given keys, PINs and tries: each is the old one or the new one.

use std::collections::HashSet;
use std::fs;
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use nix::sys::signal::Signal;
use smartcard::tlv::{self, Tag};
use smartcard::vpcd::VpcdCard;
use smartcard::{Command as CardCommand, StatusWord};
use tempfile::TempDir;

use crate::program::{self, LIMIT, Program, Reader, get_data, openssl, pin, select, send, send_on, verify};
use crate::random_time;

/// What is done when the power goes, again and again.
#[derive(Clone, Copy, Debug)]
enum Change {
    Pin,
    Tries,
    ManagementKey,
    Key,
    Reset,
}

/// What was answered before the power went.
#[derive(Default)]
struct Answered {
    changes: u8,
    keys: Vec<Vec<u8>>,
}

#[test]
fn whatever_is_changed_when_the_power_goes_is_the_old_or_the_new() {
    let (directory, reader, deaf) = (TempDir::new().unwrap(), Reader::new(), Reader::new());
    let state = directory.path().join("state").display().to_string();
    let (address, nowhere) = (reader.address(), deaf.address());
    let start = |vpcd: &str| Program::start(&["--vpcd", vpcd, "--state", &state, "--profile", "yubikey-5.4"]);
    let mut before: Option<(Change, Answered)> = None;
    let changes = [Change::Pin, Change::Tries, Change::ManagementKey, Change::Key, Change::Reset, Change::Reset];
    for change in changes.into_iter().cycle().take(ROUNDS) {
        if before.is_some() {
            // Where no reader answers, the card is read and kept anew all the same.
            let mut program = start(&nowhere);
            std::thread::sleep(random_time(40_000));
            program.end(Signal::SIGKILL);
        }
        let mut program = start(&address);
        let mut card = reader.accept();
        assert_eq!(send(&mut card, &select()).unwrap().status, StatusWord::OK);
        if let Some((change, answered)) = before {
            check(&mut card, change, &answered);
        }
        reset(&mut card);
        prepare(&mut card, change);
        let (begun, begins) = mpsc::channel();
        let writer = std::thread::spawn(move || change_until_the_end(&mut card, change, &begun));
        begins.recv_timeout(LIMIT).unwrap();
        std::thread::sleep(random_time(8_000));
        program.end(Signal::SIGKILL);
        before = Some((change, writer.join().unwrap()));
    }
}

const ROUNDS: usize = 31;

/// To a card as from the factory.
fn prepare(card: &mut VpcdCard, change: Change) {
    if matches!(change, Change::Pin) {
        return;
    }
    assert_eq!(program::authenticate(card, FACTORY_KEY), StatusWord::OK);
    if matches!(change, Change::Reset) {
        assert_eq!(send_on(card, &generate()).unwrap().status, StatusWord::OK);
        assert_eq!(send_on(card, &change_pin("123456", OTHER_PIN)).unwrap().status, StatusWord::OK);
        block(card);
    }
}

/// Says when the first change was answered, or a reset, which is worth one try only, is about to come.
fn change_until_the_end(card: &mut VpcdCard, change: Change, begun: &Sender<()>) -> Answered {
    let mut answered = Answered::default();
    for number in 1..=u8::MAX {
        let command = match change {
            Change::Pin => change_pin(&pin_number(number - 1), &pin_number(number)),
            Change::Tries => {
                if send_on(card, &pin("123456")).is_err() {
                    break;
                }
                CardCommand::new(0, 0xfa, tries(number), tries(number))
            }
            Change::ManagementKey => {
                let data = [&[0x08, 0x9b, 16][..], &[number; 16]].concat();
                CardCommand::new(0, 0xff, 0xff, 0xff).with_data(data)
            }
            Change::Key => generate(),
            Change::Reset => {
                let _ = begun.send(());
                CardCommand::new(0, 0xfb, 0, 0)
            }
        };
        let Ok(response) = send_on(card, &command) else { break };
        assert_eq!(response.status, StatusWord::OK, "{change:?} {number}");
        answered.changes = number;
        answered.keys.push(response.data);
        let _ = begun.send(());
        if matches!(change, Change::Reset) {
            break;
        }
    }
    answered
}

/// The card, after it was started again.
fn check(card: &mut VpcdCard, change: Change, answered: &Answered) {
    let is_default = |data: &[u8]| tlv::find(data, Tag(0x05)).unwrap() == Some(&[1]);
    let [pin_told, puk_told, admin_told] = [0x80, 0x81, 0x9b].map(|reference| metadata(card, reference).unwrap());
    let key = metadata(card, 0x9a).map(|data| tlv::find(&data, Tag(0x04)).unwrap().unwrap().to_vec());
    let last = answered.changes;
    let one_of = |found: u8| found == last || found == last + 1;
    match change {
        Change::Pin => {
            let holds = [last, last + 1].iter().any(|number| verify(card, &pin_number(*number)) == StatusWord::OK);
            assert!(holds, "the PIN is neither number {last} nor the next one");
        }
        Change::Tries => {
            let ([pin_tries, left], [puk_tries, puk_left]) = (tries_told(&pin_told), tries_told(&puk_told));
            assert!(one_of(pin_tries - 3) && pin_tries == puk_tries, "{last}: {pin_tries} and {puk_tries}");
            // The try of a VERIFY that was under way may be spent.
            assert!(puk_left == puk_tries && (left == pin_tries || left + 1 == pin_tries), "{left} {puk_left}");
        }
        Change::ManagementKey => {
            let holds = [last, last + 1].iter().any(|number| {
                let key = hex::encode([*number; 16]);
                program::authenticate(card, (0x08, 16, "-aes-128-ecb", &key)) == StatusWord::OK
            });
            assert!(holds, "the management key is neither number {last} nor the next one");
        }
        Change::Key => {
            let answers: HashSet<_> = answered.keys.iter().map(|answer| answer.get(3..).unwrap()).collect();
            let (key, newest) = (key.clone().unwrap(), answered.keys.last().unwrap().get(3..).unwrap());
            assert!(key == newest || !answers.contains(key.as_slice()), "an older key came back");
        }
        Change::Reset => {
            let reset = key.is_none() && is_default(&pin_told) && tries_told(&pin_told) == [3, 3];
            // Keys first: without its last step a reset leaves a card that takes no PIN and has to be reset.
            let blocked = !is_default(&pin_told) && tries_told(&pin_told) == [3, 0] && tries_told(&puk_told) == [3, 0];
            assert!(reset || (last == 0 && blocked), "{last}: {pin_told:02x?} {puk_told:02x?} {key:02x?}");
        }
    }
    let (no_key, same_pin) = (key.is_none(), is_default(&pin_told));
    assert!(no_key || matches!(change, Change::Key | Change::Reset));
    assert!(same_pin || matches!(change, Change::Pin | Change::Reset));
    assert!(is_default(&puk_told) && (is_default(&admin_told) || matches!(change, Change::ManagementKey)));
}

/// Kills where a card is new, and what stands beside it names another if it is not made anew with it.
#[test]
fn a_card_that_is_killed_while_it_is_made_is_made_the_next_time() {
    let reader = Reader::new();
    for (profile, sign, rounds) in [("plain", "lock", 8), ("yubikey-5.4", "attestation-root.pem", 3)] {
        for _ in 0..rounds {
            let (directory, deaf) = (TempDir::new().unwrap(), Reader::new());
            let state = directory.path().join("state");
            let path = state.display().to_string();
            let start = |vpcd: &str| Program::start(&["--vpcd", vpcd, "--state", &path, "--profile", profile]);
            let mut program = start(&deaf.address());
            let limit = Instant::now() + LIMIT;
            while !state.join(sign).exists() {
                assert!(Instant::now() < limit, "{sign} is not made");
                std::thread::yield_now();
            }
            std::thread::sleep(random_time(8_000));
            program.end(Signal::SIGKILL);
            let kept = fs::read(state.join("card.json")).ok();

            let mut program = start(&reader.address());
            let mut card = reader.accept();
            assert_eq!(verify(&mut card, ""), StatusWord(0x63c3));
            if profile == "plain" {
                assert_eq!(send_on(&mut card, &get_data(0x02)).unwrap().status, StatusWord::OK);
            } else {
                let object = CardCommand::new(0, 0xcb, 0x3f, 0xff).with_data([0x5c, 3, 0x5f, 0xff, 1]);
                let object = send_on(&mut card, &object.expecting_answer()).unwrap().data;
                fs::write(state.join("f9.der"), &object[8..]).unwrap();
                openssl(&state, "x509 -inform DER -in f9.der -out f9.pem");
                openssl(&state, "verify -CAfile attestation-root.pem f9.pem");
            }
            program.end(Signal::SIGKILL);
            assert!(kept.is_none_or(|kept| kept == fs::read(state.join("card.json")).unwrap()), "it is another card");
        }
    }
}

type Key<'a> = (u8, u8, &'a str, &'a str);
const FACTORY_KEY: Key<'_> = (0x03, 8, "-des-ede3", "010203040506070801020304050607080102030405060708");
const OTHER_PIN: &str = "246810";

/// The one from the factory is number 0.
fn pin_number(number: u8) -> String {
    (123_456 + u32::from(number)).to_string()
}

/// Three, as from the factory, is number 0.
fn tries(number: u8) -> u8 {
    number + 3
}

fn tries_told(metadata: &[u8]) -> [u8; 2] {
    tlv::find(metadata, Tag(0x06)).unwrap().unwrap().try_into().unwrap()
}

fn metadata(card: &mut VpcdCard, reference: u8) -> Option<Vec<u8>> {
    let response = send_on(card, &CardCommand::new(0, 0xf7, 0, reference).expecting_answer()).unwrap();
    response.status.is_ok().then_some(response.data)
}

fn generate() -> CardCommand {
    CardCommand::new(0, 0x47, 0, 0x9a).with_data([0xac, 3, 0x80, 1, 0x11]).expecting_answer()
}

fn change_pin(old: &str, new: &str) -> CardCommand {
    let data = [old.as_bytes(), &[0xff; 2], new.as_bytes(), &[0xff; 2]].concat();
    CardCommand::new(0, 0x24, 0, 0x80).with_secret(data.into())
}

/// Wrong PINs and PUKs until no more is taken.
fn block(card: &mut VpcdCard) {
    let wrong_puk = [&[0x39; 8][..], b"123456\xff\xff"].concat();
    let unblock = CardCommand::new(0, 0x2c, 0, 0x80).with_secret(wrong_puk.into());
    for wrong in [pin("99999999"), unblock] {
        while send_on(card, &wrong).unwrap().status != StatusWord::AUTHENTICATION_METHOD_BLOCKED {}
    }
}

fn reset(card: &mut VpcdCard) {
    block(card);
    assert_eq!(send_on(card, &CardCommand::new(0, 0xfb, 0, 0)).unwrap().status, StatusWord::OK);
}
