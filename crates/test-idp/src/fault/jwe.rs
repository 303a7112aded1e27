//! What is wrong with the JWE around the tokens.

use jose::{EcPrivateKey, base64url, jwe};
use serde_json::{Value, json};

use super::{Fault, Faults};
use crate::error::Error;

impl Faults {
    /// Encrypts to a recipient with an ephemeral key; or wrongly.
    ///
    /// # Errors
    /// Those of the encryption.
    pub(crate) fn encrypt(
        &self,
        ephemeral: &EcPrivateKey,
        recipient: &jwe::Recipient<'_>,
        plaintext: &[u8],
    ) -> Result<String, Error> {
        let stranger = if self.has(Fault::WrongApu) { EcPrivateKey::generate()?.public().x963() } else { None };
        let apu = |epk: &[u8]| (recipient.apu)(stranger.as_deref().unwrap_or(epk));
        let mut token = jwe::encrypt_from(ephemeral, &jwe::Recipient { apu: &apu, ..*recipient }, plaintext)?;
        if self.seals_wrongly() {
            token = self.seal_wrongly(&token, ephemeral, recipient, plaintext)?;
        }
        if self.has(Fault::InvalidEpk) {
            token = beside_the_curve(&token, recipient.apu).unwrap_or(token);
        }
        if self.has(Fault::TruncatedJwe) {
            // The tag is the last of it, and short: what is cut off begins in the ciphertext.
            token.truncate(token.len() * 9 / 10);
        }
        Ok(token)
    }
}

/// The same JWE with another Y in `epk`, and in `apu`, so that nothing but the curve tells them from good ones.
///
/// For an X there are two Y on the curve, and they differ in their last bit and others: one with only the last bit
/// changed is on no curve of the name.
fn beside_the_curve(token: &str, apu: &dyn Fn(&[u8]) -> Vec<u8>) -> Option<String> {
    let (header, rest) = token.split_once('.')?;
    let mut header: Value = serde_json::from_slice(&base64url::decode("header", header).ok()?).ok()?;
    let coordinate = |name: &str| base64url::decode("coordinate", header["epk"][name].as_str()?).ok();
    let (x, mut y) = (coordinate("x")?, coordinate("y")?);
    *y.last_mut()? ^= 1;
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    header["epk"]["y"] = json!(base64url::encode(&y));
    header["apu"] = json!(base64url::encode(&apu(&point)));
    Some(format!("{}.{rest}", base64url::encode(header.to_string().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::party_info;

    fn apu_of(point: &[u8]) -> Vec<u8> {
        party_info::apu(b"APPLE", point)
    }

    fn token(fault: Option<Fault>) -> String {
        let key = EcPrivateKey::generate().unwrap().public();
        let recipient =
            jwe::Recipient { public: &key, apu: &apu_of, apv: b"apv", apv_in_header: true, typ: None, kid: None };
        Faults::from(fault.as_slice()).encrypt(&EcPrivateKey::generate().unwrap(), &recipient, &[7; 1000]).unwrap()
    }

    #[test]
    fn a_point_beside_the_curve_is_all_that_is_wrong() {
        assert!(jwe::Jwe::parse(&token(None)).is_ok());
        let token = token(Some(Fault::InvalidEpk));
        assert!(jwe::Jwe::parse(&token).is_err());
        let header = jose::peek_header(&token).unwrap();
        let coordinate = |name: &str| base64url::decode("", header["epk"][name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        assert_eq!(point.len(), 65);
        assert!(jose::PublicKey::from_x963(&point).is_err());
        let apu = base64url::decode("", header["apu"].as_str().unwrap()).unwrap();
        assert_eq!(apu, apu_of(&point));
    }

    #[test]
    fn a_truncated_token_ends_in_its_ciphertext() {
        assert_eq!(token(Some(Fault::TruncatedJwe)).split('.').count(), 4);
    }
}
