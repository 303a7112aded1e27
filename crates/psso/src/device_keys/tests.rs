use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

fn why(result: Result<DeviceKeys, Error>) -> String {
    match result {
        Err(error @ Error::State { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn keys_are_made_once_and_stay() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a/b");
    assert!(why(DeviceKeys::open(&dir)).contains("no such state directory"));
    let made = DeviceKeys::open_or_create(&dir).unwrap();
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(names(&dir), [ENCRYPTION, SIGNING]);
    for name in [SIGNING, ENCRYPTION] {
        assert_eq!(mode(&dir.join(name)), 0o600);
    }
    let before = fs::read(dir.join(SIGNING)).unwrap();
    for again in [DeviceKeys::open_or_create(&dir).unwrap(), DeviceKeys::open(&dir).unwrap()] {
        assert_eq!(again.signing_public(), made.signing_public());
        assert_eq!(again.encryption_public(), made.encryption_public());
    }
    assert_eq!(fs::read(dir.join(SIGNING)).unwrap(), before);
    assert_ne!(made.signing_public(), made.encryption_public());

    let public = made.signing_public();
    let point = STANDARD.decode(&public.x963).unwrap();
    assert_eq!((point.len(), point[0]), (65, 4));
    assert_eq!(public.kid, key_id(&made.signing().public()));
    let shown = format!("{made:?}");
    assert!(shown.contains("EcPrivateKey(..)") && !shown.contains("PRIVATE"));
}

#[test]
fn makers_at_once_end_with_one_pair() {
    for _ in 0..10 {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("state");
        let barrier = std::sync::Barrier::new(8);
        let kids: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let keys = DeviceKeys::open_or_create(&dir).unwrap();
                        (keys.signing_public().kid, keys.encryption_public().kid)
                    })
                })
                .collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(kids.windows(2).all(|pair| pair[0] == pair[1]), "{kids:?}");
        assert_eq!(names(&dir), [ENCRYPTION, SIGNING], "no temporary file is left");
    }
}

#[test]
fn what_others_can_read_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    DeviceKeys::open_or_create(&dir).unwrap();
    for bad in [0o750, 0o701, 0o777] {
        fs::set_permissions(&dir, Permissions::from_mode(bad)).unwrap();
        for result in [DeviceKeys::open(&dir), DeviceKeys::open_or_create(&dir)] {
            let why = why(result);
            assert!(why.contains(&format!("{bad:04o}")) && why.contains("must be 0700"), "{why}");
        }
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    for name in [SIGNING, ENCRYPTION] {
        let file = dir.join(name);
        for bad in [0o640, 0o604, 0o620] {
            fs::set_permissions(&file, Permissions::from_mode(bad)).unwrap();
            let why = why(DeviceKeys::open(&dir));
            assert!(why.contains(name) && why.contains("must be 0600"), "{why}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    DeviceKeys::open(&dir).unwrap();
}

#[test]
fn links_and_other_things_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    DeviceKeys::open_or_create(&dir).unwrap();

    let link = root.path().join("link");
    symlink(&dir, &link).unwrap();
    assert!(why(DeviceKeys::open_or_create(&link)).contains("symbolic link"));
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(DeviceKeys::open_or_create(&file), Err(Error::State { .. })));
    assert!(matches!(DeviceKeys::open(&file), Err(Error::State { .. })));

    let key = dir.join(SIGNING);
    let moved = root.path().join("key");
    fs::rename(&key, &moved).unwrap();
    symlink(&moved, &key).unwrap();
    assert!(why(DeviceKeys::open_or_create(&dir)).contains("symbolic link"));
    fs::remove_file(&key).unwrap();
    // A link to nothing must not be taken for a missing key and written through.
    symlink(root.path().join("nothing"), &key).unwrap();
    assert!(why(DeviceKeys::open_or_create(&dir)).contains("symbolic link"));
    assert!(!root.path().join("nothing").exists());
    fs::remove_file(&key).unwrap();
    nix::unistd::mkfifo(&key, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    assert!(why(DeviceKeys::open(&dir)).contains("not a regular file"));
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    assert!(matches!(DeviceKeys::open(&dir), Err(Error::State { .. })));
}

#[test]
fn a_broken_key_is_not_replaced() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state");
    DeviceKeys::open_or_create(&dir).unwrap();
    let key = dir.join(ENCRYPTION);
    for content in [&b""[..], b"garbage", &[b'A'; 20_000], &[0xff, 0xfe]] {
        fs::write(&key, content).unwrap();
        assert!(matches!(DeviceKeys::open_or_create(&dir), Err(Error::State { .. })));
        assert_eq!(fs::read(&key).unwrap(), content);
    }
}

#[test]
fn half_a_device_that_is_in_use_is_not_made_whole() {
    for (lost, kept) in [(SIGNING, ENCRYPTION), (ENCRYPTION, SIGNING)] {
        for used in ["registration.json", "sign-on.json"] {
            let root = tempfile::tempdir().unwrap();
            let dir = root.path().join("state");
            DeviceKeys::open_or_create(&dir).unwrap();
            fs::remove_file(dir.join(lost)).unwrap();
            fs::write(dir.join(used), "{}").unwrap();
            let before = fs::read(dir.join(kept)).unwrap();
            for result in [DeviceKeys::open(&dir), DeviceKeys::open_or_create(&dir)] {
                match result {
                    Err(Error::HalfDevice { missing }) => assert_eq!(missing, dir.join(lost)),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(names(&dir), [kept, used]);
            assert_eq!(fs::read(dir.join(kept)).unwrap(), before);
        }
    }
}

#[test]
fn keys_that_were_half_made_are_finished() {
    for (lost, kept) in [(SIGNING, ENCRYPTION), (ENCRYPTION, SIGNING)] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("state");
        DeviceKeys::open_or_create(&dir).unwrap();
        fs::remove_file(dir.join(lost)).unwrap();
        let before = fs::read(dir.join(kept)).unwrap();
        assert!(matches!(DeviceKeys::open(&dir), Err(Error::HalfDevice { .. })));
        let made = DeviceKeys::open_or_create(&dir).unwrap();
        assert_eq!(names(&dir), [ENCRYPTION, SIGNING]);
        assert_eq!(fs::read(dir.join(kept)).unwrap(), before, "the one that was there stays");
        assert_eq!(DeviceKeys::open(&dir).unwrap().signing_public(), made.signing_public());
    }
}

#[test]
fn a_directory_without_keys_says_so() {
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
    match DeviceKeys::open(root.path()) {
        Err(Error::State { source: Some(source), .. }) => assert_eq!(source.kind(), ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
}
