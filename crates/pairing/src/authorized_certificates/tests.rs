//! Tests of reading and editing the file.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::pam_p11::tests::{certificate, latin1, padded_serial_number};

const DAMAGED: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
const OPEN: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----\n";

fn read(file: &[u8]) -> Pairings {
    List::read(file).pairings()
}

fn add(file: &[u8], certificate: &Certificate) -> Vec<u8> {
    List::read(file).add(file, certificate)
}

fn remove(file: &[u8], hash: PairingHash) -> Vec<u8> {
    List::read(file).remove(file, &BTreeSet::from([hash]), false)
}

fn remove_all(file: &[u8]) -> Vec<u8> {
    List::read(file).remove(file, &read(file).hashes().into_iter().collect(), true)
}

fn effective(file: &[u8]) -> Vec<(PairingHash, bool)> {
    read(file).entries.iter().map(|pairing| (pairing.hash().unwrap(), pairing.effective)).collect()
}

/// What pam_p11 would read of each file, found by libcrypto alone.
fn by_libcrypto(files: &[Vec<u8>]) -> Vec<Vec<PairingHash>> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..files.len()).map(|number| folder.path().join(number.to_string())).collect();
    for (name, file) in names.iter().zip(files) {
        std::fs::write(name, file).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/authorized_certificates/libcrypto.py");
    let output = Command::new("python3").arg(script).args(names).output().expect("python3 is needed for this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<_>> =
        text.lines().map(|line| line.split_whitespace().map(|hash| hash.parse().unwrap()).collect()).collect();
    assert_eq!(lines.len(), files.len());
    lines
}

/// What is said of the files against what libcrypto reads.
fn judge(files: &[Vec<u8>]) {
    let cleared: Vec<Vec<u8>> = files.iter().map(|file| remove_all(file)).collect();
    for (file, left) in cleared.iter().zip(by_libcrypto(&cleared)) {
        assert!(left.is_empty(), "still opens after unpair: {}", String::from_utf8_lossy(file));
    }
    for (file, seen) in files.iter().zip(by_libcrypto(files)) {
        let (pairings, text) = (read(file), String::from_utf8_lossy(file));
        for (hash, effective) in effective(file) {
            assert!(!effective || seen.contains(&hash), "called effective, and is not: {text}");
        }
        for hash in seen {
            assert!(pairings.hashes().contains(&hash) || pairings.suspects > 0, "opens unseen: {text}");
        }
    }
}

#[test]
fn lists_certificates_between_other_things() {
    let (a, b) = (certificate("a"), certificate("b"));
    let file = format!("# mine\r\n{}text\n{OTHER}{}", a.to_pem().replace('\n', "\r\n"), b.to_pem());
    assert_eq!(effective(file.as_bytes()), [(a.pairing_hash(), true), (b.pairing_hash(), true)]);
    assert_eq!(by_libcrypto(&[file.clone().into_bytes()]), [[a.pairing_hash(), b.pairing_hash()]]);
    assert_eq!(read(file.as_bytes()).unreadable, []);
    assert!(read(b"").is_empty());
    // Bytes behind it do not matter.
    assert_eq!(effective(&[a.to_pem().as_bytes(), b"\0"].concat()), [(a.pairing_hash(), true)]);
}

#[test]
fn what_stands_behind_something_damaged_does_not_count() {
    let (a, b) = (certificate("a"), certificate("b"));
    for damaged in [DAMAGED, "-----BEGIN X-----\n!\n-----END X-----\n", "-----BEGIN X-----\n-----END X-----\n"] {
        let file = format!("{}{damaged}{}", a.to_pem(), b.to_pem());
        let pairings = read(file.as_bytes());
        assert_eq!(effective(file.as_bytes()), [(a.pairing_hash(), true), (b.pairing_hash(), false)]);
        assert_eq!(by_libcrypto(&[file.clone().into_bytes()]), [[a.pairing_hash()]]);
        assert!(pairings.contains(&a.pairing_hash()) && !pairings.contains(&b.pairing_hash()));
        assert_eq!(pairings.unreadable[0].line, 1 + a.to_pem().lines().count());
        assert_eq!(pairings.may_hold_more(), damaged == DAMAGED);
        // Added once more it counts.
        let added = add(file.as_bytes(), &b);
        assert!(read(&added).contains(&b.pairing_hash()));
        assert_eq!(by_libcrypto(&[added]), [[b.pairing_hash(), a.pairing_hash()]]);
    }
}

#[test]
fn a_block_without_end_counts_and_swallows_the_next() {
    let (a, b) = (certificate("a"), certificate("b"));
    for damaged in [a.to_pem().replace("-----END", "----END"), a.to_pem().replace("-----END CERTIFICATE-----\n", "")] {
        let file = format!("{damaged}{}", b.to_pem()).into_bytes();
        assert_eq!(by_libcrypto(std::slice::from_ref(&file)), [[a.pairing_hash()]]);
        assert_eq!(effective(&file), [(a.pairing_hash(), false)]);
        assert_eq!(by_libcrypto(&[remove(&file, a.pairing_hash())]), [[]]);
    }
}

#[test]
fn removes_every_certificate_of_the_key_and_nothing_else() {
    let (a, b) = (certificate("a"), certificate("b"));
    let file = format!("1\n{}2\n{DAMAGED}{}3\n{}4", a.to_pem(), b.to_pem(), a.to_pem());
    let rest = remove(file.as_bytes(), a.pairing_hash());
    assert_eq!(String::from_utf8(rest).unwrap(), format!("1\n2\n{DAMAGED}{}3\n4", b.to_pem()));
    // All: also what may be one.
    let rest = remove_all(format!("{file}\n{OTHER}{OPEN}").as_bytes());
    assert_eq!(String::from_utf8(rest).unwrap(), format!("1\n2\n3\n4\n{OTHER}"));
}

#[test]
fn what_openssl_reads_in_spite_of_its_look_is_found_and_removed() {
    let (a, b) = (certificate("a"), certificate("b"));
    let text = a.to_pem();
    let trailing = pem::encode(pem::CERTIFICATE, &[a.der(), b"\0\0\0"].concat());
    for odd in [
        text.replacen("-----\n", "-----\u{a0}\n", 1),
        text.replacen("-----\n", "-----\u{1}\n", 1),
        text.replacen("-----\n", "-----\0 text\n", 1),
        text.replace("\n-----END", "\u{e9}\n-----END"),
        text.replace("\n-----END", "\n- remark\n-----END"),
        text.replace("CERTIFICATE", "X509 CERTIFICATE"),
        format!("\u{feff}{text}"),
        trailing,
    ] {
        let file = [odd.as_bytes(), b.to_pem().as_bytes()].concat();
        assert_eq!(by_libcrypto(std::slice::from_ref(&file)), [[a.pairing_hash(), b.pairing_hash()]], "{odd}");
        assert_eq!(read(&file).hashes(), [a.pairing_hash(), b.pairing_hash()], "{odd}");
        assert_eq!(by_libcrypto(&[remove(&file, a.pairing_hash())]), [[b.pairing_hash()]]);
        assert!(remove_all(&file).is_empty());
        let plain = odd.contains("X509");
        assert_eq!(effective(&file), [(a.pairing_hash(), plain), (b.pairing_hash(), plain)]);
        // In front of it is safe.
        assert!(effective(&add(&file, &b)).contains(&(b.pairing_hash(), true)));
    }
}

#[test]
fn a_certificate_that_openssl_cannot_read_is_not_effective() {
    let b = certificate("b");
    for odd in [latin1(), padded_serial_number()] {
        let file = [odd.to_pem(), b.to_pem()].concat().into_bytes();
        assert_eq!(by_libcrypto(std::slice::from_ref(&file)), [[]]);
        assert_eq!(effective(&file), [(odd.pairing_hash(), false), (b.pairing_hash(), false)]);
        assert_eq!(by_libcrypto(&[add(&file, &b)]), [[b.pairing_hash()]]);
    }
}

#[test]
fn a_sound_file_is_continued_and_any_other_begun_anew() {
    let (a, b) = (certificate("a"), certificate("b"));
    let (first, second) = (a.to_pem(), b.to_pem());
    assert_eq!(add(b"", &b), second.as_bytes());
    assert_eq!(add(first.as_bytes(), &b), format!("{first}{second}").as_bytes());
    assert_eq!(add(first.trim_end().as_bytes(), &b), format!("{first}{second}").as_bytes());
    for odd in [format!("{first}{OPEN}"), format!("{first}\0"), format!("{first}{}", "x".repeat(252))] {
        assert_eq!(add(odd.as_bytes(), &b), format!("{second}{odd}").as_bytes());
    }
}

#[test]
fn many_small_blocks_take_no_time_and_few_words() {
    let limit = std::time::Duration::from_secs(20);
    let start = std::time::Instant::now();
    for text in ["-----BEGIN A-----\n", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "-----END A-----\n"]
    {
        let file = text.repeat(1024 * 1024 / text.len());
        let pairings = read(file.as_bytes());
        assert!(pairings.unreadable.len() <= MAX_UNREADABLE);
        assert_eq!(pairings.unreadable_more > 0, text.contains("CERTIFICATE"));
    }
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
}

/// Files as people and accidents make them.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let other = certificate("other");
    let sound = other.to_pem();
    let padded = pem::encode(pem::CERTIFICATE, &[other.der(), &[0, 0]].concat());
    let crlf = sound.replace('\n', "\r\n");
    let half = sound[..sound.len() / 2].to_owned();
    let tail = sound[sound.len() / 2..].to_owned();
    let pieces = [
        sound.clone(),
        sound.clone(),
        crlf,
        half,
        padded,
        sound.replace("-----\n", "-----\u{a0}\n"),
        sound.replace("-----END", "----END"),
        sound.replacen("\n", "\u{1}\n", 1),
        sound.replacen("\n", "\0x\n", 1),
        sound.replacen("\n", "\n\n", 1),
        sound.replacen("\nM", "\nProc-Type: 4,CLEAR\n\nM", 1),
        sound.replace("\n-----END", "\n- x\n-----END"),
        sound.replace("CERTIFICATE", "X509 CERTIFICATE"),
        sound.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        OTHER.replace("KEY-----", "KEY-----\u{e9}"),
        format!("{}\n", "x".repeat(253)),
        " ".repeat(254),
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

#[test]
fn what_is_said_of_any_file_is_what_libcrypto_reads() {
    let mut runner = TestRunner::deterministic();
    let files: Vec<Vec<u8>> = (0..600).map(|_| any_file().new_tree(&mut runner).unwrap().current()).collect();
    judge(&files);
    // Each with one byte of a plain file changed, taken out or put in.
    let plain = [certificate("a").to_pem(), certificate("b").to_pem()].concat().into_bytes();
    let bytes = [0, 1, b'\n', b' ', b'-', b'=', b'A', b':', 0x80, 0xA0, 0xEF];
    let change = (0..plain.len(), proptest::sample::select(bytes.to_vec()), 0..3);
    let changed = (0..600).map(|_| {
        let (at, byte, how) = change.new_tree(&mut runner).unwrap().current();
        let mut file = plain.clone();
        match how {
            0 => file[at] = byte,
            1 => file.insert(at, byte),
            _ => drop(file.remove(at)),
        }
        file
    });
    judge(&changed.collect::<Vec<_>>());
}

#[test]
fn adding_makes_effective_and_takes_nothing_away() {
    let mut runner = TestRunner::deterministic();
    let mine = certificate("mine");
    let files: Vec<Vec<u8>> = (0..600).map(|_| any_file().new_tree(&mut runner).unwrap().current()).collect();
    let paired: Vec<Vec<u8>> = files.iter().map(|file| add(file, &mine)).collect();
    let (before, after) = (by_libcrypto(&files), by_libcrypto(&paired));
    for (number, paired) in paired.iter().enumerate() {
        let text = String::from_utf8_lossy(paired);
        assert!(read(paired).contains(&mine.pairing_hash()) && after[number].contains(&mine.pairing_hash()), "{text}");
        for hash in &before[number] {
            assert!(after[number].contains(hash), "a pairing is gone: {text}");
        }
        // Taking it out leaves every byte, but for the line end that had to be added.
        let rest = remove(paired, mine.pairing_hash());
        assert!(rest == files[number] || rest == [&files[number][..], b"\n"].concat(), "{text}");
    }
}
