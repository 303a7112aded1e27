//! Home directories prepared to make a privileged program touch something else.

use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;

use super::*;

/// Tries everything; each must be refused as unsafe and leave the tree as it is.
fn refused(tree: &Tree, why: &str) {
    let before = tree.snapshot();
    let (backend, one) = (tree.backend(), certificate("x"));
    let fresh = Tree::new();
    let plan = Plan { account: tree.alice.clone(), ..fresh.backend().plan_pair(&fresh.alice, &one).unwrap() };
    let hash = one.pairing_hash();
    let undo = Applied { account: tree.alice.clone(), ..fresh.pair(&one) };
    for (what, result) in [
        ("pairings", backend.pairings(&tree.alice).map(drop)),
        ("plan_pair", backend.plan_pair(&tree.alice, &one).map(drop)),
        ("plan_unpair", backend.plan_unpair(&tree.alice, Some(&hash)).map(drop)),
        ("apply", backend.apply(&plan).map(drop)),
        ("undo", backend.undo(undo.account(), undo.undo())),
    ] {
        match result {
            Err(Error::Unsafe { why: found, .. }) => assert!(found.contains(why), "{what}: {found}"),
            other => panic!("{what}: {other:?}"),
        }
        assert_eq!(tree.snapshot(), before, "{what} changed something");
    }
}

/// A tree with a place outside of alice's home that must never change, and her directory.
fn tree() -> Tree {
    let tree = Tree::with_file(b"");
    fs::create_dir_all(tree.path("outside/home/.eid")).unwrap();
    fs::write(tree.path("outside/authorized_certificates"), certificate("victim").to_pem()).unwrap();
    tree
}

fn without_file() -> Tree {
    let tree = tree();
    fs::remove_file(tree.file()).unwrap();
    tree
}

fn without_directory() -> Tree {
    let tree = without_file();
    fs::remove_dir(tree.path(EID)).unwrap();
    tree
}

#[test]
fn the_directory_is_a_link() {
    for target in ["../../outside", "nowhere"] {
        let tree = without_directory();
        symlink(target, tree.path(EID)).unwrap();
        refused(&tree, "is a symbolic link");
    }
}

#[test]
fn the_directory_is_a_file() {
    let tree = without_directory();
    fs::write(tree.path(EID), b"x").unwrap();
    refused(&tree, "is not a directory");
}

#[test]
fn the_file_is_a_link() {
    for target in ["../../../outside/authorized_certificates", "nowhere", "authorized_certificates"] {
        let tree = without_file();
        symlink(target, tree.file()).unwrap();
        refused(&tree, "is a symbolic link");
    }
}

#[test]
fn the_file_has_another_name() {
    let tree = without_file();
    fs::hard_link(tree.path("outside/authorized_certificates"), tree.file()).unwrap();
    refused(&tree, "hard links");
}

#[test]
fn the_file_is_a_fifo_a_socket_or_a_directory() {
    let tree = without_file();
    nix::unistd::mkfifo(&tree.file(), Mode::S_IRWXU).unwrap();
    refused(&tree, "is not a regular file");

    let tree = without_file();
    let _listener = std::os::unix::net::UnixListener::bind(tree.file()).unwrap();
    refused(&tree, "is not a regular file");

    let tree = without_file();
    fs::create_dir(tree.file()).unwrap();
    refused(&tree, "is not a regular file");
}

#[test]
fn others_can_write() {
    let tree = tree();
    fs::set_permissions(tree.file(), fs::Permissions::from_mode(0o666)).unwrap();
    refused(&tree, "can be changed by everyone");

    for name in [EID, "home/alice"] {
        let tree = self::tree();
        fs::set_permissions(tree.path(name), fs::Permissions::from_mode(0o777)).unwrap();
        refused(&tree, "can be changed by everyone");
    }
}

#[test]
fn the_file_is_too_large() {
    let tree = tree();
    let file = fs::OpenOptions::new().write(true).open(tree.file()).unwrap();
    file.set_len(MAX_FILE).unwrap();
    assert!(tree.backend().pairings(&tree.alice).unwrap().is_empty());
    file.set_len(MAX_FILE + 1).unwrap();
    refused(&tree, "is larger than 1 MiB");
}

#[test]
fn the_home_directory_leads_elsewhere() {
    for (home, link) in [("/home/link", "home/link"), ("/link/home", "link")] {
        let mut tree = tree();
        let target = if link == "link" { "outside" } else { "../outside/home" };
        symlink(target, tree.path(link)).unwrap();
        tree.alice.home = home.into();
        refused(&tree, "is a symbolic link");
    }
    let mut tree = tree();
    tree.alice.home = "/home/../../../../../../tmp".into();
    refused(&tree, "leads out of the directory tree");
}

#[test]
fn the_account_list_leads_elsewhere() {
    let name = "alice".parse().unwrap();
    let tree = Tree::new();
    fs::rename(tree.path("etc/passwd"), tree.path("passwd")).unwrap();
    symlink("../passwd", tree.path("etc/passwd")).unwrap();
    let system = System::root(tree.directory.path());
    assert!(matches!(system.account(&name), Err(Error::Unsafe { .. })));

    let tree = Tree::new();
    fs::rename(tree.path("etc"), tree.path("real")).unwrap();
    symlink("real", tree.path("etc")).unwrap();
    let system = System::root(tree.directory.path());
    assert!(matches!(system.account(&name), Err(Error::Unsafe { .. })));

    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(System::root(empty.path()).account(&name), Err(Error::Missing { .. })));
    let missing = empty.path().join("nonexist");
    let refused = System::root(&missing).account(&name).unwrap_err();
    assert_eq!(refused.to_string(), format!("{} is not there", missing.display()));
}

#[test]
fn a_link_in_the_place_of_the_temporary_file_is_not_followed() {
    let tree = tree();
    let victim = tree.path("outside/authorized_certificates");
    let before = fs::read(&victim).unwrap();
    symlink(&victim, tree.path(EID).join(TEMPORARY)).unwrap();
    let one = certificate("x");
    tree.pair(&one);
    assert_eq!(fs::read(&victim).unwrap(), before);
    assert!(fs::symlink_metadata(tree.file()).unwrap().is_file());
    assert_eq!(tree.hashes(), [one.pairing_hash()]);
    assert!(fs::symlink_metadata(tree.path(EID).join(TEMPORARY)).is_err());
}
