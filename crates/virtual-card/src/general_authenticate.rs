//! GENERAL AUTHENTICATE: what a private key does (SP 800-73-4 Part 2, 3.2.4 and Appendix A).
//!
//! ```text
//! command   7C { 82 (empty)  81 padded block or hash }   RSA signature or decryption, ECDSA signature
//!           7C { 82 (empty)  81 message              }   Ed25519 signature, of the message itself
//!           7C { 82 (empty)  85 point 04 || X || Y   }   ECDH; 32 bytes for X25519
//! answer    7C { 82 result }
//! ```
//!
//! An RSA block has the length of the modulus: the padding is the host's work, and signing and decrypting are the same.
//! A hash is at most as long as the curve's field elements; a longer one is refused, truncating it is the host's work.

use ed25519_dalek::Signer;
use getrandom::SysRng;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts;
use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};
use zeroize::Zeroizing;

use crate::administration::MANAGEMENT_KEY;
use crate::card::{Command, VirtualCard};
use crate::keys::{Material, PrivateKey};
use crate::policy::PinPolicy;
use crate::{Algorithm, Slot};

impl VirtualCard {
    /// SP 800-73-4 Part 2, 3.2.4.
    pub(crate) fn general_authenticate(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p2 == MANAGEMENT_KEY {
            return self.authenticate_administrator(command);
        }
        let algorithm = Algorithm::from_identifier(command.p1).ok_or(StatusWord::INCORRECT_P1_P2)?;
        let slot = Slot::from_key_reference(command.p2)
            .filter(|slot| *slot != Slot::ATTESTATION)
            .ok_or(StatusWord::INCORRECT_P1_P2)?;
        let key = self.content.keys.get(&slot).filter(|_| self.behaviour.has_slot(slot));
        let key = key.ok_or(StatusWord::REFERENCE_NOT_FOUND)?.clone();
        if key.algorithm() != algorithm {
            return Err(StatusWord::INCORRECT_DATA);
        }
        let allowed = match self.behaviour.pin_policy(slot, key.pin_policy) {
            PinPolicy::Never => true,
            PinPolicy::Once => self.user_is_verified(),
            PinPolicy::Always => self.user_is_verified() && command.pin_fresh,
        };
        if !allowed || !self.touch.is_satisfied(key.touch_policy) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        general_authenticate(&key.key, &command.data, self.behaviour.truncates_hash)
    }
}

/// Answers the data field of a GENERAL AUTHENTICATE command with `key`.
///
/// # Errors
///
/// 6A80 for data that are malformed or do not fit the key, 6F00 if the key itself fails.
pub(crate) fn general_authenticate(key: &PrivateKey, data: &[u8], truncates: bool) -> Result<Vec<u8>, StatusWord> {
    let result = match Request::parse(data)? {
        Request::Challenge(challenge) => respond(key, challenge, truncates)?,
        Request::Exponentiation(point) => agree(key, point)?,
    };
    Ok(tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &tlv::encode(RESPONSE, &result)))
}

enum Request<'a> {
    /// Tag 81: to be signed, or decrypted.
    Challenge(&'a [u8]),
    /// Tag 85: the other side's point.
    Exponentiation(&'a [u8]),
}

const DYNAMIC_AUTHENTICATION_TEMPLATE: Tag = Tag(0x7c);
const CHALLENGE: Tag = Tag(0x81);
const RESPONSE: Tag = Tag(0x82);
const EXPONENTIATION: Tag = Tag(0x85);

impl<'a> Request<'a> {
    /// Exactly one challenge or point, and exactly one empty place for the response, in any order.
    fn parse(data: &'a [u8]) -> Result<Self, StatusWord> {
        let template = tlv::single(data, DYNAMIC_AUTHENTICATION_TEMPLATE).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let (mut request, mut response_asked) = (None, false);
        for tlv in tlv::Reader::new(template) {
            let tlv = tlv.map_err(|_| StatusWord::INCORRECT_DATA)?;
            match tlv.tag {
                RESPONSE if tlv.value.is_empty() && !response_asked => response_asked = true,
                CHALLENGE if request.is_none() => request = Some(Self::Challenge(tlv.value)),
                EXPONENTIATION if request.is_none() => request = Some(Self::Exponentiation(tlv.value)),
                _ => return Err(StatusWord::INCORRECT_DATA),
            }
        }
        request.filter(|_| response_asked).ok_or(StatusWord::INCORRECT_DATA)
    }
}

fn respond(key: &PrivateKey, challenge: &[u8], truncates: bool) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
    let signature = match &key.material {
        Material::Rsa(key) => return rsa_private_operation(key, challenge),
        Material::P256(key) => {
            let hash = hash_of_length::<32>(challenge, truncates)?;
            let signature: Result<p256::ecdsa::Signature, _> = p256::ecdsa::SigningKey::from(key).sign_prehash(&hash);
            signature.map(|signature| signature.to_der().as_bytes().to_vec())
        }
        Material::P384(key) => {
            let hash = hash_of_length::<48>(challenge, truncates)?;
            let signature: Result<p384::ecdsa::Signature, _> = p384::ecdsa::SigningKey::from(key).sign_prehash(&hash);
            signature.map(|signature| signature.to_der().as_bytes().to_vec())
        }
        Material::Ed25519(key) => key.try_sign(challenge).map(|signature| signature.to_bytes().to_vec()),
        Material::X25519(_) => return Err(StatusWord::INCORRECT_DATA),
    };
    signature.map(Zeroizing::new).map_err(|_| StatusWord::NO_DIAGNOSIS)
}

/// RSADP, which is RSASP1 too (RFC 8017, 5.1.2 and 5.2.1), blinded, and with a check of the result against faults.
fn rsa_private_operation(key: &rsa::RsaPrivateKey, block: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
    if block.len() != key.size() {
        return Err(StatusWord::INCORRECT_DATA);
    }
    let modulus: &BoxedUint = key.n();
    let number = BoxedUint::from_be_slice(block, modulus.bits_precision()).map_err(|_| StatusWord::INCORRECT_DATA)?;
    if number >= *modulus {
        return Err(StatusWord::INCORRECT_DATA);
    }
    let result = rsa::hazmat::rsa_decrypt_and_check(key, Some(&mut SysRng), &number);
    let result = Zeroizing::new(result.map_err(|_| StatusWord::NO_DIAGNOSIS)?);
    Ok(Zeroizing::new(result.to_be_bytes().into_vec()))
}

/// A hash as a number of the curve's length: leading zeros do not change it. An empty one is refused, and a longer one
/// unless the card is one that takes its leftmost bytes (FIPS 186-5, 6.4.1).
fn hash_of_length<const N: usize>(hash: &[u8], truncates: bool) -> Result<[u8; N], StatusWord> {
    let hash = hash.get(..N).filter(|_| truncates).unwrap_or(hash);
    let start = N.checked_sub(hash.len()).filter(|_| !hash.is_empty()).ok_or(StatusWord::INCORRECT_DATA)?;
    let mut padded = [0; N];
    padded.get_mut(start..).ok_or(StatusWord::INCORRECT_DATA)?.copy_from_slice(hash);
    Ok(padded)
}

/// ECDH with cofactor 1 (SP 800-56A, 5.7.1.2): the x coordinate of the shared point.
fn agree(key: &PrivateKey, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
    if let Material::X25519(key) = &key.material {
        let other: [u8; 32] = point.try_into().map_err(|_| StatusWord::INCORRECT_DATA)?;
        let shared = key.diffie_hellman(&x25519_dalek::PublicKey::from(other));
        // A point of small order (RFC 7748, 6.1).
        return if shared.was_contributory() {
            Ok(Zeroizing::new(shared.as_bytes().to_vec()))
        } else {
            Err(StatusWord::INCORRECT_DATA)
        };
    }
    if point.first() != Some(&UNCOMPRESSED) {
        return Err(StatusWord::INCORRECT_DATA);
    }
    match &key.material {
        Material::Rsa(_) | Material::Ed25519(_) | Material::X25519(_) => Err(StatusWord::INCORRECT_DATA),
        Material::P256(key) => {
            let other = p256::PublicKey::from_sec1_bytes(point).map_err(|_| StatusWord::INCORRECT_DATA)?;
            Ok(Zeroizing::new(key.diffie_hellman(&other).raw_secret_bytes().to_vec()))
        }
        Material::P384(key) => {
            let other = p384::PublicKey::from_sec1_bytes(point).map_err(|_| StatusWord::INCORRECT_DATA)?;
            Ok(Zeroizing::new(key.diffie_hellman(&other).raw_secret_bytes().to_vec()))
        }
    }
}

/// First byte of a point that is given with both coordinates (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 0x04;

#[cfg(test)]
mod tests;
