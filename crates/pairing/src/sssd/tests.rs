//! Tests on directory trees; real logins are in the scenarios.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use super::*;
use crate::Key;
use crate::pam_p11::tests::certificate;

const CONFIGURATION: &str = "[sssd]\nservices = nss, pam\ndomains = files\ncertificate_verification = no_ocsp\n\
    [pam]\npam_cert_auth = True\n[domain/files]\nid_provider = files\n";

struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Tree { directory: tempfile::tempdir().unwrap() };
        for folder in ["etc/sssd/conf.d", "etc/sssd/pki", "etc/pam.d"] {
            fs::create_dir_all(tree.path(folder)).unwrap();
        }
        let passwd = "alice:x:4001:4001::/home/alice:/bin/sh\nbob:x:4002:4002::/home/bob:/bin/sh\n";
        fs::write(tree.path("etc/passwd"), passwd).unwrap();
        tree.configure(CONFIGURATION);
        tree
    }

    /// A tree in which SSSD trusts these certificates; they are their own issuers.
    fn trusting(certificates: &[&Certificate]) -> Self {
        let tree = Tree::new();
        let pem: String = certificates.iter().map(|certificate| certificate.to_pem()).collect();
        fs::write(tree.path("etc/sssd/pki/sssd_auth_ca_db.pem"), pem).unwrap();
        tree
    }

    fn configure(&self, text: &str) {
        let path = self.path("etc/sssd/sssd.conf");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn rules(&self) -> PathBuf {
        self.path("etc/sssd/conf.d/pivkit.conf")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.rules()).unwrap()
    }

    fn backend(&self) -> Sssd {
        Sssd::open(System::root(self.directory.path())).unwrap()
    }

    fn account(&self, name: &str) -> Account {
        System::root(self.directory.path()).account(&name.parse().unwrap()).unwrap()
    }

    fn apply(&self, name: &str, request: &Request) -> Result<Applied, Error> {
        let backend = self.backend();
        backend.apply(&backend.plan(&self.account(name), request)?)
    }

    fn pairings(&self, name: &str) -> Pairings {
        self.backend().pairings(&self.account(name)).unwrap()
    }
}

fn pair(certificate: &Certificate) -> Request {
    Request::Pair(Key::from(certificate))
}

#[test]
fn a_rule_for_each_certificate_and_back() {
    let (one, two) = (certificate("alice"), certificate("alice.smith (2)"));
    let tree = Tree::trusting(&[&one, &two]);
    let first = tree.apply("alice", &pair(&one)).unwrap();
    assert_eq!(fs::metadata(tree.rules()).unwrap().mode() & 0o777, 0o600);
    assert!(tree.text().contains("\nmatchrule = <ISSUER>^CN=alice$<SUBJECT>^CN=alice$\nmaprule = (alice)\n"));
    let with_one = tree.text();
    let second = tree.apply("alice", &pair(&two)).unwrap();
    assert!(tree.text().contains(r"<SUBJECT>^CN=alice\.smith \(2\)$"));
    assert_eq!(tree.pairings("alice").hashes(), [one.pairing_hash(), two.pairing_hash()]);
    assert!(tree.backend().opens(&tree.pairings("alice"), &two) && tree.pairings("bob").is_empty());
    let alice = tree.account("alice");
    let removed = tree.apply("alice", &Request::Unpair(Selection::Hash(one.pairing_hash()))).unwrap();
    assert_eq!(tree.pairings("alice").hashes(), [two.pairing_hash()]);
    tree.backend().undo(&alice, removed.undo()).unwrap();
    tree.backend().undo(&alice, second.undo()).unwrap();
    assert_eq!(tree.text(), with_one);
    tree.backend().undo(&alice, first.undo()).unwrap();
    assert!(!tree.rules().exists());
    assert!(first.notes().iter().any(|note| note.to_string().contains("restart")));
}

#[test]
fn text_of_others_stays() {
    let one = certificate("alice");
    let tree = Tree::trusting(&[&one]);
    let others = "# mine\n[certmap/files/bob]\nmatchrule = <SUBJECT>^CN=bob$";
    fs::write(tree.rules(), others).unwrap();
    tree.apply("alice", &pair(&one)).unwrap();
    assert!(tree.text().starts_with(&format!("{others}\n# pivkit ")));
    tree.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    assert_eq!(tree.text(), format!("{others}\n"));
    // The rule is somebody else's, and opens bob for nobody knows whom.
    assert!(tree.pairings("bob").may_hold_more() && !tree.pairings("alice").may_hold_more());
}

#[test]
fn one_certificate_opens_one_account() {
    let one = certificate("alice");
    let tree = Tree::trusting(&[&one]);
    tree.apply("bob", &pair(&one)).unwrap();
    let refused = tree.apply("alice", &pair(&one));
    assert!(matches!(refused, Err(Error::MappedToAnother { ref other }) if other == "bob"), "{refused:?}");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_until_it_is_given() {
    let (one, other) = (certificate("alice"), certificate("other"));
    let tree = Tree::trusting(&[&other]);
    let refused = tree.apply("alice", &pair(&one)).unwrap_err();
    assert!(refused.to_string().contains("--ca") && refused.to_string().contains("append the authority"), "{refused}");
    assert!(!tree.rules().exists());
    let backend = tree.backend().with_authorities(vec![one.clone()]);
    let plan = backend.plan(&tree.account("alice"), &pair(&one)).unwrap();
    assert_eq!(plan.changes().len(), 3, "{:?}", plan.changes());
    backend.apply(&plan).unwrap();
    let trusted = fs::read_to_string(tree.path("etc/sssd/pki/sssd_auth_ca_db.pem")).unwrap();
    assert_eq!(trusted, other.to_pem() + &one.to_pem());
    assert!(tree.apply("alice", &pair(&one)).unwrap().changes().is_empty());
}

#[test]
fn configurations_without_effect_or_protection_are_refused() {
    for (from, to, word) in [
        ("pam_cert_auth = True", "", "pam_cert_auth"),
        ("id_provider = files", "id_provider = ldap", "no domain for local accounts"),
        ("id_provider = files", "id_provider = proxy", "local_auth_policy"),
        (
            "id_provider = files",
            "id_provider = proxy\nlocal_auth_policy = only\nproxy_pam_target = open",
            "any password",
        ),
    ] {
        let tree = Tree::new();
        fs::write(tree.path("etc/pam.d/open"), "auth required pam_permit.so\naccount required pam_permit.so\n")
            .unwrap();
        tree.configure(&CONFIGURATION.replace(from, to));
        let refused = Sssd::open(System::root(tree.directory.path())).unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let tree = Tree::new();
    fs::set_permissions(tree.path("etc/sssd/sssd.conf"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Sssd::open(System::root(tree.directory.path())).unwrap_err().to_string().contains("chmod 600"));
    tree.configure(&CONFIGURATION.replace("id_provider = files", "id_provider = proxy\nlocal_auth_policy = only"));
    assert_eq!(tree.backend().domain().provider, "proxy");
}

/// One rule file for many accounts: told and written once, in a time that grows with the number of rows alone.
#[test]
fn many_rows_are_written_once_and_taken_back() {
    let authority = certificate("authority");
    let mut shared: Vec<_> = (0..200).map(|number| certificate(&format!("c{number}"))).collect();
    let tree = Tree::trusting(&shared.iter().collect::<Vec<_>>());
    tree.apply("bob", &pair(&shared[0])).unwrap();
    let before = tree.text();
    let (alice, bob) = (tree.account("alice"), tree.account("bob"));
    let mut requests = vec![(bob, Request::Unpair(Selection::All))];
    requests.extend(shared.iter().map(|one| (alice.clone(), pair(one))));
    shared.push(authority.clone());
    requests.push((alice.clone(), pair(&authority)));
    let backend = tree.backend().with_authorities(vec![authority]);
    assert!(backend.keeps_one_file());
    let plans: Vec<_> = backend.plan_many(&requests).into_iter().map(Result::unwrap).collect();
    let (mut calls, mut told) = (0, 0);
    let applied = backend.apply_many(&plans, &mut |undos| {
        assert_eq!(tree.text(), before, "told before the change");
        (calls, told) = (calls + 1, undos.len());
        Ok(())
    });
    assert_eq!((calls, told), (1, requests.len()));
    assert_eq!(tree.pairings("alice").hashes().len(), shared.len());
    assert!(tree.pairings("bob").is_empty());
    let undos = applied.into_iter().map(Result::unwrap);
    let undos: Vec<_> = undos.map(|applied| (applied.account().clone(), applied.undo().clone())).collect();
    assert!(backend.undo_many(&undos).iter().all(Result::is_ok));
    assert_eq!(tree.text(), before);
}

#[test]
fn rules_above_4_mib_are_read() {
    let one = certificate("alice");
    let tree = Tree::trusting(&[&one]);
    fs::write(tree.rules(), "# 34 characters for every line.....\n".repeat(150_000)).unwrap();
    tree.apply("alice", &pair(&one)).unwrap();
    assert_eq!(tree.pairings("alice").hashes(), [one.pairing_hash()]);
}
