//! Chains made with `rcgen`, and certificates made with the openssl command, which is an
//! independent maker of signatures.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, OtherNameValue, PKCS_ECDSA_P384_SHA384, SanType,
};

use super::binding::{upn, utf8_in_explicit_0};
use super::chain::{ChainProblem, TrustStore};
use super::*;

const NOW: i64 = 1_800_000_000;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str, edit: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    edit(&mut params);
    params
}

fn root(edit: impl FnOnce(&mut CertificateParams)) -> Ca {
    Ca::self_signed(authority("Root", edit), KeyPair::generate().unwrap()).unwrap()
}

fn below(issuer: &Ca, name: &str, edit: impl FnOnce(&mut CertificateParams)) -> Ca {
    Ca::signed_by(authority(name, edit), KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), issuer).unwrap()
}

fn leaf(issuer: &Ca) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Alice");
    params.subject_alt_names =
        vec![SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], OtherNameValue::from("alice@example.test")))];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
}

fn verdict(trust: &[&Ca], leaf: &[u8]) -> Result<(), ChainProblem> {
    let pem: String = trust.iter().map(|ca| ca.pem()).collect();
    TrustStore::from_bytes(pem.as_bytes()).unwrap().verify(&parse(leaf).unwrap(), NOW).map(|_| ())
}

#[test]
fn a_chain_goes_up_to_a_self_signed_authority() {
    let root = root(|_| {});
    let middle = below(&root, "Middle", |_| {});
    let issuing = below(&middle, "Issuing", |_| {});
    assert_eq!(verdict(&[&root], &leaf(&root)), Ok(()));
    assert_eq!(verdict(&[&issuing, &root, &middle], &leaf(&issuing)), Ok(()));
    assert_eq!(verdict(&[&issuing, &root], &leaf(&issuing)), Err(ChainProblem::UnknownIssuer));
    let store = TrustStore::from_bytes(root.der()).unwrap();
    assert_eq!(store.verify(&parse(&leaf(&root)).unwrap(), NOW), Ok(vec![0]), "a DER file does as well");
}

#[test]
fn a_chain_has_at_most_four_authorities() {
    let root = root(|_| {});
    let mut chain = vec![root];
    for name in ["A", "B", "C", "D"] {
        let next = below(chain.last().unwrap(), name, |_| {});
        chain.push(next);
    }
    let all: Vec<&Ca> = chain.iter().collect();
    assert_eq!(verdict(&all, &leaf(&chain[3])), Ok(()));
    assert_eq!(verdict(&all, &leaf(&chain[4])), Err(ChainProblem::TooLong));
}

#[test]
fn an_authority_must_be_one() {
    use ChainProblem::{NameConstraints as Constrained, NotAnAuthority, NotValid, TooLong};
    type Edit = fn(&mut CertificateParams);
    let cases: [(&str, Edit, ChainProblem); 10] = [
        ("cA is false", |params| params.is_ca = IsCa::ExplicitNoCa, NotAnAuthority),
        ("no basicConstraints", |params| params.is_ca = IsCa::NoCa, NotAnAuthority),
        ("no keyCertSign", |params| params.key_usages = vec![KeyUsagePurpose::CrlSign], NotAnAuthority),
        (
            "for servers only",
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            NotAnAuthority,
        ),
        (
            "name constraints",
            |params| {
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![GeneralSubtree::DnsName("example.test".to_owned())],
                    excluded_subtrees: vec![],
                });
            },
            Constrained,
        ),
        (
            "name constraints that are not critical",
            |params| {
                let only_a_test = b"\x30\x0c\xa0\x0a\x30\x08\x82\x06a.test".to_vec();
                params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 30], only_a_test)];
            },
            Constrained,
        ),
        (
            "an unknown critical extension",
            |params| {
                let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions = vec![unknown];
            },
            NotAnAuthority,
        ),
        ("expired", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1), NotValid),
        ("of the future", |params| params.not_before = rcgen::date_time_ymd(2090, 1, 1), NotValid),
        // Two below the root, which permits one.
        ("path length", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)), TooLong),
    ];
    for (what, edit, problem) in cases {
        let bad_root = root(edit);
        let middle = below(&bad_root, "Middle", |_| {});
        assert_eq!(verdict(&[&bad_root, &middle], &leaf(&middle)), Err(problem), "root: {what}");
        let good_root = root(|_| {});
        let bad_middle = below(&good_root, "Middle", edit);
        let expected = if problem == TooLong { Ok(()) } else { Err(problem) };
        assert_eq!(verdict(&[&good_root, &bad_middle], &leaf(&bad_middle)), expected, "middle: {what}");
    }
    let no_key_usage = root(|params| params.key_usages.clear());
    assert_eq!(verdict(&[&no_key_usage], &leaf(&no_key_usage)), Ok(()));
}

#[test]
fn a_name_is_not_a_key() {
    let (ours, theirs) = (root(|_| {}), root(|_| {}));
    assert_eq!(verdict(&[&ours], &leaf(&theirs)), Err(ChainProblem::Signature));
    assert_eq!(verdict(&[&ours, &theirs], &leaf(&theirs)), Ok(()), "both have the name, one the key");
    let mut changed = leaf(&ours);
    let at = changed.windows(5).position(|bytes| bytes == b"Alice").unwrap();
    changed[at] = b'B';
    assert_eq!(verdict(&[&ours], &changed), Err(ChainProblem::Signature));
    // Self-issued but not self-signed is no end of a chain.
    let impostor = Ca::signed_by(authority("Root", |_| {}), KeyPair::generate().unwrap(), &theirs).unwrap();
    assert!(TrustStore::from_bytes(impostor.pem().as_bytes()).is_err());
}

#[test]
fn trust_files_hold_certificates() {
    let root = root(|_| {});
    let middle = below(&root, "Middle", |_| {});
    let without_root = middle.pem();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let many: String = (0..65).map(|_| root.pem()).collect();
    let bad: [&[u8]; 7] = [
        b"",
        b"text",
        b"\x30\x00",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        without_root.as_bytes(),
        &[root.pem(), key].concat().into_bytes(),
        many.as_bytes(),
    ];
    for bytes in bad {
        assert!(TrustStore::from_bytes(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
    let commented = format!("# Root\n{}\n# Middle\n{}", root.pem(), middle.pem());
    assert!(TrustStore::from_bytes(commented.as_bytes()).is_ok());
}

#[test]
fn certificates_are_parsed_strictly() {
    let good = leaf(&root(|_| {}));
    assert!(parse(&good).is_ok());
    assert!(parse(&[good.as_slice(), &[0]].concat()).is_err());
    for length in 0..good.len() {
        assert!(parse(&good[..length]).is_err(), "cut after {length} bytes");
    }
    let large = [&[0x30, 0x83, 0x01, 0x00, 0x00][..], &[0; 0x10000]].concat();
    assert_eq!(parse(&large).unwrap_err(), "the certificate is larger than 32 KiB");
    let mut twice = CertificateParams::default();
    twice.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]); 2];
    let twice = twice.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(parse(twice.der()).unwrap_err(), "the certificate has an extension twice");
}

fn openssl(directory: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success(), "openssl {arguments}");
}

#[test]
fn signatures_of_openssl_are_verified_and_weak_ones_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (key, digest, accepted) in [
        ("rsa:2048", "-sha256", true),
        ("rsa:3072", "-sha384", true),
        ("rsa:4096", "-sha512", true),
        ("rsa:2048", "-sha1", false),
        ("rsa:1024", "-sha256", false),
        ("rsa:2048", "-sha256 -sigopt rsa_padding_mode:pss", false),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha256", true),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha384", true),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "-sha256", true),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "-sha512", true),
        ("ec -pkeyopt ec_paramgen_curve:P-256", "-sha1", false),
        ("ec -pkeyopt ec_paramgen_curve:P-521", "-sha512", false),
        ("ed25519", "", false),
    ] {
        let request =
            format!("req -x509 -newkey {key} -noenc -keyout key.pem -out ca.pem -days 20000 -subj /CN=CA {digest}");
        openssl(directory.path(), request.trim_end());
        let pem = std::fs::read(directory.path().join("ca.pem")).unwrap();
        // An authority whose own signature is refused is no root, and a file without one is refused.
        let loaded = TrustStore::from_bytes(&pem);
        assert_eq!(loaded.is_ok(), accepted, "{key} {digest}");
        if let Err(why) = loaded {
            assert!(why.contains("certificate 1 is not supported"), "{key} {digest}: {why}");
        }
    }
}

#[test]
fn what_is_not_supported_is_told_from_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &str| openssl(directory.path(), arguments);
    let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
    let root = root(|_| {});
    run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout leaf.key -out leaf.csr -subj /CN=Alice");
    std::fs::write(directory.path().join("v3"), "basicConstraints=CA:FALSE\n").unwrap();
    for (key, digest, expected) in
        [("P-256", "-sha1", ChainProblem::SignatureAlgorithm), ("P-521", "-sha512", ChainProblem::IssuerKey)]
    {
        let curve = format!("ec -pkeyopt ec_paramgen_curve:{key}");
        run(&format!("req -x509 -newkey {curve} -noenc -keyout ca.key -out ca.pem -days 20000 -subj /CN=CA -sha256"));
        run(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 7 {digest} -days 20000 -extfile v3 -outform DER -out leaf.der"
        ));
        let trust = TrustStore::from_bytes(&[root.pem().into_bytes(), read("ca.pem")].concat()).unwrap();
        let leaf = read("leaf.der");
        assert_eq!(trust.verify(&parse(&leaf).unwrap(), NOW), Err(expected), "{key} {digest}");
    }
}

#[test]
fn the_published_card_certificate_has_no_upn_and_no_known_issuer() {
    // x5c of Apple's sample of an assertion ("Creating and validating a login request"): P-256, self-signed,
    // CN=foo@example.com, valid 2023-06-02 to 2024-06-01, with an empty key usage.
    const SAMPLE: &str = "MIIBjDCCATGgAwIBAgIBATAKBggqhkjOPQQDAjA7MRgwFgYDVQQDDA9mb29AZXhhbXBsZS5jb20xCzAJBgNVBAYTAlVTMRIwEAYDVQQKEwlBcHBsZSBJbmMwHhcNMjMwNjAyMjAxODQ0WhcNMjQwNjAxMjAxODQ0WjA7MRgwFgYDVQQDDA9mb29AZXhhbXBsZS5jb20xCzAJBgNVBAYTAlVTMRIwEAYDVQQKEwlBcHBsZSBJbmMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQjYj/71O2hkabp909E9frlfshRO+14LswCYjyZcwQH/ZxJg3Pbv6d/sHzSSwFWKi2tRZKUSKpqAxkuzYivbFuBoyYwJDASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB/wQEAwIAADAKBggqhkjOPQQDAgNJADBGAiEAwIe8/aW9wu21T1hupAMfKx9HoBLlFJohNPBTkpXx4cICIQCHUDgrHfuE3Qf4ff/0WPnyOfsX8h+/UvoP81QMWpkOjw==";
    let der = BASE64_STANDARD.decode(SAMPLE).unwrap();
    let sample = parse(&der).unwrap();
    assert!(valid_at(&sample, 1_685_737_124));
    assert!(!valid_at(&sample, 1_717_273_125));
    assert_eq!(upn(&sample).unwrap_err(), "the certificate has no subject alternative name");
    assert_eq!(common_name(&sample).as_deref(), Some("foo@example.com"));
    assert_eq!(verdict(&[&root(|_| {})], &der), Err(ChainProblem::UnknownIssuer));
}

#[test]
fn the_upn_is_utf8_in_an_explicit_tag() {
    let long = [&[0xa0, 7, 0x0c, 5][..], b"a@b.c"].concat();
    assert_eq!(utf8_in_explicit_0(&long), Some("a@b.c"));
    for bad in [
        &b""[..],
        b"\x0c\x05a@b.c",
        b"\x80\x07\x0c\x05a@b.c",
        b"\xa1\x07\x0c\x05a@b.c",
        b"\xa0\x07\x16\x05a@b.c",
        b"\xa0\x07\x0c\x05a@b.c\0",
        b"\xa0\x08\x0c\x05a@b.c\0",
        b"\xa0\x07\x0c\x05a@b.\xff",
        b"\xa0\x07\x0c\x06a@b.c",
    ] {
        assert_eq!(utf8_in_explicit_0(bad), None, "{bad:02x?}");
    }
}
