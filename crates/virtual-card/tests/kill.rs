//! A power cut at any moment: the program is killed while the card is written to, and what it answered before is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "kill/changes.rs"]
mod changes;
#[path = "support/program.rs"]
mod program;

use std::time::Duration;

use nix::sys::signal::Signal;
use smartcard::vpcd::VpcdCard;
use smartcard::{Command as CardCommand, StatusWord};
use tempfile::TempDir;

use self::program::{Program, Reader, get_data, select, send, send_on, verify};

const ROUNDS: u32 = 20;
/// How long a number is repeated in the object that is written: long enough to be torn, if it could be.
const REPEATED: usize = 400;

#[test]
fn a_card_that_is_killed_at_random_moments_starts_again_with_what_it_answered() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state").display().to_string();
    let arguments = ["--vpcd", &reader.address(), "--state", &state, "--profile", "yubikey-4"];
    let (mut answered, mut killed_while_writing) = (0, 0);
    for round in 0..ROUNDS {
        let mut program = Program::start(&arguments);
        let mut card = reader.accept();
        let kept = number(&mut card);
        assert!(kept == answered || kept == answered + 1, "round {round}: {kept} kept, {answered} answered");
        answered = kept;
        // The try of a VERIFY that was under way may be spent, and no more than that.
        let left = verify(&mut card, "");
        assert!([StatusWord(0x63c3), StatusWord(0x63c2)].contains(&left), "round {round}: {left}");
        assert_eq!(verify(&mut card, "123456"), StatusWord::OK, "round {round}");
        program::authenticate_with_3des(&mut card);
        let writer = std::thread::spawn(move || write_until_the_end(&mut card, answered));
        std::thread::sleep(random_time(65_000));
        program.end(Signal::SIGKILL);
        let written = writer.join().unwrap();
        killed_while_writing += u32::from(written > answered);
        answered = written;
    }
    println!("{ROUNDS} kills, {killed_while_writing} after something was written, {answered} objects answered");
    assert!(killed_while_writing > 0, "the kills came too early to try anything");
}

/// The moment is what is tried here, so it is drawn, not waited for. In microseconds.
fn random_time(limit: u32) -> Duration {
    let mut random = [0; 4];
    getrandom::fill(&mut random).unwrap();
    Duration::from_micros(u64::from(u32::from_le_bytes(random) % limit))
}

/// Writes ever higher numbers, and a PIN between them. Gives the last one that was answered.
fn write_until_the_end(card: &mut VpcdCard, mut answered: u32) -> u32 {
    loop {
        let content = (answered + 1).to_be_bytes().repeat(REPEATED);
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let data = [&[0x5c, 3, 0x5f, 0xc1, 0x06, 0x53, 0x82][..], &length, &content].concat();
        let put = CardCommand::new(0, 0xdb, 0x3f, 0xff).with_data(data);
        match send_on(card, &put) {
            Ok(response) => assert_eq!(response.status, StatusWord::OK),
            Err(_) => return answered,
        }
        answered += 1;
        match send_on(card, &program::pin("123456")) {
            Ok(response) => assert_eq!(response.status, StatusWord::OK),
            Err(_) => return answered,
        }
    }
}

/// The number in the object, which is whole or not there.
fn number(card: &mut VpcdCard) -> u32 {
    assert_eq!(send(card, &select()).unwrap().status, StatusWord::OK);
    let object = send_on(card, &get_data(0x06)).unwrap();
    if object.status == StatusWord::NOT_FOUND {
        return 0;
    }
    let content = object.data.get(4..).unwrap();
    assert_eq!(content.len(), 4 * REPEATED);
    let number: [u8; 4] = content[..4].try_into().unwrap();
    assert!(content.chunks(4).all(|part| part == number), "torn");
    u32::from_be_bytes(number)
}
