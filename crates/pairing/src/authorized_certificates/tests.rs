//! Tests of reading and editing the file.

use proptest::prelude::*;

use super::*;
use crate::pam_p11::tests::certificate;

const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
const OPEN: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n";

fn effective(file: &[u8]) -> Vec<(PairingHash, bool)> {
    read(file).entries.iter().map(|pairing| (pairing.hash(), pairing.effective)).collect()
}

#[test]
fn lists_certificates_between_other_things() {
    let (a, b) = (certificate("a"), certificate("b"));
    let file = format!("# mine\r\n{}text\n{OTHER}{}", a.to_pem().replace('\n', "\r\n"), b.to_pem());
    assert_eq!(effective(file.as_bytes()), [(a.pairing_hash(), true), (b.pairing_hash(), true)]);
    assert_eq!(read(file.as_bytes()).unreadable, []);
    assert!(read(b"").is_empty());
}

#[test]
fn what_stands_behind_something_damaged_does_not_count() {
    let (a, b) = (certificate("a"), certificate("b"));
    for damaged in [DAMAGED, OPEN, "-----BEGIN X-----\n!\n-----END X-----\n"] {
        let file = format!("{}{damaged}{}", a.to_pem(), b.to_pem());
        let pairings = read(file.as_bytes());
        assert_eq!(effective(file.as_bytes()), [(a.pairing_hash(), true), (b.pairing_hash(), false)]);
        assert!(pairings.contains(&a.pairing_hash()) && !pairings.contains(&b.pairing_hash()));
        assert_eq!(pairings.unreadable[0].line, 1 + a.to_pem().lines().count());
        // Added once more it counts.
        assert!(read(&add(file.as_bytes(), &b)).contains(&b.pairing_hash()));
    }
}

#[test]
fn removes_every_certificate_of_the_key_and_nothing_else() {
    let (a, b) = (certificate("a"), certificate("b"));
    let file = format!("1\n{}2\n{DAMAGED}{}3\n{}4", a.to_pem(), b.to_pem(), a.to_pem());
    let rest = remove(file.as_bytes(), &[a.pairing_hash()]);
    assert_eq!(String::from_utf8(rest).unwrap(), format!("1\n2\n{DAMAGED}{}3\n4", b.to_pem()));
}

#[test]
fn what_not_every_version_reads_is_not_called_effective() {
    let (a, b) = (certificate("a"), certificate("b"));
    for odd in [
        format!("\u{feff}{}", a.to_pem()),
        a.to_pem().replacen('\n', "\n\n", 1),
        a.to_pem().replacen('\n', "\n ", 1),
        format!("\0\n{}", a.to_pem()),
    ] {
        let file = [odd.as_bytes(), b.to_pem().as_bytes()].concat();
        assert_eq!(effective(&file), [(a.pairing_hash(), false), (b.pairing_hash(), false)]);
        // In front of it is safe.
        assert!(effective(&add(&file, &b)).contains(&(b.pairing_hash(), true)));
    }
}

/// Files as people and accidents make them.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let sound = certificate("other").to_pem();
    let crlf = sound.replace('\n', "\r\n");
    let half = sound[..sound.len() / 2].to_owned();
    let tail = sound[sound.len() / 2..].to_owned();
    let pieces = [
        sound,
        crlf,
        half,
        tail,
        DAMAGED.into(),
        OPEN.into(),
        OTHER.into(),
        "\n".into(),
        "\u{feff}".into(),
        "-----BEGIN ".into(),
        "-----END CERTIFICATE-----".into(),
        "# comment\r\n".into(),
        "no line end".into(),
        "  ".into(),
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces.to_vec()).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_and_removing_leaves_every_byte(file in any_file()) {
        let mine = certificate("mine");
        let paired = add(&file, &mine);
        prop_assert!(read(&paired).contains(&mine.pairing_hash()));
        // Nobody else is paired by it or loses a pairing.
        prop_assert_eq!(&effective(&paired)[1..], effective(&file));
        prop_assert_eq!(remove(&paired, &[mine.pairing_hash()]), file);
    }
}
