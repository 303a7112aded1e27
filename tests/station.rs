//! `pivkit bulk station`: an enrolment desk with several readers, at a real terminal and without one.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use crate::bench::oracle::{self, P256};
use crate::bench::process::Service;
use crate::bench::terminal::CTRL_C;
use crate::bench::{Bench, PIN, binary};
use crate::foreign_clients::load;

const READERS: [(&str, u16); 4] = [("Desk A", 35963), ("Desk B", 36963), ("Desk C", 37963), ("Desk D", 38963)];

#[test]
fn people_come_to_the_desk_with_cards_in_two_readers() {
    let Some(bench) = Bench::with_readers(&READERS[..2]) else { return };
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(|name| Person::make(&bench, name));
    let manifest = format!("user,upn,hash\nalice,ALICE@example.test,\nbob,,{}\n", bob.hash);
    let manifest = bench.file("people.csv", manifest);
    let journal = bench.path("desk.jsonl");
    let (manifest, journal) = (manifest.to_str().unwrap(), journal.to_str().unwrap());
    let station = ["bulk", "station", manifest, "--journal", journal];

    let mut desk = bench.at_terminal(110, &station);
    desk.wait_for("0 of 2 people are done; insert a card");
    let strange = eve.insert(&bench, 36963);
    desk.wait_for("no row of the manifest is for this card (UPN eve@example.test");
    strange.take_out(&bench);
    desk.wait_for("the next card, please");
    let alices = alice.insert(&bench, 35963);
    desk.wait_for("line 2: alice (UPN alice@example.test");
    desk.wait_for("Pair this identity with account alice [y/N]");
    // Somebody comes to the other reader while alice is at the desk.
    let bobs = bob.insert(&bench, 36963);
    desk.press("y");
    desk.wait_for("3 PIN tries are left");
    desk.answer("PIN of the card in Desk A", "654321");
    desk.wait_for("2 PIN tries are left");
    desk.answer("PIN of the card in Desk A", PIN);
    desk.wait_for("paired: account alice now opens with");
    desk.wait_for("take the card out; 1 of 2 people are done");
    desk.wait_for("line 3: bob (");
    desk.wait_for("Pair this identity with account bob [y/N]");
    // The desk is closed before bob has agreed.
    desk.wait_for_keys();
    desk.press(CTRL_C);
    desk.wait_for("line 2: alice paired with");
    desk.wait_for("1 of 2 people are done");
    let shown = desk.ends_with(130);
    assert!(!shown.contains(PIN) && !shown.contains("654321"), "{shown}");
    assert_eq!(alice.is_paired(&bench), [true, false]);
    assert!(!bench.authorized_certificates("bob").exists());
    alices.take_out(&bench);

    let report = bench.pivkit(&["bulk", "report", journal]).output().success();
    assert!(report.stdout.contains("bulk station") && !report.stdout.contains("bulk apply"), "{report}");

    // Another day: alice is done, and bob comes.
    let again = alice.insert(&bench, 35963);
    let mut desk = bench.at_terminal(110, &station);
    desk.wait_for("1 of 2 people are done");
    if !desk.shown().contains("the card of alice is done already") {
        desk.wait_for("Pair this identity with account bob [y/N]");
    } else {
        desk.wait_for("[y/N]");
    }
    desk.press("y");
    desk.answer("PIN of the card in Desk B", PIN);
    desk.wait_for("paired: account bob now opens with");
    // Everybody is done: the desk closes by itself.
    desk.wait_for("2 of 2 people are done");
    desk.ends_with(0);
    assert_eq!(bob.is_paired(&bench), [false, true]);
    drop((again, bobs));

    // The journal is that of a bulk run.
    let report = bench.pivkit(&["bulk", "report", journal, "--json"]).output().success();
    assert!(report.stdout.contains(&bob.hash) && report.stdout.contains(&alice.hash), "{report}");
    let other = bench.file("other.csv", "user,upn\nalice,alice@example.test\n");
    let refused = ["bulk", "station", other.to_str().unwrap(), "--journal", journal];
    let refused = bench.pivkit(&refused).output().exits_with(2);
    assert!(refused.stderr.contains("is of another plan"), "{refused}");
    bench.pivkit(&["bulk", "undo", journal, "--yes"]).output().success();
    assert_eq!((alice.is_paired(&bench), bob.is_paired(&bench)), ([false; 2], [false; 2]));
}

#[test]
fn a_card_that_two_rows_or_a_part_of_one_name_is_refused_in_words() {
    let Some(bench) = Bench::with_readers(&READERS[..1]) else { return };
    let [alice, bob] = ["alice", "bob"].map(|name| Person::make(&bench, name));
    let rows = format!("alice,alice@example.test,\nalice,,{}\nbob,bob@example.test,{}\n", alice.hash, "0F".repeat(20));
    let manifest = bench.file("people.csv", format!("user,upn,hash\n{rows}"));
    let mut desk = bench.at_terminal(110, &["bulk", "station", manifest.to_str().unwrap(), "--backend", "pam_p11"]);
    desk.wait_for("insert a card");
    let card = alice.insert(&bench, 35963);
    desk.wait_for("several rows of the manifest are for this card: line 2 (alice), line 3 (alice)");
    card.take_out(&bench);
    let _card = bob.insert(&bench, 35963);
    desk.wait_for("line 4 is for bob, but the pairing hash 0F0F");
    desk.press(CTRL_C);
    desk.wait_for("0 of 3 people are done");
    desk.ends_with(130);
    assert_eq!((alice.is_paired(&bench), bob.is_paired(&bench)), ([false; 2], [false; 2]));
}

#[test]
fn eight_people_whose_keys_are_named_are_served_without_a_question() {
    let Some(bench) = Bench::with_readers(&READERS) else { return };
    let names: Vec<String> = (1..=8).map(|number| format!("person{number}")).collect();
    let people: Vec<Person> = names.iter().map(|name| Person::make(&bench, name)).collect();
    for (id, name) in (4101..).zip(&names) {
        let mut passwd = OpenOptions::new().append(true).open(bench.inside("/etc/passwd")).unwrap();
        writeln!(passwd, "{name}:x:{id}:{id}:{name}:/home/{name}:/bin/sh").unwrap();
        let home = bench.inside(&format!("/home/{name}"));
        fs::create_dir(&home).unwrap();
        std::os::unix::fs::chown(&home, Some(id), Some(id)).unwrap();
    }
    let rows: String = people.iter().map(|person| format!("{},{}\n", person.name, person.hash)).collect();
    let manifest = bench.file("people.csv", format!("user,hash\n{rows}"));
    let ports: Vec<u16> = READERS.iter().flat_map(|(_, port)| [*port, port + 1]).collect();
    let (early, late) = people.split_at(5);
    let mut cards: Vec<Inserted> =
        early.iter().zip(&ports).map(|(person, port)| person.insert(&bench, *port)).collect();
    let journal = bench.path("desk.jsonl");
    let args = ["bulk", "station", manifest.to_str().unwrap(), "--journal", journal.to_str().unwrap(), "--yes"];
    let station = bench.service(binary("pivkit").to_str().unwrap(), &[&args[..], &["--no-pin-proof"]].concat());
    station.wait_for("that five are done", |line| line.contains("5 of 8 people are done").then_some(()));
    cards.extend(late.iter().zip(&ports[5..]).map(|(person, port)| person.insert(&bench, *port)));
    station.wait_for("the sum", |line| line.starts_with("8 of 8 people are done").then_some(()));
    station.wait_for_end();
    for person in &people {
        let paired = fs::read_to_string(bench.inside(&format!("/home/{}/.eid/authorized_certificates", person.name)));
        assert_eq!(paired.unwrap().trim_end(), fs::read_to_string(&person.certificate).unwrap().trim_end());
    }
    // No key was used: the manifest vouches for them. Without that, somebody has to be asked.
    let fresh = bench.path("another.jsonl");
    bench.pivkit(&["bulk", "undo", journal.to_str().unwrap(), "--yes"]).output().success();
    let args = ["bulk", "station", manifest.to_str().unwrap(), "--journal", fresh.to_str().unwrap(), "--yes"];
    let refused = bench.pivkit(&args).output().exits_with(2);
    assert!(refused.stderr.contains("the PIN cannot be asked here"), "{refused}");
}

/// Whose card each is, and what would change; no PIN, no change, no journal.
#[test]
fn a_rehearsal_at_the_desk_changes_nothing() {
    let Some(bench) = Bench::with_readers(&READERS[..1]) else { return };
    let alice = Person::make(&bench, "alice");
    let manifest = bench.file("people.csv", "user,upn\nalice,alice@example.test\n");
    let journal = bench.path("desk.jsonl");
    let args = ["bulk", "station", manifest.to_str().unwrap(), "--journal", journal.to_str().unwrap(), "--dry-run"];
    let mut desk = bench.at_terminal(110, &args);
    desk.wait_for("insert a card");
    let _card = alice.insert(&bench, 35963);
    desk.wait_for("line 2: alice (UPN alice@example.test");
    desk.wait_for("would: ");
    desk.wait_for("line 2: alice would be paired with");
    desk.wait_for("dry run: nothing was changed");
    desk.ends_with(0);
    assert!(!journal.exists() && !bench.authorized_certificates("alice").exists());
}

/// Somebody with a certificate and a key.
struct Person {
    name: String,
    certificate: PathBuf,
    key: PathBuf,
    /// As openssl computes it.
    hash: String,
}

impl Person {
    fn make(bench: &Bench, name: &str) -> Self {
        let authority = oracle::authority(bench, &format!("authority-of-{name}"));
        let upn = format!("{name}@example.test");
        let (certificate, key) = oracle::issue(bench, name, &upn, &P256, &authority);
        let hash = oracle::pairing_hash(bench, &oracle::der_of(bench, &certificate));
        Self { name: name.to_owned(), certificate, key, hash }
    }

    /// Puts a card with the key into the slot of a reader at `port`.
    fn insert(&self, bench: &Bench, port: u16) -> Inserted {
        let state = bench.path(format!("card-of-{}", self.name));
        let (program, address) = (binary("pivkit-vcard"), format!("127.0.0.1:{port}"));
        let load = load("9a", &self.certificate, &self.key);
        let mut args = vec!["run", "--vpcd", &address, "--state", state.to_str().unwrap()];
        if !state.exists() {
            args.extend(["--load", &load]);
        }
        let service = bench.service(program.to_str().unwrap(), &args);
        service.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
        bench.wait_for_card();
        Inserted(service)
    }

    /// Whether alice's account opens with the key, and bob's.
    fn is_paired(&self, bench: &Bench) -> [bool; 2] {
        ["alice", "bob"].map(|account| {
            let listed = bench.pivkit(&["list", "--user", account, "--json"]).output().success();
            listed.stdout.contains(&self.hash)
        })
    }
}

/// A card in a reader.
struct Inserted(Service);

impl Inserted {
    fn take_out(self, bench: &Bench) {
        drop(self.0);
        bench.wait_for_empty_reader();
    }
}
