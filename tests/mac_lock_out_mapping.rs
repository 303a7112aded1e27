//! Where smart cards are enforced and names are mapped: nobody is left outside, be it by a row, by an undo, or by a file.

use std::fs;
use std::path::PathBuf;

use crate::bench::card::Card;
use crate::bench::mac::{Mac, hash_of};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN};
use crate::mac_pair::{pair, with_card};

const ALICE: &str = "Kerberos:alice@example.test";
const BOB: &str = "Kerberos:bob@example.test";

/// A Mac with a mapping by UPN in force, in its folder.
struct Mapped<'a> {
    bench: &'a Bench,
    mac: Mac<'a>,
    file: PathBuf,
}

impl<'a> Mapped<'a> {
    fn new(bench: &'a Bench, mac: Mac<'a>) -> Self {
        let root = bench.path("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        let file = root.join("etc/SmartcardLogin.plist");
        let mapped = Self { bench, mac, file };
        mapped.new_file(&["--replace"]).success();
        mapped.mac.set(&["set", "enforceSmartCard", "true"]);
        mapped
    }

    fn new_file(&self, more: &[&str]) -> Output {
        let root = self.bench.path("root");
        let new = ["mapping", "new", "--output", self.file.to_str().unwrap(), "--root", root.to_str().unwrap()];
        self.mac.pivkit(&[&new[..], more].concat()).output().never_panicked()
    }

    /// A person with these values of AltSecurityIdentities.
    fn has(&self, user: &str, uid: &str, values: &[&str]) {
        let values: Vec<String> = values.iter().map(|value| format!("AltSecurityIdentities={value}")).collect();
        let values: Vec<&str> = values.iter().flat_map(|value| ["--value", value.as_str()]).collect();
        self.mac.set(&[&["user", user, "--uid", uid], &values[..]].concat());
    }

    fn bulk(&self, arguments: &[&str]) -> Output {
        let root = self.bench.path("root");
        self.mac.pivkit(&[&["bulk"], arguments, &["--root", root.to_str().unwrap()]].concat()).output().never_panicked()
    }

    /// Plans a manifest by names.
    fn plan(&self, rows: &str, more: &[&str]) -> Output {
        let manifest = self.bench.file("manifest.csv", rows);
        let plan = ["plan", manifest.to_str().unwrap(), "--strategy", "mapping", "--json"];
        self.bulk(&[&plan[..], more].concat())
    }

    /// Carries out the plan that was printed.
    fn apply(&self, planned: &Output, more: &[&str]) -> Output {
        let plan = self.bench.file("plan.json", &planned.stdout);
        let _ = fs::remove_file(self.bench.path("journal"));
        let journal = self.bench.path("journal");
        let apply = ["apply", plan.to_str().unwrap(), "--journal", journal.to_str().unwrap(), "--yes"];
        self.bulk(&[&apply[..], more].concat())
    }

    fn undo(&self, more: &[&str]) -> Output {
        let journal = self.bench.path("journal");
        self.bulk(&[&["undo", journal.to_str().unwrap(), "--yes"], more].concat())
    }

    fn values(&self, user: &str) -> Vec<String> {
        self.mac.values(user, "AltSecurityIdentities")
    }
}

#[test]
fn the_last_name_that_is_mapped_stays() {
    let bench = Bench::vpcd();
    let mapped = Mapped::new(&bench, Mac::new(&bench, "mac"));
    let unpair = ["unpair", "--user", "alice", "--mapping", "--yes"];
    // bob: nothing; a value that no certificate leads to; a pairing, which is not looked at; switched off.
    let useless: [&[&str]; 4] = [
        &[],
        &["--value", "AltSecurityIdentities=X509:junk"],
        &["--value", "AuthenticationAuthority=;tokenidentity;FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"],
        &[
            "--value",
            "AltSecurityIdentities=Kerberos:bob@example.test",
            "--value",
            "AuthenticationAuthority=;DisabledUser;",
        ],
    ];
    for more in useless {
        mapped.has("alice", "501", &[ALICE]);
        mapped.mac.set(&[&["user", "bob", "--uid", "502"], more].concat());
        let refused = mapped.mac.pivkit(&unpair).output().never_panicked().exits_with(5);
        assert!(refused.stderr.contains("--i-know"), "{refused}");
        assert_eq!(mapped.values("alice"), [ALICE], "{more:?}");
    }
    mapped.has("bob", "502", &[BOB]);
    mapped.mac.pivkit(&unpair).output().success();
    assert_eq!(mapped.values("alice"), [""; 0]);
}

#[test]
fn a_manifest_leaves_somebody() {
    let bench = Bench::vpcd();
    let mapped = Mapped::new(&bench, Mac::new(&bench, "mac"));
    mapped.has("alice", "501", &[ALICE]);
    mapped.has("bob", "502", &[BOB]);
    let everybody = everybody(&bench);
    mapped.plan(&everybody, &[]).exits_with(8);
    // A plan that was made for another Mac, or in another hour.
    let planned = mapped.plan(&everybody, &["--i-know"]).success();
    mapped.apply(&planned, &["--jobs", "1"]).exits_with(8);
    assert_eq!(mapped.values("alice").len() + mapped.values("bob").len(), 1, "one of them stays");
    mapped.has("alice", "501", &[ALICE]);
    mapped.has("bob", "502", &[BOB]);
    mapped.apply(&planned, &["--i-know"]).success();
    assert_eq!(mapped.values("alice").len() + mapped.values("bob").len(), 0);
}

/// Rows that unpair alice and bob by certificates with their names.
fn everybody(bench: &Bench) -> String {
    let mut rows = "user,certificate,action\n".to_owned();
    for user in ["alice", "bob"] {
        let path = certificate(bench, user);
        rows += &format!("{user},{},unpair\n", path.display());
    }
    rows
}

/// A certificate with the user's name at example.test as its UPN, by OpenSSL.
fn certificate(bench: &Bench, user: &str) -> PathBuf {
    let path = bench.path(format!("{user}.pem"));
    let key = bench.path(format!("{user}.key"));
    let name = format!("subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:{user}@example.test");
    let subject = format!("/CN={user}");
    let (path_text, key_text) = (path.to_str().unwrap(), key.to_str().unwrap());
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    let more = ["-subj", &subject, "-addext", &name, "-keyout", key_text, "-out", path_text];
    bench.openssl(&[&new[..], &more].concat(), b"").success();
    path
}

#[test]
fn undo_leaves_somebody_and_gives_no_card_two_accounts() {
    let bench = Bench::vpcd();
    let mapped = Mapped::new(&bench, Mac::new(&bench, "mac"));
    let pem = certificate(&bench, "alice");
    let row = |user: &str, action: &str| format!("{user},{},{action}\n", pem.display());
    let header = "user,certificate,action\n";

    // alice was the first who gets in; without her, nobody would.
    let planned = mapped.plan(&format!("{header}{}", row("alice", "pair")), &[]).success();
    mapped.apply(&planned, &[]).success();
    mapped.undo(&[]).exits_with(8);
    assert_eq!(mapped.values("alice"), [ALICE]);
    mapped.undo(&["--i-know"]).success();
    assert_eq!(mapped.values("alice"), [""; 0]);

    // What alice had is bob's by the time it is to come back.
    mapped.has("alice", "501", &[ALICE]);
    mapped.has("carol", "503", &["Kerberos:carol@example.test"]);
    let planned = mapped.plan(&format!("{header}{}", row("alice", "unpair")), &[]).success();
    mapped.apply(&planned, &[]).success();
    mapped.has("bob", "502", &[ALICE]);
    let refused = mapped.undo(&[]).exits_with(8);
    assert!(refused.to_string().contains("bob"), "{refused}");
    assert_eq!(mapped.values("alice"), [""; 0]);
}

#[test]
fn a_name_moves_within_one_manifest() {
    let bench = Bench::vpcd();
    let mapped = Mapped::new(&bench, Mac::new(&bench, "mac"));
    mapped.has("alice", "501", &[ALICE]);
    mapped.has("bob", "502", &[]);
    let pem = certificate(&bench, "alice");
    let rows = format!("user,certificate,action\nalice,{0},unpair\nbob,{0},pair\n", pem.display());
    let planned = mapped.plan(&rows, &["--i-know"]).success();
    mapped.apply(&planned, &["--i-know"]).success();
    assert_eq!((mapped.values("alice").len(), mapped.values("bob")), (0, vec![ALICE.to_owned()]));
}

#[test]
fn a_file_that_leaves_nobody_is_not_written() {
    let bench = Bench::vpcd();
    let mapped = Mapped::new(&bench, Mac::new(&bench, "mac"));
    fs::remove_file(&mapped.file).unwrap();
    let pairing = "AuthenticationAuthority=;tokenidentity;FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    mapped.mac.set(&["user", "bob", "--uid", "502", "--value", pairing]);
    let refused = mapped.new_file(&[]).exits_with(5);
    assert!(refused.stderr.contains("--i-know") && !mapped.file.exists(), "{refused}");
    // By another path to the same file.
    let etc = bench.path("root/etc");
    let link = bench.path("etc");
    std::os::unix::fs::symlink(etc, &link).unwrap();
    let root = bench.path("root");
    let by_link = link.join("SmartcardLogin.plist");
    let new = ["mapping", "new", "--output", by_link.to_str().unwrap(), "--root", root.to_str().unwrap()];
    mapped.mac.pivkit(&new).output().never_panicked().exits_with(5);
    // Elsewhere it is only a file.
    let copy = bench.path("copy.plist");
    let new = ["mapping", "new", "--output", copy.to_str().unwrap(), "--root", root.to_str().unwrap()];
    mapped.mac.pivkit(&new).output().success();

    mapped.has("alice", "501", &[ALICE]);
    mapped.new_file(&[]).success();
    let before = fs::read(&mapped.file).unwrap();
    mapped.new_file(&["--replace", "--preset", "email"]).exits_with(5);
    assert_eq!(fs::read(&mapped.file).unwrap(), before);
    mapped.new_file(&["--replace", "--preset", "email", "--i-know"]).success();
}

#[test]
fn where_names_decide_a_pairing_proves_nothing() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let mapped = Mapped::new(&bench, with_card(&bench, "mac"));
    mapped.mac.set(&["set", "enforceSmartCard", "false"]);
    let pairing = format!("AuthenticationAuthority=;tokenidentity;{}", hash_of(&bench, "card", "9a"));
    mapped.has("alice", "501", &[ALICE]);
    mapped.mac.set(&["user", "bob", "--uid", "502", "--logged-in", "--value", &pairing]);
    let pin = bench.file("pin", PIN);
    let check = |user: &str| {
        let check = ["check", "--user", user, "--backend", "macos", "--pin-file", pin.to_str().unwrap()];
        mapped.mac.pivkit(&check).output().never_panicked()
    };
    let refused = check("bob").exits_with(5);
    assert!(refused.stderr.contains("leads the card to alice"), "{refused}");
    let listed = mapped.mac.pivkit(&["list", "--user", "bob", "--json"]).output().success().json();
    assert_eq!(listed["accounts"][0]["pairings"][0]["effective"], false, "{listed}");
    // Pairing says it as well, and leaves what it wrote.
    mapped.mac.set(&["user", "bob", "--uid", "502", "--logged-in"]);
    let paired = pair(&bench, &mapped.mac, "bob", &["--backend", "macos", "--json"]).success();
    assert!(paired.stderr.contains("leads this card to alice"), "{paired}");
    assert_eq!(paired.json()["may_open"], false, "{paired}");
    assert_eq!(mapped.mac.paired("bob"), [hash_of(&bench, "card", "9a")]);
    // A file that macOS ignores decides nothing.
    fs::set_permissions(&mapped.file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    check("bob").success();
}
