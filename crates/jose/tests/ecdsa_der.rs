//! ECDSA signatures in DER that are almost right, in the manner of Project Wycheproof: each is refused, or is converted to
//! exactly the number that it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jose::{Algorithm, EcPrivateKey, Error, Signer as _, ecdsa};

/// Hexadecimal with spaces to bytes; `*N` after a byte repeats it.
fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .flat_map(|word| {
            let (byte, times) = word.split_once('*').unwrap_or((word, "1"));
            hex::decode(byte).unwrap().repeat(times.parse().unwrap())
        })
        .collect()
}

#[test]
fn what_is_not_der_of_two_positive_numbers_is_refused() {
    let cases = [
        // Lengths.
        ("length of the sequence in long form", "30 81 06 02 01 01 02 01 01"),
        ("length of the sequence in two bytes", "30 82 00 06 02 01 01 02 01 01"),
        ("length of the sequence in five bytes", "30 85 00 00 00 00 06 02 01 01 02 01 01"),
        ("length of the sequence reserved", "30 ff 06 02 01 01 02 01 01"),
        ("length of the sequence far too large", "30 88 ff ff ff ff ff ff ff ff 02 01 01 02 01 01"),
        ("length of the sequence of 2^31 - 1", "30 84 7f ff ff ff 02 01 01 02 01 01"),
        ("indefinite length", "30 80 02 01 01 02 01 01 00 00"),
        ("indefinite length without an end", "30 80 02 01 01 02 01 01"),
        ("length of r in long form", "30 07 02 81 01 01 02 01 01"),
        ("length of s in long form", "30 07 02 01 01 02 81 01 01"),
        ("length of r in two bytes", "30 08 02 82 00 01 01 02 01 01"),
        ("indefinite length of r", "30 08 02 80 01 00 00 02 01 01"),
        ("length of the sequence one too small", "30 05 02 01 01 02 01 01"),
        ("length of the sequence one too large", "30 07 02 01 01 02 01 01"),
        ("length of the sequence zero", "30 00 02 01 01 02 01 01"),
        ("length of r one too large", "30 06 02 02 01 02 01 01"),
        ("length of s one too large", "30 06 02 01 01 02 02 01"),
        ("length of s zero", "30 05 02 01 01 02 00"),
        ("length of r zero", "30 05 02 00 02 01 01"),
        // Numbers.
        ("r negative", "30 06 02 01 80 02 01 01"),
        ("s negative", "30 06 02 01 01 02 01 ff"),
        ("r without its sign byte", "30 25 02 20 80 00*31 02 01 01"),
        ("r with a needless zero", "30 07 02 02 00 01 02 01 01"),
        ("s with a needless zero", "30 07 02 01 01 02 02 00 7f"),
        ("r with two sign bytes", "30 27 02 22 00 00 80 00*31 02 01 01"),
        ("r zero", "30 06 02 01 00 02 01 01"),
        ("s zero", "30 06 02 01 01 02 01 00"),
        ("both zero", "30 06 02 01 00 02 01 00"),
        ("r of 33 bytes", "30 26 02 21 01 00*32 02 01 01"),
        ("s of 34 bytes", "30 27 02 01 01 02 22 01 00*33"),
        ("r of 33 bytes after its sign", "30 27 02 22 00 ff*33 02 01 01"),
        // Structure.
        ("nothing", ""),
        ("only a tag", "30"),
        ("empty sequence", "30 00"),
        ("one number", "30 03 02 01 01"),
        ("three numbers", "30 09 02 01 01 02 01 01 02 01 01"),
        ("a NULL in the sequence", "30 08 02 01 01 02 01 01 05 00"),
        ("a NULL in front of r", "30 08 05 00 02 01 01 02 01 01"),
        ("a NULL behind the sequence", "30 06 02 01 01 02 01 01 05 00"),
        ("a zero behind the sequence", "30 06 02 01 01 02 01 01 00"),
        ("many zeros behind the sequence", "30 06 02 01 01 02 01 01 00*64"),
        ("zeros in front of the sequence", "00 00 30 06 02 01 01 02 01 01"),
        ("a sequence in the sequence", "30 08 30 06 02 01 01 02 01 01"),
        ("r a sequence of its own", "30 08 30 03 02 01 01 02 01 01"),
        ("a set", "31 06 02 01 01 02 01 01"),
        ("a context tag", "a0 06 02 01 01 02 01 01"),
        ("a sequence that is not constructed", "10 06 02 01 01 02 01 01"),
        ("a high tag number", "3f 10 06 02 01 01 02 01 01"),
        ("r a BIT STRING", "30 06 03 01 01 02 01 01"),
        ("r an OCTET STRING", "30 06 04 01 01 02 01 01"),
        ("s an ENUMERATED", "30 06 02 01 01 0a 01 01"),
        ("r a REAL", "30 08 09 03 80 00 01 02 01 01"),
        ("r a BOOLEAN", "30 06 01 01 ff 02 01 01"),
        ("r constructed", "30 06 22 01 01 02 01 01"),
        ("r‖s as JOSE has it", "01*64"),
        ("a PEM header", "2d 2d 2d 2d 2d"),
    ];
    for (name, der) in cases {
        let refused = ecdsa::der_to_raw(&bytes(der), 32);
        assert!(matches!(refused, Err(Error::Malformed { what: "ECDSA signature", .. })), "{name}: {refused:?}");
    }
    // The frame that all of them deviate from.
    assert_eq!(ecdsa::der_to_raw(&bytes("30 06 02 01 01 02 01 01"), 32).unwrap(), bytes("00*31 01 00*31 01"));
}

#[test]
fn numbers_of_every_length_are_padded() {
    for (width, der, raw) in [
        (32, "30 06 02 01 01 02 01 7f", "00*31 01 00*31 7f"),
        (32, "30 08 02 02 00 80 02 02 00 ff", "00*31 80 00*31 ff"),
        (32, "30 44 02 20 7f 11*31 02 20 01 22*31", "7f 11*31 01 22*31"),
        (32, "30 46 02 21 00 80 11*31 02 21 00 ff*32", "80 11*31 ff*32"),
        (32, "30 43 02 1f 11*31 02 20 22*32", "00 11*31 22*32"),
        (32, "30 42 02 1e 11*30 02 20 22*32", "00*2 11*30 22*32"),
        (32, "30 43 02 20 00 80*31 02 1f 01 22*30", "00 80*31 00 01 22*30"),
        (48, "30 64 02 30 7f 11*47 02 30 01 22*47", "7f 11*47 01 22*47"),
        (48, "30 66 02 31 00 ff*48 02 31 00 80 00*47", "ff*48 80 00*47"),
        (48, "30 25 02 20 11*32 02 01 01", "00*16 11*32 00*47 01"),
    ] {
        let (der, raw) = (bytes(der), bytes(raw));
        assert_eq!(ecdsa::der_to_raw(&der, width).unwrap(), raw);
        assert_eq!(ecdsa::raw_to_der(&raw).unwrap(), der);
    }
    // A number of P-384 is too wide for P-256, however small its value is on its own curve.
    assert!(ecdsa::der_to_raw(&bytes("30 35 02 30 7f 11*47 02 01 01"), 32).is_err());
}

/// Whatever one byte of a true signature is changed to, and wherever it is cut: it is refused here, or it says another
/// number, and then it does not verify.
#[test]
fn no_changed_signature_verifies() {
    let mut key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let der = ecdsa::raw_to_der(&key.sign(b"message").unwrap()).unwrap();
    let verifies = |der: &[u8]| {
        ecdsa::der_to_raw(der, 32).is_ok_and(|raw| public.verify(Algorithm::Es256, b"message", &raw).is_ok())
    };
    assert!(verifies(&der));
    let mut changed = 0;
    for index in 0..der.len() {
        for bit in 0..8 {
            let mut other = der.clone();
            other[index] ^= 1 << bit;
            assert!(!verifies(&other), "bit {bit} of byte {index}");
            changed += 1;
        }
        assert!(!verifies(&der[..index]), "cut to {index}");
        assert!(!verifies(&[&der[..index], &[0], &der[index..]].concat()), "a zero at {index}");
    }
    assert!(changed > 500);
}

/// r and s must lie below the order n of the group (FIPS 186-5 6.4.2): n itself, and numbers above it, are no signature.
#[test]
fn numbers_outside_of_the_group_do_not_verify() {
    let order = bytes("ff ff ff ff 00 00 00 00 ff*8 bc e6 fa ad a7 17 9e 84 f3 b9 ca c2 fc 63 25 51");
    let mut key = EcPrivateKey::generate().unwrap();
    let public = key.public();
    let raw = key.sign(b"message").unwrap();
    let (r, s) = raw.split_at(32);
    let one = [&[0; 31][..], &[1]].concat();
    for (name, forged) in [
        ("r = n", [&order[..], s].concat()),
        ("s = n", [r, &order[..]].concat()),
        ("r = s = n", [&order[..], &order[..]].concat()),
        ("r = 2^256 - 1", [&[0xff; 32][..], s].concat()),
        ("r = s = 1", [&one[..], &one[..]].concat()),
        ("r = 0", [&[0; 32][..], s].concat()),
        ("s = 0", [r, &[0; 32][..]].concat()),
        ("r = s = 0", vec![0; 64]),
        ("too short", raw[..63].to_vec()),
        ("too long", [&raw[..], &[0]].concat()),
        ("of the width of P-384", [&[0; 16][..], r, &[0; 16], s].concat()),
        ("halves exchanged", [s, r].concat()),
        ("empty", vec![]),
    ] {
        assert!(public.verify(Algorithm::Es256, b"message", &forged).is_err(), "{name}");
    }
}
