//! Families of refresh tokens.

use super::*;
use crate::certificate::Holder;

fn with_device() -> (Opened, String) {
    let opened = Opened::new();
    let (signing, encryption) = (key(), key());
    let new = Registration {
        signing: &signing,
        encryption: &encryption,
        user: "alice",
        user_key: None,
        user_certificate: None,
    };
    opened.store.register(&new, 0).unwrap();
    (opened, signing.kid)
}

fn begin(opened: &Opened, device: &str, token: &str, now: i64) {
    let holder = Holder { upn: Some("alice@example.test".to_owned()), common_name: None };
    let (user, device) = ("alice".to_owned(), device.to_owned());
    let family = NewFamily { user, device, method: "smart-card", holder, certificate: Some(vec![1, 2]) };
    opened.store.change(|t| refresh_tokens::begin(t, &family, token, now, now + 100)).unwrap();
}

fn family(presented: Presented) -> (&'static str, i64) {
    match presented {
        Presented::Unknown => ("unknown", 0),
        Presented::Used(family) => ("used", family.id),
        Presented::Revoked(family) => ("revoked", family.id),
        Presented::Expired(family) => ("expired", family.id),
        Presented::Live(family) => ("live", family.id),
    }
}

#[test]
fn a_token_is_live_until_it_is_used_expired_or_revoked() {
    let (opened, device) = with_device();
    begin(&opened, &device, "one", 0);
    let presented = |opened: &Opened, token: &str, now| family(opened.store.presented(token, now).unwrap());
    let (state, id) = presented(&opened, "one", 99);
    assert_eq!(state, "live");
    assert_eq!(presented(&opened, "one", 100).0, "expired");
    assert_eq!(presented(&opened, "two", 0).0, "unknown");
    let rotate =
        |old: &str, new: &str| opened.store.change(|t| refresh_tokens::rotate(t, id, old, new, 50, 150)).unwrap();
    assert!(rotate("one", "two"));
    assert!(!rotate("one", "three"), "a token works once");
    assert_eq!(presented(&opened, "three", 60).0, "unknown");
    assert_eq!(presented(&opened, "one", 60), ("used", id));
    assert_eq!(presented(&opened, "two", 149), ("live", id));
    opened.store.change(|t| refresh_tokens::revoke(t, id, 60)).unwrap();
    let late = opened.store.change(|t| refresh_tokens::rotate(t, id, "two", "three", 60, 150)).unwrap();
    assert!(!late, "nothing goes on from a revoked session");
    let opened = opened.again();
    assert_eq!(presented(&opened, "one", 60), ("revoked", id));
    assert_eq!(presented(&opened, "two", 60), ("revoked", id));
}

#[test]
fn a_family_remembers_who_it_is() {
    let (opened, device) = with_device();
    begin(&opened, &device, "one", 0);
    let Presented::Live(family) = opened.store.presented("one", 0).unwrap() else { panic!() };
    assert_eq!(
        (family.user.as_str(), family.device.as_str(), family.method.as_str()),
        ("alice", &*device, "smart-card")
    );
    assert_eq!((family.holder.upn.as_deref(), family.certificate), (Some("alice@example.test"), Some(vec![1, 2])));
}

#[test]
fn sessions_are_bounded() {
    let (opened, device) = with_device();
    for number in 0..20 {
        begin(&opened, &device, &format!("first {number}"), 0);
    }
    let kept = opened.count("families");
    assert!((8..16).contains(&kept) && opened.count("refresh_tokens") == kept, "{kept}");
    assert!(matches!(opened.store.presented("first 4", 0).unwrap(), Presented::Unknown));
    assert!(matches!(opened.store.presented("first 12", 0).unwrap(), Presented::Live(_)));
    let Presented::Live(family) = opened.store.presented("first 19", 0).unwrap() else { panic!() };
    let mut old = "first 19".to_owned();
    for number in 0..400 {
        let new = format!("next {number}");
        assert!(opened.store.change(|t| refresh_tokens::rotate(t, family.id, &old, &new, number, 1000)).unwrap());
        old = new;
    }
    assert!(opened.count("refresh_tokens") <= 15 + 257, "{}", opened.count("refresh_tokens"));
    assert!(matches!(opened.store.presented(&old, 0).unwrap(), Presented::Live(_)));
    assert!(matches!(opened.store.presented("next 398", 0).unwrap(), Presented::Used(_)));
}

#[test]
fn tokens_are_not_in_the_database() {
    let (opened, device) = with_device();
    begin(&opened, &device, "a token as a client would keep it", 0);
    opened.store.add_nonce("a nonce as a client would send it", None, 0, 300).unwrap();
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(opened.directory.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("alice@example.test"), "the test looks at the right files");
    assert!(!has("a token as") && !has("a nonce as"));
}
