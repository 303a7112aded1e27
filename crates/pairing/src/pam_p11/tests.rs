//! Tests on directory trees.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};

use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;

mod access;
mod crash;
mod elsewhere;
mod hostile;
mod owners;
mod race;
mod undo;

/// A self-signed certificate for a new key.
pub(crate) fn certificate(name: &str) -> Certificate {
    certificate_for(&KeyPair::generate().unwrap(), name)
}

fn certificate_for(key: &KeyPair, name: &str) -> Certificate {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(vec![0x11; 20].into());
    Certificate::from_der(params.self_signed(key).unwrap().der()).unwrap()
}

/// A certificate with bytes of it replaced, which our parser reads and OpenSSL does not.
fn changed(change: impl Fn(&mut Vec<u8>)) -> Certificate {
    let mut der = certificate("Mueller").der().to_vec();
    change(&mut der);
    Certificate::from_der(&der).unwrap()
}

/// A name whose UTF8String is in Latin-1.
pub(crate) fn latin1() -> Certificate {
    changed(|der| {
        for at in (0..der.len() - 7).rev() {
            if der[at..].starts_with(b"Mueller") {
                der[at + 1] = 0xFC;
            }
        }
    })
}

/// A serial number with zeros in front.
pub(crate) fn padded_serial_number() -> Certificate {
    changed(|der| {
        let at = der.windows(2).position(|window| window == [0x02, 0x14]).unwrap();
        der[at + 2..at + 4].copy_from_slice(&[0, 1]);
    })
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A tree with the account alice. For root alice is somebody else; for other users alice is the
/// user himself, who can give nothing away.
struct Tree {
    directory: tempfile::TempDir,
    alice: Account,
}

impl Tree {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let (uid, gid) =
            if is_root() { (12345, 12346) } else { (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()) };
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::create_dir_all(root.join("home/alice")).unwrap();
        let passwd = format!("root:x:0:0::/root:/bin/sh\nalice:x:{uid}:{gid}::/home/alice:/bin/sh\n");
        fs::write(root.join("etc/passwd"), passwd).unwrap();
        fs::write(root.join("etc/group"), format!("root:x:0:\nalice:x:{gid}:\n")).unwrap();
        let tree = Tree { alice: System::root(root).account(&"alice".parse().unwrap()).unwrap(), directory };
        tree.give(&tree.path("home/alice"), 0o755);
        tree
    }

    /// A tree in which alice has a file.
    fn with_file(bytes: &[u8]) -> Self {
        let tree = Tree::new();
        fs::create_dir(tree.path(EID)).unwrap();
        tree.give(&tree.path(EID), 0o750);
        fs::write(tree.file(), bytes).unwrap();
        tree.give(&tree.file(), 0o640);
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("home/alice/.eid/authorized_certificates")
    }

    /// Makes it alice's.
    fn give(&self, path: &Path, mode: u32) {
        chown(path, Some(self.alice.uid), Some(self.alice.gid)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn backend(&self) -> PamP11 {
        PamP11::new(System::root(self.directory.path()))
    }

    fn pair(&self, certificate: &Certificate) -> Applied {
        let backend = self.backend();
        backend.apply(&backend.plan_pair(&self.alice, certificate).unwrap()).unwrap()
    }

    fn unpair(&self, hash: Option<&PairingHash>) -> Applied {
        let backend = self.backend();
        backend.apply(&backend.plan_unpair(&self.alice, hash).unwrap()).unwrap()
    }

    fn hashes(&self) -> Vec<PairingHash> {
        self.backend().pairings(&self.alice).unwrap().hashes()
    }

    /// Every name below the tree with its kind, owner, mode and contents; not the times.
    fn snapshot(&self) -> BTreeMap<PathBuf, String> {
        fn visit(path: &Path, all: &mut BTreeMap<PathBuf, String>) {
            let data = fs::symlink_metadata(path).unwrap();
            let contents = if data.is_file() {
                format!("{:?}", fs::read(path).unwrap())
            } else if data.is_symlink() {
                format!("{:?}", fs::read_link(path).unwrap())
            } else {
                String::new()
            };
            let facts = format!("{:o} {} {} {} {contents}", data.mode(), data.uid(), data.gid(), data.nlink());
            all.insert(path.to_owned(), facts);
            if data.is_dir() {
                for entry in fs::read_dir(path).unwrap() {
                    visit(&entry.unwrap().path(), all);
                }
            }
        }
        let mut all = BTreeMap::new();
        visit(self.directory.path(), &mut all);
        all
    }
}

const EID: &str = "home/alice/.eid";

/// The pairing hashes of a PEM bundle, found by OpenSSL alone.
fn hashes_by_openssl(file: &Path) -> Vec<String> {
    let openssl = |arguments: &[&str], input: &[u8]| {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the openssl command is needed for this test");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    };
    let bundle = openssl(&["crl2pkcs7", "-nocrl", "-certfile", file.to_str().unwrap()], b"");
    let printed = String::from_utf8(openssl(&["pkcs7", "-print_certs"], &bundle)).unwrap();
    let ends = printed.split_inclusive("-----END CERTIFICATE-----\n").filter(|text| text.contains("BEGIN"));
    let hash = |pem: &str| {
        let key = openssl(&["x509", "-noout", "-pubkey"], pem.as_bytes());
        let spki = openssl(&["pkey", "-pubin", "-outform", "DER"], &key);
        // P-256: the key is the last 65 bytes.
        let line = String::from_utf8(openssl(&["sha1", "-r"], &spki[spki.len() - 65..])).unwrap();
        line[..40].to_uppercase()
    };
    let mut hashes: Vec<String> = ends.map(hash).collect();
    hashes.sort();
    hashes
}

#[test]
fn pairing_makes_directory_and_file() {
    let tree = Tree::new();
    let alice = certificate("Alice\u{1b}[31m");
    let backend = tree.backend();
    let before = tree.snapshot();
    let plan = backend.plan_pair(&tree.alice, &alice).unwrap();
    assert_eq!(tree.snapshot(), before, "a plan changes nothing");
    let (eid, file) = (tree.path(EID), tree.file());
    let texts: Vec<String> = plan.changes().iter().map(Change::to_string).collect();
    let hash = alice.pairing_hash();
    assert_eq!(
        texts,
        [
            format!("create the directory {} (mode 0700)", eid.display()),
            format!("create the file {} (mode 0600)", file.display()),
            format!("add the certificate {hash} (CN=Alice\\1B[31m) to {}", file.display()),
        ]
    );

    let applied = backend.apply(&plan).unwrap();
    assert_eq!(applied.changes(), plan.changes());
    assert_eq!(tree.hashes(), [hash]);
    assert_eq!(hashes_by_openssl(&file), [hash.to_string()]);
    for (path, mode) in [(&eid, 0o40700), (&file, 0o100_600)] {
        let data = fs::symlink_metadata(path).unwrap();
        assert_eq!((data.mode(), data.uid(), data.gid()), (mode, tree.alice.uid, tree.alice.gid));
    }
    assert_eq!(fs::read_dir(&eid).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn a_certificate_that_login_modules_cannot_read_is_refused() {
    let tree = Tree::new();
    tree.pair(&certificate("a"));
    for odd in [latin1(), padded_serial_number()] {
        let refused = tree.backend().plan_pair(&tree.alice, &odd);
        assert!(matches!(refused, Err(Error::UnusableCertificate { .. })), "{refused:?}");
        assert!(tree.backend().obstacle(Some("9a"), &odd).is_some());
    }
    let ed25519 = certificate_for(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(), "x");
    let refused = tree.backend().plan_pair(&tree.alice, &ed25519).unwrap_err().to_string();
    assert!(refused.contains("Ed25519"), "{refused}");
}

#[test]
fn slots_that_pam_p11_cannot_use() {
    let (tree, one) = (Tree::new(), certificate("a"));
    for (slot, fine) in [(None, true), (Some("9a"), true), (Some("9d"), true), (Some("9C"), false), (Some("9e"), false)]
    {
        assert_eq!(tree.backend().obstacle(slot, &one).is_none(), fine, "{slot:?}");
    }
}

#[test]
fn removing_all_removes_what_may_be_a_certificate_and_says_so() {
    let one = certificate("a");
    let suspect = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let tree = Tree::with_file(format!("{}{suspect}", one.to_pem()).as_bytes());
    let backend = tree.backend();
    assert!(backend.pairings(&tree.alice).unwrap().may_hold_more());
    // One: what else may open the account stays, and the plan and its outcome say so.
    let plan = backend.plan_unpair(&tree.alice, Some(&one.pairing_hash())).unwrap();
    assert!(plan.notes()[0].to_string().contains("may count"), "{:?}", plan.notes());
    let applied = backend.apply(&plan).unwrap();
    assert_eq!(applied.notes(), plan.notes());
    assert!(backend.pairings(&tree.alice).unwrap().may_hold_more());
    backend.undo(applied.account(), applied.undo()).unwrap();
    // All.
    let plan = backend.plan_unpair(&tree.alice, None).unwrap();
    assert!(plan.notes().is_empty());
    assert!(matches!(plan.changes(), [_, Change::RemoveUnreadable { .. }, Change::RemoveFile { .. }]));
    // More of it than was shown.
    let shown = fs::read(tree.file()).unwrap();
    fs::write(tree.file(), [&shown, suspect.as_bytes()].concat()).unwrap();
    assert!(matches!(backend.apply(&plan), Err(Error::Changed { .. })));
    fs::write(tree.file(), shown).unwrap();
    backend.apply(&plan).unwrap();
    assert!(!tree.file().exists() && !backend.pairings(&tree.alice).unwrap().may_hold_more());

    let many = Tree::with_file(suspect.repeat(100).as_bytes());
    let plan = many.backend().plan_unpair(&many.alice, None).unwrap();
    assert_eq!(plan.changes().len(), 22);
    let plan = many.backend().plan_pair(&many.alice, &one).unwrap();
    assert!(matches!(plan.notes(), [.., Note::UnreadableMore { count: 80, .. }]) && plan.notes().len() == 21);
}

#[test]
fn pairing_twice_changes_nothing() {
    let tree = Tree::new();
    let key = KeyPair::generate().unwrap();
    tree.pair(&certificate_for(&key, "first"));
    let before = tree.snapshot();
    // Renewed: another certificate for the same key.
    let plan = tree.backend().plan_pair(&tree.alice, &certificate_for(&key, "renewed")).unwrap();
    assert!(plan.is_unchanged());
    assert!(tree.backend().apply(&plan).unwrap().changes().is_empty());
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn unpairing_one_or_all() {
    let tree = Tree::new();
    let all: Vec<Certificate> = ["a", "b", "c"].map(certificate).into();
    all.iter().for_each(|one| drop(tree.pair(one)));
    let mut expected: Vec<String> = all.iter().map(|one| one.pairing_hash().to_string()).collect();
    expected.sort();
    assert_eq!(hashes_by_openssl(&tree.file()), expected);

    let applied = tree.unpair(Some(&all[1].pairing_hash()));
    assert!(matches!(applied.changes(), [Change::RemoveCertificate { hash, .. }] if *hash == all[1].pairing_hash()));
    assert_eq!(tree.hashes(), [all[0].pairing_hash(), all[2].pairing_hash()]);
    assert!(tree.unpair(Some(&all[1].pairing_hash())).changes().is_empty(), "it is gone already");

    let applied = tree.unpair(None);
    assert!(matches!(applied.changes().last(), Some(Change::RemoveFile { .. })));
    assert_eq!(applied.changes().len(), 3);
    assert!(!tree.file().exists() && tree.path(EID).is_dir());
    assert!(tree.unpair(None).changes().is_empty());
}

#[test]
fn what_is_not_ours_stays() {
    let (mine, other) = (certificate("mine"), certificate("other"));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    let original = format!("# note\r\n{}\r\n{damaged}\tno line end", other.to_pem().replace('\n', "\r\n"));
    let tree = Tree::with_file(original.as_bytes());
    let before = tree.snapshot();
    let plan = tree.backend().plan_pair(&tree.alice, &mine).unwrap();
    let note = plan.notes()[0].to_string();
    assert!(note.contains(&format!("line {}:", 3 + other.to_pem().lines().count())), "{note}");
    tree.backend().apply(&plan).unwrap();
    assert_eq!(fs::read(tree.file()).unwrap(), [mine.to_pem().as_bytes(), original.as_bytes()].concat());
    assert_eq!(tree.hashes(), [mine.pairing_hash(), other.pairing_hash()]);
    tree.unpair(Some(&mine.pairing_hash()));
    assert_eq!(tree.snapshot(), before, "bytes, owner and mode are as before");
}

#[test]
fn accounts_and_homes() {
    let tree = Tree::new();
    let system = System::root(tree.directory.path());
    let unknown = system.account(&"bob".parse().unwrap());
    assert!(matches!(unknown, Err(Error::AccountNotFound { name }) if name == "bob"));
    // Root is in the list, but the tree has no /root.
    let root = system.account(&"root".parse().unwrap()).unwrap();
    let backend = tree.backend();
    let refused = backend.plan_pair(&root, &certificate("x"));
    assert!(matches!(refused, Err(Error::NoHome { name, .. }) if name == "root"));
    assert!(backend.pairings(&root).unwrap().is_empty());
    assert!(backend.plan_unpair(&root, None).unwrap().is_unchanged());
    assert!(!tree.path("root").exists());
}

#[test]
fn all_accounts_with_pairings() {
    let tree = Tree::new();
    let (uid, gid) = (tree.alice.uid, tree.alice.gid);
    let mut passwd = fs::OpenOptions::new().append(true).open(tree.path("etc/passwd")).unwrap();
    for name in ["bob", "carol", "dave"] {
        writeln!(passwd, "{name}:x:{uid}:{gid}::/home/{name}:/bin/sh").unwrap();
        fs::create_dir(tree.path("home").join(name)).unwrap();
        tree.give(&tree.path("home").join(name), 0o755);
    }
    writeln!(passwd, "daemon:x:1:1::/dev/null:/bin/false").unwrap();
    let backend = tree.backend();
    assert!(backend.accounts_with_pairings().unwrap().is_empty());

    let carol = System::root(tree.directory.path()).account(&"carol".parse().unwrap()).unwrap();
    let key = certificate("carol");
    backend.apply(&backend.plan_pair(&carol, &key).unwrap()).unwrap();
    fs::create_dir(tree.path("home/dave/.eid")).unwrap();
    fs::set_permissions(tree.path("home/dave/.eid"), fs::Permissions::from_mode(0o777)).unwrap();
    let found = backend.accounts_with_pairings().unwrap();
    let names: Vec<&str> = found.iter().map(|one| one.account.name.as_str()).collect();
    assert_eq!(names, ["carol", "dave"]);
    assert!(found[0].pairings.as_ref().unwrap().contains(&key.pairing_hash()));
    assert!(matches!(found[1].pairings, Err(Error::Unsafe { .. })));
}

#[test]
fn the_live_system_knows_root() {
    let root = System::live().account(&"root".parse().unwrap()).unwrap();
    assert_eq!(root.uid, 0);
    let unknown = System::live().account(&"no-such-account-here".parse().unwrap());
    assert!(matches!(unknown, Err(Error::AccountNotFound { .. })));
    assert!(System::live().accounts().unwrap().iter().any(|account| account.uid == 0));
}
