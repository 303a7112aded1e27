//! Another program keeps the card: pivkit says that it waits, goes on when the card is free, and gives up after a while. Or it
//! resets the card between two transactions of pivkit: pivkit selects the application anew and goes on, with one PIN in all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::bench::card::{Card, pin_tries};
use crate::bench::oracle::{python, script};
use crate::bench::process::{LIMIT, Service};
use crate::bench::{Bench, PIN, binary};

const WAITING: &str = "waiting for another program to release the card in Virtual PCD 00 00";

#[test]
fn a_transaction_of_another_program_is_waited_for() {
    is_waited_for("transaction");
}

#[test]
fn a_program_that_has_the_card_for_itself_is_waited_for() {
    is_waited_for("exclusive");
}

#[test]
fn a_transaction_that_does_not_end_is_given_up() {
    is_given_up("transaction");
}

#[test]
fn a_program_that_keeps_the_card_for_itself_is_given_up() {
    is_given_up("exclusive");
}

fn is_waited_for(how: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let other = hold(&bench, how);
    let pivkit = bench.service(binary("pivkit").to_str().unwrap(), &["identities"]);
    pivkit.wait_for("that it waits", |line| (line == WAITING).then_some(()));
    drop(other);
    pivkit.wait_for("what is on the card", |line| line.contains("alice@example.test").then_some(()));
    pivkit.wait_for_end();
}

fn is_given_up(how: &str) {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let _other = hold(&bench, how);
    let output = bench.pivkit(&["identities"]).limit(Duration::from_secs(40)).output().exits_with(3);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.contains(WAITING), "{output}");
    assert!(output.stderr.contains("another program is using the card"), "{output}");
}

#[test]
fn a_card_that_is_reset_before_its_pin_is_changed_gets_the_pin_once() {
    let Some(bench) = Bench::pcscd() else { return };
    let new_pin = bench.file("new-pin", "843925");
    // Between the transaction that asked for the tries and the one that changes the PIN.
    let args = ["card", "change-pin", "--new-pin-file", new_pin.to_str().unwrap(), "--yes"];
    let log = reset_before_the_pin(&bench, &[], &args, "the PIN is changed");
    assert_eq!(sent(&log, "0024", HEADER_AND_LENGTH), 1, "{log}");
    assert_eq!(sent(&log, "0020", HEADER_AND_LENGTH), 0, "{log}");
    let verify = ["card", "verify-pin", "--pin-file", new_pin.to_str().unwrap()];
    let _card = Card::insert(&bench, &[]);
    bench.pivkit(&verify).output().success();
}

#[test]
fn a_card_that_is_reset_before_a_pairing_gets_its_pin_once() {
    let Some(bench) = Bench::pcscd() else { return };
    let args = ["pair", "--user", "alice", "--slot", "9a"];
    let log = reset_before_the_pin(&bench, &["[y/N]=y"], &args, "paired: account alice");
    assert_eq!(sent(&log, "0020", HEADER_AND_LENGTH), 1, "{log}");
    assert!(bench.authorized_certificates("alice").exists());
}

#[test]
fn a_card_that_is_reset_before_its_pin_is_verified_gets_it_once() {
    let Some(bench) = Bench::pcscd() else { return };
    let args = ["card", "verify-pin"];
    let log = reset_before_the_pin(&bench, &[], &args, "is right; there were 3 tries left");
    assert_eq!(sent(&log, "0020", HEADER_AND_LENGTH), 1, "{log}");
}

#[test]
fn a_card_that_is_reset_at_the_end_of_a_transaction_that_was_waited_for_is_used_all_the_same() {
    let Some(bench) = Bench::pcscd() else { return };
    let card = LoggingCard::insert(&bench);
    let pin = bench.file("pin", PIN);
    let other = Resetter::start(&bench, "transaction-and-reset");
    let args = ["pair", "--user", "alice", "--slot", "9a", "--yes", "--pin-file", pin.to_str().unwrap()];
    let pivkit = bench.service(binary("pivkit").to_str().unwrap(), &args);
    pivkit.wait_for("that it waits", |line| (line == WAITING).then_some(()));
    other.reset();
    pivkit.wait_for("that it has paired", |line| line.contains("paired: account alice").then_some(()));
    pivkit.wait_for_end();
    assert_eq!(sent(&card.0.log(), "0020", HEADER_AND_LENGTH), 1, "{}", card.0.log());
    assert_eq!(pin_tries(&bench, "card"), 3);
}

/// Runs pivkit, and resets the card when pivkit waits for the PIN, which comes through a pipe; `answers` are those to questions
/// before. Returns the card's log, after the card has left.
fn reset_before_the_pin(bench: &Bench, answers: &[&str], args: &[&str], success: &str) -> String {
    let card = LoggingCard::insert(bench);
    let other = Resetter::start(bench, "reset");
    let pipe = pipe(bench, "pin");
    let mut words = vec![script("on_terminal.py").to_str().unwrap().to_owned()];
    words.extend(answers.iter().map(|answer| (*answer).to_owned()));
    words.extend(["--".to_owned(), binary("pivkit").to_str().unwrap().to_owned()]);
    words.extend(args.iter().map(|arg| (*arg).to_owned()));
    words.extend(["--pin-file".to_owned(), pipe.to_str().unwrap().to_owned()]);
    let pivkit = bench.service(python().to_str().unwrap(), &words);
    // Pivkit has opened the pipe once this has.
    let mut pin = open_for_writing(&pipe);
    other.reset();
    other.reset();
    pin.write_all(PIN.as_bytes()).unwrap();
    drop(pin);
    pivkit.wait_for("its success", |line| line.contains(success).then_some(()));
    pivkit.wait_for_end();
    assert_eq!(pin_tries(bench, "card"), 3);
    let LoggingCard(card) = card;
    let log = card.log();
    drop(card);
    bench.wait_for_empty_reader();
    log
}

/// A program that resets the card when it is told to.
struct Resetter {
    program: Service,
    pipe: File,
}

impl Resetter {
    fn start(bench: &Bench, how: &str) -> Self {
        let pipe = pipe(bench, "resets");
        let arguments = [script("hold_card.py").to_str().unwrap(), how, pipe.to_str().unwrap()].map(str::to_owned);
        let program = bench.service("python3", &arguments);
        program.wait_for("that it holds the card", |line| (line == "holding the card").then_some(()));
        Self { program, pipe: open_for_writing(&pipe) }
    }

    fn reset(&self) {
        (&self.pipe).write_all(b"\n").unwrap();
        self.program.wait_for("that it has reset the card", |line| (line == "reset the card").then_some(()));
    }
}

/// The card of alice, which tells what commands it gets.
struct LoggingCard(Service);

impl LoggingCard {
    fn insert(bench: &Bench) -> Self {
        let (program, address) = (binary("pivkit-vcard"), bench.reader_address());
        let state = bench.path("card");
        let run = ["run", "--vpcd", &address, "--state", state.to_str().unwrap(), "--preset", "alice"];
        let words = [&["NO_COLOR=1", "RUST_LOG=virtual_card=debug", program.to_str().unwrap()][..], &run].concat();
        let card = bench.service("env", &words);
        bench.wait_for_card();
        Self(card)
    }
}

/// How many commands there were in a card's log whose header begins so, and that are longer than this.
fn sent(log: &str, header: &str, longer_than: usize) -> usize {
    let value = |line: &str, name: &str| {
        let value = line.split_once(&format!("{name}="))?.1;
        Some(value.split_whitespace().next().unwrap_or_default().to_owned())
    };
    let commands = log.lines().filter_map(|line| Some((value(line, "header")?, value(line, "command_length")?)));
    let commands: Vec<_> = commands.collect();
    assert!(commands.iter().any(|(header, _)| header.starts_with("00a4")), "not even SELECT is in the log: {log}");
    let sent =
        |(of, length): &&(String, String)| of.starts_with(header) && length.parse::<usize>().unwrap() > longer_than;
    commands.iter().filter(sent).count()
}

/// A command without data is not longer.
const HEADER_AND_LENGTH: usize = 5;

fn pipe(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.path(name);
    bench.command("mkfifo", &["-m", "600", path.to_str().unwrap()]).output().success();
    path
}

/// Waits until somebody reads.
fn open_for_writing(pipe: &Path) -> File {
    let (sender, opened) = channel();
    let path = pipe.to_owned();
    thread::spawn(move || sender.send(fs::OpenOptions::new().write(true).open(path)));
    opened.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("nobody reads {}", pipe.display())).unwrap()
}

fn hold(bench: &Bench, how: &str) -> Service {
    let other = bench.service("python3", &[script("hold_card.py").to_str().unwrap(), how]);
    other.wait_for("that it holds the card", |line| (line == "holding the card").then_some(()));
    other
}
