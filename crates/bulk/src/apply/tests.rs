//! Runs on directory trees, through pam_p11.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use pairing::pam_p11::PamP11;
use pairing::{AccountPairings, Applied, Pairings, System, Undo, Witness, WitnessOfMany};
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;
use crate::{LoadedPlan, SCHEMA_VERSION, UndoResult, Undone};

mod interrupted;
pub(crate) mod shared;

/// A tree with people, each with a certificate.
pub(crate) struct Tree {
    directory: tempfile::TempDir,
    plan: PlanFile,
}

impl Tree {
    pub(crate) fn with_people(count: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir_all(root.join("etc")).unwrap();
        let (mut passwd, mut group, mut rows) = (String::new(), String::new(), Vec::new());
        for number in 0..count {
            let name = format!("person{number}");
            let id = if geteuid().is_root() { 12000 + number as u32 } else { geteuid().as_raw() };
            passwd.push_str(&format!("{name}:x:{id}:{id}::/home/{name}:/bin/sh\n"));
            group.push_str(&format!("{name}:x:{id}:\n"));
            let home = root.join("home").join(&name);
            fs::create_dir_all(&home).unwrap();
            if geteuid().is_root() {
                chown(&home, Some(id), Some(id)).unwrap();
            }
            rows.push(row(number, &name, RowAction::Pair, Some(&certificate(&name))));
        }
        fs::write(root.join("etc/passwd"), passwd).unwrap();
        fs::write(root.join("etc/group"), group).unwrap();
        let tree = Tree { plan: plan(&root, &rows), directory };
        tree.save();
        tree
    }

    fn save(&self) {
        fs::write(self.path("plan.json"), serde_json::to_vec(&self.plan).unwrap()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn loaded(&self) -> LoadedPlan {
        LoadedPlan::read(&self.path("plan.json")).unwrap()
    }

    fn system(&self) -> System {
        System::root(self.path("root"))
    }

    /// Every file of the tree with its attributes and contents.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        fn visit(path: &Path, all: &mut BTreeMap<PathBuf, String>) {
            let data = fs::symlink_metadata(path).unwrap();
            let contents = if data.is_file() { format!("{:?}", fs::read(path).unwrap()) } else { String::new() };
            all.insert(path.to_owned(), format!("{:o} {} {} {contents}", data.mode(), data.uid(), data.gid()));
            if data.is_dir() {
                fs::read_dir(path).unwrap().for_each(|entry| visit(&entry.unwrap().path(), all));
            }
        }
        let mut all = BTreeMap::new();
        visit(&self.path("root"), &mut all);
        all
    }

    /// Begins, or goes on.
    fn apply(&self, backend: &dyn Backend, watcher: &dyn Watcher) -> Result<End, Error> {
        let (path, loaded) = (self.path("journal"), self.loaded());
        let (journal, history) = match path.exists() {
            true => Journal::open(&path)?,
            false => (Journal::create(&path, &loaded.begin())?, None),
        };
        let history = history.unwrap_or_else(|| History::new(loaded.begin()));
        let system = self.system();
        let lookup = |name: &AccountName| system.account(name);
        Run::new(&loaded.plan, backend, &lookup, watcher, (journal, &history)).carry_out(JOBS)
    }

    pub(crate) fn run(&self) -> Vec<(usize, RowResult)> {
        let seen = Seen::default();
        assert_eq!(self.apply(&PamP11::new(self.system()), &seen).unwrap(), End::Finished);
        seen.rows()
    }

    pub(crate) fn undo(&self) -> Vec<UndoResult> {
        let seen = Seen::default();
        let (mut journal, history) = Journal::open(&self.path("journal")).unwrap();
        let system = self.system();
        let lookup = |name: &AccountName| system.account(name);
        let backend = PamP11::new(self.system());
        crate::undo::undo(&backend, &lookup, &seen, &mut journal, &history.unwrap()).unwrap();
        seen.undone.into_inner().unwrap().into_iter().map(|undone| undone.result).collect()
    }

    pub(crate) fn history(&self) -> History {
        Journal::read(&self.path("journal")).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path("root/home").join(name).join(".eid/authorized_certificates")
    }
}

pub(crate) fn certificate(name: &str) -> Certificate {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    Certificate::from_der(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).unwrap()
}

fn plan(root: &Path, rows: &[PlannedRow]) -> PlanFile {
    let value = serde_json::json!({"schema_version": SCHEMA_VERSION, "backend": "pam_p11", "root": root, "host": null, "rows": rows});
    serde_json::from_value(value).unwrap()
}

fn row(number: usize, user: &str, action: RowAction, certificate: Option<&Certificate>) -> PlannedRow {
    let certificate = certificate.map(|certificate| STANDARD.encode(certificate.der()));
    let value = serde_json::json!({"line": number + 2, "user": user, "action": action, "certificate": certificate, "changes": ["x"]});
    serde_json::from_value(value).unwrap()
}

const JOBS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Remembers what it was told.
#[derive(Default)]
struct Seen {
    rows: Mutex<Vec<Outcome>>,
    undone: Mutex<Vec<Undone>>,
}

impl Seen {
    fn rows(self) -> Vec<(usize, RowResult)> {
        let mut rows: Vec<_> =
            self.rows.into_inner().unwrap().iter().map(|outcome| (outcome.row, outcome.result)).collect();
        rows.sort_unstable();
        rows
    }
}

impl Watcher for Seen {
    fn row(&self, outcome: &Outcome) {
        self.rows.lock().unwrap().push(outcome.clone());
    }

    fn undone(&self, undone: &Undone) {
        self.undone.lock().unwrap().push(undone.clone());
    }

    fn next(&self, _error: &pairing::Error) -> Option<String> {
        Some("Look.".to_owned())
    }
}

#[test]
fn every_row_and_back() {
    use RowResult::{Changed, Failed, Unchanged};
    let mut tree = Tree::with_people(4);
    let before = tree.snapshot();
    fs::remove_dir(tree.path("root/home/person2")).unwrap();
    tree.plan.rows.push(row(4, "person0", RowAction::Unpair, None));
    tree.plan.rows.push(row(5, "nobody", RowAction::Unpair, None));
    tree.plan.rows.push(row(6, "person3", RowAction::Pair, None));
    let mut twice = tree.plan.rows[1].clone();
    twice.line = 9;
    tree.plan.rows.push(twice);
    tree.save();
    let all = [Changed, Changed, Failed, Changed, Changed, Failed, Failed, Unchanged];
    let all: Vec<_> = all.into_iter().enumerate().collect();
    assert_eq!(tree.run(), all);
    assert!(!tree.file("person0").exists() && tree.file("person3").exists());
    let history = tree.history();
    let error = |row: usize| history.outcomes[&row].error.clone().unwrap();
    assert!(error(2).contains("home directory") && error(5).contains("nobody") && error(6).contains("neither"));
    assert_eq!(history.outcomes[&2].next.as_deref(), Some("Look."));

    // Again: what is done is passed over, what failed is tried.
    fs::create_dir(tree.path("root/home/person2")).unwrap();
    if geteuid().is_root() {
        chown(tree.path("root/home/person2"), Some(12002), Some(12002)).unwrap();
    }
    assert_eq!(tree.run(), [(2, Changed), (5, Failed), (6, Failed)]);
    assert_eq!(tree.undo(), [UndoResult::Restored; 5]);
    assert_eq!(tree.snapshot(), before);
    assert_eq!(tree.undo(), []);
}

#[test]
fn what_somebody_changed_since_is_left() {
    let tree = Tree::with_people(3);
    let before = tree.snapshot();
    tree.run();
    let mine = [b"# mine\n".as_slice(), &fs::read(tree.file("person1")).unwrap()].concat();
    fs::write(tree.file("person1"), &mine).unwrap();
    assert_eq!(tree.undo().iter().filter(|result| **result == UndoResult::Left).count(), 1);
    assert_eq!(fs::read(tree.file("person1")).unwrap(), mine);
    assert!(!tree.file("person0").exists() && !tree.file("person2").exists());
    // Put right by hand, it is undone the next time.
    fs::write(tree.file("person1"), &mine[7..]).unwrap();
    assert_eq!(tree.undo(), [UndoResult::Restored]);
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn a_plan_that_lies_changes_nothing() {
    let mut tree = Tree::with_people(2);
    let before = tree.snapshot();
    tree.plan.rows[0].pairing_hash = Some(certificate("other").pairing_hash());
    tree.plan.rows[1].certificate = Some("AAAA".to_owned());
    tree.save();
    assert_eq!(tree.run(), [(0, RowResult::Failed), (1, RowResult::Failed)]);
    assert_eq!(tree.snapshot(), before);
    assert!(tree.history().intents.is_empty());
}
