//! What goes wrong, with readers, cards, accounts, PINs: each time two sentences on stderr, the documented exit code, nothing on
//! stdout, nothing changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::bench::card::{Card, damage_certificate, pin_tries, replace_key};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, stub_card};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const NO_CARD: i32 = 3;
const WRONG_PIN: i32 = 4;
const NO_IDENTITY: i32 = 5;
const ACCOUNT: i32 = 6;

#[test]
fn without_pcscd() {
    let Some(bench) = Bench::without_pcscd() else { return };
    for command in card_commands(&bench) {
        let output = run(&bench, &command);
        assert_refused(&output, NO_CARD, &["not running", "pcscd"]);
    }
    assert_refused(&run(&bench, &["readers".to_owned()]), NO_CARD, &["not running"]);
}

#[test]
fn without_a_reader() {
    let Some(bench) = Bench::without_pcscd() else { return };
    fs::remove_file(bench.inside("/etc/reader.conf.d/vpcd")).unwrap();
    bench.start_pcscd();
    for command in card_commands(&bench) {
        assert_refused(&run(&bench, &command), NO_CARD, &["no smart card reader"]);
    }
}

#[test]
fn without_a_card_in_the_reader() {
    let Some(bench) = Bench::pcscd() else { return };
    for command in card_commands(&bench) {
        assert_refused(&run(&bench, &command), NO_CARD, &["no card"]);
    }
}

#[test]
fn without_a_card_that_connects() {
    let bench = Bench::vpcd();
    for command in card_commands(&bench) {
        assert_refused(&run(&bench, &command), NO_CARD, &["no card"]);
    }
}

#[test]
fn with_a_card_that_has_no_piv_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = stub_card::insert(&bench, "foreign");
    for command in card_commands(&bench) {
        assert_refused(&run(&bench, &command), NO_IDENTITY, &["no PIV"]);
    }
}

#[test]
fn with_a_card_that_has_no_piv_over_vpcd() {
    let bench = Bench::vpcd();
    let _card = stub_card::insert(&bench, "foreign");
    for command in card_commands(&bench) {
        assert_refused(&run(&bench, &command), NO_IDENTITY, &["no PIV"]);
    }
}

#[test]
fn with_cards_that_answer_nonsense() {
    for kind in ["short", "chatty"] {
        let bench = Bench::vpcd();
        let _card = stub_card::insert(&bench, kind);
        for command in card_commands(&bench) {
            assert_refused(&run(&bench, &command), FAILED, &["malformed"]);
        }
    }
}

#[test]
fn with_a_card_whose_objects_are_nonsense() {
    let bench = Bench::vpcd();
    let _card = stub_card::insert(&bench, "garbage");
    // The card is shown, with nothing on it that could be read.
    let report = bench.pivkit(&["identities", "--json"]).output().exits_with(NO_IDENTITY);
    assert_eq!(report.json()["cards"][0]["identities"], serde_json::json!([]), "{report}");
    assert!(report.stderr.contains("slot 9a") && report.stderr.contains("malformed"), "{report}");
    assert_refused(&pair(&bench, "alice", PIN, SLOT), FAILED, &["9a", "malformed"]);
    assert!(!paired(&bench));
}

#[test]
fn with_a_card_that_never_answers() {
    let bench = Bench::vpcd();
    let _card = stub_card::insert(&bench, "mute");
    // pivkit waits half a minute, because a key of 4096 bits and a slow reader take long, and says so after a second.
    let mut output = bench.pivkit(&["identities"]).limit(Duration::from_secs(120)).output();
    assert!(output.stderr.starts_with("waiting for the card in vpcd"), "{output}");
    output.stderr = output.stderr.lines().skip(1).map(|line| format!("{line}\n")).collect();
    assert_refused(&output, NO_CARD, &["answer"]);
}

#[test]
fn with_an_empty_slot() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    assert_refused(&pair(&bench, "alice", PIN, &["--slot", "9c"]), NO_IDENTITY, &["9c", "no certificate"]);
    assert_untouched(&bench);
}

#[test]
fn with_a_hash_that_no_identity_has() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let hash = "00112233445566778899AABBCCDDEEFF00112233";
    assert_refused(&pair(&bench, "alice", PIN, &["--hash", hash]), NO_IDENTITY, &["--slot or --hash"]);
    assert_untouched(&bench);
}

#[test]
fn with_an_unreadable_certificate() {
    let bench = Bench::vpcd();
    drop(Card::alice(&bench));
    damage_certificate(&bench, "card", "9a");
    let _card = Card::insert(&bench, &[]);
    assert_refused(&pair(&bench, "alice", PIN, &["--slot", "9a"]), NO_IDENTITY, &["9a", "cannot be read"]);
    assert_untouched(&bench);
}

#[test]
fn with_a_card_made_of_somebody_elses_certificate() {
    let bench = Bench::vpcd();
    drop(Card::alice(&bench));
    let key = bench.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], &[]).stdout;
    replace_key(&bench, "card", "9a", &key);
    let _card = Card::insert(&bench, &[]);
    assert_refused(&pair(&bench, "alice", PIN, SLOT), NO_IDENTITY, &["did not prove", "do not trust"]);
    assert_untouched(&bench);
}

#[test]
fn with_an_unknown_account() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    assert_refused(&pair(&bench, "mallory", PIN, &["--slot", "9a"]), ACCOUNT, &["mallory"]);
    assert_refused(&pair(&bench, "no such/name", PIN, &["--slot", "9a"]), USAGE, &["name"]);
    for command in [&["unpair", "--user", "mallory", "--yes"][..], &["list", "--user", "mallory"]] {
        assert_refused(&bench.pivkit(command).output(), ACCOUNT, &["mallory"]);
    }
    assert_untouched(&bench);
}

#[test]
fn with_an_account_that_is_not_paired() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let pin = bench.file("pin", PIN);
    let check = bench.pivkit(&["check", "--user", "alice", "--pin-file", pin.to_str().unwrap()]).output();
    assert_refused(&check, NO_IDENTITY, &["not paired", "pivkit pair"]);
    assert_untouched(&bench);
}

#[test]
fn with_a_home_that_is_somebody_elses_trap() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let file = bench.authorized_certificates("alice");
    let victim = bench.file("victim", "precious\n");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&victim, &file).unwrap();
    assert_refused(&pair(&bench, "alice", PIN, &["--slot", "9a"]), ACCOUNT, &["authorized_certificates"]);
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious\n");
    assert!(fs::symlink_metadata(file).unwrap().is_symlink());
}

#[test]
fn with_wrong_pins_until_one_try_is_left_and_then_with_that_one() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    assert_refused(&pair(&bench, "alice", "654321", SLOT), WRONG_PIN, &["PIN is wrong", "2 tries are left"]);
    assert_eq!(pin_tries(&bench, "card"), 2);
    // Too few tries are no reason to refuse the right PIN, and it brings them back.
    let pin = bench.file("pin", PIN);
    pair(&bench, "alice", PIN, SLOT).success();
    bench.pivkit(&["check", "--user", "alice", "--pin-file", pin.to_str().unwrap()]).output().success();
    assert_eq!(pin_tries(&bench, "card"), 3);
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();

    assert_refused(&pair(&bench, "alice", "654321", SLOT), WRONG_PIN, &["2 tries are left"]);
    assert_refused(&pair(&bench, "alice", "654321", SLOT), WRONG_PIN, &["--use-last-try"]);
    assert_eq!(pin_tries(&bench, "card"), 1);
    // The last one is kept, whether the PIN is right or wrong.
    for pin in ["654321", PIN] {
        assert_refused(&pair(&bench, "alice", pin, SLOT), WRONG_PIN, &["--use-last-try"]);
        assert_eq!(pin_tries(&bench, "card"), 1);
    }
    assert_refused(&pair(&bench, "alice", "654321", &["--slot", "9a", "--use-last-try"]), WRONG_PIN, &["PIN"]);
    assert_eq!(pin_tries(&bench, "card"), 0);
    for more in [&["--slot", "9a"][..], &["--slot", "9a", "--use-last-try"]] {
        assert_refused(&pair(&bench, "alice", PIN, more), WRONG_PIN, &["blocked", "PUK"]);
    }
    let report = bench.pivkit(&["identities", "--json"]).output().success().json();
    assert_eq!(report["cards"][0]["pin_retries"], 0, "{report}");
    assert!(!paired(&bench));
}

#[test]
fn with_the_last_try_and_the_right_pin() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    for _ in 0..2 {
        pair(&bench, "alice", "654321", SLOT).exits_with(WRONG_PIN);
    }
    pair(&bench, "alice", PIN, &["--slot", "9a", "--use-last-try"]).success();
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn with_something_that_cannot_be_a_pin() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    for text in ["", "12345", "123456789", "12345\u{e4}", "\n123456"] {
        assert_refused(&pair(&bench, "alice", text, SLOT), USAGE, &["PIN"]);
        assert_eq!(pin_tries(&bench, "card"), 3, "{text:?} cost a try");
    }
    assert_untouched(&bench);
}

#[test]
fn with_a_pin_file_that_others_can_read() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let pin = bench.file("pin", PIN);
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    let args = ["pair", "--user", "alice", "--slot", "9a", "--yes", "--pin-file", pin.to_str().unwrap()];
    assert_refused(&bench.pivkit(&args).output(), USAGE, &["mode 600"]);
    assert_untouched(&bench);
}

#[test]
fn without_anybody_to_ask() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let pin = bench.file("pin", PIN);
    let no_pin = bench.pivkit(&["pair", "--user", "alice", "--slot", "9a", "--yes", "--non-interactive"]).output();
    assert_refused(&no_pin, USAGE, &["--pin-file"]);
    let pin = ["--pin-file", pin.to_str().unwrap()];
    let no_consent = [&["pair", "--user", "alice", "--slot", "9a", "--non-interactive"][..], &pin].concat();
    assert_refused(&bench.pivkit(&no_consent).output(), USAGE, &["--yes"]);
    assert_untouched(&bench);
}

#[test]
fn with_a_command_line_that_makes_no_sense() {
    let bench = Bench::vpcd();
    for args in [
        &["identities", "--transport", "carrier-pigeon"][..],
        &["pair", "--user", "alice", "--slot", "zz"],
        &["pair", "--user", "alice", "--hash", "1234"],
        &["no-such-command"],
        &["hash"],
    ] {
        let output = bench.pivkit(args).output().exits_with(USAGE);
        assert!(output.stdout.is_empty() && output.stderr.contains("--help"), "{output}");
    }
    // A person would be asked for the account.
    assert_refused(&bench.pivkit(&["pair"]).output(), USAGE, &["--user"]);
    assert_refused(&bench.pivkit(&["pair", "--non-interactive"]).output(), USAGE, &["--user"]);
}

#[test]
fn with_files_that_are_no_certificates() {
    let bench = Bench::vpcd();
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"certainly not"),
        ("pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("der", b"\x30\x84\xff\xff\xff\xff"),
    ] {
        let path = bench.file(name, content);
        let output = bench.pivkit(&["hash", path.to_str().unwrap()]).output().never_panicked();
        assert!(output.code != Some(0) && output.stdout.is_empty() && output.stderr.contains(name), "{output}");
    }
    let missing = bench.path("missing");
    assert_refused(&bench.pivkit(&["hash", missing.to_str().unwrap()]).output(), FAILED, &["missing"]);
}

#[test]
fn a_dry_run_changes_nothing_and_asks_for_no_pin() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let dry =
        bench.pivkit(&["pair", "--user", "alice", "--slot", "9a", "--dry-run", "--non-interactive"]).output().success();
    assert!(dry.stdout.contains("authorized_certificates"), "{dry}");
    assert_untouched(&bench);
}

const SLOT: &[&str] = &["--slot", "9a"];

/// Everything that begins with a card.
fn card_commands(bench: &Bench) -> Vec<Vec<String>> {
    let pin = bench.file("pin", PIN).to_str().unwrap().to_owned();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    vec![
        words("identities"),
        words("identities --json"),
        words(&format!("pair --user alice --slot 9a --pin-file {pin} --yes")),
        words(&format!("pair --user alice --pin-file {pin} --yes --json")),
    ]
}

fn run(bench: &Bench, command: &[String]) -> Output {
    bench.pivkit(&command.iter().map(String::as_str).collect::<Vec<_>>()).output()
}

fn pair(bench: &Bench, user: &str, pin: &str, more: &[&str]) -> Output {
    let pin = bench.file("pin", pin);
    let args = ["pair", "--user", user, "--pin-file", pin.to_str().unwrap(), "--yes"];
    bench.pivkit(&[&args[..], more].concat()).output()
}

/// Asserts the exit code, an empty stdout, and what stderr says.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, code: i32, words: &[&str]) {
    output.assert_exit(code);
    assert_eq!(output.stdout, "", "{output}");
    assert!(output.stderr.starts_with("pivkit: "), "{output}");
    for word in words {
        assert!(output.stderr.contains(word), "{word:?} is not said: {output}");
    }
    let lines = output.stderr.lines().count();
    assert!(lines <= 4, "more than what is wrong and what to do next: {output}");
}

fn paired(bench: &Bench) -> bool {
    bench.authorized_certificates("alice").exists()
}

/// Asserts that alice is not paired, and that no PIN try was spent.
#[track_caller]
fn assert_untouched(bench: &Bench) {
    assert!(!paired(bench), "a pairing was written");
    assert_eq!(pin_tries(bench, "card"), 3, "a PIN was sent");
}
