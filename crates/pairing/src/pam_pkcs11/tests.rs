//! Tests on directory trees; real logins are in the scenarios.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use identity::PairingHash;
use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::Key;
use crate::pam_p11::tests::certificate;

mod many;
mod undo;

const CONFIGURATION: &str = "pam_pkcs11 {\n  use_pkcs11_module = opensc;\n  pkcs11_module opensc { cert_policy = signature; }\n  \
    use_mappers = digest;\n  mapper digest { algorithm = ALGORITHM; mapfile = file:///etc/pam_pkcs11/digest_mapping; }\n}\n";

struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Tree { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(tree.path("etc/pam_pkcs11")).unwrap();
        let passwd = "alice:x:4001:4001::/home/alice:/bin/sh\nbob:x:4002:4002::/home/bob:/bin/sh\n";
        fs::write(tree.path("etc/passwd"), passwd).unwrap();
        tree.configure(&CONFIGURATION.replace("ALGORITHM", "sha1"));
        tree
    }

    fn with_file(bytes: &[u8]) -> Self {
        let tree = Tree::new();
        fs::write(tree.file(), bytes).unwrap();
        tree
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("etc/pam_pkcs11/pam_pkcs11.conf"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("etc/pam_pkcs11/digest_mapping")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn try_open(&self) -> Result<PamPkcs11, Error> {
        PamPkcs11::open(System::root(self.directory.path()), Path::new(DEFAULT_PATH))
    }

    fn backend(&self) -> PamPkcs11 {
        self.try_open().unwrap()
    }

    fn account(&self, name: &str) -> Account {
        System::root(self.directory.path()).account(&name.parse().unwrap()).unwrap()
    }

    fn apply(&self, name: &str, request: &Request) -> Result<Applied, Error> {
        let backend = self.backend();
        backend.apply(&backend.plan(&self.account(name), request)?)
    }

    fn pair(&self, name: &str, certificate: &Certificate) -> Applied {
        self.apply(name, &pair(certificate)).unwrap()
    }

    fn pairings(&self, name: &str) -> Pairings {
        self.backend().pairings(&self.account(name)).unwrap()
    }
}

fn pair(certificate: &Certificate) -> Request {
    Request::Pair(Key::from(certificate))
}

fn unpair(hash: PairingHash) -> Request {
    Request::Unpair(Selection::Hash(hash))
}

/// Two certificates for one key.
fn renewed() -> (Certificate, Certificate) {
    let key = KeyPair::generate().unwrap();
    let issue = |serial: u8| {
        let mut params = CertificateParams::default();
        params.serial_number = Some(vec![serial].into());
        Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    };
    (issue(1), issue(2))
}

/// The fingerprint as openssl prints it, which is what administrators put into the file.
fn fingerprint(certificate: &Certificate, algorithm: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-inform", "DER", "-noout", "-fingerprint", &format!("-{algorithm}")]);
    let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    openssl.stdin.take().unwrap().write_all(certificate.der()).unwrap();
    let output = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    output.trim().split_once('=').unwrap().1.to_owned()
}

#[test]
fn the_line_is_the_fingerprint_that_openssl_prints() {
    for algorithm in ["sha1", "sha256", "sha384", "sha512"] {
        let (tree, alice) = (Tree::new(), certificate("alice"));
        tree.configure(&CONFIGURATION.replace("ALGORITHM", algorithm));
        tree.pair("alice", &alice);
        let line = format!("\n{} -> alice\n", fingerprint(&alice, algorithm));
        assert!(tree.text().contains(&line), "{}", tree.text());
        let pairings = tree.pairings("alice");
        assert_eq!(pairings.hashes(), [alice.pairing_hash()]);
        assert!(!pairings.may_hold_more() && pairings.entries[0].effective);
        assert!(tree.pairings("bob").is_empty());
    }
}

#[test]
fn a_new_file_can_be_read_by_all_and_an_old_one_keeps_its_mode() {
    let tree = Tree::new();
    tree.pair("alice", &certificate("a"));
    assert_eq!(fs::metadata(tree.file()).unwrap().mode() & 0o777, 0o644);
    fs::set_permissions(tree.file(), fs::Permissions::from_mode(0o600)).unwrap();
    tree.pair("alice", &certificate("b"));
    assert_eq!(fs::metadata(tree.file()).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn bytes_of_others_stay() {
    let odd = b"# Caf\xe9 \n\n00:11 -> nobody\r\nnonsense\n  \t# x\nno end";
    let (tree, alice) = (Tree::with_file(odd), certificate("alice"));
    tree.pair("alice", &alice);
    assert!(fs::read(tree.file()).unwrap().starts_with(&[&odd[..], b"\n# pivkit "].concat()));
    tree.apply("alice", &unpair(alice.pairing_hash())).unwrap();
    assert_eq!(fs::read(tree.file()).unwrap(), [&odd[..], b"\n"].concat());
}

#[test]
fn lines_of_administrators_are_understood_as_pam_pkcs11_does() {
    let (mine, theirs) = (certificate("mine"), certificate("theirs"));
    let (one, two) = (fingerprint(&mine, "sha1"), fingerprint(&theirs, "sha1"));
    let file = format!(" \t{} -> ALICE\n{two} -> bob\n{two} -> alice\n{two}  -> alice\n", one.to_lowercase());
    let tree = Tree::with_file(file.as_bytes());
    let pairings = tree.pairings("alice");
    let effective: Vec<_> = pairings.entries.iter().map(|pairing| pairing.effective).collect();
    assert_eq!(effective, [true, false]);
    // Nobody knows whose key that is.
    assert!(pairings.may_hold_more() && pairings.hashes().is_empty());
    let plan = |request| tree.backend().plan(&tree.account("alice"), &request).unwrap();
    assert!(plan(pair(&mine)).is_unchanged());
    let by_hash = plan(unpair(mine.pairing_hash()));
    assert!(by_hash.is_unchanged() && by_hash.notes().len() == 2, "{by_hash:?}");
    let removed = tree.apply("alice", &Request::Unpair(Selection::Certificate(Box::new(mine)))).unwrap();
    assert_eq!(removed.changes().len(), 1);
    assert_eq!(tree.text(), file.split_once('\n').unwrap().1);
    tree.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    assert_eq!(tree.text(), format!("{two} -> bob\n{two}  -> alice\n"));
}

/// pam_pkcs11 0.6.12 crashes on an empty file.
#[test]
fn the_file_is_never_empty() {
    let alice = certificate("alice");
    let tree = Tree::with_file(format!("{} -> alice\n", fingerprint(&alice, "sha1")).as_bytes());
    let before = tree.text();
    let applied = tree.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    assert!(tree.text().starts_with('#'), "{:?}", tree.text());
    tree.backend().undo(&tree.account("alice"), applied.undo()).unwrap();
    assert_eq!(tree.text(), before);
}

#[test]
fn a_certificate_belongs_to_one_account() {
    let (tree, shared) = (Tree::new(), certificate("shared"));
    tree.pair("bob", &shared);
    let refused = tree.apply("alice", &pair(&shared));
    assert!(matches!(refused, Err(Error::MappedToAnother { ref other }) if other == "bob"), "{refused:?}");
}

#[test]
fn a_renewed_certificate_is_another_one() {
    let (tree, (old, new)) = (Tree::new(), renewed());
    tree.pair("alice", &old);
    let backend = tree.backend();
    assert!(!backend.plan(&tree.account("alice"), &pair(&new)).unwrap().is_unchanged());
    let replace = |old| Request::Replace { new: Key::from(&new), old };
    let applied = tree.apply("alice", &replace(Selection::Hash(old.pairing_hash()))).unwrap();
    assert_eq!(applied.changes().len(), 2);
    assert!(tree.text().contains(&fingerprint(&new, "sha1")) && !tree.text().contains(&fingerprint(&old, "sha1")));
    // Again: nothing to do, also when the only other one is meant.
    assert!(tree.apply("alice", &replace(Selection::Hash(old.pairing_hash()))).unwrap().changes().is_empty());
    assert!(tree.apply("alice", &replace(Selection::All)).unwrap().changes().is_empty());
    tree.pair("alice", &certificate("b"));
    tree.pair("alice", &certificate("c"));
    assert!(matches!(tree.apply("alice", &replace(Selection::All)), Err(Error::SeveralKeys { .. })));
}

#[test]
fn a_remark_of_another_line_is_not_believed() {
    let (tree, alice, other) = (Tree::new(), certificate("alice"), certificate("other"));
    tree.pair("alice", &alice);
    fs::write(tree.file(), tree.text().replace(&fingerprint(&alice, "sha1"), &fingerprint(&other, "sha1"))).unwrap();
    assert!(tree.pairings("alice").hashes().is_empty());
}

#[test]
fn only_the_hash_of_a_key_is_not_enough() {
    let tree = Tree::new();
    let refused = tree.apply("alice", &Request::Pair(Key::Hash(certificate("x").pairing_hash())));
    assert!(matches!(refused, Err(Error::NeedsCertificate { backend: "pam_pkcs11" })));
}

#[test]
fn configurations_without_protection_or_effect_are_refused() {
    let good = CONFIGURATION.replace("ALGORITHM", "sha1");
    for (from, to, word) in [
        ("signature", "ca", "`signature`"),
        ("use_mappers = digest", "use_mappers = cn", "use_mappers"),
        ("file:///etc", "http:///etc", "mapfile"),
        ("sha1", "md5", "md5"),
        ("}\n", "", "cannot be read"),
    ] {
        let tree = Tree::new();
        tree.configure(&good.replace(from, to));
        let refused = tree.try_open().unwrap_err();
        assert!(matches!(refused, Error::Configuration { .. }) && refused.to_string().contains(word), "{refused}");
    }
    let tree = Tree::new();
    fs::remove_file(tree.path("etc/pam_pkcs11/pam_pkcs11.conf")).unwrap();
    assert!(matches!(tree.try_open(), Err(Error::Missing { .. })));
}

#[test]
fn what_others_could_change_is_refused() {
    let alice = certificate("alice");
    let refused = |tree: &Tree, why: &str| {
        let error = tree.apply("alice", &pair(&alice)).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    let tree = Tree::with_file(b"");
    fs::set_permissions(tree.file(), fs::Permissions::from_mode(0o666)).unwrap();
    refused(&tree, "can be changed by others");
    fs::remove_file(tree.file()).unwrap();
    symlink(tree.path("etc/passwd"), tree.file()).unwrap();
    refused(&tree, "symbolic link");
    fs::remove_file(tree.file()).unwrap();
    fs::hard_link(tree.path("etc/passwd"), tree.file()).unwrap();
    refused(&tree, "hard links");
    fs::remove_file(tree.file()).unwrap();
    fs::write(tree.file(), b"# \0\n").unwrap();
    refused(&tree, "NUL");
    fs::write(tree.file(), b"").unwrap();
    fs::set_permissions(tree.path("etc/pam_pkcs11"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(tree.try_open().is_err());
}

#[test]
fn a_lock_that_is_held_is_waited_for() {
    let (tree, alice) = (Tree::new(), certificate("alice"));
    let plan = tree.backend().plan(&tree.account("alice"), &pair(&alice)).unwrap();
    let (place, lock) = tree.backend().lock().unwrap();
    let impatient = tree.backend().with_lock_wait(Duration::ZERO);
    assert!(matches!(impatient.apply(&plan), Err(Error::Busy { .. })));
    assert!(place.read().unwrap().is_none());
    drop(lock);
    tree.backend().apply(&plan).unwrap();
}

/// Only what is sure not to open the account goes without a word.
#[test]
fn other_mappers_that_open_the_account_are_told_of() {
    let (tree, alice, other) = (Tree::new(), certificate("alice"), certificate("other"));
    tree.configure(
        &CONFIGURATION.replace("ALGORITHM", "sha1").replace("use_mappers = digest", "use_mappers = digest, cn"),
    );
    tree.pair("alice", &alice);
    tree.pair("alice", &other);
    let notes = |selection| {
        let applied = tree.apply("alice", &Request::Unpair(selection)).unwrap();
        let notes = applied.notes().iter().filter(|note| note.leaves_open());
        notes.map(ToString::to_string).collect::<Vec<_>>()
    };
    let by_certificate = |certificate: &Certificate| Selection::Certificate(Box::new(certificate.clone()));
    let told = notes(by_certificate(&alice));
    assert!(told.len() == 1 && told[0].contains("mapper cn, which opens the account"), "{told:?}");
    assert!(notes(by_certificate(&other)).is_empty());
    for selection in [Selection::Hash(alice.pairing_hash()), Selection::All] {
        let told = notes(selection);
        assert!(told.len() == 1 && told[0].contains("may open the account"), "{told:?}");
    }
    tree.configure(&CONFIGURATION.replace("ALGORITHM", "sha1").replace("= digest;", "= digest, null, opensc;"));
    assert!(notes(Selection::All).is_empty());
}
