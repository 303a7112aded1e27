//! Who may do what where: the way to the home directory, who else lives there, and whether a plan
//! can be carried out.

use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;

use super::*;
use crate::walk::{self, Links};

fn walk(path: &Path) -> Result<bool, Error> {
    walk::open(Path::new("/"), path, Links::OfRoot).map(|found| found.is_some())
}

/// The account svc lives in a directory of alice, who puts a link in its place.
#[test]
fn links_on_the_way_are_followed_only_when_they_are_roots() {
    let tree = Tree::new();
    let canonical = tree.directory.path().canonicalize().unwrap();
    let path = |name: &str| canonical.join(name);
    fs::create_dir_all(path("home/alice/svc")).unwrap();
    fs::write(path("file"), b"").unwrap();
    assert!(walk(&path("home/alice/svc")).unwrap() && walk(&path("home/alice/../alice/svc")).unwrap());
    assert!(!walk(&path("home/alice/none/x")).unwrap() && !walk(&path("file")).unwrap());
    assert!(!walk(Path::new("/dev/null")).unwrap());

    symlink(path("etc"), path("home/alice/link")).unwrap();
    let refused = walk(&path("home/alice/link"));
    assert!(matches!(&refused, Err(Error::Unsafe { why, .. }) if why.contains("others than root")), "{refused:?}");
    symlink("home", path("relative")).unwrap();
    symlink(path("relative"), path("absolute")).unwrap();
    symlink("loop", path("loop")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    if is_root() {
        assert!(walk(&path("absolute/alice/svc")).unwrap() && walk(&path("relative")).unwrap());
        assert!(!walk(&path("dangling")).unwrap());
        assert!(matches!(walk(&path("loop")), Err(Error::Unsafe { .. })));
        // A link of root's in a directory of hers, and one of hers in a directory of root's.
        chown(path("home/alice"), Some(0), Some(0)).unwrap();
        std::os::unix::fs::lchown(path("home/alice/link"), Some(12345), None).unwrap();
        assert!(walk(&path("home/alice/link")).is_err());
        // Root's, where others can write.
        fs::set_permissions(&canonical, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(walk(&path("relative")).is_err());
    } else {
        assert!(matches!(walk(&path("relative")), Err(Error::Unsafe { .. })));
    }
}

#[test]
fn others_who_live_there_are_named() {
    let tree = Tree::new();
    let mut passwd = fs::OpenOptions::new().append(true).open(tree.path("etc/passwd")).unwrap();
    writeln!(passwd, "carol:x:5:5::/home/alice/:/bin/sh\nslash:x:6:6::/:/bin/sh").unwrap();
    let one = certificate("a");
    for plan in [tree.backend().plan_pair(&tree.alice, &one), tree.backend().plan_unpair(&tree.alice, None)] {
        let notes = plan.unwrap().notes().to_vec();
        assert!(matches!(notes.as_slice(), [Note::SharedHome { accounts, .. }] if accounts[0].as_str() == "carol"));
    }
    let slash = System::root(tree.directory.path()).account(&"slash".parse().unwrap()).unwrap();
    let before = tree.snapshot();
    assert!(matches!(tree.backend().plan_pair(&slash, &one), Err(Error::Unsafe { .. })));
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn a_long_rsa_key_gets_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate");
    for (bits, notes) in [(2048, 0), (4096, 1)] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-noenc", "-subj", "/CN=x", "-outform", "DER", "-newkey", &format!("rsa:{bits}")])
            .arg("-keyout")
            .arg(folder.path().join("key"))
            .arg("-out")
            .arg(&file)
            .output()
            .expect("the openssl command is needed for this test");
        assert!(made.status.success());
        let tree = Tree::new();
        let one = Certificate::from_der(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(tree.backend().plan_pair(&tree.alice, &one).unwrap().notes().len(), notes, "{bits}");
    }
}

/// Runs the test `child` below as somebody else, in the tree.
fn as_other(tree: &Tree, uid: u32) -> String {
    let copy = tree.path("test-program");
    fs::set_permissions(tree.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let output = Command::new(&copy)
        .args(["--exact", "pam_p11::tests::access::child", "--nocapture"])
        .env("PAIRING_TREE", tree.directory.path())
        .uid(uid)
        .gid(uid)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn access_is_checked_without_changing_anything() {
    let tree = Tree::new();
    let backend = tree.backend();
    let plan = backend.plan_pair(&tree.alice, &certificate("a")).unwrap();
    let before = tree.snapshot();
    backend.check_access(&plan).unwrap();
    assert_eq!(tree.snapshot(), before);
    if !is_root() {
        fs::set_permissions(tree.path("home/alice"), fs::Permissions::from_mode(0o500)).unwrap();
        assert!(matches!(backend.check_access(&plan), Err(Error::NotPermitted { .. })));
        return;
    }
    assert!(as_other(&tree, 65534).contains("refused: not permitted"));
    assert!(as_other(&tree, tree.alice.uid).contains("allowed"));
    // Hers, but in a file of root's, which she could not make anew.
    let tree = Tree::with_file(b"# kept\n");
    assert!(as_other(&tree, tree.alice.uid).contains("allowed"));
    chown(tree.file(), Some(0), Some(0)).unwrap();
    fs::set_permissions(tree.file(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(as_other(&tree, tree.alice.uid).contains("refused: not permitted"));
}

/// Does something only in the child processes of the test above.
#[test]
fn child() {
    let Some(root) = std::env::var_os("PAIRING_TREE") else { return };
    let system = System::root(root);
    let alice = system.account(&"alice".parse().unwrap()).unwrap();
    let backend = PamP11::new(system);
    let plan = backend.plan_pair(&alice, &certificate("a")).unwrap();
    match backend.check_access(&plan) {
        Ok(()) => println!("allowed"),
        Err(error) => println!("refused: {error}"),
    }
}
