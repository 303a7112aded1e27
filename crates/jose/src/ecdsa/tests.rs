use super::*;

fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![0x30, u8::try_from(content.len()).unwrap()];
    out.extend(content);
    out
}

/// What DER makes of a 32-byte number: no leading zeros but the one that keeps it positive.
fn minimal(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let mut out = bytes[start..].to_vec();
    if out[0] & 0x80 != 0 {
        out.insert(0, 0);
    }
    integer(&out)
}

#[test]
fn numbers_are_padded_on_the_left_to_the_width_of_the_curve() {
    for width in [32, 48] {
        for zeros in [0, 1, 2, width - 1] {
            for first in [0x01, 0x7f, 0x80, 0xff] {
                let mut r = vec![0; width];
                r[zeros] = first;
                let mut s = vec![0x11; width];
                s[width - 1] = first;
                let der = sequence(&[minimal(&r), minimal(&s)]);
                let raw = der_to_raw(&der, width).unwrap();
                assert_eq!(raw, [r, s].concat());
                assert_eq!(raw_to_der(&raw).unwrap(), der);
            }
        }
    }
}

#[test]
fn sloppy_der_is_refused() {
    let one = integer(&[1]);
    let wide = integer(&[&[1u8][..], &[0; 32]].concat());
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("empty sequence", sequence(&[])),
        ("one number", sequence(std::slice::from_ref(&one))),
        ("three numbers", sequence(&[one.clone(), one.clone(), one.clone()])),
        ("trailing byte", [sequence(&[one.clone(), one.clone()]), vec![0]].concat()),
        ("over-long number: needless zero", sequence(&[integer(&[0, 1]), one.clone()])),
        ("over-long length", vec![0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]),
        ("over-long inner length", vec![0x30, 7, 2, 0x81, 1, 1, 2, 1, 1]),
        ("indefinite length", vec![0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0]),
        ("negative", sequence(&[integer(&[0x80]), one.clone()])),
        ("negative s", sequence(&[one.clone(), integer(&[0xff, 1])])),
        ("zero r", sequence(&[integer(&[0]), one.clone()])),
        ("zero s", sequence(&[one.clone(), integer(&[0])])),
        ("empty number", sequence(&[integer(&[]), one.clone()])),
        ("too wide", sequence(&[wide, one.clone()])),
        ("length past the end", vec![0x30, 7, 2, 1, 1, 2, 1, 1]),
        ("inner length past the end", vec![0x30, 6, 2, 1, 1, 2, 9, 1]),
        ("not a sequence", [vec![0x31, 6], one.clone(), one.clone()].concat()),
        ("not a number", vec![0x30, 6, 4, 1, 1, 2, 1, 1]),
        ("raw instead of DER", vec![7; 64]),
    ];
    for (name, der) in cases {
        assert!(matches!(der_to_raw(der, 32), Err(Error::Malformed { .. })), "{name}");
    }
    assert_eq!(der_to_raw(&sequence(&[one.clone(), one]), 32).unwrap().len(), 64);
}

#[test]
fn raw_of_odd_length_or_zero_is_refused() {
    let mut zero_s = [1; 64];
    zero_s[32..].fill(0);
    for bad in [&[][..], &[1][..], &[1; 63][..], &[0; 64][..], &zero_s[..]] {
        assert!(raw_to_der(bad).is_err());
    }
}
