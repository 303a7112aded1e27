//! The JWE as servers seal it that get a length wrong: bugs that were seen in the field.
//!
//! Two of them show only where a number begins with a zero byte, in about one response of 128. A server that has the
//! fault on uses ephemeral keys for which it shows in every one.

use aes_gcm::AesGcm;
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts::{U12, U96};
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::Aes256;
use jose::{EcPrivateKey, PublicKey, base64url, concat_kdf, jwe};
use serde_json::{Value, json};

use super::{Fault, Faults};
use crate::error::Error;

const ENC: &str = "A256GCM";

impl Faults {
    /// A new ephemeral key; where a fault shows with few keys only, one of those.
    ///
    /// # Errors
    /// [`Error::Random`] without random numbers, [`Error::Crypto`] when the recipient's key is not on P-256.
    pub(crate) fn ephemeral(&self, recipient: &PublicKey) -> Result<EcPrivateKey, Error> {
        loop {
            let key = EcPrivateKey::generate()?;
            let point = key.public().x963().unwrap_or_default();
            let short_epk = || point.get(1) == Some(&0) || point.get(33) == Some(&0);
            if self.has(Fault::UnpaddedEpk) && !short_epk() {
                continue;
            }
            if self.has(Fault::UnpaddedZ) && key.diffie_hellman(recipient)?.first() != Some(&0) {
                continue;
            }
            return Ok(key);
        }
    }

    /// Whether a length is wrong.
    pub(super) fn seals_wrongly(&self) -> bool {
        self.iter().any(|fault| matches!(fault, Fault::UnpaddedEpk | Fault::UnpaddedZ | Fault::LongIv))
    }

    /// Seals once more what `token` has, with lengths that are wrong; a server with the same bugs could open it.
    ///
    /// # Errors
    /// Those of the encryption.
    pub(super) fn seal_wrongly(
        &self,
        token: &str,
        ephemeral: &EcPrivateKey,
        recipient: &jwe::Recipient<'_>,
        plaintext: &[u8],
    ) -> Result<String, Error> {
        let mut header = jose::peek_header(token)?;
        let mut point = ephemeral.public().x963().unwrap_or_default();
        if self.has(Fault::UnpaddedEpk) {
            let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
            let (x, y) = (unpadded(x), unpadded(y));
            if let Some(Value::Object(epk)) = header.get_mut("epk") {
                epk.insert("x".to_owned(), json!(base64url::encode(x)));
                epk.insert("y".to_owned(), json!(base64url::encode(y)));
            }
            point = [&[4], x, y].concat();
        }
        let apu = (recipient.apu)(&point);
        header.insert("apu".to_owned(), json!(base64url::encode(&apu)));
        let header = base64url::encode(Value::Object(header).to_string().as_bytes());

        let z = ephemeral.diffie_hellman(recipient.public)?;
        let z = if self.has(Fault::UnpaddedZ) { unpadded(z.as_slice()) } else { z.as_slice() };
        let key = concat_kdf(z, ENC, &apu, recipient.apv);
        let message = Payload { msg: plaintext, aad: header.as_bytes() };
        let sealed = if self.has(Fault::LongIv) { seal::<U96>(&key, message) } else { seal::<U12>(&key, message) }?;
        Ok(format!("{header}..{sealed}"))
    }
}

/// The number without its leading zeros.
fn unpadded(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// IV, ciphertext and tag, as the last three parts of a JWE.
fn seal<IvLen: ArraySize>(key: &[u8; 32], message: Payload<'_, '_>) -> Result<String, Error> {
    let mut iv = Nonce::<AesGcm<Aes256, IvLen>>::default();
    getrandom::fill(&mut iv).map_err(Error::Random)?;
    let sealed = AesGcm::<Aes256, IvLen>::new(key.into())
        .encrypt(&iv, message)
        .map_err(|_| jose::Error::TooLarge { what: "plaintext", limit: jose::MAX_TOKEN_LEN })?;
    let (ciphertext, tag) = sealed.split_at(sealed.len().saturating_sub(16));
    Ok(format!("{}.{}.{}", base64url::encode(&iv), base64url::encode(ciphertext), base64url::encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::party_info;

    fn apu_of(point: &[u8]) -> Vec<u8> {
        party_info::apu(b"APPLE", point)
    }

    /// A token with a fault, for whom it is, and the parts of it.
    fn token(fault: Fault) -> (String, EcPrivateKey, Vec<u8>, Vec<u8>) {
        let key = EcPrivateKey::generate().unwrap();
        let public = key.public();
        let recipient =
            jwe::Recipient { public: &public, apu: &apu_of, apv: b"apv", apv_in_header: true, typ: None, kid: None };
        let faults = Faults::from([fault].as_slice());
        let token = faults.encrypt(&faults.ephemeral(&public).unwrap(), &recipient, b"plaintext").unwrap();
        let header = jose::peek_header(&token).unwrap();
        let coordinate = |name: &str| base64url::decode("", header["epk"][name].as_str().unwrap()).unwrap();
        let (x, y) = (coordinate("x"), coordinate("y"));
        let apu = base64url::decode("", header["apu"].as_str().unwrap()).unwrap();
        assert_eq!(apu, apu_of(&[&[4], x.as_slice(), y.as_slice()].concat()));
        (token, key, x, y)
    }

    /// The 32 bytes that the recipient and the ephemeral key share.
    fn shared(key: &EcPrivateKey, x: &[u8], y: &[u8]) -> Vec<u8> {
        let mut point = [0; 65];
        point[0] = 4;
        point[33 - x.len()..33].copy_from_slice(x);
        point[65 - y.len()..].copy_from_slice(y);
        key.diffie_hellman(&PublicKey::from_x963(&point).unwrap()).unwrap().to_vec()
    }

    /// What a server with the same bug reads.
    fn open<IvLen: ArraySize>(token: &str, z: &[u8]) -> Option<Vec<u8>> {
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| base64url::decode("", part).unwrap();
        let header = jose::peek_header(token).unwrap();
        let key = concat_kdf(z, ENC, &decoded(header["apu"].as_str().unwrap()), b"apv");
        let iv = Nonce::<AesGcm<Aes256, IvLen>>::try_from(decoded(parts[2]).as_slice()).ok()?;
        let sealed = [decoded(parts[3]), decoded(parts[4])].concat();
        let message = Payload { msg: &sealed, aad: parts[0].as_bytes() };
        AesGcm::<Aes256, IvLen>::new(key.as_slice().try_into().unwrap()).decrypt(&iv, message).ok()
    }

    #[test]
    fn a_coordinate_lacks_its_zeros_and_the_rest_is_right() {
        let (token, key, x, y) = token(Fault::UnpaddedEpk);
        assert!(x.len() + y.len() < 64, "{} {}", x.len(), y.len());
        assert_eq!(open::<U12>(&token, &shared(&key, &x, &y)).unwrap(), b"plaintext");
    }

    #[test]
    fn the_secret_lacks_its_zeros_and_the_rest_is_right() {
        let (token, key, x, y) = token(Fault::UnpaddedZ);
        let z = shared(&key, &x, &y);
        assert_eq!((z[0], open::<U12>(&token, &z)), (0, None));
        assert_eq!(open::<U12>(&token, unpadded(&z)).unwrap(), b"plaintext");
    }

    #[test]
    fn the_iv_has_96_bytes_and_the_rest_is_right() {
        let (token, key, x, y) = token(Fault::LongIv);
        assert_eq!(open::<U96>(&token, &shared(&key, &x, &y)).unwrap(), b"plaintext");
    }
}
