//! Undo, and plans that are no longer fresh.

use super::*;

#[test]
fn undo_restores_absence() {
    let tree = Tree::new();
    let before = tree.snapshot();
    let applied = tree.pair(&certificate("a"));
    assert_ne!(tree.snapshot(), before);
    tree.backend().undo(&applied).unwrap();
    assert_eq!(tree.snapshot(), before);
    assert!(matches!(tree.backend().undo(&applied), Err(Error::Changed { .. })), "once is enough");
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn undo_restores_every_byte_and_attribute() {
    let a = certificate("a");
    let file = format!("\u{feff}x\r\n{}-----BEGIN X-----\n\n", a.to_pem());
    let tree = Tree::with_file(file.as_bytes());
    let before = tree.snapshot();
    let paired = tree.pair(&certificate("b"));
    tree.backend().undo(&paired).unwrap();
    assert_eq!(tree.snapshot(), before);
    let unpaired = tree.unpair(Some(&a.pairing_hash()));
    assert_eq!(tree.hashes(), []);
    tree.backend().undo(&unpaired).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn undo_brings_a_removed_file_back() {
    let tree = Tree::with_file(certificate("a").to_pem().as_bytes());
    let before = tree.snapshot();
    let applied = tree.unpair(None);
    assert!(!tree.file().exists());
    tree.backend().undo(&applied).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn undo_refuses_what_somebody_changed() {
    let tree = Tree::new();
    let applied = tree.pair(&certificate("a"));
    tree.pair(&certificate("b"));
    let after = tree.snapshot();
    assert!(matches!(tree.backend().undo(&applied), Err(Error::Changed { .. })));
    assert_eq!(tree.snapshot(), after);
    fs::remove_file(tree.file()).unwrap();
    assert!(matches!(tree.backend().undo(&applied), Err(Error::Changed { .. })));
}

#[test]
fn undo_keeps_a_directory_that_is_in_use() {
    let tree = Tree::new();
    let applied = tree.pair(&certificate("a"));
    fs::write(tree.path("home/alice/.eid/other"), b"x").unwrap();
    tree.backend().undo(&applied).unwrap();
    assert!(!tree.file().exists() && tree.path("home/alice/.eid/other").exists());
}

#[test]
fn undo_of_nothing_is_nothing() {
    let tree = Tree::new();
    let a = certificate("a");
    tree.pair(&a);
    let applied = tree.pair(&a);
    let before = tree.snapshot();
    tree.backend().undo(&applied).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn two_plans_made_at_once_are_both_kept() {
    let tree = Tree::new();
    let (a, b) = (certificate("a"), certificate("b"));
    let backend = tree.backend();
    let plans = [&a, &b].map(|one| backend.plan_pair(&tree.alice, one).unwrap());
    assert_eq!(backend.apply(&plans[0]).unwrap().changes().len(), 3);
    assert_eq!(backend.apply(&plans[1]).unwrap().changes().len(), 1, "directory and file are there by now");
    assert_eq!(tree.hashes(), [a.pairing_hash(), b.pairing_hash()]);
    assert!(backend.apply(&plans[0]).unwrap().changes().is_empty());
}

#[test]
fn removing_all_removes_only_what_was_shown() {
    let tree = Tree::new();
    let (a, b) = (certificate("a"), certificate("b"));
    tree.pair(&a);
    let backend = tree.backend();
    let plan = backend.plan_unpair(&tree.alice, None).unwrap();
    tree.pair(&b);
    let before = tree.snapshot();
    assert!(matches!(backend.apply(&plan), Err(Error::Changed { .. })));
    assert_eq!(tree.snapshot(), before);
    // Fewer than shown is fine.
    let plan = backend.plan_unpair(&tree.alice, None).unwrap();
    tree.unpair(Some(&a.pairing_hash()));
    assert_eq!(backend.apply(&plan).unwrap().changes().len(), 2);
    assert!(!tree.file().exists());
}
