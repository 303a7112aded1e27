//! Several programs at once.

use std::process::Child;
use std::sync::{Arc, Barrier};

use super::*;

const MANY: usize = 8;

#[test]
fn threads_do_not_lose_each_others_change() {
    let tree = Arc::new(Tree::with_file(b"# kept\n"));
    let start = Arc::new(Barrier::new(MANY));
    let threads: Vec<_> = (0..MANY)
        .map(|number| {
            let (tree, start) = (Arc::clone(&tree), Arc::clone(&start));
            std::thread::spawn(move || {
                let (stays, goes) = (certificate("stays"), certificate("goes"));
                let plan = tree.backend().plan_pair(&tree.alice, &stays).unwrap();
                start.wait();
                tree.backend().apply(&plan).unwrap();
                tree.pair(&goes);
                if number % 2 == 0 {
                    tree.unpair(Some(&goes.pairing_hash()));
                    vec![stays.pairing_hash()]
                } else {
                    vec![stays.pairing_hash(), goes.pairing_hash()]
                }
            })
        })
        .collect();
    let mut expected: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    expected.sort();
    let mut found = tree.hashes();
    found.sort();
    assert_eq!(found, expected);
    assert!(fs::read(tree.file()).unwrap().starts_with(b"# kept\n"));
}

#[test]
fn processes_do_not_lose_each_others_change() {
    let tree = Tree::new();
    let certificates: Vec<Certificate> = (0..MANY).map(|_| certificate("x")).collect();
    let start = |one: &Certificate| -> Child {
        let file = tree.path(&one.pairing_hash().to_string());
        fs::write(&file, one.der()).unwrap();
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pam_p11::tests::race::child", "--nocapture"])
            .env("PAIRING_TREE", tree.directory.path())
            .env("PAIRING_CERTIFICATE", file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = certificates.iter().map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut expected: Vec<String> = certificates.iter().map(|one| one.pairing_hash().to_string()).collect();
    expected.sort();
    assert_eq!(hashes_by_openssl(&tree.file()), expected);
}

/// Does something only in the child processes of the test above.
#[test]
fn child() {
    let Some(root) = std::env::var_os("PAIRING_TREE") else { return };
    let Some(file) = std::env::var_os("PAIRING_CERTIFICATE") else { return };
    let system = System::root(root);
    let alice = system.account(&"alice".parse().unwrap()).unwrap();
    let backend = PamP11::new(system);
    let one = Certificate::from_der(&fs::read(file).unwrap()).unwrap();
    let plan = backend.plan_pair(&alice, &one).unwrap();
    backend.apply(&plan).unwrap();
}

/// Whoever can open the home directory, which usually is everybody, can lock that.
#[test]
fn the_lock_of_the_home_directory_stops_nobody() {
    let tree = Tree::new();
    let _holder = locked(&tree.path("home/alice"));
    let backend = tree.backend().with_lock_wait(Duration::from_secs(60));
    let start = Instant::now();
    backend.apply(&backend.plan_pair(&tree.alice, &certificate("a")).unwrap()).unwrap();
    backend.apply(&backend.plan_unpair(&tree.alice, None).unwrap()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_lock_that_only_the_account_can_hold_is_respected_by_the_account() {
    let tree = Tree::new();
    tree.pair(&certificate("a"));
    // Root's own directory, so that the answer is the same whoever runs this.
    let mut alice = tree.alice.clone();
    if is_root() {
        for path in ["home/alice", EID, "home/alice/.eid/authorized_certificates"] {
            chown(tree.path(path), Some(0), Some(0)).unwrap();
        }
        alice = Account { uid: 0, gid: 0, ..alice };
    }
    let backend = tree.backend().with_lock_wait(Duration::from_millis(30));
    let plan = backend.plan_unpair(&alice, None).unwrap();
    let before = tree.snapshot();
    let holder = locked(&tree.path(EID));
    assert!(matches!(backend.apply(&plan), Err(Error::Busy { .. })));
    assert_eq!(tree.snapshot(), before);
    drop(holder);
    backend.apply(&plan).unwrap();
    // The lock is free again afterwards.
    fs::File::open(tree.path(EID)).unwrap().try_lock().unwrap();
}

#[test]
fn a_lock_that_others_keep_does_not_keep_a_pairing() {
    let tree = Tree::new();
    let a = certificate("a");
    tree.pair(&a);
    if !is_root() {
        // Then alice is who runs this, and others can hold the lock only of what they can open.
        fs::set_permissions(tree.path(EID), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _holder = locked(&tree.path(EID));
    let backend = tree.backend().with_lock_wait(Duration::from_millis(30));
    let applied = backend.apply(&backend.plan_unpair(&tree.alice, None).unwrap()).unwrap();
    assert!(!tree.file().exists());
    backend.undo(applied.account(), applied.undo()).unwrap();
    assert_eq!(tree.hashes(), [a.pairing_hash()]);
    backend.apply(&backend.plan_pair(&tree.alice, &certificate("b")).unwrap()).unwrap();
    assert_eq!(tree.hashes().len(), 2);
    assert_eq!(fs::read_dir(tree.path(EID)).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn a_directory_that_goes_while_somebody_waits_for_it_is_made_anew() {
    let tree = Arc::new(Tree::new());
    let (a, b) = (certificate("a"), certificate("b"));
    let applied = tree.pair(&a);
    let holder = locked(&tree.path(EID));
    let waiting = {
        let (tree, b) = (Arc::clone(&tree), b.clone());
        std::thread::spawn(move || tree.pair(&b))
    };
    // Whether the other waits already or not, the outcome is the same.
    fs::remove_dir_all(tree.path(EID)).unwrap();
    drop(holder);
    waiting.join().unwrap();
    assert_eq!(tree.hashes(), [b.pairing_hash()]);
    assert!(matches!(tree.backend().undo(applied.account(), applied.undo()), Err(Error::Changed { .. })));
}

fn locked(path: &Path) -> fs::File {
    let holder = fs::File::open(path).unwrap();
    holder.lock().unwrap();
    holder
}

/// Two processes find no directory; the slower one must not put its own in the place of the other's, which is still empty.
#[test]
fn a_directory_that_another_process_has_just_made_stays() {
    use std::os::unix::fs::MetadataExt;
    let tree = Tree::new();
    let home = Directory::open(&tree.path("home/alice")).unwrap().unwrap();
    let attributes = home.attributes().unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    let make =
        || home.create_directory(".eid", ".eid.pivkit", Attributes { mode: 0o700, ..attributes }, end, |_| Ok(false));
    let _faster = make().unwrap().unwrap();
    let inode = || fs::metadata(tree.path("home/alice/.eid")).unwrap().ino();
    let before = inode();
    assert!(make().unwrap().is_none());
    assert_eq!(inode(), before);
    assert!(!tree.path("home/alice/.eid.pivkit").exists());
}
