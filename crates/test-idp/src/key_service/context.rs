//! The `key_context`: a private key that travels with the client, sealed for this server, one user and one device.
//!
//! ```text
//! 01 | IV (12 bytes) | AES-256-GCM( PKCS#8 PEM ) | tag (16 bytes)     AAD: "key_context" 00 user 00 device
//! ```
//! SP 800-38D with a random IV: one key of this server seals far fewer than 2^32 contexts.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use jose::EcPrivateKey;
use zeroize::Zeroizing;

use crate::error::Error;

/// The key that seals contexts.
pub(crate) struct ContextKey(Zeroizing<[u8; 32]>);

impl ContextKey {
    /// From its 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// New random bytes for a key.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub(crate) fn generate() -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(Error::Random)?;
        Ok(bytes)
    }

    /// Seals a private key.
    ///
    /// # Errors
    /// [`Error::Random`]; [`Error::Crypto`] if the encoder fails, which no valid key brings about.
    pub(crate) fn seal(&self, key: &EcPrivateKey, user: &str, device: &str) -> Result<Vec<u8>, Error> {
        let mut iv = [0; IV];
        getrandom::fill(&mut iv).map_err(Error::Random)?;
        let pem = key.to_pkcs8_pem()?;
        let payload = Payload { msg: pem.as_bytes(), aad: &bound_to(user, device) };
        // Only a message of 64 GiB could fail.
        let sealed = self.cipher().encrypt(<&Nonce<_>>::from(&iv), payload).unwrap_or_default();
        Ok([&[VERSION], iv.as_slice(), &sealed].concat())
    }

    /// Opens a context; nothing when it is not one for this user on this device.
    pub(crate) fn open(&self, context: &[u8], user: &str, device: &str) -> Option<EcPrivateKey> {
        let (version, rest) = context.split_first()?;
        let (iv, sealed) = rest.split_first_chunk::<IV>()?;
        if *version != VERSION {
            return None;
        }
        let payload = Payload { msg: sealed, aad: &bound_to(user, device) };
        let pem = Zeroizing::new(self.cipher().decrypt(<&Nonce<_>>::from(iv), payload).ok()?);
        EcPrivateKey::from_pem(std::str::from_utf8(&pem).ok()?).ok()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*self.0))
    }
}

impl fmt::Debug for ContextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContextKey(..)")
    }
}

/// No name of a user has a control character in it.
fn bound_to(user: &str, device: &str) -> Vec<u8> {
    format!("key_context\0{user}\0{device}").into_bytes()
}

const VERSION: u8 = 1;

/// SP 800-38D: 96 bits.
const IV: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_opens_for_its_user_and_device_only() {
        let ours = ContextKey::from_bytes(&ContextKey::generate().unwrap()).unwrap();
        let theirs = ContextKey::from_bytes(&ContextKey::generate().unwrap()).unwrap();
        let key = EcPrivateKey::generate().unwrap();
        let context = ours.seal(&key, "alice", "device").unwrap();
        assert_eq!(ours.open(&context, "alice", "device").unwrap().public(), key.public());
        assert_ne!(ours.seal(&key, "alice", "device").unwrap(), context, "a fresh IV each time");
        assert!(ours.open(&context, "bob", "device").is_none());
        assert!(ours.open(&context, "alice", "other").is_none());
        assert!(theirs.open(&context, "alice", "device").is_none());
        for at in 0..context.len() {
            let mut changed = context.clone();
            changed[at] ^= 1;
            assert!(ours.open(&changed, "alice", "device").is_none(), "{at}");
            assert!(ours.open(&context[..at], "alice", "device").is_none(), "{at}");
        }
    }
}
