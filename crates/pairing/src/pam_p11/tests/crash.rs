//! Interrupted at every step: the file is always the old one or the new one.

use std::os::unix::process::ExitStatusExt;

use super::*;
use crate::directory::faults::{Fault, STEPS, choose};

/// With a file of two certificates, with an empty file, and with nothing.
fn trees() -> Vec<Tree> {
    let old = [certificate("old").to_pem(), certificate("older").to_pem()].concat();
    vec![Tree::with_file(old.as_bytes()), Tree::with_file(b""), Tree::new()]
}

/// The file, or `None`.
fn bytes(tree: &Tree) -> Option<Vec<u8>> {
    fs::read(tree.file()).ok()
}

fn new_bytes(old: Option<&[u8]>, one: &Certificate) -> Option<Vec<u8>> {
    Some([old.unwrap_or_default(), one.to_pem().as_bytes()].concat())
}

#[test]
fn a_failing_step_leaves_the_old_or_the_new_file_and_no_litter() {
    let mut failed = 0;
    for name in STEPS {
        for tree in trees() {
            let (one, before, old) = (certificate("new"), tree.snapshot(), bytes(&tree));
            let plan = tree.backend().plan_pair(&tree.alice, &one).unwrap();
            choose(Some((name, Fault::Error)));
            let result = tree.backend().apply(&plan);
            choose(None);
            if name == "Directory" && before.contains_key(&tree.path(EID)) {
                result.unwrap();
                continue;
            }
            assert!(matches!(result, Err(Error::Io { .. })), "{name}: {result:?}");
            failed += 1;
            if name == "Renamed" {
                assert!(bytes(&tree) == new_bytes(old.as_deref(), &one));
                assert!(fs::symlink_metadata(tree.path(EID).join(TEMPORARY)).is_err());
            } else {
                assert_eq!(tree.snapshot(), before, "{name}");
            }
            tree.pair(&one);
            assert!(bytes(&tree) == new_bytes(old.as_deref(), &one), "{name}");
        }
    }
    assert_eq!(failed, 13);
}

#[test]
fn a_killed_process_leaves_the_old_or_the_new_file() {
    let mut killed = 0;
    for name in STEPS {
        for tree in trees() {
            let (one, old) = (certificate("new"), bytes(&tree));
            fs::write(tree.path("certificate"), one.der()).unwrap();
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "pam_p11::tests::crash::child", "--nocapture"])
                .env("PAIRING_TREE", tree.directory.path())
                .env("PAIRING_STEP", name)
                .stdout(Stdio::null())
                .status()
                .unwrap();
            if name == "Directory" && old.is_some() {
                assert!(status.success());
                continue;
            }
            assert_eq!(status.signal(), Some(9), "{name}");
            killed += 1;
            let expected = if name == "Renamed" { new_bytes(old.as_deref(), &one) } else { old.clone() };
            assert_eq!(bytes(&tree), expected, "{name}");

            // The next one finds neither a lock nor anything else in its way, and cleans up.
            tree.pair(&one);
            assert!(bytes(&tree) == new_bytes(old.as_deref(), &one), "{name}");
            assert_eq!(fs::read_dir(tree.path("home/alice")).unwrap().count(), 1, "{name}");
            assert_eq!(fs::read_dir(tree.path(EID)).unwrap().count(), 1, "{name}");
            assert_eq!(fs::metadata(tree.path(EID)).unwrap().uid(), tree.alice.uid, "{name}");
        }
    }
    assert_eq!(killed, 13);
}

/// Does something only in the child processes of the test above.
#[test]
fn child() {
    let (Ok(root), Ok(step)) = (std::env::var("PAIRING_TREE"), std::env::var("PAIRING_STEP")) else { return };
    let one = Certificate::from_der(&fs::read(Path::new(&root).join("certificate")).unwrap()).unwrap();
    let system = System::root(root);
    let alice = system.account(&"alice".parse().unwrap()).unwrap();
    let backend = PamP11::new(system);
    let plan = backend.plan_pair(&alice, &one).unwrap();
    let step = STEPS.into_iter().find(|name| *name == step).unwrap();
    choose(Some((step, Fault::Kill)));
    backend.apply(&plan).unwrap();
}
