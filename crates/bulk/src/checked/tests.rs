use std::collections::BTreeSet as Lines;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::select;
use rcgen::ExtendedKeyUsagePurpose;

use super::*;
use crate::testing::{NOW, Office, Person, lines, problems};
use crate::{PlanDocument, PlanFile, RowAction};

const HASH: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

#[test]
fn a_row_with_a_certificate_is_planned() {
    let office = Office::open();
    let alice = office.issue("certs/alice.pem", &Person::new("alice").upn("alice@example.test"));
    let bob = Person::new("bob").certificate();
    office.write("bob.der", bob.der());
    let plan = office.plan(&format!(
        "user,certificate,hash,upn,slot\nalice,certs/alice.pem,{},ALICE@example.test,9a\nbob,bob.der,,,\n",
        alice.pairing_hash()
    ));
    assert_eq!((problems(&plan), lines(&plan)), (vec![], vec![2, 3]));
    for (row, certificate) in plan.rows.iter().zip([&alice, &bob]) {
        assert_eq!(row.pairing_hash, Some(certificate.pairing_hash()));
        assert_eq!(STANDARD.decode(row.certificate.as_ref().unwrap()).unwrap(), certificate.der());
        assert_eq!(row.changes.len(), 3, "{row:?}");
    }
    assert_eq!((plan.rows[0].slot.as_deref(), plan.rows[0].action), (Some("9a"), RowAction::Pair));
    assert_eq!((plan.backend.as_str(), plan.host), ("pam_p11", None));
    assert_eq!(plan.root, Some(office.path("root")));
}

#[test]
fn what_is_so_already_has_no_changes() {
    use pairing::Backend;
    let office = Office::open();
    let alice = office.issue("alice.pem", &Person::new("alice"));
    let backend = office.backend();
    let account = office.system().account(&"alice".parse().unwrap()).unwrap();
    backend.apply(&backend.plan_pair(&account, &alice).unwrap()).unwrap();
    let plan = office.plan("user,certificate,action\nalice,alice.pem,pair\nbob,,unpair\n");
    assert_eq!((problems(&plan), lines(&plan)), (vec![], vec![2, 3]));
    assert!(plan.rows.iter().all(|row| row.changes.is_empty()));
    let plan = office.plan("user,certificate,action\nalice,alice.pem,unpair\n");
    assert_eq!(plan.rows[0].changes.len(), 2, "{plan:?}");
}

#[test]
fn what_is_wrong_with_certificates() {
    let office = Office::open();
    let good = office.issue("good.pem", &Person::new("good").upn("alice@example.test"));
    let old = Person { years: (2020, 2026), ..Person::new("old") };
    let young = Person { years: (2027, 2030), ..Person::new("young") };
    let mail = Person { purpose: ExtendedKeyUsagePurpose::EmailProtection, ..Person::new("mail") };
    office.issue("old.pem", &old);
    office.issue("young.pem", &young);
    office.issue("mail.pem", &mail);
    office.write("text.pem", "no certificate");
    let second = Person::new("second").certificate();
    office.write("two.pem", [good.to_pem(), second.to_pem()].concat());
    std::fs::create_dir(office.path("folder.pem")).unwrap();
    nix::unistd::mkfifo(&office.path("pipe.pem"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let plan = office.plan(&format!(
        "user,certificate,hash,upn,slot,action\n\
         alice,old.pem,,,,\n\
         alice,young.pem,,,,\n\
         alice,mail.pem,,,,\n\
         alice,missing.pem,,,,\n\
         alice,text.pem,,,,\n\
         alice,two.pem,,,,\n\
         alice,folder.pem,,,,\n\
         alice,pipe.pem,,,,\n\
         alice,good.pem,{HASH},,,\n\
         alice,good.pem,,bob@example.test,,\n\
         alice,good.pem,,,9d,\n\
         alice,good.pem,,,9c,\n\
         bob,old.pem,,,,unpair\n\
         alice,two.pem,{},,,\n",
        second.pairing_hash()
    ));
    let told = problems(&plan);
    for (line, part) in [
        (2, "expired on 2026-01-01"),
        (3, "not valid before 2027-01-01"),
        (4, "does not list clientAuth"),
        (5, "No such file"),
        (6, "no certificate found"),
        (7, "holds 2 certificates"),
        (8, "not a regular file"),
        (9, "not a regular file"),
        (10, "hash and certificate disagree"),
        (11, "upn and certificate disagree: bob@example.test, and the certificate's alice@example.test"),
        (12, "slot 9d is not for logging in"),
        (13, "pam_p11 presents it only once"),
    ] {
        assert!(told.iter().any(|(of, why)| *of == line && why.contains(part)), "{line} {part}: {told:?}");
    }
    assert_eq!(told.len(), 12, "{told:?}");
    // An expired certificate can still be removed, and of two the hash chooses.
    assert_eq!(lines(&plan), [14, 15]);
    assert_eq!(plan.rows[1].pairing_hash, Some(second.pairing_hash()));
}

#[test]
fn rows_that_contradict_each_other() {
    let office = Office::open();
    let [one, two, three] =
        ["one", "two", "three"].map(|name| office.issue(&format!("{name}.pem"), &Person::new(name)));
    let plan = office.plan(
        "user,certificate,action\n\
         alice,one.pem,pair\n\
         alice,one.pem,\n\
         bob,one.pem,pair\n\
         carol,two.pem,pair\n\
         carol,two.pem,unpair\n\
         bob,three.pem,unpair\n",
    );
    let (one, two) = (one.pairing_hash(), two.pairing_hash());
    let expected = [
        (2, format!("the key {one} is also that of bob in line 4")),
        (3, "says the same as line 2".to_owned()),
        (4, format!("the key {one} is also that of alice in line 2")),
        (5, format!("contradicts line 6: pair {two}, and there unpair {two}")),
        (6, format!("contradicts line 5: unpair {two}, and there pair {two}")),
    ];
    let told: Vec<(u64, String)> = problems(&plan).into_iter().map(|(line, why)| (line, why.to_owned())).collect();
    assert_eq!(told, expected);
    assert_eq!(lines(&plan), [7]);
    let three = three.pairing_hash();
    let plan = office.plan(
        "user,certificate,action\nalice,one.pem,replace\nalice,two.pem,pair\nbob,,unpair\nbob,three.pem,unpair\ncarol,,unpair\ncarol,,unpair\n",
    );
    let expected = [
        (2, format!("contradicts line 3: replace {one}, and there pair {two}")),
        (3, format!("contradicts line 2: pair {two}, and there replace {one}")),
        (4, format!("contradicts line 5: unpair all, and there unpair {three}")),
        (5, format!("contradicts line 4: unpair {three}, and there unpair all")),
        (7, "says the same as line 6".to_owned()),
    ];
    let told: Vec<(u64, String)> = problems(&plan).into_iter().map(|(line, why)| (line, why.to_owned())).collect();
    assert_eq!((told, lines(&plan)), (expected.to_vec(), vec![6]));
    // Two keys for one person, and one key going while another comes, are ordinary.
    let plan = office.plan("user,certificate,action\nalice,one.pem,pair\nalice,two.pem,pair\nalice,three.pem,unpair\n");
    assert_eq!((problems(&plan), lines(&plan)), (vec![], vec![2, 3, 4]));
}

/// By serial number, GUID and UPN; a UPN on two cards with numbers of their own is ordinary.
#[test]
fn two_users_with_one_card() {
    let office = Office::open();
    office.issue("carol.pem", &Person::new("carol"));
    let guid = "0123456789abcdef0123456789abcdef";
    let plan = office.plan(&format!(
        "user,serial,guid,upn,certificate\nalice,7,,,\nbob,7,,,\nalice,,{guid},,\nbob,,{},,\nalice,,,a@b.test,\nbob,,,A@B.test,\n\
         alice,1,,x@b.test,\nbob,2,,x@b.test,\nalice,9,,,\ncarol,9,,,carol.pem\nalice,8,,,\n",
        guid.to_uppercase()
    ));
    let told: Vec<_> = problems(&plan);
    assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 10, 11], "{told:?}");
    assert_eq!(told[0].1, "the serial number 7 is also that of bob in line 3");
    assert_eq!(told[5].1, "the UPN a@b.test is also that of alice in line 6");
    assert_eq!(plan.waiting.iter().map(|row| row.line).collect::<Vec<_>>(), [8, 9, 12]);
}

#[test]
fn what_is_said_of_a_key_has_to_be_so() {
    let office = Office::open();
    office.issue("alice.pem", &Person::new("alice"));
    let plan = office.plan(
        "user,certificate,upn,serial,action\nalice,alice.pem,alice@b.test,,\nbob,,,7,unpair\ncarol,,c@b.test,,unpair\n",
    );
    let told = problems(&plan);
    assert_eq!(told[0], (2, "upn and certificate disagree: alice@b.test, and the certificate has none"));
    assert_eq!(told[1], (3, "names no key: to unpair, hash or certificate says which"));
    assert_eq!((told.len(), told[2].0, plan.waiting.len()), (3, 4, 0), "{told:?}");
    // In a folder: nothing found can wait for the card, anything else is told.
    let old = Person { years: (2020, 2026), ..Person::new("bob").upn("bob@b.test") };
    office.issue("folder/old.pem", &old);
    for file in ["one", "two"] {
        office.issue(&format!("folder/{file}.pem"), &Person::new("carol").upn("carol@b.test"));
    }
    let folder = CertificateFolder::read(&office.path("folder"), crate::MatchRule::Upn, NOW).unwrap();
    let check = Check { folder: Some(&folder), match_all: false, now: NOW };
    let text = "user,upn,serial\nalice,alice@b.test,1\nbob,bob@b.test,2\ncarol,carol@b.test,3\n";
    let plan = office.plan_with(text, check);
    let told = problems(&plan);
    assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4], "{told:?}");
    assert!(told[0].1.contains("expired") && told[1].1.starts_with("2 certificates have"), "{told:?}");
    assert_eq!(plan.waiting.len(), 1);
}

/// Where one file holds all accounts, what a row is planned for depends on the rows before it.
#[test]
fn rows_for_one_file_are_planned_at_once() {
    let office = Office::open();
    let rows: String = (0..9000).map(|number| format!("alice,{number:040X},unpair\n")).collect();
    let check = Check { folder: None, match_all: false, now: NOW };
    let checked = office.manifest(&format!("user,hash,action\n{rows}")).check(None, check).unwrap();
    let backend = crate::apply::tests::shared::OneFile::new(office.backend());
    let plan = checked.plan(&office.system(), &backend).unwrap().into_file();
    assert_eq!((plan.rows.len(), &*backend.planned.lock().unwrap()), (9000, &vec![9000]));
}

/// A manifest that never ends is refused when it is too long.
#[test]
fn what_is_read_has_an_end() {
    let endless = std::path::Path::new("/dev/zero");
    assert!(matches!(crate::Manifest::read(endless), Err(Error::Manifest { .. })));
    assert!(crate::manifest_digest(endless).is_ok());
}

#[test]
fn accounts_and_keys_that_the_system_cannot_take() {
    let office = Office::open();
    office.issue("dave.pem", &Person::new("dave"));
    std::fs::remove_dir(office.path("root/home/carol")).unwrap();
    office.issue("carol.pem", &Person::new("carol"));
    let plan = office.plan(&format!(
        "user,certificate,hash,serial\ndave,dave.pem,,\nalice,,{HASH},\ncarol,carol.pem,,\nbob,,,\neve,,,8\nbob,,,7\n"
    ));
    let told = problems(&plan);
    for (line, part) in [
        (2, "there is no account dave"),
        (3, "pam_p11 keeps certificates, and only the pairing hash of the key is given; name its file"),
        (4, "has no home directory"),
        (5, "names no key"),
        (6, "there is no account eve"),
    ] {
        assert!(told.iter().any(|(of, why)| *of == line && why.contains(part)), "{line} {part}: {told:?}");
    }
    assert_eq!((told.len(), lines(&plan)), (5, vec![]));
    assert_eq!(plan.waiting.iter().map(|row| (row.line, row.card.serial)).collect::<Vec<_>>(), [(7, Some(7))]);
}

#[test]
fn rows_of_other_hosts_are_passed_over_whatever_is_wrong_with_them() {
    let office = Office::open();
    office.issue("alice.pem", &Person::new("alice"));
    let text = "user,certificate,host\nalice,alice.pem,HERE.example.test\nbob,alice.pem,there\na/b,,there\ncarol,none.pem,here\n,,\n";
    let plan = office.plan(text);
    assert_eq!((plan.host.as_deref(), lines(&plan)), (Some("here"), vec![2]));
    let skipped: Vec<_> = plan.skipped.iter().map(|note| (note.line, note.why.as_str())).collect();
    assert_eq!(skipped, [(3, "is for host there"), (4, "is for host there")]);
    assert_eq!(problems(&plan).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5]);
    let check = Check { folder: None, match_all: false, now: NOW };
    let manifest = office.manifest("user,host\nalice,here.a.test\nbob,here.b.test\n");
    let refused = manifest.check(Some("here".parse().unwrap()), check);
    assert!(matches!(refused, Err(Error::SeveralHosts { .. })), "{refused:?}");
}

#[test]
fn what_is_streamed_is_a_plan_file() {
    let office = Office::open();
    office.issue("alice.pem", &Person::new("alice"));
    let text = "user,certificate,serial,host\nalice,alice.pem,,\nbob,,5,\ncarol,none.pem,,\ncarol,,1,there\n";
    let check = Check { folder: None, match_all: false, now: NOW };
    let planning = || {
        let checked = office.manifest(text).check(Some("here".parse().unwrap()), check).unwrap();
        checked.plan(&office.system(), Box::leak(Box::new(office.backend()))).unwrap()
    };
    let file = planning().into_file();
    let json = serde_json::to_string(&PlanDocument::new(planning())).unwrap();
    assert_eq!(serde_json::from_str::<PlanFile>(&json).unwrap(), file);
    assert_eq!(serde_json::to_value(&file).unwrap(), serde_json::from_str::<serde_json::Value>(&json).unwrap());
    assert_eq!((file.rows.len(), file.waiting.len(), file.problems.len(), file.skipped.len()), (1, 1, 1, 1));
}

#[test]
fn every_row_of_any_manifest_is_planned_or_told_of() {
    let office = Office::open();
    let hash = office.issue("alice.pem", &Person::new("alice").upn("alice@example.test")).pairing_hash().to_string();
    office.issue("bob.pem", &Person::new("bob"));
    let values: [&[&str]; 6] = [
        &["alice", "bob", "dave", "", "a/b", "\"", "\u{202e}"],
        &["alice.pem", "bob.pem", "none.pem", "", ".", "\0"],
        &["", "", "12", &hash],
        &["", "", "alice@example.test", "@"],
        &["", "", "here", "there", ".."],
        &["", "pair", "unpair", "replace", "x"],
    ];
    let row = values.map(|column| select(column.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()));
    let rows = proptest::collection::vec(row, 0..12);
    proptest!(ProptestConfig::with_cases(200), |(rows in rows)| {
        let lines: String = rows.iter().map(|row| format!("{}\n", row.join(","))).collect();
        let plan = office.plan(&format!("user,certificate,hash,upn,host,action\n{lines}"));
        let notes = plan.skipped.iter().chain(&plan.problems).map(|note| note.line);
        let told: Lines<u64> = notes.chain(plan.waiting.iter().map(|row| row.line)).collect();
        let planned: Lines<u64> = plan.rows.iter().map(|row| row.line).collect();
        prop_assert!(told.is_disjoint(&planned), "{plan:?}");
        if !lines.contains('"') {
            let all = (2_u64..).zip(&rows).filter(|(_, row)| row.iter().any(|value| !value.is_empty()));
            let seen: Lines<u64> = told.union(&planned).copied().collect();
            prop_assert_eq!(all.map(|(line, _)| line).collect::<Lines<u64>>(), seen, "{:?}", plan);
        }
    });
}
