//! No input makes this crate panic, hang or use unbounded memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use identity::{Certificate, Identity, load, pem, text};
use time::OffsetDateTime;

/// Everything that can be asked about whatever was read.
fn ask(bytes: &[u8]) -> usize {
    let mut read = 0;
    for certificate in load::certificates(bytes).into_iter().chain([Certificate::from_der(bytes)]) {
        let Ok(certificate) = certificate else { continue };
        read += 1;
        let _ = text::escape_control(&format!("{certificate:?} {:?}", certificate.upns()));
        let _ = certificate.to_pem();
        for hash in [identity::Hash::Sha256, identity::Hash::Sha512] {
            let signature = vec![1; certificate.public_key().as_bytes().len()];
            let _ = certificate.public_key().verify(hash, b"message", &signature);
        }
        let identity = Identity { slot: "9a".to_owned(), certificate, token_id: None };
        let _ = (identity.problems_at(OffsetDateTime::UNIX_EPOCH), identity.usable_for());
        let _ = identity::select::select(&[identity], &Default::default()).map_err(|error| error.to_string());
    }
    for block in pem::blocks(bytes) {
        assert!(block.range.start < block.range.end && block.range.end <= bytes.len());
    }
    read
}

/// Two test certificates as DER, one with RSA and many extensions, one with P-256.
fn samples() -> Vec<Vec<u8>> {
    let rsa = include_bytes!("../../../tests/data/icam/46_Golden_FIPS_201-2_PIV/3-ICAM_PIV_Auth_SP_800-73-4.crt");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["host.test".to_owned()]).unwrap();
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    let ec = params.self_signed(&key).unwrap();
    let rsa = load::certificates(rsa).remove(0).unwrap();
    vec![rsa.der().to_vec(), ec.der().to_vec()]
}

/// xorshift64*; the seed is fixed, so a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(value).unwrap() % limit
    }
}

#[test]
fn truncated_at_every_byte() {
    for der in samples() {
        assert_eq!(ask(&der), 2);
        for length in 0..der.len() {
            assert_eq!(ask(&der[..length]), 0, "{length}");
        }
        let pem = pem::encode("CERTIFICATE", &der);
        for length in 0..pem.len() - 1 {
            assert_eq!(ask(&pem.as_bytes()[..length]), 0, "{length}");
        }
    }
}

#[test]
fn every_byte_changed() {
    for der in samples() {
        for at in 0..der.len() {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF, der[at] ^ 1, der[at] ^ 0x20] {
                let mut changed = der.clone();
                changed[at] = value;
                ask(&changed);
            }
        }
    }
}

#[test]
fn many_bytes_changed() {
    let mut random = Random(0x5EED);
    for der in samples() {
        let file = [pem::encode("CERTIFICATE", &der), pem::encode("PKCS7", &der)].concat().into_bytes();
        for _ in 0..3000 {
            for original in [&der, &file] {
                let mut changed = original.clone();
                for _ in 0..=random.below(8) {
                    let at = random.below(changed.len());
                    match random.below(3) {
                        0 => changed[at] = u8::try_from(random.below(256)).unwrap(),
                        1 => drop(changed.remove(at)),
                        _ => changed.insert(at, u8::try_from(random.below(256)).unwrap()),
                    }
                }
                ask(&changed);
            }
        }
    }
}

#[test]
fn deep_nesting_ends() {
    // SEQUENCEs of indefinite and of definite length inside each other.
    ask(&[0x30, 0x80].repeat(16_000));
    let mut nested = Vec::new();
    for _ in 0..7_000 {
        let length = u16::try_from(nested.len()).unwrap_or(u16::MAX).to_be_bytes();
        nested = [&[0x30, 0x82][..], &length, &nested].concat();
    }
    ask(&nested);
}
