use super::*;
use crate::testing::{NOW, Office, Person, lines, problems};
use crate::{Check, PlanFile};

fn plan(office: &Office, rule: Option<MatchRule>, text: &str) -> PlanFile {
    let folder = CertificateFolder::read(&office.path("certs"), rule.unwrap_or(MatchRule::Upn), NOW).unwrap();
    office.plan_with(text, Check { folder: Some(&folder), match_all: rule.is_some(), now: NOW })
}

fn unmatched(plan: &PlanFile) -> Vec<(&str, &str)> {
    let name = |path: &str| path.rfind('/').map_or(0, |at| at + 1);
    plan.unmatched.iter().map(|note| (&note.path[name(&note.path)..], note.why.as_str())).collect()
}

#[test]
fn a_row_with_a_upn_finds_its_certificate() {
    let office = Office::open();
    let alice = office.issue("certs/x/1.cer", &Person::new("x").upn("Alice@Example.test"));
    office.issue("certs/2.pem", &Person::new("y").upn("bob@example.test"));
    office.write("certs/README", "exported on Monday");
    office.write("certs/broken.pem", "x");
    let plan = plan(&office, None, "user,upn\nalice,alice@example.TEST\nbob,bob@other.test\ncarol,\n");
    assert_eq!(lines(&plan), [2]);
    assert_eq!(plan.rows[0].pairing_hash, Some(alice.pairing_hash()));
    let told = problems(&plan);
    assert!(told[0].0 == 3 && told[0].1.ends_with("has the UPN bob@other.test"), "{told:?}");
    assert!(told[1].0 == 4 && told[1].1.starts_with("names no key"), "{told:?}");
    let unmatched = unmatched(&plan);
    assert_eq!(unmatched[0], ("2.pem", "no row took it; its UPN: bob@example.test"));
    assert!(unmatched[1].0 == "broken.pem" && unmatched.len() == 2, "{unmatched:?}");
}

#[test]
fn each_rule_compares_its_own_names() {
    let office = Office::open();
    let person = Person { email: Some("Bob@mail.test"), ..Person::new("carol") };
    let certificate = office.issue("certs/1.pem", &person.upn("alice@example.test"));
    for (rule, who) in [(MatchRule::Upn, "alice"), (MatchRule::Email, "bob"), (MatchRule::CommonName, "carol")] {
        for user in ["alice", "bob", "carol"] {
            let plan = plan(&office, Some(rule), &format!("user\n{user}\n"));
            assert_eq!(plan.rows.len(), usize::from(user == who), "{rule:?} {user}: {plan:?}");
            assert_eq!(plan.problems.len(), usize::from(user != who), "{rule:?} {user}");
            if user == who {
                assert_eq!(plan.rows[0].pairing_hash, Some(certificate.pairing_hash()));
                assert!(plan.unmatched.is_empty());
            }
        }
    }
    // A upn goes before the account's name, and what the certificate says of it still counts.
    let plan = plan(&office, Some(MatchRule::Email), "user,upn\nbob,bob@mail.test\n");
    assert!(problems(&plan)[0].1.contains("upn and certificate disagree"), "{plan:?}");
}

#[test]
fn several_certificates_for_one_person() {
    let office = Office::open();
    let old = Person { years: (2020, 2026), ..Person::new("old") }.upn("alice@example.test");
    let old = office.issue("certs/old.pem", &old);
    let new = office.issue("certs/new.pem", &Person::new("new").upn("alice@example.test"));
    let text = "user\nalice\n";
    let rule = Some(MatchRule::Upn);
    // The expired one does not count, and the same one twice is one.
    office.write("certs/again.der", new.der());
    let planned = plan(&office, rule, text);
    assert_eq!(planned.rows[0].pairing_hash, Some(new.pairing_hash()));
    assert_eq!(unmatched(&planned), [("old.pem", "not used: expired on 2026-01-01")]);
    // To remove it, it has to be named.
    let hash = old.pairing_hash();
    let removal = plan(&office, rule, &format!("user,hash,action\nalice,{hash},unpair\n"));
    assert_eq!(removal.rows[0].certificate.as_deref().map(str::len), Some(old.der().len().div_ceil(3) * 4));
    office.issue("certs/other.pem", &Person::new("other").upn("alice@elsewhere.test"));
    let planned = plan(&office, rule, text);
    let (_, why) = problems(&planned)[0];
    assert!(why.starts_with("2 certificates have the UPN alice: ") && why.contains("other.pem"), "{why}");
    let planned = plan(&office, rule, "user,upn\nalice,alice@example.test\n");
    assert_eq!(planned.rows[0].pairing_hash, Some(new.pairing_hash()));
    for file in ["new.pem", "again.der", "other.pem"] {
        fs::remove_file(office.path("certs").join(file)).unwrap();
    }
    let planned = plan(&office, rule, text);
    let (_, why) = problems(&planned)[0];
    assert!(why.contains("cannot be used: expired on 2026-01-01"), "{why}");
}

#[test]
fn one_certificate_that_fits_two_people() {
    let office = Office::open();
    office.issue("certs/1.pem", &Person::new("x").upn("alice@example.test"));
    let plan = plan(&office, Some(MatchRule::Upn), "user,upn\nalice,\nbob,alice@example.test\n");
    let told = problems(&plan);
    assert!(told.len() == 2 && told[0].1.contains("is also that of bob in line 3"), "{told:?}");
    assert!(lines(&plan).is_empty());
}

#[test]
fn rows_that_can_wait_for_the_card() {
    let office = Office::open();
    fs::create_dir(office.path("certs")).unwrap();
    let plan = plan(&office, Some(MatchRule::Upn), "user,serial,action\nalice,7,\nbob,,unpair\ncarol,,\n");
    assert_eq!(plan.waiting.iter().map(|row| row.line).collect::<Vec<_>>(), [2]);
    assert_eq!(lines(&plan), [3]);
    assert_eq!(problems(&plan).len(), 1);
    let missing = CertificateFolder::read(&office.path("none"), MatchRule::Upn, NOW);
    assert!(matches!(missing, Err(Error::Folder { .. })));
}
