//! What docs/virtual-card.md shows is what happens: its commands are run, beside the files that they name.

use std::fs;

use crate::bench::oracle::{self, RSA2048};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, binary, project};
use crate::documented::shell;

#[test]
fn every_example_of_the_virtual_card_puts_one_into_its_reader() {
    let Some(bench) = Bench::pcscd() else { return };
    let page = fs::read_to_string(project().join("docs/virtual-card.md")).unwrap();
    bench.file("faults.txt", blocks(&page, "text").next().expect("a fault file"));
    bench.file("pin.txt", PIN);
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "shown", "alice@example.test", &RSA2048, &authority);
    fs::copy(certificate, bench.path("alice.pem")).unwrap();
    fs::copy(key, bench.path("alice-key.pem")).unwrap();
    let icam = project().join("tests/data/icam/01_Golden_PIV");
    std::os::unix::fs::symlink(icam, bench.path("01_Golden_PIV")).unwrap();

    let mut run = 0;
    for line in blocks(&page, "sh").flat_map(str::lines) {
        let command = line.split('#').next().unwrap().trim();
        if command.starts_with("pivkit-vcard run ") {
            let listed = run_card(&bench, command);
            // As the page says: without one of these options nothing is on it that could log in.
            let loaded = ["--preset", "--load"].iter().any(|option| command.contains(option));
            assert_eq!(listed.code, Some(if loaded { 0 } else { 5 }), "{command}: {listed}");
        } else {
            shell(&bench, command);
        }
        run += 1;
    }
    assert_eq!(run, 7, "the page has other examples now");
}

/// Starts the card, and has pivkit look at it.
fn run_card(bench: &Bench, command: &str) -> Output {
    let directory = bench.path("").display().to_string();
    let program = binary("pivkit-vcard").display().to_string();
    let arguments = command.strip_prefix("pivkit-vcard").unwrap();
    let script = format!("cd '{directory}' && exec '{program}' {arguments} --vpcd {}", bench.reader_address());
    let card = bench.service("sh", &["-c", &script]);
    card.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
    bench.wait_for_card();
    let listed = bench.pivkit(&["identities", "--json"]).output().never_panicked();
    drop(card);
    bench.wait_for_empty_reader();
    listed
}

/// The blocks of a page in this language.
fn blocks<'a>(page: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    page.match_indices(&fence)
        .map(|(at, found)| page[at + found.len()..].split("```").next().unwrap())
        .collect::<Vec<_>>()
        .into_iter()
}
