//! Tests of the usage rules.

use rcgen::{ExtendedKeyUsagePurpose as Purpose, KeyUsagePurpose as Bit};
use time::macros::datetime;

use super::*;
use crate::Identity;
use crate::testing;

fn identity(slot: &str, bits: &[Bit], purposes: &[Purpose]) -> Identity {
    let (certificate, _) = testing::certificate("x", bits, purposes);
    Identity { slot: slot.to_owned(), certificate, token_id: None }
}

#[test]
fn a_certificate_without_restrictions_follows_the_slot() {
    let of = |slot| identity(slot, &[], &[]).usable_for();
    assert_eq!(of("9a"), [Usage::Authentication]);
    assert_eq!(of("9A"), [Usage::Authentication]);
    assert_eq!(of("9c"), [Usage::Authentication, Usage::Signature]);
    assert_eq!(of("9d"), [Usage::KeyManagement]);
    assert_eq!(of("9e"), [Usage::CardAuthentication]);
    assert_eq!(of("82"), [Usage::KeyManagement]);
    assert_eq!(of("95"), [Usage::KeyManagement]);
    for none in ["81", "96", "f9", "", "+82", "9", "9aa"] {
        assert_eq!(of(none), [], "{none}");
    }
}

#[test]
fn key_usage_restricts() {
    let of = |slot, bit| identity(slot, &[bit], &[]).usable_for();
    assert_eq!(of("9a", Bit::DigitalSignature), [Usage::Authentication]);
    assert_eq!(of("9a", Bit::KeyAgreement), []);
    assert_eq!(of("9c", Bit::ContentCommitment), [Usage::Signature]);
    assert_eq!(of("9d", Bit::KeyAgreement), [Usage::KeyManagement]);
    // Key encipherment is what RSA does; this key is on P-256.
    assert_eq!(of("9d", Bit::KeyEncipherment), []);
    assert_eq!(of("9e", Bit::KeyAgreement), []);
}

#[test]
fn extended_key_usage_restricts() {
    let of = |slot, purpose| identity(slot, &[], &[purpose]).usable_for();
    let smartcard_logon = || Purpose::Other(vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 2]);
    let piv_card_auth = || Purpose::Other(vec![2, 16, 840, 1, 101, 3, 6, 8]);
    assert_eq!(of("9a", Purpose::ClientAuth), [Usage::Authentication]);
    assert_eq!(of("9a", smartcard_logon()), [Usage::Authentication]);
    assert_eq!(of("9a", Purpose::Any), [Usage::Authentication]);
    assert_eq!(of("9a", Purpose::ServerAuth), []);
    assert_eq!(of("9c", Purpose::EmailProtection), [Usage::Signature]);
    assert_eq!(of("9e", piv_card_auth()), [Usage::CardAuthentication]);
    assert_eq!(of("9e", Purpose::ClientAuth), []);
}

#[test]
fn only_an_authority_may_issue() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    let may_issue = |is_ca: IsCa, bits: &[Bit]| {
        let mut params = CertificateParams::default();
        (params.is_ca, params.key_usages) = (is_ca, bits.to_vec());
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        crate::Certificate::from_der(certificate.der()).unwrap().may_issue()
    };
    let authority = || IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(may_issue(authority(), &[]));
    assert!(may_issue(authority(), &[Bit::KeyCertSign, Bit::CrlSign]));
    assert!(!may_issue(authority(), &[Bit::DigitalSignature]));
    assert!(!may_issue(IsCa::ExplicitNoCa, &[Bit::KeyCertSign]));
    assert!(!may_issue(IsCa::NoCa, &[]));
}

#[test]
fn dates_are_inclusive() {
    let identity = identity("9a", &[], &[]);
    let (first, last) = (datetime!(2000-01-01 0:00 UTC), datetime!(2100-01-01 0:00 UTC));
    assert_eq!(identity.problems_at(first), []);
    assert_eq!(identity.problems_at(last), []);
    let second = time::Duration::SECOND;
    assert_eq!(identity.problems_at(first - second), [Problem::NotYetValid { not_before: first }]);
    let expired = identity.problems_at(last + second);
    assert_eq!(expired, [Problem::Expired { not_after: last }]);
    assert_eq!(expired[0].to_string(), "expired on 2100-01-01");
}

#[test]
fn problems_name_what_the_slot_needs() {
    let now = datetime!(2050-01-01 0:00 UTC);
    let texts =
        |identity: Identity| -> Vec<String> { identity.problems_at(now).iter().map(Problem::to_string).collect() };
    assert_eq!(
        texts(identity("9a", &[Bit::KeyAgreement], &[Purpose::ServerAuth])),
        ["the extended key usage does not list clientAuth", "the key usage does not list digitalSignature"]
    );
    assert_eq!(
        texts(identity("9e", &[], &[Purpose::ClientAuth])),
        ["the extended key usage does not list pivCardAuth"]
    );
    assert_eq!(texts(identity("9d", &[Bit::DigitalSignature], &[])), ["the key usage does not list keyAgreement"]);
    assert_eq!(texts(identity("9d", &[Bit::KeyAgreement], &[])), [""; 0]);
}

#[test]
fn purposes_have_names() {
    let identity = identity("9a", &[], &[Purpose::ClientAuth, Purpose::Other(vec![1, 2, 3])]);
    let purposes = identity.certificate.extended_key_usages().unwrap();
    assert_eq!(purposes, [ExtendedKeyUsage::ClientAuth, ExtendedKeyUsage::Other("1.2.3".to_owned())]);
    assert_eq!(purposes.iter().map(|one| one.to_string()).collect::<Vec<_>>(), ["clientAuth", "1.2.3"]);
    assert_eq!(purposes[0].oid(), "1.3.6.1.5.5.7.3.2");
}
