//! How many commands each operation sends to the card. On a real reader a command costs 5 to 50 ms: their number is the speed.

use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};

/// The most that each operation may send: to a card with extended length, and to one without. Lower them when you can.
const LIMITS: [(&str, usize, usize); 5] =
    [("identities", 8, 12), ("hash --slot", 2, 5), ("pair", 6, 11), ("check", 6, 11), ("psso login", 6, 11)];

#[test]
fn no_operation_sends_more_commands_than_before() {
    let extended = count_all(&[]);
    let short = count_all(&["--no-extended"]);
    let mut too_many = Vec::new();
    for (((name, most_extended, most_short), extended), short) in LIMITS.into_iter().zip(extended).zip(short) {
        not_run::to_terminal(&format!("commands of {name}: {extended} with extended length, {short} without"));
        if extended > most_extended || short > most_short {
            too_many
                .push(format!("{name}: {extended} and {short}, at most {most_extended} and {most_short} are allowed"));
        }
    }
    assert!(too_many.is_empty(), "{}", too_many.join("\n"));
}

/// Counts the commands of all operations, in the order of [`LIMITS`].
fn count_all(card: &[&str]) -> Vec<usize> {
    let bench = Bench::vpcd();
    let card = Card::insert(&bench, &[&["--preset", "alice"], card].concat());
    let pin = bench.file("pin", PIN);
    let pin = pin.to_str().unwrap();
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    let run = |args: &[&str]| count(&bench.pivkit_with(args, &[("RUST_LOG", "smartcard=trace")]).output().success());
    vec![
        run(&["identities", "--json"]),
        run(&["hash", "--slot", "9a"]),
        run(&["pair", "--user", "alice", "--slot", "9a", "--pin-file", pin, "--yes"]),
        run(&["check", "--user", "alice", "--pin-file", pin]),
        run(&device.login_arguments()),
    ]
}

/// The commands in a log: each is one event `apdu`.
pub(crate) fn count(output: &Output) -> usize {
    let count = output.stderr.lines().filter(|line| line.contains("smartcard::exchange: apdu")).count();
    assert!(count > 0, "no command was logged: {output}");
    count
}
