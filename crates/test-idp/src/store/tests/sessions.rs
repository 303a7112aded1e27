//! Families of refresh tokens.

use super::refresh_tokens::Old::{self, UsedUp};
use super::*;
use crate::certificate::Holder;
use crate::refresh_token;

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
    let rotate = |old: &str, new: &str| {
        opened.store.change(|t| refresh_tokens::rotate(t, id, (old, UsedUp), new, 50, 150)).unwrap()
    };
    assert!(rotate("one", "two"));
    assert!(!rotate("one", "three"), "a token works once");
    assert_eq!(presented(&opened, "three", 60).0, "unknown");
    assert_eq!(presented(&opened, "one", 60), ("used", id));
    assert_eq!(presented(&opened, "two", 149), ("live", id));
    opened.store.change(|t| refresh_tokens::revoke(t, id, 60)).unwrap();
    let late = opened.store.change(|t| refresh_tokens::rotate(t, id, ("two", UsedUp), "three", 60, 150)).unwrap();
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
    assert_eq!((kept, opened.count("refresh_tokens")), (8, 8));
    assert!(matches!(opened.store.presented("first 4", 0).unwrap(), Presented::Unknown));
    assert!(matches!(opened.store.presented("first 12", 0).unwrap(), Presented::Live(_)));
}

/// A family with a first token as they are given out, and that token.
fn begun(opened: &Opened, device: &str) -> (i64, String) {
    let token = refresh_token::first().unwrap().to_string();
    begin(opened, device, &token, 0);
    let Presented::Live(family) = opened.store.presented(&token, 0).unwrap() else { panic!() };
    (family.id, token)
}

fn next(opened: &Opened, family: i64, old: &str, fate: Old) -> Option<String> {
    let new = refresh_token::next(old).unwrap().to_string();
    let rotated = opened.store.change(|t| refresh_tokens::rotate(t, family, (old, fate), &new, 0, 100)).unwrap();
    rotated.then_some(new)
}

#[test]
fn a_used_token_is_known_however_long_ago_that_was() {
    let (opened, device) = with_device();
    let (id, first) = begun(&opened, &device);
    let mut tokens = vec![first];
    for _ in 0..400 {
        tokens.push(next(&opened, id, tokens.last().unwrap(), UsedUp).unwrap());
    }
    assert_eq!(opened.count("refresh_tokens"), 1, "only the live one is kept");
    let opened = opened.again();
    let presented = |token: &str| family(opened.store.presented(token, 0).unwrap());
    let live = tokens.pop().unwrap();
    assert_eq!(presented(&live), ("live", id));
    for token in &tokens {
        assert_eq!(presented(token), ("used", id));
    }
    // The handle alone says so; without one of ours a token is nobody's.
    assert_eq!(presented(&refresh_token::next(&live).unwrap()), ("used", id));
    assert_eq!(presented(&refresh_token::first().unwrap()).0, "unknown");
    opened.store.change(|t| refresh_tokens::revoke(t, id, 0)).unwrap();
    assert_eq!(presented(&tokens[0]), ("revoked", id));
}

#[test]
fn a_family_of_an_earlier_version_goes_on_with_handles() {
    let (opened, device) = with_device();
    begin(&opened, &device, "before", 0);
    let Presented::Live(Family { id, .. }) = opened.store.presented("before", 0).unwrap() else { panic!() };
    let first = next(&opened, id, "before", UsedUp).unwrap();
    let second = next(&opened, id, &first, UsedUp).unwrap();
    let presented = |token: &str| family(opened.store.presented(token, 0).unwrap());
    assert_eq!(
        [presented("before"), presented(&first), presented(&second)],
        [("used", id), ("used", id), ("live", id)]
    );
}

#[test]
fn a_token_that_stays_counts_until_one_of_both_is_used() {
    let (opened, device) = with_device();
    let (id, old) = begun(&opened, &device);
    let refused = next(&opened, id, &old, Old::StaysLive).unwrap();
    let taken = next(&opened, id, &old, Old::StaysLive).unwrap();
    let presented = |token: &str| family(opened.store.presented(token, 0).unwrap()).0;
    assert_eq!([presented(&old), presented(&refused), presented(&taken)], ["live", "used", "live"]);
    let after = next(&opened, id, &taken, UsedUp).unwrap();
    assert_eq!([presented(&old), presented(&taken), presented(&after)], ["used", "used", "live"]);
    assert_eq!(next(&opened, id, &old, Old::StaysLive), None);
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
