//! Public keys in OpenSSH's `authorized_keys`, as pam_p11 reads them beside its own file.
//!
//! ```text
//! ssh-rsa BASE64 [comment]                RFC 4253 6.6
//! ecdsa-sha2-nistp256 BASE64 [comment]    RFC 5656 3.1; also nistp384 and nistp521
//! 2048 65537 26512...                     SSH 1: bits, exponent and modulus in decimal
//! ```
//!
//! Lines that begin with anything else, such as options or other kinds of keys, mean nothing to
//! pam_p11 and are passed over. A line that it might understand and this module does not is
//! reported.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::Encode;
use der::asn1::UintRef;
use rsa::pkcs1::RsaPublicKey;

use crate::PairingHash;

/// One line with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The line, from 1.
    pub line: usize,
    /// The pairing hash of the key, or `None` when the line could not be read and might hold any.
    pub hash: Option<PairingHash>,
}

/// The keys in a file, in the order in which they stand.
pub fn keys(file: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    for (position, whole) in file.split(|&byte| byte == b'\n').enumerate() {
        // C ends a text at a zero byte.
        let text = whole.split(|&byte| byte == 0).next().unwrap_or_default();
        let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len());
        let text = text.get(start..).unwrap_or_default();
        let hash = match text {
            // It reads a longer line in pieces, and each of them may be a key.
            _ if whole.len() > MAX_LINE => None,
            [b'0'..=b'9', ..] => None,
            _ if text.starts_with(RSA) => rsa(text),
            _ if text.starts_with(ECDSA) => ecdsa(text),
            _ => continue,
        };
        found.push(Key { line: position + 1, hash });
    }
    found
}

fn rsa(line: &[u8]) -> Option<PairingHash> {
    let blob = blob(line)?;
    let (algorithm, rest) = string(&blob)?;
    let (exponent, rest) = string(rest)?;
    let (modulus, _) = string(rest)?;
    if algorithm != RSA {
        return None;
    }
    let (modulus, public_exponent) = (UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?);
    let key = RsaPublicKey { modulus, public_exponent }.to_der().ok()?;
    Some(PairingHash::of_public_key(&key))
}

fn ecdsa(line: &[u8]) -> Option<PairingHash> {
    let blob = blob(line)?;
    let (algorithm, rest) = string(&blob)?;
    let (curve, rest) = string(rest)?;
    let (point, _) = string(rest)?;
    let length = match curve {
        b"nistp256" => 65,
        b"nistp384" => 97,
        b"nistp521" => 133,
        _ => return None,
    };
    let sound = line.starts_with(algorithm) && algorithm.ends_with(curve) && point.first() == Some(&4);
    (sound && point.len() == length).then(|| PairingHash::of_public_key(point))
}

/// The decoded second word of the line.
fn blob(line: &[u8]) -> Option<Vec<u8>> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let rest = line.get(space + 1..)?;
    let word = rest.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).next()?;
    STANDARD.decode(word).ok()
}

/// A string of RFC 4251 section 5, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

const RSA: &[u8] = b"ssh-rsa";
const ECDSA: &[u8] = b"ecdsa-sha2-nistp";
/// The smaller of the line lengths that versions of pam_p11 read in one piece.
const MAX_LINE: usize = 8000;
