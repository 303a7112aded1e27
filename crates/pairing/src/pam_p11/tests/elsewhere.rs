//! Keys in `~/.ssh/authorized_keys`, which pam_p11 takes as well.

use std::os::unix::fs::symlink;

use identity::PairingHash;

use super::*;
use crate::Elsewhere;

/// An ECDSA key and its pairing hash. What is in the point does not matter here; that the hash is
/// right is tested where the line is read.
const LINE: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x\n";

fn hash() -> PairingHash {
    PairingHash::of_public_key(&[&[4][..], &[0; 64]].concat())
}

fn tree(file: &[u8]) -> Tree {
    let tree = Tree::new();
    fs::create_dir(tree.path("home/alice/.ssh")).unwrap();
    fs::write(tree.path(FILE), file).unwrap();
    tree
}

const FILE: &str = "home/alice/.ssh/authorized_keys";

#[test]
fn keys_for_ssh_open_the_account_and_are_never_changed() {
    let tree = tree(format!("# mine\n{LINE}").as_bytes());
    let before = tree.snapshot();
    let backend = tree.backend();
    let pairings = backend.pairings(&tree.alice).unwrap();
    assert!(pairings.contains(&hash()) && pairings.hashes().is_empty() && !pairings.may_hold_more());
    let key = Elsewhere { hash: hash(), path: tree.path(FILE), line: 2 };
    assert_eq!(pairings.elsewhere, [key]);
    assert_eq!(backend.accounts_with_pairings().unwrap().len(), 1);
    for hash in [None, Some(hash())] {
        let plan = backend.plan_unpair(&tree.alice, hash.as_ref()).unwrap();
        assert!(plan.is_unchanged());
        let note = plan.notes()[0].to_string();
        assert!(note.contains("still opens") && note.contains("authorized_keys line 2"), "{note}");
    }
    // Another key does not stay.
    assert!(backend.plan_unpair(&tree.alice, Some(&[0; 20].into())).unwrap().notes().is_empty());
    assert_eq!(tree.snapshot(), before);

    // The note stands also in what was done, and pairing is done whatever stands there.
    tree.pair(&certificate("a"));
    assert_eq!(tree.unpair(None).notes().len(), 1);
}

#[test]
fn many_lines_are_counted() {
    let tree = tree(LINE.repeat(100).as_bytes());
    let plan = tree.backend().plan_unpair(&tree.alice, None).unwrap();
    assert_eq!(plan.notes().len(), 21);
    assert!(plan.notes()[20].to_string().contains("80 more"));
}

#[test]
fn what_cannot_be_read_there_is_said_and_stops_nothing() {
    let outside = tree(b"");
    fs::write(outside.path("keys"), LINE).unwrap();
    type Make = fn(&Path);
    let cases: [(&str, Make); 4] = [
        ("is a symbolic link", |file| {
            fs::remove_file(file).unwrap();
            symlink("../../../keys", file).unwrap();
        }),
        ("is not a regular file", |file| {
            fs::remove_file(file).unwrap();
            nix::unistd::mkfifo(file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }),
        ("larger than 1 MiB", |file| fs::write(file, vec![b'#'; 1024 * 1024 + 1]).unwrap()),
        ("line 1 ", |file| fs::write(file, "2048 65537 99\n").unwrap()),
    ];
    for (why, make) in cases {
        let tree = tree(b"");
        make(&tree.path(FILE));
        let pairings = tree.backend().pairings(&tree.alice).unwrap();
        assert!(pairings.may_hold_more() && pairings.is_empty(), "{why}");
        assert!(pairings.unknown[0].why.contains(why), "{:?}", pairings.unknown);
        tree.pair(&certificate("a"));
        assert!(tree.unpair(None).notes()[0].to_string().contains(why));
        assert!(!tree.file().exists());
    }
}
