//! The card is pulled at each command of an operation in turn. Each time nothing has changed: not the account, not the PIN
//! tries; and pivkit says that the card is gone.

use std::fs;
use std::path::Path;

use crate::bench::card::{Card, authority, pin_tries};
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run, oracle};

#[test]
fn pairing_survives_it_over_vpcd() {
    pull_during_pair(&Bench::vpcd(), &[]);
}

#[test]
fn pairing_survives_it_with_a_card_without_extended_length() {
    pull_during_pair(&Bench::vpcd(), &["--no-extended"]);
}

#[test]
fn pairing_survives_it_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    pull_during_pair(&bench, &[]);
}

#[test]
fn a_login_survives_it_over_vpcd() {
    pull_during_login(&Bench::vpcd(), &[]);
}

#[test]
fn a_login_survives_it_with_a_card_without_extended_length() {
    pull_during_login(&Bench::vpcd(), &["--no-extended"]);
}

#[test]
fn a_login_survives_it_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    pull_during_login(&bench, &[]);
}

/// A wrong PIN may have cost a try by then; a card that leaves when it is to sign has said that the PIN is right.
#[test]
fn a_card_that_leaves_with_the_pin_may_have_lost_a_try_and_this_is_said() {
    let bench = Bench::vpcd();
    drop(Card::alice(&bench));
    let idp = Idp::start(&bench, &authority(&bench.path("card")), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    let (right, wrong) = (bench.file("pin", PIN), bench.file("wrong", "654321"));
    let pin = |file: &Path| ["--pin-file".to_owned(), file.to_str().unwrap().to_owned()];
    let pair = |file: &Path| [&["pair", "--user", "bob", "--yes"].map(str::to_owned)[..], &pin(file)].concat();
    let check = |file: &Path| [&["check", "--user", "alice"].map(str::to_owned)[..], &pin(file)].concat();
    let verify = |file: &Path| [&["card", "verify-pin"].map(str::to_owned)[..], &pin(file)].concat();
    let login = |file: &Path| {
        let own: Vec<_> = device.login_arguments().into_iter().map(str::to_owned).collect();
        let at = own.iter().position(|word| word == "--pin-file").unwrap();
        [&own[..at], &pin(file), &own[at + 2..]].concat()
    };
    let run = |fault: &str, args: &[String]| {
        let fault = bench.file("fault", fault);
        let card = Card::insert(&bench, &["--fault", fault.to_str().unwrap()]);
        let output = bench.pivkit(&args.iter().map(String::as_str).collect::<Vec<_>>()).output();
        drop(card);
        output
    };
    let mut paired = pair(&right);
    paired[2] = "alice".to_owned();
    run("", &paired).success();
    for args in [&pair as &dyn Fn(&Path) -> Vec<String>, &check, &login, &verify] {
        // The first VERIFY asks for the tries.
        let pulled = run("at 2 of 20 remove-after\n", &args(&wrong)).exits_with(3);
        assert!(pulled.stderr.contains("it may have cost a try"), "{pulled}");
        assert!(!pulled.stderr.contains("nothing was changed"), "{pulled}");
        assert_eq!(pin_tries(&bench, "card"), 2, "{pulled}");
        run("", &verify(&right)).success();
        let pulled = run("at 1 of 87 remove\n", &args(&right));
        assert!(!pulled.stderr.contains("may have cost a try"), "{pulled}");
        assert_eq!(pin_tries(&bench, "card"), 3, "{pulled}");
    }
}

fn pull_during_pair(bench: &Bench, card: &[&str]) {
    let pin = bench.file("pin", PIN);
    let pair = ["pair", "--user", "alice", "--slot", "9a", "--pin-file", pin.to_str().unwrap(), "--yes"];

    // Once onto an account without pairings, once onto one that has another.
    let account = bench.authorized_certificates("alice");
    let folder = account.parent().unwrap().to_path_buf();
    let nothing = pull_everywhere(bench, card, "pair", &|| files_in(&folder), &|| bench.pivkit(&pair).output());
    assert!(nothing >= LEAST_COMMANDS, "only {nothing} commands were seen");
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();

    let (other, _) = oracle::authority(bench, "another-certificate");
    let other = fs::read_to_string(other).unwrap();
    fs::write(&account, &other).unwrap();
    let again = pull_everywhere(bench, card, "pair, beside another pairing", &|| files_in(&folder), &|| {
        bench.pivkit(&pair).output()
    });
    assert_eq!(again, nothing);
    let after = fs::read_to_string(&account).unwrap();
    assert!(after.contains(other.trim_end()) && after.matches("BEGIN CERTIFICATE").count() == 2, "{after}");
}

fn pull_during_login(bench: &Bench, card: &[&str]) {
    drop(Card::alice(bench));
    if bench.has_pcscd() {
        bench.wait_for_empty_reader();
    }
    let idp = Idp::start(bench, &authority(&bench.path("card")), &[]);
    let device = Device::new(bench, idp.configuration(bench));
    device.register(bench).success();
    let pulls = pull_everywhere(bench, card, "psso login", &|| files_in(&device.state), &|| device.login(bench));
    assert!(pulls >= LEAST_COMMANDS, "only {pulls} commands were seen");
    idp.wait_for_login();
    let accepted = idp.log().matches("login accepted").count();
    assert_eq!(accepted, 1, "only the last login had a card all the time:\n{}", idp.log());
}

/// SELECT, a certificate, VERIFY, GENERAL AUTHENTICATE: no operation with a PIN has fewer.
const LEAST_COMMANDS: u64 = 4;

/// Runs an operation again and again, and pulls the card at its first command, at its second ... until it succeeds because
/// there is no such command any more. Returns how many pulls there were. `unchanged` is what must stay the same.
fn pull_everywhere(
    bench: &Bench,
    card: &[&str],
    what: &str,
    unchanged: &dyn Fn() -> Vec<(String, Vec<u8>)>,
    run: &dyn Fn() -> Output,
) -> u64 {
    let before = unchanged();
    for number in 1..100 {
        let fault = bench.file("fault", format!("at {number} remove\n"));
        let card = Card::insert(bench, &[&["--preset", "alice", "--fault", fault.to_str().unwrap()], card].concat());
        let output = run();
        if output.code == Some(0) {
            assert_eq!(pin_tries(bench, "card"), 3);
            drop(card);
            empty(bench);
            let pulls = number - 1;
            not_run::to_terminal(&format!(
                "{}: the card was pulled at each of {pulls} commands of {what}",
                not_run::test_name()
            ));
            return pulls;
        }
        let output = output.exits_with(3);
        assert_eq!(output.stdout, "", "pulled at command {number}: {output}");
        // A busy machine may be told of first: that the card is waited for.
        let said = output.stderr.lines().any(|line| line.starts_with("pivkit: "));
        assert!(said, "pulled at command {number}: {output}");
        assert_eq!(unchanged(), before, "pulled at command {number}: {output}");
        assert_eq!(pin_tries(bench, "card"), 3, "pulled at command {number}: {output}");
        card.wait_for_end();
        empty(bench);
    }
    panic!("{what} never comes to an end");
}

fn empty(bench: &Bench) {
    if bench.has_pcscd() {
        bench.wait_for_empty_reader();
    }
}

/// The files of a folder, but for lock files; none if it does not exist.
fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut files: Vec<_> = paths.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    files.retain(|(name, content)| !(name.ends_with("lock") && content.is_empty()));
    files.sort();
    files
}
