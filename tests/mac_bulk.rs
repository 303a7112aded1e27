//! Bulk runs on a Mac: by attribute mapping, with nobody there, and by pairing in each person's session.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::bench::Bench;
use crate::bench::mac::Mac;
use crate::bench::oracle::{self, P256, RSA2048};
use crate::bench::process::Output;

const USAGE: i32 = 2;
const SOME_ROWS: i32 = 8;

/// A Mac with people, and a card for each, all of them in its readers.
pub(crate) struct Office<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) mac: Mac<'a>,
    pub(crate) people: Vec<Person>,
}

pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) hash: String,
    certificate: PathBuf,
}

impl<'a> Office<'a> {
    /// Alice and carol are logged in at the screen, bob is not.
    pub(crate) fn new(bench: &'a Bench) -> Self {
        let mac = Mac::new(bench, "mac");
        mac.set(&["user", "carol", "--uid", "503", "--logged-in"]);
        let authority = oracle::authority(bench, "ca");
        let wrap = oracle::issue(bench, "wrap", "wrap@example.test", &RSA2048, &authority).0;
        let person = |(number, name): (usize, &'static str)| {
            let certificate = oracle::issue(bench, name, &format!("{name}@example.test"), &P256, &authority).0;
            let at = |slot: &str, file: &Path| format!("{slot}={}", file.display());
            let (nine_a, nine_d) = (at("9a", &certificate), at("9d", &wrap));
            let (guid, reader) = (format!("{number:032X}"), format!("Reader {number}"));
            mac.set(&[
                "insert",
                "--guid",
                &guid,
                "--reader",
                &reader,
                "--certificate",
                &nine_a,
                "--certificate",
                &nine_d,
            ]);
            fs::create_dir_all(bench.path("root/Users").join(name)).unwrap();
            let hash = oracle::pairing_hash(bench, &oracle::der_of(bench, &certificate));
            Person { name, hash, certificate }
        };
        let people = ["alice", "bob", "carol"].into_iter().enumerate().map(person).collect();
        Self { bench, mac, people }
    }

    /// A file of the Mac.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.bench.path("root").join(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.bench.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn bulk(&self, arguments: &[&str]) -> Output {
        let root = self.path("root");
        self.mac.pivkit(&[&["bulk"], arguments, &["--root", &root]].concat()).output().never_panicked()
    }

    /// A manifest with a row for everybody: the certificate, or only the hash.
    pub(crate) fn manifest(&self, column: &str) -> String {
        let key = |person: &Person| match column {
            "hash" => person.hash.clone(),
            _ => person.certificate.display().to_string(),
        };
        let rows: String = self.people.iter().map(|person| format!("{},{}\n", person.name, key(person))).collect();
        self.bench.file("people.csv", format!("user,{column}\n{rows}")).to_str().unwrap().to_owned()
    }

    /// Plans, without problems, into the file `plan.json`.
    pub(crate) fn plan(&self, column: &str, more: &[&str]) -> serde_json::Value {
        let planned = self.bulk(&[&["plan", &self.manifest(column), "--json"], more].concat()).success();
        self.bench.file("plan.json", &planned.bytes);
        planned.json()
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Output {
        let (plan, journal) = (self.path("plan.json"), self.path("journal"));
        self.bulk(&[&["apply", &plan, "--journal", &journal, "--yes", "--json"], more].concat())
    }

    /// The hashes that each person's record is paired with.
    pub(crate) fn paired(&self) -> Vec<Vec<String>> {
        self.people.iter().map(|person| self.mac.paired(person.name)).collect()
    }

    fn values(&self) -> Vec<Vec<String>> {
        self.people.iter().map(|person| self.mac.values(person.name, "AltSecurityIdentities")).collect()
    }
}

#[test]
fn without_a_word_about_it_everybody_is_mapped_with_nobody_there() {
    let bench = Bench::vpcd();
    let office = Office::new(&bench);
    let had = "X509:<S>CN=other";
    office.mac.set(&["user", "bob", "--uid", "502", "--value", &format!("AltSecurityIdentities={had}")]);
    let (before, file) = (office.values(), office.file("etc/SmartcardLogin.plist"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();

    let said = office.bulk(&["plan", &office.manifest("certificate")]).success();
    assert!(said.stderr.contains("macos_mapping:upn") && said.stderr.contains("--strategy pairing"), "{said}");
    assert_eq!(office.plan("certificate", &[])["backend"], "macos_mapping:upn");
    assert_eq!(office.apply(&[]).success().json()["this_run"]["changed"], 3);
    let value = |person: &Person| format!("Kerberos:{}@example.test", person.name);
    let mut wanted: Vec<Vec<String>> = office.people.iter().map(|person| vec![value(person)]).collect();
    wanted[1].insert(0, had.to_owned());
    assert_eq!(office.values(), wanted);
    let data = fs::metadata(&file).unwrap();
    assert_eq!((data.permissions().mode() & 0o7777, data.uid()), (0o644, nix::unistd::geteuid().as_raw()));
    assert!(office.mac.calls().iter().all(|call| call.tool() != "sc_auth"));

    // Again, by the file that is there now: nothing is left to do.
    let (installed, inode) = (fs::read(&file).unwrap(), data.ino());
    assert_eq!(office.plan("certificate", &[])["backend"], "macos_mapping");
    office.mac.forget_calls();
    let again =
        office.bulk(&["apply", &office.path("plan.json"), "--journal", &office.path("again"), "--yes", "--json"]);
    assert_eq!(again.success().json()["this_run"]["unchanged"], 3);
    assert!(office.mac.calls().iter().all(|call| !call.arguments().contains(&"-append")));
    assert_eq!((fs::read(&file).unwrap(), fs::metadata(&file).unwrap().ino()), (installed, inode));

    office.bulk(&["undo", &office.path("journal"), "--yes"]).success();
    assert_eq!(office.values(), before);
}

#[test]
fn a_hash_alone_is_for_the_other_strategy() {
    let bench = Bench::vpcd();
    let office = Office::new(&bench);
    let told = office.bulk(&["plan", &office.manifest("hash")]).exits_with(SOME_ROWS);
    assert_eq!(told.stderr.matches("--strategy pairing pairs by hash").count(), 3, "{told}");
    let planned = office.plan("hash", &["--strategy", "pairing"]);
    assert_eq!((&planned["backend"], planned["rows"].as_array().unwrap().len()), (&"macos".into(), 3));
}

#[test]
fn a_key_that_a_mac_refuses_is_one_row_that_failed() {
    let bench = Bench::vpcd();
    let office = Office::new(&bench);
    office.mac.set(&["login", "bob"]);
    office.plan("hash", &["--strategy", "pairing"]);
    office.mac.set(&["quirk", "sc_auth.pair#2=error -8"]);
    let done = office.apply(&["--jobs", "1"]).exits_with(SOME_ROWS).json();
    assert_eq!(done["this_run"], json!({"changed": 2, "unchanged": 0, "failed": 1, "waiting": 0, "passed_over": 0}));
    let open = &done["open"][0];
    assert_eq!((&open["user"], done["open"].as_array().unwrap().len()), (&"bob".into(), 1));
    assert!(open["next"].as_str().unwrap().contains("9d"), "{open}");
    assert_eq!(office.paired().iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, 1]);
    office.apply(&["--resume"]).success();
    assert_eq!(office.paired(), office.people.iter().map(|person| vec![person.hash.clone()]).collect::<Vec<_>>());
}

#[test]
fn a_plan_of_another_host_is_refused() {
    let bench = Bench::vpcd();
    let office = Office::new(&bench);
    let manifest = bench.file("hosts.csv", format!("user,hash,host\nalice,{},mac-77\n", office.people[0].hash));
    let plan = ["plan", manifest.to_str().unwrap(), "--strategy", "pairing", "--host", "mac-77", "--json"];
    bench.file("plan.json", office.bulk(&plan).success().bytes);
    for more in [&[][..], &["--host", "mac-7"]] {
        let refused = office.apply(more).exits_with(USAGE);
        assert!(refused.stderr.contains("mac-77") && !bench.path("journal").exists(), "{refused}");
    }
    assert_eq!(office.paired()[0], [""; 0]);
    office.apply(&["--host", "mac-77.example.test"]).success();
    assert_eq!(office.paired()[0].len(), 1);
}
