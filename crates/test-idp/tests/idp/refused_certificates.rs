//! Certificates that the policy refuses, and some that it does not.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::Algorithm;
use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose, OtherNameValue, SanType};
use serde_json::json;

use crate::cards::{Ca, UPN};
use crate::refusals::{Case, case};
use crate::world::{ALICE, BOB, World};

/// A good login with a certificate of `ca` that differs from the good one by `edit`.
fn with_certificate(
    what: &str,
    check: &'static str,
    ca: impl Fn(&World) -> &Ca + 'static,
    edit: impl Fn(&mut CertificateParams) + Copy + 'static,
) -> Case {
    case(what, check, move |login, world| {
        let certificate = ca(world).issue(&login.card, ALICE, edit);
        login.assertion_header.insert("x5c".into(), json!([certificate]));
    })
}

fn upn(name: &str) -> SanType {
    SanType::OtherName((UPN.to_vec(), OtherNameValue::from(name)))
}

/// Certificates that do not entitle to a login.
pub(crate) fn certificates() -> Vec<Case> {
    let good = |edit: fn(&mut CertificateParams), what: &str, check| with_certificate(what, check, |w| &w.ca, edit);
    let day = time::Duration::DAY;
    let today = time::OffsetDateTime::now_utc();
    vec![
        case("an unknown authority", "certificate.chain", |login, _| {
            let certificate = Ca::new("Other CA").issue(&login.card, ALICE, |_| {});
            login.assertion_header.insert("x5c".into(), json!([certificate]));
        }),
        case("an authority that only has the name", "certificate.chain", |login, _| {
            let certificate = Ca::new("Test CA").issue(&login.card, ALICE, |_| {});
            login.assertion_header.insert("x5c".into(), json!([certificate]));
        }),
        case("a changed certificate", "certificate.chain", |login, _| {
            let text = login.assertion_header["x5c"][0].as_str().unwrap();
            let mut der = BASE64_STANDARD.decode(text).unwrap();
            // The name of the holder, which the authority signed and the card did not.
            let at = der.windows(13).position(|bytes| bytes == b"Alice Example").unwrap();
            der[at] = b'E';
            let changed = BASE64_STANDARD.encode(der);
            login.assertion_header.insert("x5c".into(), json!([changed]));
        }),
        with_certificate(
            "an expired certificate",
            "certificate.validity",
            |w| &w.ca,
            move |params| {
                params.not_before = today - 2 * day;
                params.not_after = today - day;
            },
        ),
        with_certificate(
            "a certificate of tomorrow",
            "certificate.validity",
            |w| &w.ca,
            move |params| {
                params.not_before = today + day;
                params.not_after = today + 2 * day;
            },
        ),
        good(
            |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            },
            "an unknown critical extension",
            "certificate.critical_extension",
        ),
        good(|params| params.extended_key_usages.clear(), "no extended key usage", "certificate.extended_key_usage"),
        good(
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection],
            "e-mail only",
            "certificate.extended_key_usage",
        ),
        good(
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any],
            "any extended key usage",
            "certificate.extended_key_usage",
        ),
        good(
            |params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment],
            "key encipherment only",
            "certificate.key_usage",
        ),
        good(|params| params.subject_alt_names = vec![upn(BOB)], "bob's name", "certificate.upn"),
        good(|params| params.subject_alt_names.clear(), "no alternative name", "certificate.upn"),
        good(
            |params| params.subject_alt_names = vec![SanType::Rfc822Name(ALICE.try_into().unwrap())],
            "an e-mail address only",
            "certificate.upn",
        ),
        good(
            |params| params.subject_alt_names = vec![upn(ALICE), upn("alice@other.test")],
            "two user principal names",
            "certificate.upn",
        ),
        good(|params| params.subject_alt_names = vec![upn("alice")], "a name without a domain", "certificate.upn"),
    ]
}

#[test]
fn a_certificate_may_lack_what_is_not_asked_for() {
    let world = World::new();
    type Edit = fn(&mut CertificateParams);
    let edits: [(&str, Edit); 3] = [
        ("no key usage", |params| params.key_usages.clear()),
        ("smart card logon as well", |params| {
            let smart_card_logon = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 2];
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::Other(smart_card_logon));
        }),
        ("other names as well", |params| {
            params.subject_alt_names.push(SanType::Rfc822Name("a@b.test".try_into().unwrap()));
            params.subject_alt_names.push(SanType::OtherName((vec![1, 2, 3], OtherNameValue::from(BOB))));
        }),
    ];
    for (what, edit) in edits {
        let mut login = world.login(Algorithm::Es256);
        let certificate = world.ca.issue(&login.card, ALICE, edit);
        login.assertion_header.insert("x5c".into(), json!([certificate]));
        let answer = login.send();
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
}
