//! What happens when a session ends between the examination of a request and its answer.

use jose::EcPrivateKey;
use zeroize::Zeroizing;

use super::*;
use crate::certificate::Holder;
use crate::device::DeviceKey;
use crate::granted::{Certificate, Recipient, Tokens};
use crate::options::IdTokenAlgorithm;
use crate::store::{Family, NewFamily, Presented, Registration, Store};

/// A database with a session, its refresh token "first".
fn session() -> (Store, tempfile::TempDir, Family) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), IdTokenAlgorithm::Es256).unwrap();
    let (signing, encryption) = (key(), key());
    let device = signing.kid.clone();
    let (signing, encryption) = (&signing, &encryption);
    let registration = Registration { user: "alice", signing, encryption, user_key: None, user_certificate: None };
    store.register(&registration, 0).unwrap();
    let holder = Holder::default();
    let family = NewFamily { user: "alice".to_owned(), device, method: "password", holder, certificate: None };
    store.change(|t| refresh_tokens::begin(t, &family, "first", 0, 100)).unwrap();
    let Presented::Live(family) = store.presented("first", 0).unwrap() else { panic!() };
    (store, directory, family)
}

fn key() -> DeviceKey {
    DeviceKey::from_x963(EcPrivateKey::generate().unwrap().public().x963().unwrap()).unwrap()
}

fn granted(family: &Family, answer: Answer) -> Granted {
    let recipient = Recipient { encryption: key(), apv: Vec::new() };
    let (user, device) = (family.user.clone(), family.device.clone());
    Granted { user, device, recipient, session: Some(family.id), answer }
}

fn refresh(family: &Family, next: &str) -> Granted {
    let lineage = Lineage::Rotate { family: family.id, old: Zeroizing::new("first".to_owned()) };
    let refresh_token = Zeroizing::new(next.to_owned());
    let holder = Holder::default();
    granted(family, Answer::Tokens(Tokens { nonce: String::new(), holder, groups: None, refresh_token, lineage }))
}

fn key_request(family: &Family) -> Granted {
    granted(family, Answer::Certificate(Certificate { der: Vec::new(), context: vec![1] }))
}

fn verdict(store: &Store, granted: &Granted) -> Option<&'static str> {
    store.change(|t| grant(t, granted, 1, 100, Delivery::Whole)).unwrap().map(|refusal| refusal.check.name())
}

#[test]
fn nothing_is_granted_once_the_session_is_revoked() {
    let (store, _directory, family) = session();
    assert_eq!(verdict(&store, &key_request(&family)), None);
    store.change(|t| refresh_tokens::revoke(t, family.id, 1)).unwrap();
    store.change(|t| t.execute("DELETE FROM provided_keys", [])).unwrap();
    for late in [refresh(&family, "second"), key_request(&family)] {
        assert_eq!(verdict(&store, &late), Some("refresh.revoked"));
    }
    assert!(matches!(store.presented("second", 1).unwrap(), Presented::Unknown));
    assert_eq!(store.provided_key("alice", &family.device).unwrap(), None);
}

#[test]
fn of_two_refreshes_the_second_revokes() {
    let (store, _directory, family) = session();
    assert_eq!(verdict(&store, &refresh(&family, "second")), None);
    assert_eq!(verdict(&store, &refresh(&family, "third")), Some("refresh.reuse"));
    assert!(matches!(store.presented("second", 1).unwrap(), Presented::Revoked(_)));
}
