//! The keys of the id_tokens: of two algorithms, rotated, and as earlier versions wrote them.

use zeroize::Zeroizing;

use super::*;

fn published(store: &Store, now: i64) -> Vec<(IdTokenAlgorithm, String)> {
    store.published_keys(now).unwrap().into_iter().map(|key| (key.algorithm, key.kid)).collect()
}

fn private_halves(store: &Store) -> i64 {
    let sql = "SELECT count(*) FROM signing_keys WHERE pkcs8 IS NOT NULL";
    store.read(|connection| connection.query_row(sql, [], |row| row.get(0))).unwrap()
}

#[test]
fn a_new_database_has_a_key_of_the_algorithm_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), IdTokenAlgorithm::Rs256).unwrap();
    let first = store.sign_with(IdTokenAlgorithm::Rs256, 0).unwrap();
    assert_eq!(published(&store, 0), [(IdTokenAlgorithm::Rs256, first.kid.clone())]);
    assert!(matches!(first.public.key_type(), jose::KeyType::Rsa { bits: 2048 }));
    drop(store);
    // It is for new ones only.
    let store = Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap();
    let again = store.signing_key().unwrap();
    assert_eq!((&again.kid, &again.public), (&first.kid, &first.public));
    assert_eq!(store.published_keys(0).unwrap()[0].public, first.public);
}

#[test]
fn the_algorithm_is_changed_as_a_key_is_rotated() {
    let opened = Opened::new();
    let store = &opened.store;
    let (es256, rs256) = (IdTokenAlgorithm::Es256, IdTokenAlgorithm::Rs256);
    let first = store.sign_with(es256, 1000).unwrap();
    let second = store.sign_with(rs256, 1000).unwrap();
    assert_eq!(store.sign_with(rs256, 2000).unwrap().kid, second.kid, "once");
    let both = [(rs256, second.kid.clone()), (es256, first.kid.clone())];
    assert_eq!(published(store, 1000 + PUBLISHED - 1), both);
    assert_eq!(published(store, 1000 + PUBLISHED), both[..1]);
    assert_eq!(private_halves(store), 1);

    // A rotation that began before the change does not undo it.
    let late = SigningKey::generate(es256).unwrap();
    assert!(!store.replace_signing_key(es256, &late, 3000).unwrap());
    assert_eq!(published(store, 3000), both);
    let third = store.sign_with(es256, 3000).unwrap();
    let all = [(es256, third.kid), (rs256, second.kid), (es256, first.kid)];
    assert_eq!(published(store, 3000), all);
    assert_eq!(private_halves(store), 1);
}

#[test]
fn a_database_from_before_the_algorithms_is_taken_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    files::private_file(&path).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    schema::STEPS[..3].iter().for_each(|step| old.execute_batch(step).unwrap());
    old.pragma_update(None, "user_version", 3).unwrap();
    old.execute("INSERT INTO identifiers VALUES ('c', 'a')", []).unwrap();
    let [retired, current] = [(); 2].map(|()| SigningKey::generate(IdTokenAlgorithm::Es256).unwrap());
    let pem = current.key.to_pkcs8_pem().unwrap();
    for (key, pem, gone) in [(&retired, None, Some(5)), (&current, Some(pem.as_str()), None)] {
        let sql = "INSERT INTO signing_keys (kid, x963, pkcs8, made, retired) VALUES (?1, ?2, ?3, 1, ?4)";
        old.execute(sql, rusqlite::params![key.kid, key.public.x963(), pem, gone]).unwrap();
    }
    drop(old);

    let store = Store::open(directory.path(), IdTokenAlgorithm::Rs256).unwrap();
    assert_eq!(store.identifiers().unwrap().client_id, "c");
    assert_eq!(store.signing_key().unwrap().public, current.public);
    let es256 = |key: &SigningKey| (IdTokenAlgorithm::Es256, key.kid.clone());
    assert_eq!(published(&store, 6), [es256(&current), es256(&retired)]);
    let new = store.sign_with(IdTokenAlgorithm::Rs256, 6).unwrap();
    assert_eq!(published(&store, 6), [(IdTokenAlgorithm::Rs256, new.kid), es256(&current), es256(&retired)]);
    assert_eq!(private_halves(&store), 1);
}

#[test]
fn a_key_that_is_not_what_its_row_says_is_refused() {
    for change in ["algorithm = 'RS256'", "algorithm = 'HS256'", "pkcs8 = NULL"] {
        let opened = Opened::new();
        let sql = format!("UPDATE signing_keys SET {change}");
        opened.store.change(|transaction| transaction.execute(&sql, [])).unwrap();
        let refused = opened.store.sign_with(IdTokenAlgorithm::Es256, 0).unwrap_err();
        assert!(matches!(&refused, Error::StateContent { why, .. } if why.contains("signing key")), "{change}");
    }
}

#[test]
fn nothing_is_left_in_the_file_of_a_key_that_was_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (es256, rs256) = (IdTokenAlgorithm::Es256, IdTokenAlgorithm::Rs256);
    let mut old: Vec<Zeroizing<String>> = Vec::new();
    let _server = Store::open(directory.path(), es256).unwrap();
    for algorithm in [es256, rs256, rs256, es256, es256, rs256] {
        let store = Store::open(directory.path(), algorithm).unwrap();
        let key = SigningKey::generate(algorithm).unwrap();
        let before = store.signing_key().unwrap();
        old.push(before.key.to_pkcs8_pem().unwrap());
        assert!(store.replace_signing_key(before.algorithm(), &key, 10).unwrap());
        drop(store);
        let files = ["", "-wal"].map(|end| std::fs::read(directory.path().join(format!("{FILE}{end}"))).unwrap());
        let file = files.concat();
        let found = |line: &&str| file.windows(line.len()).any(|bytes| bytes == line.as_bytes());
        // The first line of PKCS#8 is the same for many keys; from the second on it is the key.
        let pem = key.key.to_pkcs8_pem().unwrap();
        assert!(pem.lines().skip(2).all(|line| found(&line)), "the key that signs is there");
        for (number, pem) in old.iter().enumerate() {
            let left = pem.lines().skip(2).filter(|line| !line.starts_with('-')).find(found);
            assert_eq!(left, None, "of key {number} after {}", old.len());
        }
    }
}
