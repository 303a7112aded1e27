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
    assert!(fs::read(tree.file()).unwrap().ends_with(b"# kept\n"));
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

#[test]
fn a_lock_that_is_not_free_in_time_is_an_error() {
    let tree = Tree::new();
    let backend = tree.backend().with_lock_wait(Duration::from_millis(30));
    let plan = backend.plan_pair(&tree.alice, &certificate("a")).unwrap();
    let before = tree.snapshot();
    let holder = fs::File::open(tree.path("home/alice")).unwrap();
    holder.lock().unwrap();
    assert!(matches!(backend.apply(&plan), Err(Error::Busy { .. })));
    assert_eq!(tree.snapshot(), before);
    drop(holder);
    backend.apply(&plan).unwrap();
    // The lock is free again afterwards.
    fs::File::open(tree.path("home/alice")).unwrap().try_lock().unwrap();
}
