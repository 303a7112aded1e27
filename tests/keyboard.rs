//! `pivkit pair` with a person at a real terminal, through pcscd: what is shown, what is asked, what is typed, and what happens
//! when the person changes their mind.

use std::fs;
use std::path::Path;

use crate::bench::card::{Card, pin_tries};
use crate::bench::mac::hash_of;
use crate::bench::oracle::{self, P256};
use crate::bench::reference_card::{Keys, ReferenceCard};
use crate::bench::terminal::{CTRL_C, DOWN, Terminal};
use crate::bench::{Bench, PIN, binary, not_run, second_reader};
use crate::foreign_clients::load;
use crate::mac_pair::with_card;
use crate::provision::provision;

const PIN_PROMPT: &str = "PIN of the card in Virtual PCD";

#[test]
fn the_whole_walk() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let mut person = bench.at_terminal(120, &["pair"]);
    person.wait_for("card in Virtual PCD 00 00");
    person.wait_for("SLOT");
    person.wait_for("alice@example.test  authentication  yes");
    person.wait_for("key_management  no");
    person.wait_for("9d cannot be paired: it is not for authentication");
    // Root runs it; there is no such account as the first answer.
    person.answer("Account [root]:", "nobody-of-that-name");
    person.wait_for("there is no account");
    person.answer("Account [root]:", "alice");
    person.wait_for("add the certificate");
    person.answer("Pair this identity with account alice [y/N]", "y");
    person.wait_for("3 PIN tries are left");
    person.answer(PIN_PROMPT, PIN);
    person.wait_for("paired: account alice now opens with");
    person.wait_for("next: `pivkit check --user alice` proves it");
    person.wait_for("`su - alice` in another terminal");
    let shown = person.ends_with(0);
    // What is typed is shown, but for the PIN.
    assert!(shown.contains("nobody-of-that-name") && !shown.contains(PIN), "{shown}");
    let pin = bench.file("pin", PIN);
    bench.pivkit(&["check", "--user", "alice", "--pin-file", pin.to_str().unwrap()]).output().success();

    // Once more: everything is so already, and no PIN is asked for.
    let mut again = bench.at_terminal(120, &["pair", "--user", "alice"]);
    again.wait_for("unchanged: account alice is paired with");
    assert!(!again.ends_with(0).contains(PIN_PROMPT));
}

#[test]
fn the_walk_without_pcscd_and_its_report_for_a_program() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let report = bench.path("report.json");
    let mut person = bench.at_terminal_with_output(100, &["pair", "--user", "alice", "--json"], &report);
    person.answer("Pair this identity with account alice [y/N]", "y");
    person.answer("PIN of the card in vpcd", PIN);
    let shown = person.ends_with(0);
    assert!(!shown.contains(PIN), "{shown}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["schema_version"], &report["changed"]), (&1.into(), &true.into()), "{report}");
    assert_eq!(report["paired"], report["pairing_hashes"], "{report}");
}

#[test]
fn the_walk_on_a_mac_ends_with_what_a_mac_needs() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let mut person = mac.at_terminal(&["pair"]);
    person.answer("Account [root]:", "nobody-of-that-name");
    person.answer("Account [root]:", "alice");
    person.answer("Pair this identity with account alice [y/N]", "y");
    person.answer("PIN of the card in", PIN);
    person.wait_for("paired: account alice now opens with");
    person.wait_for("where your organisation uses Platform SSO, register");
    person.wait_for("keep the local password");
    person.ends_with(0);
    assert_eq!(mac.paired("alice"), [hash_of(&bench, "card", "9a")]);
}

#[test]
fn a_desk_on_a_mac_takes_rows_that_only_name_a_hash() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mac = with_card(&bench, "mac");
    let hash = hash_of(&bench, "card", "9a");
    let manifest = bench.file("people.csv", format!("user,hash\nalice,{hash}\nmallory,{}\n", "0F".repeat(20)));
    let transport = format!("vpcd:{}", bench.reader_address());
    let args = ["bulk", "station", manifest.to_str().unwrap(), "--transport", &transport, "--yes", "--no-pin-proof"];
    // There is no mallory; the desk closes when everybody else is done.
    let closed = mac.bare_pivkit(&args).output().exits_with(8);
    assert!(closed.stderr.contains("line 3 (mallory)") && closed.stdout.contains("1 of 1 people are done"), "{closed}");
    assert_eq!(mac.paired("alice"), [hash]);
}

#[test]
fn a_card_is_waited_for() {
    let Some(bench) = Bench::pcscd() else { return };
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.wait_for("insert your card");
    let _card = Card::alice(&bench);
    pair_to_the_end(person, "alice");
}

#[test]
fn a_reader_is_waited_for() {
    let Some(bench) = Bench::without_pcscd() else { return };
    fs::remove_file(bench.inside("/etc/reader.conf.d/vpcd")).unwrap();
    bench.start_pcscd();
    let mut person = bench.at_terminal(100, &["pair"]);
    person.wait_for("connect a reader and insert your card");
    person.press(CTRL_C);
    person.ends_with(130);
}

#[test]
fn what_cannot_be_paired_is_shown_with_its_reason_and_not_offered() {
    let Some(bench) = Bench::pcscd() else { return };
    let authority = oracle::authority(&bench, "ca");
    let loads = ["9a", "9c"].map(|slot| {
        let (certificate, key) = oracle::issue(&bench, &format!("a-{slot}"), "alice@example.test", &P256, &authority);
        load(slot, &certificate, &key)
    });
    let _card = Card::insert_with_state(&bench, "loaded", &["--load", &loads[0], "--load", &loads[1]]);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.wait_for("authentication             yes");
    person.wait_for("authentication, signature  no");
    person.wait_for("9c cannot be paired: its key wants the PIN before every signature");
    let shown = pair_to_the_end(person, "alice");
    assert!(!shown.contains("Which identity"), "{shown}");
    // Asked for by its slot, it is refused with the same reason.
    let refused = bench.at_terminal(200, &["pair", "--user", "alice", "--slot", "9c"]).ends_with(5);
    assert!(refused.contains("the identity in slot 9c cannot be paired: its key wants"), "{refused}");
}

#[test]
fn of_two_cards_the_person_chooses_one() {
    for columns in [100, 40] {
        let Some(bench) = Bench::pcscd() else { return };
        let (_first, second) = two_cards(&bench);
        let mut person = bench.at_terminal(columns, &["pair", "--user", "alice"]);
        person.wait_for("Which card");
        person.wait_for("\n> ");
        for key in [DOWN, "\r"] {
            person.wait_for_keys();
            person.press(key);
        }
        let shown = pair_to_the_end(person, "alice");
        let paired = fs::read_to_string(bench.authorized_certificates("alice")).unwrap();
        let pem = fs::read_to_string(second).unwrap();
        assert_eq!(paired.trim_end(), pem.trim_end(), "{shown}");
        if columns == 40 {
            // A list is drawn anew at every key; each of its lines fits.
            for line in lines_of_list(&shown) {
                assert!(line.chars().count() < 40, "{line:?} in {shown}");
            }
            // The table would not fit: each identity has lines of its own.
            assert!(!shown.contains("SLOT") && shown.contains("pairing: yes"), "{shown}");
        }
    }
}

#[test]
fn a_wrong_pin_is_told_and_asked_for_again() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    person.wait_for("3 PIN tries are left");
    person.answer(PIN_PROMPT, "12");
    person.wait_for("nothing was sent to the card");
    person.answer(PIN_PROMPT, "654321");
    person.wait_for("the PIN is wrong");
    person.wait_for("2 PIN tries are left");
    person.answer(PIN_PROMPT, "654321");
    person.wait_for("it was not sent again");
    person.answer(PIN_PROMPT, PIN);
    person.wait_for("paired: account alice");
    let shown = person.ends_with(0);
    assert!(!shown.contains(PIN) && !shown.contains("654321"), "{shown}");
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn a_pin_is_edited_like_any_line() {
    const CTRL_D: &str = "\u{4}";
    const CTRL_U: &str = "\u{15}";
    const CTRL_Z: &str = "\u{1a}";
    const BACKSPACE: &str = "\u{7f}";
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    person.answer("PIN of the card", &format!("{CTRL_Z}999{CTRL_U}{PIN}ä7{BACKSPACE}{BACKSPACE}"));
    person.wait_for("paired: account alice");
    assert!(!person.ends_with(0).contains("999"));

    // The end of the input is no PIN.
    let mut again = bench.at_terminal(100, &["card", "verify-pin"]);
    again.wait_for("PIN of the card");
    again.press(CTRL_D);
    again.wait_for("unexpected end of file");
    again.ends_with(1);
    assert_eq!(pin_tries(&bench, "card"), 3);
}

#[test]
fn the_last_try_is_kept() {
    let Some(bench) = Bench::pcscd() else { return };
    let _card = Card::alice(&bench);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    for wrong in ["654321", "654321", "765432"] {
        person.answer(PIN_PROMPT, wrong);
    }
    let shown = person.ends_with(4);
    assert!(shown.contains("One try is left"), "{shown}");
    assert_eq!(pin_tries(&bench, "card"), 1);
    assert!(!bench.authorized_certificates("alice").exists());
    // Nobody is asked for a PIN that would not be sent.
    let mut again = bench.at_terminal(100, &["pair", "--user", "alice"]);
    again.answer("[y/N]", "y");
    let shown = again.ends_with(4);
    assert!(!shown.contains(PIN_PROMPT), "{shown}");
    assert_eq!(pin_tries(&bench, "card"), 1);
}

#[test]
fn ctrl_c_at_each_question_changes_nothing() {
    let Some(bench) = Bench::pcscd() else { return };
    let mut person = bench.at_terminal(100, &["pair"]);
    person.wait_for("insert your card");
    person.press(CTRL_C);
    person.ends_with(130);

    let _cards = two_cards(&bench);
    let before = tree(&bench.inside("/home"));
    let questions: [(&str, &str); 4] =
        [("\n> ", "\r"), ("Account [root]:", "alice\r"), ("[y/N]", "y"), (PIN_PROMPT, PIN)];
    for stop in 0..questions.len() {
        let mut person = bench.at_terminal(100, &["pair"]);
        for (question, answer) in &questions[..stop] {
            person.wait_for(question);
            wait_for_keys_of(&person, question);
            person.press(answer);
        }
        person.wait_for(questions[stop].0);
        wait_for_keys_of(&person, questions[stop].0);
        person.press(CTRL_C);
        let shown = person.ends_with(130);
        if stop == 0 {
            assert!(shown.rfind("\u{1b}[?25h") > shown.rfind("\u{1b}[?25l"), "the cursor is hidden: {shown:?}");
        }
        assert_eq!(tree(&bench.inside("/home")), before, "{}", questions[stop].0);
        assert_eq!(pin_tries(&bench, "card"), 3);
    }
}

/// A secret is a line; everything else is read key by key.
fn wait_for_keys_of(person: &Terminal, question: &str) {
    if question != PIN_PROMPT {
        person.wait_for_keys();
    }
}

#[test]
fn a_card_that_is_taken_out_is_waited_for_again() {
    let Some(bench) = Bench::pcscd() else { return };
    let card = Card::alice(&bench);
    let mut person = bench.at_terminal(100, &["pair"]);
    person.answer("Account [root]:", "alice");
    person.wait_for("[y/N]");
    drop(card);
    bench.wait_for_empty_reader();
    person.press("y");
    person.answer(PIN_PROMPT, PIN);
    person.wait_for("the card was taken out; nothing was changed");
    person.wait_for("insert your card");
    let _card = Card::insert(&bench, &[]);
    // The account is known by now.
    let shown = pair_to_the_end(person, "alice");
    assert_eq!(shown.matches("Account [root]:").count(), 1, "{shown}");
}

#[test]
fn a_pin_for_one_card_is_not_sent_to_another() {
    let Some(bench) = Bench::pcscd() else { return };
    let first = Card::alice(&bench);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    person.wait_for(PIN_PROMPT);
    drop(first);
    bench.wait_for_empty_reader();
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "other", "other@example.test", &P256, &authority);
    let _other = Card::insert_with_state(&bench, "other-card", &["--load", &load("9a", &certificate, &key)]);
    person.press("654321\r");
    person.wait_for("the card was taken out; nothing was changed");
    // This one is shown, and asked for from the start.
    person.wait_for("other@example.test");
    person.wait_for("[y/N]");
    assert_eq!(pin_tries(&bench, "other-card"), 3);
    person.press("n");
    person.ends_with(1);
    assert!(!bench.authorized_certificates("alice").exists());
}

#[test]
fn a_card_that_leaves_with_the_pin_may_have_lost_a_try() {
    let Some(bench) = Bench::pcscd() else { return };
    drop(Card::alice(&bench));
    bench.wait_for_empty_reader();
    // The first VERIFY of the walk asks for the tries, so does the second; the third has the PIN.
    let fault = bench.file("fault", "at 3 of 20 remove-after\n");
    let _card = Card::insert(&bench, &["--fault", fault.to_str().unwrap()]);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    person.answer(PIN_PROMPT, "654321");
    person.wait_for("it may have cost a try, and nothing else was changed");
    person.wait_for("insert your card");
    assert_eq!(pin_tries(&bench, "card"), 2);
    person.press(CTRL_C);
    person.ends_with(130);
}

#[test]
fn a_key_that_wants_a_touch_says_so() {
    let Some(bench) = Bench::pcscd() else { return };
    let card = Card::insert(&bench, &["--profile", "yubikey-5.7"]);
    provision(&bench, "P256", &["--touch-policy", "always"]).success();
    drop(card);
    bench.wait_for_empty_reader();
    let _card = Card::insert(&bench, &["--touch", "2"]);
    let mut person = bench.at_terminal(100, &["pair", "--user", "alice"]);
    person.answer("[y/N]", "y");
    person.answer(PIN_PROMPT, fs::read_to_string(bench.path("new-pin.txt")).unwrap().trim());
    person.wait_for("touch your key");
    person.wait_for("paired: account alice");
    person.ends_with(0);
}

#[test]
fn a_certificate_cannot_play_tricks_on_the_terminal() {
    let Some(bench) = Bench::pcscd() else { return };
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}evil";
    let authority = oracle::authority(&bench, "ca");
    let (certificate, key) = oracle::issue(&bench, "hostile", hostile, &P256, &authority);
    let _card = Card::insert_with_state(&bench, "hostile", &["--load", &load("9a", &certificate, &key)]);
    for columns in [40, 200] {
        let mut person = bench.at_terminal(columns, &["pair"]);
        person.wait_for("owned");
        person.answer("Account [root]:", "alice");
        person.wait_for("[y/N]");
        person.press("n");
        let shown = person.ends_with(1);
        for trick in ["\u{1b}]0;", "\u{7}", "\u{1b}[2J\u{202e}", "\u{202e}"] {
            assert!(!shown.contains(trick), "{trick:?} in {shown:?}");
        }
        assert!(shown.contains("\\u{1b}]0;owned\\u{7}"), "{shown:?}");
    }
}

#[test]
fn the_walk_costs_three_certificates_and_a_counter_more_than_the_plain_way() {
    let Some(bench) = Bench::pcscd() else { return };
    let keys = Keys::make(&bench);
    let card = ReferenceCard::insert(&bench, &bench.reader_address(), &keys, &[]);
    bench.wait_for_card();
    let (walk, _) = card.count(|| pair_to_the_end(bench.at_terminal(100, &["pair", "--user", "alice"]), "alice"));
    bench.pivkit(&["unpair", "--user", "alice", "--yes"]).output().success();
    // The plain way with a question before the PIN: the PIN comes from a file, and consent from a person.
    let pin = bench.file("pin", PIN);
    let (plain, _) = card.count(|| {
        let args = ["pair", "--user", "alice", "--pin-file", pin.to_str().unwrap()];
        let mut person = bench.at_terminal(100, &args);
        person.wait_for("[y/N]");
        person.press("y");
        person.wait_for("paired: account alice");
        person.ends_with(0)
    });
    not_run::to_terminal(&format!("commands of pair: {walk} in the walk, {plain} without"));
    assert!(walk <= plain + 4, "{walk} and {plain}");
}

/// Goes on from the question for consent to the end, and returns all that was shown.
#[track_caller]
fn pair_to_the_end(mut person: Terminal, user: &str) -> String {
    person.wait_for(&format!("Pair this identity with account {user} [y/N]"));
    person.press("y");
    person.answer("PIN of the card in", PIN);
    person.wait_for(&format!("paired: account {user}"));
    let shown = person.ends_with(0);
    assert!(!shown.contains(PIN), "{shown}");
    shown
}

/// Two cards in two readers; and the certificate of the second.
fn two_cards(bench: &Bench) -> ((Card, crate::bench::process::Service), std::path::PathBuf) {
    let first = Card::alice(bench);
    let state = bench.path("second-card");
    let (program, address) = (binary("pivkit-vcard"), second_reader());
    let args = ["run", "--vpcd", &address, "--state", state.to_str().unwrap(), "--preset", "alice"];
    let second = bench.service(program.to_str().unwrap(), &args);
    second.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
    bench.wait_for_card();
    ((first, second), state.join("9a.pem"))
}

/// The lines of lists to choose from: they begin with a mark, or with the blanks in its place, after a line was cleared or ended.
fn lines_of_list(shown: &str) -> Vec<&str> {
    let (_, list) = shown.split_once("Which card").unwrap();
    let (list, _) = list.split_once("card in Virtual PCD").unwrap();
    let lines: Vec<_> =
        list.split(['\n', '\r']).filter(|line| line.starts_with("> ") || line.starts_with("  ")).collect();
    assert!(lines.len() >= 2, "{list:?}");
    lines
}

/// Every file below a directory, with its content.
fn tree(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        let content = if entry.is_dir() { Vec::new() } else { fs::read(&entry).unwrap() };
        if entry.is_dir() {
            found.extend(tree(&entry));
        }
        found.push((entry.display().to_string(), content));
    }
    found.sort();
    found
}
