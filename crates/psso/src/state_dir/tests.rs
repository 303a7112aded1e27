use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn new() -> (tempfile::TempDir, StateDir) {
    let root = tempfile::tempdir().unwrap();
    let dir = StateDir::open_or_create(&root.path().join("a/state")).unwrap();
    (root, dir)
}

fn names(dir: &StateDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let (_root, dir) = new();
    assert_eq!(fs::metadata(dir.path()).unwrap().mode() & 0o7777, 0o700);
    assert!(dir.read("x", "thing", 10).unwrap().is_none());
    {
        let locked = dir.lock().unwrap();
        locked.write_new("x", b"one").unwrap();
        assert!(locked.write_new("x", b"two").is_err(), "a name that is taken stays");
        assert_eq!(dir.read("x", "thing", 10).unwrap().unwrap().as_slice(), b"one");
        // A reader that has the old file open reads the old file to its end.
        let mut old = File::open(dir.path().join("x")).unwrap();
        locked.write("x", b"three").unwrap();
        let mut read = String::new();
        old.read_to_string(&mut read).unwrap();
        assert_eq!(read, "one");
    }
    assert_eq!(dir.read("x", "thing", 5).unwrap().unwrap().as_slice(), b"three");
    assert!(dir.read("x", "thing", 4).unwrap_err().to_string().contains("too large for a thing"));
    assert_eq!(fs::metadata(dir.path().join("x")).unwrap().mode() & 0o7777, 0o600);
    let locked = dir.lock().unwrap();
    assert!(locked.remove("x").unwrap() && !locked.remove("x").unwrap());
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn what_a_killed_writer_left_behind_is_removed_by_the_next() {
    let (_root, dir) = new();
    dir.lock().unwrap().write("x", b"whole").unwrap();
    fs::write(dir.path().join(".new-7A"), b"half of a secr").unwrap();
    assert_eq!(dir.read("x", "thing", 10).unwrap().unwrap().as_slice(), b"whole");
    drop(dir.lock().unwrap());
    assert_eq!(names(&dir), ["x"]);
}

#[test]
fn a_writer_that_fails_leaves_the_old_file_and_nothing_else() {
    let (_root, dir) = new();
    let locked = dir.lock().unwrap();
    fs::create_dir(dir.path().join("x")).unwrap();
    fs::write(dir.path().join("x/y"), "").unwrap();
    assert!(locked.write("x", b"new").is_err(), "a directory is in the way");
    assert_eq!(names(&dir), ["x"]);
}

#[test]
fn one_writer_at_a_time() {
    let (_root, dir) = new();
    let first = dir.lock().unwrap();
    let late = dir.lock_within(Duration::from_millis(60)).unwrap_err();
    assert!(matches!(&late, Error::State { source: Some(source), .. } if source.kind() == ErrorKind::TimedOut));
    let released = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let _second = dir.lock().unwrap();
            assert!(released.load(Ordering::SeqCst), "two writers at once");
        });
        released.store(true, Ordering::SeqCst);
        drop(first);
        waiting.join().unwrap();
    });
}

#[test]
fn files_of_others_and_links_are_refused() {
    let (root, dir) = new();
    dir.lock().unwrap().write("x", b"1").unwrap();
    let path = dir.path().join("x");
    for bad in [0o640, 0o604, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
        assert!(dir.read("x", "thing", 10).unwrap_err().to_string().contains("must be 0600"));
    }
    fs::remove_file(&path).unwrap();
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, "secret").unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(dir.read("x", "thing", 10).unwrap_err().to_string().contains("symbolic link"));
    // A link is replaced, and not written through.
    dir.lock().unwrap().write("x", b"2").unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"secret");
    assert_eq!(dir.read("x", "thing", 10).unwrap().unwrap().as_slice(), b"2");
}

#[test]
fn room_is_filled_and_what_was_not_needed_is_given_back() {
    let (_root, dir) = new();
    let locked = dir.lock().unwrap();
    locked.write_new("x", b"old").unwrap();
    let room = locked.room(1 << 16).unwrap();
    let blocks = fs::metadata(&room.unfinished.0).unwrap().blocks();
    assert!(blocks * 512 >= 1 << 16, "{blocks} blocks");
    assert_eq!(dir.read("x", "thing", 10).unwrap().unwrap().as_slice(), b"old");
    locked.write_into(room, "x", b"new").unwrap();
    assert_eq!(dir.read("x", "thing", 10).unwrap().unwrap().as_slice(), b"new");
    assert_eq!(fs::metadata(dir.path().join("x")).unwrap().mode() & 0o7777, 0o600);
    drop(locked.room(1 << 16).unwrap());
    assert_eq!(names(&dir), ["x"]);
}
