//! What README and `--help` show is what happens: their commands are run, on a bench where the card is in the reader, the
//! device is registered, and the files that they name are there.

use std::fs;

use serde_json::Value;

use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, binary, project};
use crate::psso_verify;

/// A command, and what the page shows of its output.
pub(crate) struct Shown {
    pub(crate) command: String,
    output: Vec<String>,
}

#[test]
fn the_session_in_the_readme() {
    let Some(bench) = Bench::pcscd() else { return };
    let _services = prepare(&bench);
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```console\n").unwrap();
    let (session, _) = rest.split_once("```").unwrap();
    let shown = commands(session);
    assert_eq!(shown.len(), 3, "the session has three commands");
    for Shown { command, output } in shown {
        let run = shell(&bench, &command);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines.len(), output.len(), "{run}");
        for (line, shown) in lines.into_iter().zip(output) {
            assert_eq!(normalised(line), normalised(&shown), "{run}");
        }
    }
    // The kernel's keyring is of the machine, not of the bench.
    shell(&bench, "pivkit psso logout --state device --yes");
}

#[test]
fn every_example_in_the_help_succeeds() {
    let Some(bench) = Bench::pcscd() else { return };
    let _services = prepare(&bench);
    let mut run = 0;
    for command in [
        "readers",
        "identities",
        "hash",
        "pair",
        "check",
        "list",
        "bulk plan",
        "bulk apply",
        "bulk report",
        "bulk undo",
        "unpair",
        "psso keys",
        "psso register",
        "psso login",
        "psso refresh",
        "psso key-request",
        "psso key-exchange",
        "psso status",
        "psso logout",
        "psso config lint",
        "psso config example",
        "psso inspect",
        "psso verify",
        "doctor",
        "completions",
        "man",
    ] {
        let help = shell(&bench, &format!("pivkit {command} --help")).stdout;
        let (_, examples) = help.split_once("EXAMPLES:\n").unwrap_or_else(|| panic!("no examples for {command}"));
        let (examples, codes) = examples.split_once("EXIT CODES:\n").unwrap();
        assert!(codes.contains("  130  interrupted"), "{codes}");
        let shown = commands(examples);
        assert!(!shown.is_empty(), "no examples for {command}");
        for Shown { command, .. } in shown {
            shell(&bench, &command);
            run += 1;
        }
    }
    println!("{run} examples were run");
}

#[test]
fn every_example_of_provision_succeeds_on_a_new_card() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    bench.file("new-pin.txt", "843925");
    for command in ["provision", "provision import"] {
        if command == "provision import" {
            let listed = bench.pivkit(&["identities", "--json"]).output().success().json();
            let certificate = &listed["cards"][0]["identities"][0]["certificate"];
            bench.file("9a.pem", crate::bench::from_base64(certificate));
        }
        let help = shell(&bench, &format!("pivkit {command} --help")).stdout;
        let (_, examples) = help.split_once("EXAMPLES:\n").unwrap();
        let shown = commands(examples);
        assert!(!shown.is_empty(), "no examples for {command}");
        shown.iter().for_each(|shown| drop(shell(&bench, &shown.command)));
    }
}

/// The files that the pages name, and what has to run for them.
fn prepare(bench: &Bench) -> (Card, Idp) {
    let card = Card::alice(bench);
    let passwords = bench.file("passwords", "alice:correct horse\n");
    bench.file("password.txt", "correct horse\n");
    let idp = Idp::start(bench, &card.authority(), &["--passwords", passwords.to_str().unwrap()]);
    Device::new(bench, idp.configuration(bench)).register(bench).success();
    bench.file("pin.txt", PIN);
    let certificate = fs::read(bench.path("card").join("9a.pem")).unwrap();
    bench.file("alice.pem", &certificate);
    fs::create_dir(bench.path("certificates")).unwrap();
    bench.file("certificates/alice.pem", &certificate);
    bench.file("people.csv", "user,certificate\nalice,alice.pem\n");
    let vectors = fs::read_to_string(project().join("tests/data/psso.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    psso_verify::make_requests(bench, &bench.path("psso.toml"));
    bench.file("assertion.jwt", vectors["smartcard_embedded_assertion"]["jws"].as_str().unwrap());
    (card, idp)
}

/// Runs a command line as a person would, in the bench's directory, and expects success.
pub(crate) fn shell(bench: &Bench, line: &str) -> Output {
    let binaries = binary("pivkit").parent().unwrap().display().to_string();
    let script = format!("cd '{}' && PATH='{binaries}':\"$PATH\" && {line}", bench.path("").display());
    bench.command("sh", &["-c", &script]).output().success()
}

/// The lines after `$ `, each with the output below it, up to an empty line.
pub(crate) fn commands(text: &str) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(command) = line.trim_start().strip_prefix("$ ") {
            shown.push(Shown { command: command.to_owned(), output: Vec::new() });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if let Some(last) = shown.last_mut().filter(|_| open) {
            last.output.push(line.to_owned());
        }
    }
    shown
}

/// A line without what differs from run to run: numbers, dates, hashes and identifiers are `#`, and any run of blanks counts
/// as one.
fn normalised(line: &str) -> String {
    let mut out = String::new();
    for word in line.split_inclusive(|character: char| !character.is_ascii_alphanumeric() && character != '-') {
        let (word, end) = match word.char_indices().last() {
            Some((at, character)) if !character.is_ascii_alphanumeric() && character != '-' => word.split_at(at),
            _ => (word, ""),
        };
        let identifier = word.len() >= 10 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        out.push_str(if identifier || number { "#" } else { word });
        out.push_str(end);
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn normalising_keeps_what_matters() {
    for (line, expected) in [
        ("  9a    A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB  RSA2048  2027-11-20", "9a # RSA2048 #"),
        ("  nonce  FE018FC7-4F49-413B-BF8B-C9ECB3B2AEDD", "nonce #"),
        ("  iss    http://127.0.0.1:45964", "iss http://#.#.#.#:#"),
        ("took 38 ms: nonce 9, card 16", "took # ms: nonce #, card #"),
        ("  name  alice@example.test (mode 0700)", "name alice@example.test (mode #)"),
    ] {
        assert_eq!(normalised(line), expected);
    }
}
