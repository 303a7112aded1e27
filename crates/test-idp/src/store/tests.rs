//! What the database keeps, forgets and refuses.

mod import;
mod request_log;
mod sessions;
mod signing_keys;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::EcPrivateKey;

use super::*;
use crate::device::DeviceKey;

/// A state directory and its open database.
struct Opened {
    store: Store,
    directory: tempfile::TempDir,
}

impl Opened {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap(), directory }
    }

    /// The same database after a restart.
    fn again(self) -> Self {
        let Self { store, directory } = self;
        drop(store);
        Self { store: Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap(), directory }
    }

    fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.store.read(|connection| connection.query_row(&sql, [], |row| row.get(0))).unwrap()
    }

    fn take(&self, nonce: &str, request_id: Option<&str>, now: i64) -> Result<(), NonceProblem> {
        self.store.change(|transaction| nonces::take(transaction, nonce, request_id, now)).unwrap()
    }
}

fn key() -> DeviceKey {
    DeviceKey::from_x963(EcPrivateKey::generate().unwrap().public().x963().unwrap()).unwrap()
}

use super::nonces::NonceProblem;

#[test]
fn a_nonce_works_once_also_across_a_restart() {
    let opened = Opened::new();
    opened.store.add_nonce("a", None, 0, 300).unwrap();
    opened.store.add_nonce("b", None, 0, 300).unwrap();
    assert_eq!(opened.take("a", None, 1), Ok(()));
    assert_eq!(opened.take("a", None, 1), Err(NonceProblem::Unknown));
    let opened = opened.again();
    assert_eq!(opened.take("a", None, 1), Err(NonceProblem::Unknown));
    assert_eq!(opened.take("b", None, 1), Ok(()));
    assert_eq!(opened.again().take("b", None, 1), Err(NonceProblem::Unknown));
}

#[test]
fn a_nonce_has_its_time_and_its_request() {
    let opened = Opened::new();
    for (nonce, bound) in [("a", None), ("b", None), ("c", Some("A")), ("d", Some("A")), ("e", Some("A"))] {
        opened.store.add_nonce(nonce, bound, 0, 300).unwrap();
    }
    assert_eq!(opened.take("a", Some("anything"), 299), Ok(()));
    assert_eq!(opened.take("b", None, 300), Err(NonceProblem::Expired));
    assert_eq!(opened.take("c", None, 1), Err(NonceProblem::OtherRequest));
    assert_eq!(opened.take("c", Some("A"), 1), Err(NonceProblem::Unknown), "the wrong request uses it up");
    assert_eq!(opened.take("d", Some("B"), 1), Err(NonceProblem::OtherRequest));
    assert_eq!(opened.take("e", Some("A"), 1), Ok(()));
}

#[test]
fn old_nonces_are_forgotten_and_their_number_is_bounded() {
    let opened = Opened::new();
    let add = |opened: &Opened, numbers: std::ops::Range<i64>, now| {
        numbers.for_each(|n| opened.store.add_nonce(&n.to_string(), None, now, now + 300).unwrap());
    };
    add(&opened, 0..1000, 0);
    assert_eq!(opened.take("0", None, 1), Ok(()), "none of them is old yet");
    add(&opened, 1000..2100, 600);
    assert!(opened.count("nonces") <= 1100 + 64, "{}", opened.count("nonces"));
    assert_eq!(opened.take("1000", None, 601), Ok(()));
    // As if 65,536 more had been given out.
    opened
        .store
        .change(|transaction| transaction.execute("UPDATE nonces SET id = id + 65536 WHERE id = 2100", []))
        .unwrap();
    add(&opened, 3000..5000, 600);
    assert!(opened.count("nonces") <= 2001 + 64, "{}", opened.count("nonces"));
    assert_eq!(opened.take("1001", None, 601), Err(NonceProblem::Unknown), "the oldest are dropped");
    assert_eq!(opened.take("3000", None, 601), Ok(()));
}

#[test]
fn registrations_survive_a_restart() {
    let opened = Opened::new();
    let (signing, encryption, user_key) = (key(), key(), key());
    let register = |store: &Store, user: &str, user_key: Option<&DeviceKey>| {
        let (signing, encryption) = (&signing, &encryption);
        store.register(&Registration { signing, encryption, user, user_key, user_certificate: None }, 7)
    };
    assert_eq!(register(&opened.store, "alice", None).unwrap(), Registered::New);
    assert_eq!(register(&opened.store, "alice", None).unwrap(), Registered::Already);
    assert_eq!(register(&opened.store, "bob", None).unwrap(), Registered::New);
    assert_eq!(register(&opened.store, "alice", Some(&user_key)).unwrap(), Registered::New);
    assert_eq!(register(&opened.store, "alice", Some(&user_key)).unwrap(), Registered::Already);
    assert!(matches!(register(&opened.store, "bob", Some(&user_key)), Err(RegisterError::OtherDevice)));
    let opened = opened.again();
    let device = opened.store.device(&signing.kid).unwrap().unwrap();
    assert_eq!(device.users, ["alice", "bob"]);
    assert_eq!((&device.signing, &device.encryption, device.registered), (&signing, &encryption, 7));
    assert!(opened.store.device(&encryption.kid).unwrap().is_none());
    assert_eq!(opened.store.devices(9).unwrap(), (vec![device], 1));
    let known = opened.store.user_key("alice", &user_key.kid).unwrap().unwrap();
    assert_eq!((&known.key, &known.device), (&user_key, &signing.kid));
    assert!(opened.store.user_key("bob", &user_key.kid).unwrap().is_none());
    assert_eq!(opened.store.user_keys().unwrap(), [known]);
}

#[test]
fn a_signing_key_keeps_its_encryption_key_and_a_refusal_changes_nothing() {
    let opened = Opened::new();
    let signing = key();
    let register = |encryption: &DeviceKey, user: &str, user_key: Option<&DeviceKey>| {
        let signing = &signing;
        opened.store.register(&Registration { signing, encryption, user, user_key, user_certificate: None }, 0)
    };
    register(&key(), "alice", None).unwrap();
    let refused = register(&key(), "bob", Some(&key()));
    assert!(matches!(refused, Err(RegisterError::OtherEncryptionKey)));
    assert_eq!((opened.count("device_users"), opened.count("user_keys")), (1, 0));
}

#[test]
fn there_is_room_for_so_many_users_of_a_device_and_no_more() {
    let opened = Opened::new();
    let (signing, encryption) = (key(), key());
    let register = |user: &str| {
        let (signing, encryption) = (&signing, &encryption);
        opened.store.register(&Registration { signing, encryption, user, user_key: None, user_certificate: None }, 0)
    };
    for number in 0..64 {
        register(&number.to_string()).unwrap();
    }
    assert!(matches!(register("one more"), Err(RegisterError::Full)));
    assert_eq!(opened.count("device_users"), 64);
}

#[test]
fn a_rotated_key_stays_published_for_a_day() {
    let opened = Opened::new();
    let first = opened.store.signing_key().unwrap();
    let second = SigningKey::generate(IdTokenAlgorithm::Es256).unwrap();
    assert!(opened.store.replace_signing_key(IdTokenAlgorithm::Es256, &second, 1000).unwrap());
    assert_eq!(opened.store.signing_key().unwrap().kid, second.kid);
    let published =
        |now| -> Vec<String> { opened.store.published_keys(now).unwrap().into_iter().map(|key| key.kid).collect() };
    assert_eq!(published(1000 + PUBLISHED - 1), [second.kid.clone(), first.kid.clone()]);
    assert_eq!(published(1000 + PUBLISHED), std::slice::from_ref(&second.kid));
    let kept: i64 = opened
        .store
        .read(|connection| {
            connection.query_row("SELECT count(*) FROM signing_keys WHERE pkcs8 IS NOT NULL", [], |row| row.get(0))
        })
        .unwrap();
    assert_eq!(kept, 1, "the private half of a retired key is gone");
    let third = SigningKey::generate(IdTokenAlgorithm::Es256).unwrap();
    assert!(opened.store.replace_signing_key(IdTokenAlgorithm::Es256, &third, 1000 + PUBLISHED).unwrap());
    assert_eq!(opened.count("signing_keys"), 2, "and what is not published any more is forgotten");
}

#[test]
fn the_log_is_read_back_newest_first_and_bounded() {
    let opened = Opened::new();
    let request = NewRequest {
        kind: "login",
        method: Some("smart-card"),
        user: Some("alice".to_owned()),
        refused: Some(("assertion.aud", "aud is not our audience".to_owned())),
        claims: Some(serde_json::json!({"iss": "x"})),
        held: vec!["outer.typ", "outer.alg"],
        ..NewRequest::default()
    };
    opened.store.log(&request, 5).unwrap();
    opened.store.log(&NewRequest { kind: "refresh", ..NewRequest::default() }, 6).unwrap();
    let [refresh, login] = opened.store.recent(10).unwrap().try_into().unwrap();
    assert_eq!((refresh.kind.as_str(), refresh.accepted, refresh.time), ("refresh", true, 6));
    assert_eq!((login.accepted, login.check.as_deref()), (false, Some("assertion.aud")));
    assert_eq!(login.claims, request.claims);
    let checks: Vec<_> =
        login.checks.iter().map(|made| (made.check.as_str(), made.held, made.reason.as_deref())).collect();
    let refused = ("assertion.aud", false, Some("aud is not our audience"));
    assert_eq!(checks, [("outer.typ", true, None), ("outer.alg", true, None), refused]);
    assert_eq!(opened.store.request(login.id).unwrap().unwrap(), login);
    assert_eq!(opened.store.recent(1).unwrap().len(), 1);
}

#[test]
fn the_database_is_private_and_a_strange_one_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let opened = Opened::new();
    opened.store.add_nonce("a", None, 0, 300).unwrap();
    for entry in std::fs::read_dir(opened.directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    let path = opened.directory.path().join(FILE);
    drop(opened.store);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        Store::open(opened.directory.path(), IdTokenAlgorithm::Es256),
        Err(Error::StateMode { mode: 0o644, .. })
    ));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(opened.directory.path(), IdTokenAlgorithm::Es256).unwrap_err();
    assert!(matches!(&error, Error::StateContent { why, .. } if why.contains("newer")), "{error}");
    files::replace(&path, b"this is no database, but it is long enough to look like the head of one").unwrap();
    assert!(matches!(Store::open(opened.directory.path(), IdTokenAlgorithm::Es256), Err(Error::StateContent { .. })));
    assert!(matches!(Store::open_existing(&opened.directory.path().join("absent")), Err(Error::NoState { .. })));
}
