//! Lists made with `rcgen` and with the openssl command.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::*;

type Ca = CertifiedIssuer<'static, KeyPair>;

fn params(name: &str, usages: Vec<KeyUsagePurpose>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = usages;
    params
}

fn root(usages: Vec<KeyUsagePurpose>) -> Ca {
    Ca::self_signed(params("Root", usages), KeyPair::generate().unwrap()).unwrap()
}

fn both() -> Vec<KeyUsagePurpose> {
    vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]
}

/// A card's certificate with this serial number.
fn leaf(issuer: &Ca, serial: &[u8]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
}

/// A list, `age` after now, due again `due` after now.
fn list(issuer: &Ca, revoked: &[&[u8]], age: Duration, due: Duration) -> Vec<u8> {
    numbered(issuer, revoked, age, due, 1)
}

fn numbered(issuer: &Ca, revoked: &[&[u8]], age: Duration, due: Duration, number: u64) -> Vec<u8> {
    let now = OffsetDateTime::now_utc();
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: now,
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now + age,
        next_update: now + due,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().der().to_vec()
}

fn trust(authorities: &[&Ca]) -> TrustStore {
    TrustStore::from_bytes(authorities.iter().map(|ca| ca.pem()).collect::<String>().as_bytes()).unwrap()
}

/// The check that refuses a card's certificate, or nothing, with these lists.
fn verdict(lists: &[Vec<u8>], trust: &TrustStore, leaf: &[u8]) -> Option<(&'static str, String)> {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..lists.len()).map(|number| directory.path().join(number.to_string())).collect();
    for (path, list) in paths.iter().zip(lists) {
        fs::write(path, list).unwrap();
    }
    let revocation = RevocationLists::load(&paths, trust).unwrap().unwrap();
    check(&revocation, trust, leaf)
}

fn check(revocation: &RevocationLists, trust: &TrustStore, leaf: &[u8]) -> Option<(&'static str, String)> {
    let leaf = parse(leaf).unwrap();
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let chain = trust.verify(&leaf, now).unwrap();
    let refusal = revocation.check(&mut Trail::default(), &leaf, &chain, trust, now).err()?;
    Some((refusal.check.name(), refusal.why))
}

const HOUR: Duration = Duration::HOUR;

#[test]
fn a_revoked_certificate_is_refused_and_another_is_not() {
    let root = root(both());
    let trust = trust(&[&root]);
    let current = list(&root, &[&[7], &[0x80, 1]], -HOUR, HOUR);
    let lists = [current];
    assert_eq!(verdict(&lists, &trust, &leaf(&root, &[8])), None);
    for serial in [&[7][..], &[0x80, 1]] {
        let (check, why) = verdict(&lists, &trust, &leaf(&root, serial)).unwrap();
        assert_eq!(check, "certificate.revoked");
        assert!(why.contains("revoked"), "{why}");
    }
}

#[test]
fn stale_lists_and_lists_of_the_future_are_refused_by_name() {
    let root = root(both());
    let trust = trust(&[&root]);
    for (age, due, word) in [(-2, -1, "stale"), (1, 2, "of the future")] {
        let lists = [list(&root, &[], HOUR * age, HOUR * due)];
        let (check, why) = verdict(&lists, &trust, &leaf(&root, &[8])).unwrap();
        assert_eq!(check, "certificate.crl");
        assert!(why.contains(word), "{why}");
    }
    // A stale list beside a current one does no harm.
    let lists = [list(&root, &[], -HOUR * 2, -HOUR), list(&root, &[&[7]], -HOUR, HOUR)];
    assert_eq!(verdict(&lists, &trust, &leaf(&root, &[8])), None);
    assert_eq!(verdict(&lists, &trust, &leaf(&root, &[7])).unwrap().0, "certificate.revoked");
}

#[test]
fn of_two_current_lists_the_newer_decides_in_either_order() {
    let root = root(both());
    let trust = trust(&[&root]);
    let (seven, eight) = (leaf(&root, &[7]), leaf(&root, &[8]));
    let older = list(&root, &[&[8]], -HOUR * 2, HOUR * 9);
    let newer = list(&root, &[&[7]], -HOUR, HOUR);
    // Of the same second the number counts, 256 being more than 255.
    let first = numbered(&root, &[&[8]], -HOUR, HOUR * 9, 255);
    let second = numbered(&root, &[&[7]], -HOUR, HOUR, 256);
    for (older, newer) in [(older.clone(), newer), (first, second)] {
        for lists in [[older.clone(), newer.clone()], [newer, older]] {
            assert_eq!(verdict(&lists, &trust, &seven).unwrap().0, "certificate.revoked");
            assert_eq!(verdict(&lists, &trust, &eight), None, "released from hold");
        }
    }
    let stale = list(&root, &[&[7]], -HOUR, -HOUR / 2);
    for lists in [[older.clone(), stale.clone()], [stale, older]] {
        let (check, why) = verdict(&lists, &trust, &eight).unwrap();
        assert!(check == "certificate.crl" && why.contains("stale"), "the older one does not stand in: {why}");
    }
}

#[test]
fn a_list_is_one_of_the_renewed_authority_too() {
    let key = KeyPair::generate().unwrap();
    let again = || KeyPair::try_from(key.serialize_der()).unwrap();
    let mut expired = params("Root", both());
    (expired.not_before, expired.not_after) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::now_utc() - HOUR);
    let before = Ca::self_signed(expired, again()).unwrap();
    let renewed = Ca::self_signed(params("Root", both()), again()).unwrap();
    let other_key = root(both());
    for authorities in [[&before, &renewed, &other_key], [&other_key, &renewed, &before]] {
        let trust = trust(&authorities);
        for signer in [&before, &renewed] {
            let lists = [list(signer, &[&[7]], -HOUR, HOUR)];
            assert_eq!(verdict(&lists, &trust, &leaf(&renewed, &[8])), None);
            assert_eq!(verdict(&lists, &trust, &leaf(&renewed, &[7])).unwrap().0, "certificate.revoked");
            // The same name with another key is another authority.
            assert_eq!(verdict(&lists, &trust, &leaf(&other_key, &[8])).unwrap().0, "certificate.crl");
        }
    }
}

#[test]
fn every_issuer_needs_a_list_and_may_be_on_one() {
    let root = root(both());
    let mut below = params("Issuing", both());
    below.serial_number = Some(SerialNumber::from_slice(&[5]));
    let issuing = Ca::signed_by(below, KeyPair::generate().unwrap(), &root).unwrap();
    let trust = trust(&[&root, &issuing]);
    let card = leaf(&issuing, &[8]);
    let of_root = |revoked: &[&[u8]]| list(&root, revoked, -HOUR, HOUR);
    let of_issuing = list(&issuing, &[], -HOUR, HOUR);
    assert_eq!(verdict(&[of_root(&[]), of_issuing.clone()], &trust, &card), None);
    let missing = verdict(std::slice::from_ref(&of_issuing), &trust, &card).unwrap();
    assert_eq!(missing, ("certificate.crl", "there is no revocation list of the issuer".to_owned()));
    assert_eq!(verdict(&[of_root(&[&[5]]), of_issuing], &trust, &card).unwrap().0, "certificate.revoked");
}

#[test]
fn a_list_that_nobody_trusted_signed_is_no_list() {
    let (ours, theirs) = (root(both()), root(both()));
    let trusted = trust(&[&ours]);
    let forged = list(&theirs, &[], -HOUR, HOUR);
    assert_eq!(parse_file(&forged, &trusted).unwrap_err(), "the issuer's key did not sign it");
    let mut changed = list(&ours, &[&[7]], -HOUR, HOUR);
    let at = changed.windows(3).position(|bytes| bytes == [2, 1, 7]).unwrap();
    changed[at + 2] = 9;
    assert_eq!(parse_file(&changed, &trusted).unwrap_err(), "the issuer's key did not sign it");
    let unknown = trust(&[&Ca::self_signed(params("Other", both()), KeyPair::generate().unwrap()).unwrap()]);
    assert!(parse_file(&forged, &unknown).unwrap_err().contains("has the name of its issuer"));
    for bad in [&b""[..], b"text", b"\x30\x00", &[&list(&ours, &[], -HOUR, HOUR)[..], &[0]].concat()] {
        assert!(parse_file(bad, &trusted).is_err());
    }
}

#[test]
fn a_file_that_changes_is_read_again() {
    let root = root(both());
    let trust = trust(&[&root]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("crl");
    fs::write(&path, list(&root, &[], -HOUR, HOUR)).unwrap();
    let revocation = RevocationLists::load(std::slice::from_ref(&path), &trust).unwrap().unwrap();
    let card = leaf(&root, &[0x11, 0x22]);
    assert_eq!(check(&revocation, &trust, &card), None);
    fs::write(&path, list(&root, &[&[0x11, 0x22]], -HOUR, HOUR)).unwrap();
    assert_eq!(check(&revocation, &trust, &card).unwrap().0, "certificate.revoked");
    fs::write(&path, b"no list").unwrap();
    assert_eq!(check(&revocation, &trust, &card).unwrap().0, "certificate.crl");
    fs::remove_file(&path).unwrap();
    assert_eq!(check(&revocation, &trust, &card).unwrap().0, "certificate.crl");
}

#[test]
fn a_list_of_openssl_is_read_as_pem_and_as_der() {
    let directory = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let mut command = std::process::Command::new("openssl");
        let output = command.args(arguments.split(' ')).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
    };
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=1\n";
    fs::write(directory.path().join("config"), config).unwrap();
    // An entry of openssl's database: revoked, when it expires, when it was revoked, its serial number.
    fs::write(directory.path().join("index"), "R\t400101000000Z\t250101000000Z\t0A0B\tunknown\t/CN=x\n").unwrap();
    fs::write(directory.path().join("number"), "01\n").unwrap();
    openssl("req -x509 -newkey rsa:2048 -noenc -keyout key.pem -out ca.pem -days 10 -subj /CN=CA -sha256");
    openssl("ca -gencrl -config config -keyfile key.pem -cert ca.pem -out crl.pem");
    openssl("crl -in crl.pem -outform DER -out crl.der");
    let trust = TrustStore::from_bytes(&fs::read(directory.path().join("ca.pem")).unwrap()).unwrap();
    for file in ["crl.pem", "crl.der"] {
        let lists = parse_file(&fs::read(directory.path().join(file)).unwrap(), &trust).unwrap();
        assert_eq!(lists[0].revoked.iter().collect::<Vec<_>>(), [&[0x0a, 0x0b]], "{file}");
        let now = OffsetDateTime::now_utc().unix_timestamp();
        assert!(lists[0].this_update <= now && lists[0].next_update.unwrap() > now);
    }
}
