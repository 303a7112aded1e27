//! The collection in contrib/ansible: ansible-core through ssh, on hosts that each have accounts of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::bench::fleet::Fleet;
use crate::bench::oracle::{self, P256};
use crate::bench::process::Output;

/// Leaves what pam_p11 reads for alice in a file for each step.
const KEEP: &str = "mkdir -p /run/steps; cp /home/alice/.eid/authorized_certificates /run/steps/{}; true";

const ROLE: &str = "- hosts: all\n  gather_facts: false\n  roles:\n    - role: pivkit.pairing.accounts\n";

#[test]
fn the_role_pairs_the_people_of_each_host_and_no_others() {
    let Some(fleet) = Fleet::new(&["web1", "db1"]) else { return };
    fleet.set_up_ansible();
    let people = people(&fleet);
    let [alice, bob, second] = [&people[0], &people[1], &people[2]];
    fleet.file(
        "people.csv",
        "user,host,certificate\nalice,web1,alice.pem\nbob,db1,bob.pem\nalice,db1,second.pem\nalice,gone,alice.pem\n",
    );
    let site = fleet.file("site.yml", ROLE);
    let play = |more: &[&str]| {
        let manifest = format!("pivkit_manifest={}", fleet.path("people.csv").display());
        let pivkit = format!("pivkit_controller_executable={}", crate::bench::binary("pivkit").display());
        let words = [&[site.to_str().unwrap(), "-e", manifest.as_str(), "-e", pivkit.as_str()], more].concat();
        fleet.ansible("ansible-playbook", &words).output()
    };

    // Check mode tells what would change, and changes nothing.
    let checked = play(&["--check", "--diff"]);
    assert_recap(&checked, "web1", 1, 0);
    assert_recap(&checked, "db1", 1, 0);
    assert!(checked.stdout.contains(&format!("+alice: {}", alice.hash)), "{checked}");
    assert_eq!(fleet.paired("web1", "alice"), [""; 0]);
    assert_eq!(fleet.paired("db1", "bob"), [""; 0]);
    assert!(!fleet.inside("web1", "/var/lib/pivkit").exists());

    // A host that nobody answers for hinders no other.
    let applied = play(&[]);
    applied.assert_exit(4);
    assert!(recap(&applied, "gone").contains("unreachable=1 "), "{applied}");
    assert_recap(&applied, "web1", 1, 0);
    assert_recap(&applied, "db1", 1, 0);
    assert_eq!(fleet.paired("web1", "alice"), [alice.hash.as_str()]);
    assert_eq!(fleet.paired("web1", "bob"), [""; 0]);
    assert_eq!(fleet.paired("db1", "bob"), [bob.hash.as_str()]);
    assert_eq!(fleet.paired("db1", "alice"), [second.hash.as_str()]);
    // No other host's people have been there.
    assert_eq!(fleet.journals("web1").len(), 1);
    let journal = fs::read_to_string(&fleet.journals("web1")[0]).unwrap();
    assert!(journal.contains("alice") && !journal.contains("bob") && !journal.contains(&second.hash), "{journal}");

    // Again: all is so already.
    // A host without rows is not even connected to.
    fleet.file("people.csv", "user,host,certificate\nalice,web1,alice.pem\nbob,db1,bob.pem\nalice,db1,second.pem\n");
    let again = play(&[]).success();
    assert!(recap(&again, "gone").contains("unreachable=0 "), "{again}");
    assert_recap(&again, "web1", 0, 0);
    assert_recap(&again, "db1", 0, 0);
    assert_eq!(fleet.journals("web1").len(), 1);

    // A manifest that makes no sense is explained before anything happens anywhere.
    fleet.file("people.csv", "user,host,certificate\nalice,web1,second.pem\nbob,db1,nowhere.pem\n");
    let refused = play(&["--limit", "fleet"]).exits_with(2);
    assert!(refused.stdout.contains("Nothing was changed.") && refused.stdout.contains("nowhere.pem"), "{refused}");
    assert_eq!(fleet.paired("web1", "alice"), [alice.hash.as_str()]);

    // Nobody's rows are left with the administrator, nor anything but the journals on the hosts.
    assert_eq!(fs::read_dir(fleet.path("temporary")).unwrap().count(), 0);
    for host in ["web1", "db1"] {
        assert_eq!(fs::read_dir(fleet.inside(host, "/run/ansible")).map_or(0, Iterator::count), 0);
    }

    // The journal takes it back.
    let journal = fleet.journals("db1").remove(0);
    let journal = format!("/{}", journal.strip_prefix(fleet.inside("db1", "/")).unwrap().display());
    fleet.pivkit("db1", &["bulk", "undo", &journal, "--yes"]).output().success();
    assert_eq!(fleet.paired("db1", "alice"), [""; 0]);
}

#[test]
fn a_row_that_cannot_be_is_explained_on_its_host_and_hinders_no_other() {
    let Some(fleet) = Fleet::new(&["web1", "db1"]) else { return };
    fleet.set_up_ansible();
    let people = people(&fleet);
    // The slices as an administrator without pivkit on the controller has them; the certificate of bob is none.
    let slices = fleet.path("slices");
    fleet.file("slices/web1/manifest.csv", "user,certificate\nalice,alice.pem\nbob,bob.pem\n");
    fleet.file("slices/web1/bob.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    fleet.file("slices/db1/manifest.csv", "user,certificate\nalice,alice.pem\nbob,bob.pem\n");
    for (slice, file) in [("web1", "alice.pem"), ("db1", "alice.pem"), ("db1", "bob.pem")] {
        fs::copy(fleet.path(file), slices.join(slice).join(file)).unwrap();
    }
    let site = fleet.file("site.yml", ROLE);
    let slices = format!("pivkit_slices={}", slices.display());
    let play = |more: &[&str]| {
        let words = [&[site.to_str().unwrap(), "--limit", "fleet", "-e", slices.as_str()], more].concat();
        fleet.ansible("ansible-playbook", &words).output()
    };
    let failed = play(&[]).exits_with(2);
    assert_recap(&failed, "web1", 0, 1);
    assert_recap(&failed, "db1", 1, 0);
    let said = failed.stdout.lines().find(|line| line.starts_with("fatal: [web1]")).unwrap();
    assert!(said.contains("Nothing was changed.") && said.contains("bob") && said.contains("bob.pem"), "{failed}");
    assert_eq!(fleet.paired("web1", "alice"), [""; 0]);
    assert_eq!(fleet.paired("db1", "bob"), [people[1].hash.as_str()]);

    let skipped = play(&["-e", "pivkit_skip_problems=true"]).success();
    assert_recap(&skipped, "web1", 1, 0);
    assert_recap(&skipped, "db1", 0, 0);
    assert_eq!(fleet.paired("web1", "alice"), [people[0].hash.as_str()]);
    assert_eq!(fleet.paired("web1", "bob"), [""; 0]);
}

#[test]
fn the_module_pairs_replaces_and_removes() {
    let Some(fleet) = Fleet::new(&["web1"]) else { return };
    fleet.set_up_ansible();
    let people = people(&fleet);
    let [alice, bob, second] = [&people[0], &people[1], &people[2]];
    let with = |person: &Person| format!("certificate: {}", person.certificate.display());
    let replaced = format!("{}, state: replaced", with(bob));
    let gone = format!("hash: {}, state: absent", second.hash);
    let inline = "content: \"{{ lookup('ansible.builtin.file', 'second.pem') }}\"";
    // What is wanted of alice's account; in check mode or not; whether something changes; whose keys open it then.
    let steps: [(&str, bool, bool, &[&Person]); 12] = [
        (&with(alice), true, true, &[]),
        (&with(alice), false, true, &[alice]),
        (&with(alice), false, false, &[alice]),
        (inline, false, true, &[alice, second]),
        (&replaced, true, true, &[alice, second]),
        // One key instead of several, and instead of one.
        (&replaced, false, true, &[bob]),
        (&replaced, false, false, &[bob]),
        (&with(second), false, true, &[bob, second]),
        (&gone, false, true, &[bob]),
        (&format!("{}, state: replaced", with(alice)), false, true, &[alice]),
        ("state: absent", false, true, &[]),
        ("state: absent", false, false, &[]),
    ];
    let wanted: Vec<(&str, bool)> = steps.iter().map(|(wanted, check, ..)| (*wanted, *check)).collect();
    let results = fleet.play(&wanted, KEEP);
    for (number, (wanted, _, changes, holders)) in steps.iter().enumerate() {
        let result = &results[number];
        assert_eq!(result["failed"].as_bool(), Some(false), "{wanted}: {result:#}");
        assert_eq!(result["changed"].as_bool(), Some(*changes), "{wanted}: {result:#}");
        assert_eq!(fleet.hashes_in("web1", &format!("/run/steps/{number}")), sorted(holders), "{wanted}: {result:#}");
    }
    // What goes and what comes is shown before it happens.
    assert_eq!(results[4]["diff"]["before"], lines(&[alice, second]));
    assert_eq!(results[4]["diff"]["after"], lines(&[bob]));
    // Each step that changed something left a journal, which takes it back: the last of them closed alice's account.
    assert_eq!(fleet.journals("web1").len(), 7);
    let journal = results[10]["journal"].as_str().unwrap();
    assert!(journal.starts_with("/var/lib/pivkit/journals/"), "{journal}");
    fleet.pivkit("web1", &["bulk", "undo", journal, "--yes"]).output().success();
    assert_eq!(fleet.paired("web1", "alice"), sorted(&[alice]));
}

#[test]
fn the_module_says_what_pivkit_says() {
    let Some(fleet) = Fleet::new(&["web1"]) else { return };
    fleet.set_up_ansible();
    let people = people(&fleet);
    let certificate = format!("certificate: {}", people[0].certificate.display());
    let run = |name: &str| fleet.inside("web1", &format!("/run/{name}"));
    for (name, mode) in [("safe", 0o700), ("open", 0o750), ("bobs", 0o700), ("slice", 0o700)] {
        fs::create_dir(run(name)).unwrap();
        fs::set_permissions(run(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::chown(run("bobs"), Some(4002), None).unwrap();
    std::os::unix::fs::symlink("/run/safe", run("link")).unwrap();
    let manifest = format!("user,certificate\nalice,{}\n", people[0].certificate.display());
    fs::write(run("slice").join("manifest.csv"), manifest).unwrap();
    let steps = [
        (format!("user: nobody-here, {certificate}"), "nobody-here", Some(8)),
        (format!("user: '--help', {certificate}"), "--help", Some(8)),
        (format!("user: \"a\\nbob,pair\", {certificate}"), "", Some(8)),
        ("certificate: /etc/passwd".to_owned(), "/etc/passwd", Some(8)),
        (format!("{certificate}, hash: {}", people[1].hash), "disagree", Some(8)),
        (format!("{certificate}, backend: none"), "there is no backend \"none\"", Some(2)),
        (format!("{certificate}, root: /nowhere"), "/nowhere is not there. Check the path.", Some(6)),
        (String::new(), "certificate, content, hash", None),
        ("state: absent, executable: /nowhere/pivkit".to_owned(), "There is no /nowhere/pivkit on this host", None),
        // Places for journals that somebody else could have prepared, or could look into.
        (format!("{certificate}, journals: /run/link/"), "/run/link, because it is no directory", None),
        (format!("{certificate}, journals: /run/open"), "because others may use it (mode 750)", None),
        (format!("{certificate}, journals: /run/bobs"), "because it belongs to another user", None),
        (format!("{certificate}, journals: /proc/none"), "because it cannot be made", None),
        ("src: /run/slice, remote_src: true, journals: /run/open".to_owned(), "others may use it (mode 750)", None),
    ];
    let wanted: Vec<(&str, bool)> = steps.iter().map(|(wanted, ..)| (wanted.as_str(), false)).collect();
    let results = fleet.play(&wanted, "");
    for ((wanted, said, code), result) in steps.iter().zip(&results) {
        assert_eq!(result["failed"].as_bool(), Some(true), "{wanted}: {result:#}");
        assert!(result["msg"].as_str().unwrap().contains(said), "{wanted}: {result:#}");
        assert_eq!(result["rc"].as_i64(), *code, "{wanted}: {result:#}");
    }
    for person in ["alice", "bob"] {
        assert!(fleet.paired("web1", person).is_empty());
    }
    // Nothing is left on the host.
    let left = fs::read_dir(fleet.inside("web1", "/run/ansible")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn the_collection_installs_and_its_documentation_renders() {
    let Some(fleet) = Fleet::new(&[]) else { return };
    fleet.set_up_ansible();
    fleet.install_collection();
    let names = ["account", "manifest"].map(|module| format!("pivkit.pairing.{module}"));
    let modules = ["-t", "module", names[0].as_str(), names[1].as_str()];
    let documentation = fleet.ansible("ansible-doc", &[&modules[..], &["--json"]].concat()).output().success().json();
    for name in &names {
        let module = &documentation[name];
        for option in ["backend", "journals"] {
            assert!(!module["doc"]["options"][option]["description"].is_null(), "{module}");
        }
        assert!(module["examples"].as_str().unwrap().contains(name), "{module}");
        assert!(module["return"]["pairings"].is_object(), "{module}");
    }
    let text = fleet.ansible("ansible-doc", &modules).output().success();
    text.prints(&["modules/account.py)", "modules/manifest.py)", "OPTIONS", "EXAMPLES"]);
    let role = fleet.ansible("ansible-doc", &["-t", "role", "pivkit.pairing.accounts"]).output().success();
    role.prints(&["pivkit_slices", "pivkit_manifest"]);
}

struct Person {
    certificate: PathBuf,
    hash: String,
}

/// Certificates of alice, of bob, and of alice's second card, beside the administrator's files.
fn people(fleet: &Fleet) -> Vec<Person> {
    let authority = oracle::authority(&fleet.bench, "authority");
    let person = |name: &str| {
        let (made, _) = oracle::issue(&fleet.bench, name, &format!("{name}@example.test"), &P256, &authority);
        let certificate = fleet.path(&format!("{name}.pem"));
        fs::copy(&made, &certificate).unwrap();
        let hash = oracle::pairing_hash(&fleet.bench, &oracle::der_of(&fleet.bench, &certificate));
        Person { certificate, hash }
    };
    ["alice", "bob", "second"].map(person).into()
}

impl Fleet {
    /// The pairing hashes of the certificates in the file that pam_p11 reads.
    fn paired(&self, host: &str, user: &str) -> Vec<String> {
        self.hashes_in(host, &format!("/home/{user}/.eid/authorized_certificates"))
    }

    /// The pairing hashes of the certificates in a file, by openssl, sorted.
    fn hashes_in(&self, host: &str, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.inside(host, file)).unwrap_or_default();
        let certificates = text.split_inclusive("-----END CERTIFICATE-----\n").filter(|one| one.contains("BEGIN"));
        let mut hashes: Vec<String> = certificates
            .map(|pem| {
                let der = self.bench.openssl(&["x509", "-outform", "DER"], pem.as_bytes()).bytes;
                oracle::pairing_hash(&self.bench, &der)
            })
            .collect();
        hashes.sort();
        hashes
    }

    /// Plays the module `account` with each of these arguments, for alice where they name nobody; with `src` the module `manifest`.
    /// `afterwards` is a command on the host after each step, where `{}` is its number. Returns the results.
    fn play(&self, steps: &[(&str, bool)], afterwards: &str) -> Vec<serde_json::Value> {
        let mut play = String::from("- hosts: web1\n  gather_facts: false\n  tasks:\n");
        for (number, (wanted, check)) in steps.iter().enumerate() {
            let module = if wanted.starts_with("src:") { "manifest" } else { "account" };
            let user = if wanted.starts_with("user:") || module == "manifest" { "" } else { "user: alice, " };
            let backend = if wanted.contains("backend:") { "" } else { ", backend: pam_p11" };
            let wanted = if wanted.is_empty() { "state: present" } else { wanted };
            let executable = if wanted.contains("executable:") {
                String::new()
            } else {
                format!(", executable: {}", crate::bench::binary("pivkit").display())
            };
            play.push_str(&format!(
                "    - pivkit.pairing.{module}: {{{user}{wanted}{backend}{executable}}}\n      check_mode: {check}\n      \
                 diff: true\n      ignore_errors: true\n      register: step{number}\n"
            ));
            if !afterwards.is_empty() {
                play.push_str(&format!("    - raw: {}\n", afterwards.replace("{}", &number.to_string())));
            }
        }
        let all: Vec<String> = (0..steps.len()).map(|number| format!("step{number}")).collect();
        let all = all.join(", ");
        play.push_str(&format!(
            "    - copy:\n        content: \"{{{{ [{all}] | to_json }}}}\"\n        dest: {}\n      delegate_to: localhost\n",
            self.path("results").display()
        ));
        let play = self.file("play.yml", &play);
        self.ansible("ansible-playbook", &[play.to_str().unwrap()]).output().success();
        serde_json::from_str(&fs::read_to_string(self.path("results")).unwrap()).unwrap()
    }

    fn journals(&self, host: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.inside(host, "/var/lib/pivkit/journals"));
        entries.map_or_else(|_| Vec::new(), |entries| entries.map(|entry| entry.unwrap().path()).collect())
    }
}

fn sorted(people: &[&Person]) -> Vec<String> {
    let mut hashes: Vec<String> = people.iter().map(|person| person.hash.clone()).collect();
    hashes.sort();
    hashes
}

/// How a diff shows these keys of alice.
fn lines(people: &[&Person]) -> String {
    sorted(people).iter().map(|hash| format!("alice: {hash}\n")).collect()
}

/// The line of a host at the end of a play.
fn recap<'a>(play: &'a Output, host: &str) -> &'a str {
    let (_, recap) = play.stdout.split_once("PLAY RECAP").unwrap_or_else(|| panic!("{play}"));
    let line = recap.lines().find(|line| line.split_whitespace().next() == Some(host));
    line.unwrap_or_else(|| panic!("{host} is missing: {play}"))
}

#[track_caller]
fn assert_recap(play: &Output, host: &str, changed: u32, failed: u32) {
    let line = recap(play, host);
    for wanted in [format!("changed={changed} "), format!("failed={failed} "), "unreachable=0 ".to_owned()] {
        assert!(line.contains(&wanted), "{wanted} is missing in {line}: {play}");
    }
}
