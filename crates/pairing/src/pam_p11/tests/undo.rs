//! Undo, and plans that are no longer fresh.

use super::*;

#[test]
fn undo_restores_absence() {
    let tree = Tree::new();
    let before = tree.snapshot();
    let applied = tree.pair(&certificate("a"));
    assert_ne!(tree.snapshot(), before);
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn undo_restores_every_byte_and_attribute() {
    let a = certificate("a");
    let file = format!("\u{feff}x\r\n{}-----BEGIN X-----\n\n", a.to_pem());
    let tree = Tree::with_file(file.as_bytes());
    let before = tree.snapshot();
    let paired = tree.pair(&certificate("b"));
    tree.backend().undo(paired.account(), paired.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
    let unpaired = tree.unpair(Some(&a.pairing_hash()));
    assert_eq!(tree.hashes(), []);
    tree.backend().undo(unpaired.account(), unpaired.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
}

/// As after a crash between the witness and the change.
#[test]
fn undo_of_what_was_not_made_is_nothing() {
    let tree = Tree::with_file(certificate("a").to_pem().as_bytes());
    let backend = tree.backend();
    let before = tree.snapshot();
    let mut told = Vec::new();
    let plan = backend.plan_pair(&tree.alice, &certificate("b")).unwrap();
    let failed = backend.apply_witnessed(&plan, &mut |undo| {
        told.push(undo.clone());
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert!(matches!(failed, Err(Error::Witness(_))));
    assert_eq!(tree.snapshot(), before);
    backend.undo(&tree.alice, &told[0]).unwrap();
    assert_eq!(tree.snapshot(), before);
    // What it was told undoes the change when it is made.
    let applied = backend.apply(&plan).unwrap();
    assert_eq!(*applied.undo(), told[0]);
    backend.undo(&tree.alice, &told[0]).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn a_renewed_key_takes_the_place_of_the_old_one() {
    let (old, new, third) = (certificate("old"), certificate("new"), certificate("third"));
    let tree = Tree::with_file(format!("# mine\n{}", old.to_pem()).as_bytes());
    let backend = tree.backend();
    let before = tree.snapshot();
    let replace = |old| Request::Replace { new: Key::from(&new), old };
    let applied = backend.apply(&backend.plan(&tree.alice, &replace(Selection::All)).unwrap()).unwrap();
    assert_eq!(tree.hashes(), [new.pairing_hash()]);
    assert!(fs::read_to_string(tree.file()).unwrap().starts_with("# mine\n"));
    assert!(backend.plan(&tree.alice, &replace(Selection::All)).unwrap().is_unchanged());
    backend.undo(&tree.alice, applied.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
    // With several, it must be said which.
    tree.pair(&third);
    let refused = backend.plan(&tree.alice, &replace(Selection::All)).unwrap_err().to_string();
    assert!(refused.contains(&third.pairing_hash().to_string()), "{refused}");
    let plan = backend.plan(&tree.alice, &replace(Selection::Hash(old.pairing_hash()))).unwrap();
    backend.apply(&plan).unwrap();
    assert_eq!(tree.hashes(), [third.pairing_hash(), new.pairing_hash()]);
    let refused = backend.plan(&tree.alice, &Request::Pair(Key::Hash(old.pairing_hash())));
    assert!(matches!(refused, Err(Error::NeedsCertificate { .. })));
}

#[test]
fn undo_brings_a_removed_file_back() {
    let tree = Tree::with_file(certificate("a").to_pem().as_bytes());
    let before = tree.snapshot();
    let applied = tree.unpair(None);
    assert!(!tree.file().exists());
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn undo_refuses_what_somebody_changed() {
    let tree = Tree::new();
    let applied = tree.pair(&certificate("a"));
    tree.pair(&certificate("b"));
    let after = tree.snapshot();
    assert!(matches!(tree.backend().undo(applied.account(), applied.undo()), Err(Error::Changed { .. })));
    assert_eq!(tree.snapshot(), after);
    // It is gone already, as it was.
    fs::remove_file(tree.file()).unwrap();
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
    assert!(!tree.file().exists());
}

#[test]
fn undo_keeps_a_directory_that_is_in_use() {
    let tree = Tree::new();
    let applied = tree.pair(&certificate("a"));
    fs::write(tree.path("home/alice/.eid/other"), b"x").unwrap();
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
    assert!(!tree.file().exists() && tree.path("home/alice/.eid/other").exists());
}

#[test]
fn undo_of_nothing_is_nothing() {
    let tree = Tree::new();
    let a = certificate("a");
    tree.pair(&a);
    let applied = tree.pair(&a);
    let before = tree.snapshot();
    tree.backend().undo(applied.account(), applied.undo()).unwrap();
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
