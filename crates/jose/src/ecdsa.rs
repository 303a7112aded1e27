//! ECDSA signatures between DER and JOSE.
//!
//! Cards and X.509 write `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 section 2.2.3) in as few bytes as possible;
//! JOSE writes `r‖s`, each at the full width of the curve (RFC 7518 section 3.4). Converting means to remove a sign
//! byte and to pad with zeros on the left.

use der::asn1::UintRef;
use der::{Decode as _, Encode as _, Sequence};

use crate::Error;

/// `Ecdsa-Sig-Value` (RFC 3279 2.2.3).
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

const WHAT: &str = "ECDSA signature";

/// DER to `r‖s`. `coordinate_len` is 32 for P-256 and 48 for P-384.
///
/// # Errors
/// [`Error::Malformed`] when this is not strict DER of two positive integers that fit, or has bytes after its end.
/// Whether `r` and `s` lie below the order of the group is for the verifier to say.
pub fn der_to_raw(der: &[u8], coordinate_len: usize) -> Result<Vec<u8>, Error> {
    let signature = EcdsaSigValue::from_der(der).map_err(|error| Error::malformed(WHAT, error.to_string()))?;
    let mut raw = Vec::with_capacity(2 * coordinate_len);
    for half in [signature.r, signature.s] {
        let bytes = half.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(Error::malformed(WHAT, "r or s is zero"));
        }
        let padding = coordinate_len
            .checked_sub(bytes.len())
            .ok_or_else(|| Error::malformed(WHAT, "r or s is wider than the curve"))?;
        raw.extend(std::iter::repeat_n(0, padding));
        raw.extend_from_slice(bytes);
    }
    Ok(raw)
}

/// `r‖s` to DER.
///
/// # Errors
/// [`Error::Malformed`] when the length is zero or odd, or a half is zero.
pub fn raw_to_der(raw: &[u8]) -> Result<Vec<u8>, Error> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(Error::malformed(WHAT, "not two halves of one width"));
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    if [r, s].iter().any(|half| half.iter().all(|byte| *byte == 0)) {
        return Err(Error::malformed(WHAT, "r or s is zero"));
    }
    let encode = || EcdsaSigValue { r: UintRef::new(r)?, s: UintRef::new(s)? }.to_der();
    encode().map_err(|error| Error::malformed(WHAT, error.to_string()))
}

#[cfg(test)]
mod tests;
