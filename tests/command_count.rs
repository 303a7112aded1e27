//! How many commands each operation sends to the card. On a real reader a command costs 5 to 50 ms: their number is the speed.

use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::reference_card::{Keys, ReferenceCard, pin_file};
use crate::bench::{Bench, not_run};

/// The most that each operation may send: to a card with extended length, and to one without. Lower them when you can.
const LIMITS: [(&str, usize, usize); 4] =
    [("card info", 10, 14), ("pair", 6, 11), ("check", 6, 11), ("psso login", 6, 11)];

/// The same on the reference card, through pcscd and counted by the card; 9 and 24, 3 and 6, 5 and 8 are what was aimed at.
const REFERENCE_LIMITS: [(&str, usize, usize); 3] =
    [("identities", 9, 18), ("hash --slot 9a", 2, 5), ("card sign --slot 9a --algorithm RS256", 5, 8)];

#[test]
fn no_operation_sends_more_commands_than_before() {
    let extended = count_all(&[]);
    let short = count_all(&["--no-extended"]);
    assert_within(&LIMITS, &extended, &short);
}

/// Counts the commands of all operations, in the order of [`LIMITS`].
fn count_all(card: &[&str]) -> Vec<usize> {
    let bench = Bench::vpcd();
    let card = Card::insert(&bench, &[&["--preset", "alice"], card].concat());
    let pin = pin_file(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    let run = |args: &[&str]| count(&bench.pivkit_with(args, &[("RUST_LOG", "smartcard=trace")]).output().success());
    vec![
        run(&["card", "info"]),
        run(&["pair", "--user", "alice", "--slot", "9a", "--pin-file", &pin, "--yes"]),
        run(&["check", "--user", "alice", "--pin-file", &pin]),
        run(&device.login_arguments()),
    ]
}

/// The commands in a log: each is one event `apdu`.
pub(crate) fn count(output: &Output) -> usize {
    let count = output.stderr.lines().filter(|line| line.contains("smartcard::exchange: apdu")).count();
    assert!(count > 0, "no command was logged: {output}");
    count
}

#[test]
fn the_reference_card_gets_no_more_commands_than_before() {
    let Some(bench) = Bench::pcscd() else { return };
    let keys = Keys::make(&bench);
    let (pin, message) = (pin_file(&bench), bench.file("message", "what is signed"));
    let sign = ["card", "sign", "--slot", "9a", "--algorithm", "RS256", "--pin-file", &pin, message.to_str().unwrap()];
    let operations: [&[&str]; 3] = [&["identities"], &["hash", "--slot", "9a"], &sign];
    let [extended, short] = [[].as_slice(), &["--no-extended"]].map(|options: &[&str]| {
        let card = ReferenceCard::insert(&bench, &bench.reader_address(), &keys, options);
        bench.wait_for_card();
        let counts = operations.map(|args| card.count(|| drop(bench.pivkit(args).output().success())).0);
        drop(card);
        bench.wait_for_empty_reader();
        counts
    });
    assert_within(&REFERENCE_LIMITS, &extended, &short);
}

fn assert_within(limits: &[(&str, usize, usize)], extended: &[usize], short: &[usize]) {
    let mut too_many = Vec::new();
    for (((name, most_extended, most_short), extended), short) in limits.iter().zip(extended).zip(short) {
        not_run::to_terminal(&format!("commands of {name}: {extended} with extended length, {short} without"));
        if extended > most_extended || short > most_short {
            too_many
                .push(format!("{name}: {extended} and {short}, at most {most_extended} and {most_short} are allowed"));
        }
    }
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}
