//! The files of the version before this one.

use super::*;

fn files_of_before(directory: &Path) -> (EcPrivateKey, DeviceKey, DeviceKey) {
    let (key, signing, encryption) = (EcPrivateKey::generate().unwrap(), super::key(), super::key());
    files::replace(&directory.join("signing.pem"), key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
    files::replace(&directory.join("config.json"), br#"{"schema_version":1,"client_id":"c","audience":"a"}"#).unwrap();
    let point = |key: &DeviceKey| BASE64_STANDARD.encode(&key.x963);
    let devices = serde_json::json!({"schema_version": 1, "devices": {signing.kid.as_str():
        {"signing": point(&signing), "encryption": point(&encryption), "users": ["alice", "bob"]}}});
    files::replace(&directory.join("devices.json"), devices.to_string().as_bytes()).unwrap();
    (key, signing, encryption)
}

#[test]
fn the_files_of_an_earlier_version_are_taken_in_once() {
    let directory = tempfile::tempdir().unwrap();
    let (key, signing, encryption) = files_of_before(directory.path());
    for _ in 0..2 {
        let store = Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap();
        assert_eq!(store.signing_key().unwrap().public, key.public());
        let identifiers = store.identifiers().unwrap();
        assert_eq!((identifiers.client_id.as_str(), identifiers.audience.as_str()), ("c", "a"));
        let device = store.device(&signing.kid).unwrap().unwrap();
        assert_eq!((&device.encryption, device.users.len()), (&encryption, 2));
    }
    assert_eq!(names(directory.path()), ["config.json.imported", "devices.json.imported"]);
    // As a start leaves it that was killed behind the transaction, and one of an earlier version.
    files_of_before(directory.path());
    files::replace(&directory.path().join("signing.pem.imported"), b"a key").unwrap();
    let store = Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap();
    assert_eq!(store.signing_key().unwrap().public, key.public());
    assert_eq!(names(directory.path()), ["config.json.imported", "devices.json.imported"]);
}

/// The files of a directory beside the database.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with(FILE));
    names.sort_unstable();
    names
}

#[test]
fn a_new_directory_gets_names_and_keys_of_its_own() {
    let (one, other) = (Opened::new(), Opened::new());
    let names = |opened: &Opened| opened.store.identifiers().unwrap();
    assert_ne!(names(&one).client_id, names(&other).client_id);
    assert_ne!(names(&one).audience, names(&other).audience);
    let (before, kid) = (names(&one), one.store.signing_key().unwrap().kid);
    let one = one.again();
    assert_eq!((names(&one), one.store.signing_key().unwrap().kid), (before, kid));
}

#[test]
fn damaged_files_are_refused_and_left_alone() {
    let good = tempfile::tempdir().unwrap();
    let (_, signing, _) = files_of_before(good.path());
    let devices = std::fs::read_to_string(good.path().join("devices.json")).unwrap();
    let stranger = BASE64_STANDARD.encode(&super::key().x963);
    for (name, bad) in [
        ("signing.pem", "-----BEGIN PRIVATE KEY-----\n".to_owned()),
        ("signing.pem", "\u{0}".to_owned()),
        ("config.json", "{}".to_owned()),
        ("config.json", r#"{"schema_version":1,"client_id":"","audience":"a"}"#.to_owned()),
        ("config.json", r#"{"schema_version":1,"client_id":"a\"","audience":"a b"}"#.to_owned()),
        ("devices.json", devices.replace(&BASE64_STANDARD.encode(&signing.x963), &stranger)),
        ("devices.json", devices.replace("\"schema_version\":1", "\"schema_version\":2")),
        ("devices.json", devices.replace("\"users\"", "\"people\"")),
        ("devices.json", "{".to_owned()),
    ] {
        let directory = tempfile::tempdir().unwrap();
        files_of_before(directory.path());
        let path = directory.path().join(name);
        files::replace(&path, bad.as_bytes()).unwrap();
        assert!(
            matches!(Store::open(directory.path(), IdTokenAlgorithm::Es256), Err(Error::StateContent { .. })),
            "{name}: {bad}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), bad);
        assert!(directory.path().join("config.json").exists(), "nothing is taken in by halves");
    }
}
