//! Owners and permissions. What needs root is tested when the tests run as root; otherwise the
//! test says what it leaves out.

use std::os::unix::process::CommandExt;

use super::*;

fn attributes(path: &Path) -> (u32, u32, u32) {
    let data = fs::symlink_metadata(path).unwrap();
    (data.uid(), data.gid(), data.mode() & 0o7777)
}

#[test]
fn mode_and_owner_of_a_file_are_kept() {
    let mut owners = vec![None];
    if is_root() {
        // As a file that an administrator made, and one with another group.
        owners.extend([Some((0, 0)), Some((12345, 777))]);
    } else {
        eprintln!("not root: files of root and of other groups are not tested");
    }
    for owner in owners {
        for mode in [0o400, 0o600, 0o644, 0o440] {
            let tree = Tree::with_file(b"# kept\n");
            if let Some((uid, gid)) = owner {
                chown(tree.file(), Some(uid), Some(gid)).unwrap();
            }
            fs::set_permissions(tree.file(), fs::Permissions::from_mode(mode)).unwrap();
            let before = (attributes(&tree.file()), attributes(&tree.path(EID)));
            let applied = tree.pair(&certificate("a"));
            assert_eq!((attributes(&tree.file()), attributes(&tree.path(EID))), before);
            tree.backend().undo(applied.account(), applied.undo()).unwrap();
            assert_eq!((attributes(&tree.file()), attributes(&tree.path(EID))), before);
        }
    }
}

#[test]
fn what_belongs_to_others_is_refused() {
    if !is_root() {
        eprintln!("not root: files of other users cannot be made, so they are not tested");
        return;
    }
    for name in ["home/alice", EID, "home/alice/.eid/authorized_certificates"] {
        let tree = Tree::with_file(b"");
        chown(tree.path(name), Some(54321), None).unwrap();
        let before = tree.snapshot();
        let refused = tree.backend().plan_pair(&tree.alice, &certificate("a"));
        assert!(matches!(&refused, Err(Error::Unsafe { why, .. }) if why.contains("user 54321")), "{refused:?}");
        assert_eq!(tree.snapshot(), before);

        let tree = Tree::with_file(b"");
        chown(tree.path(name), None, Some(777)).unwrap();
        fs::set_permissions(tree.path(name), fs::Permissions::from_mode(0o770)).unwrap();
        let refused = tree.backend().plan_pair(&tree.alice, &certificate("a"));
        assert!(matches!(&refused, Err(Error::Unsafe { why, .. }) if why.contains("group 777")), "{refused:?}");
        // A group of her own is fine, as long as it is hers alone.
        chown(tree.path(name), None, Some(tree.alice.gid)).unwrap();
        tree.pair(&certificate("a"));
        let gid = tree.alice.gid;
        for (file, line) in [
            ("etc/group", format!("users:x:{gid}:\n")),
            ("etc/group", format!("alice:x:{gid}:bob\n")),
            ("etc/passwd", format!("bob:x:54321:{gid}::/home/bob:/bin/sh\n")),
        ] {
            let before = fs::read(tree.path(file)).unwrap();
            fs::write(tree.path(file), [line.as_bytes(), &before].concat()).unwrap();
            let refused = tree.backend().plan_pair(&tree.alice, &certificate("b"));
            let group = format!("group {gid}");
            assert!(matches!(&refused, Err(Error::Unsafe { why, .. }) if why.contains(&group)), "{line}: {refused:?}");
            fs::write(tree.path(file), before).unwrap();
        }
    }
}

#[test]
fn without_the_right_it_says_not_permitted() {
    let tree = Tree::new();
    if is_root() {
        // A child without root tries to pair alice, who is somebody else.
        fs::set_permissions(tree.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let copy = tree.path("test-program");
        fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let before = tree.snapshot();
        let output = Command::new(&copy)
            .args(["--exact", "pam_p11::tests::owners::child", "--nocapture"])
            .env("PAIRING_TREE", tree.directory.path())
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("refused: not permitted"), "{text}");
        assert_eq!(tree.snapshot(), before);
    } else {
        fs::set_permissions(tree.path("home/alice"), fs::Permissions::from_mode(0o500)).unwrap();
        let plan = tree.backend().plan_pair(&tree.alice, &certificate("a")).unwrap();
        assert!(matches!(tree.backend().apply(&plan), Err(Error::NotPermitted { .. })));
    }
}

/// Does something only in the child process of the test above.
#[test]
fn child() {
    let Some(root) = std::env::var_os("PAIRING_TREE") else { return };
    let system = System::root(root);
    let alice = system.account(&"alice".parse().unwrap()).unwrap();
    let backend = PamP11::new(system);
    let plan = backend.plan_pair(&alice, &certificate("a")).unwrap();
    match backend.apply(&plan) {
        Err(error @ Error::NotPermitted { .. }) => println!("refused: {error}"),
        other => panic!("{other:?}"),
    }
}
