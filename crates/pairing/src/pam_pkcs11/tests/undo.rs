//! What was there before comes back.

use super::*;

#[test]
fn a_file_that_was_made_goes() {
    let tree = Tree::new();
    let applied = tree.pair("alice", &certificate("alice"));
    let (alice, undo) = (tree.account("alice"), applied.undo());
    tree.backend().undo(&alice, undo).unwrap();
    assert!(!tree.file().exists());
    // Again: it is so already.
    tree.backend().undo(&alice, undo).unwrap();
}

#[test]
fn the_file_is_as_before_byte_for_byte() {
    for before in ["", "# x", "# x\n", "\n\n00 -> x", "# a\r\n"] {
        let tree = Tree::with_file(before.as_bytes());
        let (alice, first, second) = (tree.account("alice"), certificate("1"), certificate("2"));
        let paired = tree.pair("alice", &first);
        let with_one = tree.text();
        let again = tree.pair("alice", &second);
        let unpaired = tree.apply("alice", &Request::Unpair(Selection::All)).unwrap();
        for (undo, text) in [(&unpaired, None), (&again, Some(with_one.as_str())), (&paired, Some(before))] {
            tree.backend().undo(&alice, undo.undo()).unwrap();
            assert!(text.is_none_or(|text| tree.text() == text), "{before:?}: {:?}", tree.text());
        }
    }
}

#[test]
fn lines_that_others_added_since_stay() {
    let (tree, alice) = (Tree::with_file(b"# first\n"), certificate("alice"));
    let applied = tree.pair("alice", &alice);
    tree.pair("bob", &certificate("bob"));
    tree.backend().undo(&tree.account("alice"), applied.undo()).unwrap();
    assert!(tree.pairings("alice").is_empty() && !tree.pairings("bob").is_empty());
    assert!(tree.text().starts_with("# first\n# pivkit "));
}

#[test]
fn a_certificate_that_went_to_another_account_since_stays_there() {
    let (tree, shared) = (Tree::new(), certificate("shared"));
    tree.pair("alice", &shared);
    let removed = tree.apply("alice", &unpair(shared.pairing_hash())).unwrap();
    tree.pair("bob", &shared);
    let text = tree.text();
    let refused = tree.backend().undo(&tree.account("alice"), removed.undo());
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    assert_eq!(tree.text(), text);
}

#[test]
fn what_was_replaced_and_then_changed_is_left() {
    let (tree, (old, new)) = (Tree::new(), renewed());
    tree.pair("alice", &old);
    let replaced = tree.apply("alice", &Request::Replace { new: Key::from(&new), old: Selection::All }).unwrap();
    tree.apply("alice", &Request::Unpair(Selection::All)).unwrap();
    let refused = tree.backend().undo(&tree.account("alice"), replaced.undo());
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
}

#[test]
fn a_witness_that_fails_prevents_the_change() {
    let (tree, alice) = (Tree::new(), certificate("alice"));
    let plan = tree.backend().plan(&tree.account("alice"), &pair(&alice)).unwrap();
    let failed = tree.backend().apply_witnessed(&plan, &mut |_| Err(std::io::Error::other("full")));
    assert!(matches!(failed, Err(Error::Witness(_))));
    assert!(!tree.file().exists());
}

#[test]
fn what_the_witness_was_told_fits_before_and_after() {
    let (tree, alice) = (Tree::with_file(b"# x"), certificate("alice"));
    let plan = tree.backend().plan(&tree.account("alice"), &pair(&alice)).unwrap();
    let mut told = None;
    let account = tree.account("alice");
    let _ = tree.backend().apply_witnessed(&plan, &mut |undo| {
        told = Some(serde_json::to_string(undo).unwrap());
        Err(std::io::Error::other("the process ends here"))
    });
    let undo: Undo = serde_json::from_str(&told.unwrap()).unwrap();
    tree.backend().undo(&account, &undo).unwrap();
    assert_eq!(tree.text(), "# x");
    tree.backend().apply(&plan).unwrap();
    tree.backend().undo(&account, &undo).unwrap();
    assert_eq!(tree.text(), "# x");
}
