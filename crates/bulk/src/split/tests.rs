use super::*;
use crate::testing::{NOW, Office, Person};

const CHECK: Check<'static> = Check { folder: None, match_all: false, now: NOW };

fn split(office: &Office, text: &str) -> Result<Split, Error> {
    office.manifest(text).split(Path::new("people.csv"), CHECK, &office.path("out"))
}

#[test]
fn each_slice_is_whole_and_plans_as_the_manifest_does() {
    let office = Office::open();
    let alice = office.issue("certs/alice.pem", &Person::new("alice").upn("alice@example.test"));
    office.issue("certs/bob.pem", &Person::new("bob"));
    office.issue("certs/carol.pem", &Person::new("carol"));
    let text = "host,user,certificate,upn,serial,action,slot\n\
        Mac1,alice,certs/alice.pem,alice@example.test,,replace,9A\n\
        mac2.example.test,bob,certs/bob.pem,,,,\n\
        mac2,bob,,,77,,\n\
        ,carol,certs/carol.pem,,,,\n\
        mac1,bob,certs/none.pem,,,,\n\
        mac2,carol,,,,unpair,\n";
    let report = split(&office, text).unwrap();
    let hosts: Vec<_> = report.hosts.iter().map(|slice| (slice.host.as_str(), slice.rows)).collect();
    assert_eq!(hosts, [("mac1", 2), ("mac2.example.test", 2)]);
    let lines: Vec<u64> = report.problems.iter().map(|note| note.line).collect();
    assert_eq!(lines, [5, 6, 7], "{report:?}");
    // Moved somewhere else, a slice says what the manifest said.
    fs::rename(office.path("out/mac1"), office.path("elsewhere")).unwrap();
    let manifest = Manifest::read(&office.path("elsewhere/manifest.csv")).unwrap();
    assert_eq!(manifest.problems, []);
    let checked = manifest.check(Some("mac1.example.test".parse().unwrap()), CHECK).unwrap();
    let plan = checked.plan(&office.system(), &office.backend()).unwrap().into_file();
    assert_eq!((plan.problems.len(), plan.rows.len()), (0, 2));
    let row = &plan.rows[0];
    assert_eq!((row.user.as_str(), row.pairing_hash), ("alice", Some(alice.pairing_hash())));
    assert_eq!((row.action, row.slot.as_deref()), (RowAction::Replace, Some("9a")));
    assert_eq!(row.card.upn.as_deref(), Some("alice@example.test"));
    let whole = office.manifest(text).check(Some("mac1".parse().unwrap()), CHECK).unwrap();
    let whole = whole.plan(&office.system(), &office.backend()).unwrap().into_file();
    assert_eq!(whole.rows[0].certificate, row.certificate);
}

#[test]
fn what_cannot_be_split() {
    let office = Office::open();
    assert!(matches!(split(&office, "user,serial\nalice,7\n"), Err(Error::NoHosts { .. })));
    let ambiguous = split(&office, "user,serial,host\nalice,7,mac1\nbob,8,mac1.a.test\nbob,8,mac1.b.test\n");
    assert!(matches!(ambiguous, Err(Error::SeveralHosts { .. })), "{ambiguous:?}");
    assert!(!office.path("out").exists());
    let text = "user,serial,host\nalice,7,mac1\n";
    split(&office, text).unwrap();
    assert!(matches!(split(&office, text), Err(Error::NotEmpty { .. })));
}

#[test]
fn names_like_the_beginning_of_others_are_others() {
    let names = ["mac1", "mac1-b", "mac1-b.example.test", "mac10.example.test"].map(|name| name.parse().unwrap());
    let folders = folders(names.iter()).unwrap();
    let of = |name: &str| folders[&name.parse::<HostName>().unwrap()].to_string();
    assert_eq!((of("mac1").as_str(), of("mac1-b").as_str()), ("mac1", "mac1-b.example.test"));
}
