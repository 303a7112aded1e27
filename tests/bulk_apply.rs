//! `pivkit bulk apply`, `undo` and `report`: plans carried out in a directory tree, put back, and told.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bench::crowd::Crowd;
use crate::bench::oracle::pairing_hash;
use crate::bench::process::Output;
use crate::bench::{Bench, not_run};

const USAGE: i32 = 2;
const REFUSED: i32 = 5;
const SOME_FAILED: i32 = 8;

/// People in a tree, and the plan that pairs all of them.
pub(crate) struct Office {
    pub(crate) bench: Bench,
    pub(crate) crowd: Crowd,
}

impl Office {
    /// `None`, said aloud, where home directories cannot be given to others.
    pub(crate) fn of(people: usize) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            return not_run::report("accounts of others are changed, which needs root");
        }
        let bench = Bench::vpcd();
        let folder = bench.path("office");
        fs::create_dir(&folder).unwrap();
        let office = Self { crowd: Crowd::make(&folder, people), bench };
        office.plan(&[]);
        Some(office)
    }

    /// Plans the manifest anew.
    pub(crate) fn plan(&self, more: &[&str]) {
        let manifest = self.crowd.manifest.to_str().unwrap();
        let planned = self.pivkit(&[&["plan", manifest, "--root", self.root(), "--json"], more].concat());
        fs::write(self.bench.path("plan.json"), planned.bytes).unwrap();
    }

    pub(crate) fn root(&self) -> &str {
        self.crowd.root.to_str().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.bench.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn pivkit(&self, args: &[&str]) -> Output {
        self.bench.pivkit(&[&["bulk"], args].concat()).output().never_panicked()
    }

    pub(crate) fn apply(&self, more: &[&str]) -> Output {
        let (plan, journal) = (self.path("plan.json"), self.path("journal"));
        self.pivkit(&[&["apply", &plan, "--journal", &journal, "--root", self.root(), "--yes"], more].concat())
    }

    pub(crate) fn undo(&self, more: &[&str]) -> Output {
        self.pivkit(&[&["undo", &self.path("journal"), "--root", self.root(), "--yes"], more].concat())
    }

    pub(crate) fn report(&self) -> Value {
        self.pivkit(&["report", &self.path("journal"), "--json"]).success().json()
    }

    pub(crate) fn file(&self, person: usize) -> PathBuf {
        self.crowd.root.join(format!("home/p{person:06}/.eid/authorized_certificates"))
    }

    /// The same without the empty files by which changes of a file that belongs to root are locked: these stay.
    pub(crate) fn snapshot_without_locks(&self) -> BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)> {
        let is_lock = |path: &Path| path.file_name().unwrap().to_str().unwrap().ends_with(".pivkit");
        let mut all = self.snapshot();
        all.retain(|path, (_, _, _, contents)| !(is_lock(path) && contents.is_empty()));
        all
    }

    /// Every path of the tree with owner, mode and contents.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)> {
        fn visit(path: &Path, all: &mut BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>) {
            let data = fs::symlink_metadata(path).unwrap();
            let contents = if data.is_file() { fs::read(path).unwrap() } else { Vec::new() };
            all.insert(path.to_owned(), (data.mode(), data.uid(), data.gid(), contents));
            if data.is_dir() {
                fs::read_dir(path).unwrap().for_each(|entry| visit(&entry.unwrap().path(), all));
            }
        }
        let mut all = BTreeMap::new();
        visit(&self.crowd.root, &mut all);
        all
    }
}

#[test]
fn a_plan_is_carried_out_told_and_put_back() {
    let Some(office) = Office::of(12) else { return };
    // One has a file already, with a byte that is not ours, and one has no home directory any more.
    let file = office.file(3);
    fs::create_dir(file.parent().unwrap()).unwrap();
    fs::write(&file, b"# mine \xFF\r\n").unwrap();
    let uid = fs::metadata(office.crowd.root.join("home/p000003")).unwrap().uid();
    for path in [file.parent().unwrap(), &file] {
        std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_dir(office.crowd.root.join("home/p000007")).unwrap();
    let before = office.snapshot();

    let dry = office.apply(&["--dry-run"]).exits_with(SOME_FAILED).prints(&["11 would change", "1 would fail"]);
    assert!(dry.stdout.contains("authorized_certificates") && !office.bench.path("journal").exists());
    assert_eq!(office.snapshot(), before);

    let done = office.apply(&["--json"]).exits_with(SOME_FAILED).json();
    assert_eq!(
        done["this_run"],
        serde_json::json!({"changed": 11, "unchanged": 0, "failed": 1, "waiting": 0, "passed_over": 0})
    );
    let journal = fs::metadata(office.bench.path("journal")).unwrap();
    assert_eq!(journal.permissions().mode() & 0o777, 0o600);

    // Each file holds the certificate of its person, says openssl.
    for (person, certificate) in office.crowd.sample(1).iter().enumerate().filter(|(person, _)| *person != 7) {
        let der =
            |file: &Path| office.bench.openssl(&["x509", "-outform", "DER", "-in", file.to_str().unwrap()], &[]).bytes;
        let [kept, own] = [&der(&office.file(person)), &der(certificate)].map(|der| pairing_hash(&office.bench, der));
        assert_eq!(kept, own, "{person}");
    }

    let report = office.report();
    assert_eq!((&report["counts"]["changed"], &report["counts"]["failed"]), (&11.into(), &1.into()));
    let failed = report["rows"].as_array().unwrap().iter().find(|row| row["result"] == "failed").unwrap();
    assert_eq!(failed["user"], "p000007");
    assert!(failed["error"].as_str().unwrap().contains("home directory"), "{failed}");
    assert!(failed["next"].as_str().unwrap().contains("home directory"), "{failed}");
    let text = office.pivkit(&["report", &office.path("journal")]).success();
    assert!(text.stdout.contains("11 changed") && text.stdout.contains("p000007 failed"), "{text}");

    // What failed is tried again, and nothing else is done.
    let again = office.apply(&["--resume", "--json"]).exits_with(SOME_FAILED).json();
    assert_eq!((&again["this_run"]["passed_over"], &again["this_run"]["failed"]), (&11.into(), &1.into()));

    office.undo(&["--dry-run"]).success().prints(&["11 changes would be undone"]);
    office.undo(&[]).success().prints(&["11 rows undone"]);
    assert_eq!(office.snapshot(), before);
    office.undo(&[]).success().prints(&["nothing to undo"]);
    office.apply(&["--resume"]).exits_with(USAGE);
    assert_eq!(office.snapshot(), before);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let Some(office) = Office::of(2) else { return };
    let before = office.snapshot();
    let (plan, journal, other) = (office.path("plan.json"), office.path("journal"), office.path("other"));
    fs::create_dir_all(office.bench.path("elsewhere/etc")).unwrap();
    fs::write(office.bench.path("elsewhere/etc/passwd"), "").unwrap();
    let args = ["apply", &plan, "--journal", &journal, "--yes", "--root"];
    office.pivkit(&[&args[..], &[&office.path("elsewhere")]].concat()).exits_with(USAGE);
    office
        .pivkit(&[&args[..], &[office.root()], &["--non-interactive", "--backend", "sssd"]].concat())
        .never_panicked();
    assert!(!office.bench.path("journal").exists());
    // Nobody to ask.
    let ask = ["apply", &plan, "--journal", &journal, "--root", office.root()];
    assert!(office.pivkit(&ask).exits_with(USAGE).stderr.contains("--yes"));
    assert_eq!(office.snapshot(), before);

    office.apply(&[]).success();
    let after = office.snapshot();
    assert!(office.apply(&[]).exits_with(USAGE).stderr.contains("--resume"));
    fs::write(office.bench.path("plan.json"), [fs::read(&plan).unwrap(), b"\n".to_vec()].concat()).unwrap();
    assert!(office.apply(&["--resume"]).exits_with(USAGE).stderr.contains("another plan"));
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(office.undo(&[]).exits_with(REFUSED).stderr.contains("can be changed by others"));
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(office.snapshot(), after);

    // A plan with problems is carried out only when told.
    fs::write(&office.crowd.manifest, fs::read_to_string(&office.crowd.manifest).unwrap() + "nobody,x.pem\n").unwrap();
    office.plan(&[]);
    let args = ["apply", &plan, "--journal", &other, "--root", office.root(), "--yes"];
    assert!(office.pivkit(&args).exits_with(REFUSED).stderr.contains("--skip-problems"));
    office.pivkit(&[&args[..], &["--skip-problems"]].concat()).success().prints(&["2 unchanged"]);
}

#[test]
fn what_somebody_changed_since_is_left() {
    let Some(office) = Office::of(3) else { return };
    office.apply(&[]).success();
    let mine = [fs::read(office.file(1)).unwrap(), b"# mine\n".to_vec()].concat();
    fs::write(office.file(1), &mine).unwrap();
    let left = office.undo(&["--json"]).exits_with(SOME_FAILED).json();
    assert_eq!((&left["counts"]["undone"], &left["counts"]["not_undone"]), (&2.into(), &1.into()));
    assert_eq!(fs::read(office.file(1)).unwrap(), mine);
    assert!(!office.file(0).exists() && !office.file(2).exists());
    let report = office.report();
    assert_eq!(report["to_do"][0]["rows"], 1, "{report}");
}

/// The page, read by Python's parser of HTML: what it shows, and that it asks for nothing.
#[test]
fn the_page_needs_nothing_else() {
    let Some(office) = Office::of(3) else { return };
    fs::remove_dir(office.crowd.root.join("home/p000001")).unwrap();
    office.apply(&[]).exits_with(SOME_FAILED);
    let page = office.path("report.html");
    office.pivkit(&["report", &office.path("journal"), "--format", "html", "--output", &page]).success();
    let script = "import html.parser, json, sys\n\
        class Page(html.parser.HTMLParser):\n\
        \x20   open, tags, attributes, words = [], set(), {}, []\n\
        \x20   def handle_starttag(self, tag, attrs):\n\
        \x20       self.tags.add(tag); self.attributes.update({tag + ' ' + k: v for k, v in attrs})\n\
        \x20       if tag not in ('meta', '!doctype'): self.open.append(tag)\n\
        \x20   def handle_endtag(self, tag): assert self.open.pop() == tag, tag\n\
        \x20   def handle_data(self, data): self.words.append(data)\n\
        page = Page(); page.feed(open(sys.argv[1], encoding='utf-8').read()); page.close(); assert not page.open, page.open\n\
        print(json.dumps([sorted(page.tags), page.attributes, ' '.join(page.words)]))\n";
    let read = office.bench.command("python3", &["-c", script, &page]).output().success().json();
    let tags: Vec<&str> = read[0].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    for tag in ["script", "link", "img", "iframe", "object", "form", "base", "a"] {
        assert!(!tags.contains(&tag), "{tag}");
    }
    let attributes = read[1].as_object().unwrap();
    assert!(attributes["meta content"].is_string() && !attributes.keys().any(|name| name.contains(" on")));
    assert!(attributes.keys().all(|name| !name.ends_with(" src") && !name.ends_with(" href")));
    assert!(!fs::read_to_string(&page).unwrap().contains("://"));
    let words = read[2].as_str().unwrap();
    assert!(words.contains("p000001") && words.contains("home directory"), "{words}");

    let csv = office.pivkit(&["report", &office.path("journal"), "--format", "csv"]).success();
    let rows = "import csv, json, sys; print(json.dumps([row['result'] for row in csv.DictReader(sys.stdin)]))";
    let rows = office.bench.command("python3", &["-c", rows]).stdin(csv.bytes).output().success().json();
    assert_eq!(rows, serde_json::json!(["changed", "failed", "changed"]));
}

/// SSSD reads its rules when it starts: whoever carries a plan out, or puts it back, has to know.
#[test]
fn that_sssd_has_to_be_restarted_is_told() {
    let Some(office) = Office::of(3) else { return };
    let folder = office.crowd.root.join("etc/sssd");
    fs::create_dir_all(folder.join("conf.d")).unwrap();
    fs::create_dir_all(folder.join("pki")).unwrap();
    fs::create_dir_all(office.crowd.root.join("etc/pam.d")).unwrap();
    let text = "[sssd]\nservices = nss, pam\ndomains = files\ncertificate_verification = no_ocsp, partial_chain\n\
        [pam]\npam_cert_auth = True\n[domain/files]\nid_provider = files\n";
    fs::write(folder.join("sssd.conf"), text).unwrap();
    fs::set_permissions(folder.join("sssd.conf"), fs::Permissions::from_mode(0o600)).unwrap();
    let pinned: String = office.crowd.sample(1).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    fs::write(folder.join("pki/sssd_auth_ca_db.pem"), pinned).unwrap();
    let before = office.snapshot_without_locks();
    office.plan(&["--backend", "sssd"]);
    office.apply(&["--dry-run"]).success().prints(&["has to be restarted", "(3 rows)"]);
    let done = office.apply(&["--json"]).success().json();
    assert_eq!(done["notes"][0]["rows"], 3, "{done}");
    office.pivkit(&["report", &office.path("journal")]).success().prints(&["systemctl restart sssd (3 rows)"]);
    office.undo(&[]).success().prints(&["SSSD has to be restarted", "(3 rows)"]);
    assert_eq!(office.snapshot_without_locks(), before);
}

/// Whoever only looks changes nothing; a damaged journal is refused, and stays as it is.
#[test]
fn a_damaged_journal_is_not_cut() {
    let Some(office) = Office::of(2) else { return };
    office.apply(&[]).success();
    let whole = fs::read(office.path("journal")).unwrap();
    let torn = [&whole[..], b"{\"kind\":"].concat();
    fs::write(office.path("journal"), &torn).unwrap();
    office.undo(&["--dry-run"]).success().prints(&["2 changes would be undone"]);
    assert_eq!(fs::read(office.path("journal")).unwrap(), torn);
    let mut hole = whole.clone();
    let first = hole.iter().position(|byte| *byte == b'\n').unwrap();
    hole[first + 5] = 0;
    fs::write(office.path("journal"), &hole).unwrap();
    let after = office.snapshot();
    for output in [office.undo(&[]), office.undo(&["--dry-run"]), office.apply(&["--resume"])] {
        assert!(output.exits_with(USAGE).stderr.contains("holds zeros"));
    }
    assert_eq!((fs::read(office.path("journal")).unwrap(), office.snapshot()), (hole, after));
    // Without consent not even a first line is written.
    fs::write(office.path("journal"), "").unwrap();
    let (plan, journal) = (office.path("plan.json"), office.path("journal"));
    fs::remove_file(office.file(1)).unwrap();
    office.pivkit(&["apply", &plan, "--journal", &journal, "--root", office.root(), "--resume"]).exits_with(USAGE);
    assert!(fs::read(&journal).unwrap().is_empty());
    fs::remove_file(&journal).unwrap();
    assert!(office.undo(&[]).exits_with(USAGE).stderr.contains("there is no such file"));
}

#[test]
fn forms_of_a_report_do_not_go_together() {
    let Some(office) = Office::of(1) else { return };
    office.apply(&[]).success();
    let refused = office.pivkit(&["report", &office.path("journal"), "--format", "csv", "--json"]);
    assert!(refused.exits_with(USAGE).stdout.is_empty());
}

/// A card does not say which key is to go.
#[test]
fn who_is_unpaired_by_a_card_alone_is_a_problem() {
    let Some(office) = Office::of(1) else { return };
    fs::write(&office.crowd.manifest, "user,serial,action\np000000,7,unpair\n").unwrap();
    let manifest = office.crowd.manifest.to_str().unwrap();
    let planned = office.pivkit(&["plan", manifest, "--root", office.root()]).exits_with(SOME_FAILED);
    assert!(planned.stderr.contains("hash or certificate says which"), "{planned}");
}
