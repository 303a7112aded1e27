//! JSON Web Encryption, compact serialisation (RFC 7516), with `alg` ECDH-ES on P-256 and `enc` A256GCM.
//!
//! ```text
//! BASE64URL(header) . (empty) . BASE64URL(IV, 12 bytes) . BASE64URL(ciphertext) . BASE64URL(tag, 16 bytes)
//! ```
//! Direct key agreement (RFC 7518 4.6): the content key is [`concat_kdf`] of the ECDH secret, so the second part is
//! empty. Additional authenticated data is the ASCII of the first part. No compression. PartyUInfo and PartyVInfo
//! are opaque bytes here.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{EcPrivateKey, Error, Jwk, PublicKey, base64url, compact, concat_kdf};

const ALG: &str = "ECDH-ES";
const ENC: &str = "A256GCM";
/// RFC 7518 5.3: a 96-bit initialisation vector.
const IV_LEN: usize = 12;
/// RFC 7518 5.3: a 128-bit authentication tag.
const TAG_LEN: usize = 16;

/// For whom a JWE is made, and what its header says.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    /// The recipient's P-256 key.
    pub public: &'a PublicKey,
    /// Makes PartyUInfo (`apu`) from the ephemeral key as an X9.63 point of 65 bytes; an empty result leaves `apu` out.
    pub apu: &'a dyn Fn(&[u8]) -> Vec<u8>,
    /// PartyVInfo (`apv`), which always goes into the key derivation.
    pub apv: &'a [u8],
    /// Whether `apv` is also written into the header.
    pub apv_in_header: bool,
    /// `typ` in the header.
    pub typ: Option<&'a str>,
    /// `kid` in the header.
    pub kid: Option<&'a str>,
}

/// Encrypts to a recipient with a fresh ephemeral key and a fresh IV.
///
/// # Errors
/// [`Error::Key`] when the recipient's key is not on P-256, [`Error::Random`] without random bytes.
pub fn encrypt(recipient: &Recipient<'_>, plaintext: &[u8]) -> Result<String, Error> {
    build(&EcPrivateKey::generate()?, recipient, &Map::new(), plaintext)
}

/// As [`encrypt`], with more members in the header. Where one has a name that is there already, it is left out.
///
/// # Errors
/// Those of [`encrypt`], and [`Error::HeaderRefused`] for `zip` and `crit`, which nothing here can keep.
pub fn encrypt_with(recipient: &Recipient<'_>, more: &Map<String, Value>, plaintext: &[u8]) -> Result<String, Error> {
    for name in ["zip", "crit"] {
        if more.contains_key(name) {
            return Err(Error::HeaderRefused { name, why: "it would promise what is not done" });
        }
    }
    build(&EcPrivateKey::generate()?, recipient, more, plaintext)
}

/// Encrypts to a recipient with an ephemeral key of the caller, who needs to know it beforehand, and a fresh IV.
///
/// The ephemeral key must be new for each message: that is what makes its content key new.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_from(ephemeral: &EcPrivateKey, recipient: &Recipient<'_>, plaintext: &[u8]) -> Result<String, Error> {
    build(ephemeral, recipient, &Map::new(), plaintext)
}

fn build(
    ephemeral: &EcPrivateKey,
    recipient: &Recipient<'_>,
    more: &Map<String, Value>,
    plaintext: &[u8],
) -> Result<String, Error> {
    let mut iv = [0; IV_LEN];
    getrandom::fill(&mut iv).map_err(Error::random)?;

    let epk = ephemeral.public();
    let apu = (recipient.apu)(&epk.x963().unwrap_or_default());
    let mut header = Map::new();
    let epk_jwk = epk.to_jwk();
    header.insert("alg".to_owned(), json!(ALG));
    header.insert("enc".to_owned(), json!(ENC));
    header.insert("epk".to_owned(), json!({"kty": epk_jwk.kty, "crv": epk_jwk.crv, "x": epk_jwk.x, "y": epk_jwk.y}));
    if !apu.is_empty() {
        header.insert("apu".to_owned(), json!(base64url::encode(&apu)));
    }
    if recipient.apv_in_header {
        header.insert("apv".to_owned(), json!(base64url::encode(recipient.apv)));
    }
    for (name, value) in [("typ", recipient.typ), ("kid", recipient.kid)] {
        if let Some(value) = value {
            header.insert(name.to_owned(), json!(value));
        }
    }
    for (name, value) in more {
        header.entry(name.as_str()).or_insert_with(|| value.clone());
    }
    let header = serde_json::to_vec(&header).map_err(|source| Error::Json { what: "header", source })?;
    let header = base64url::encode(&header);

    let z = ephemeral.diffie_hellman(recipient.public)?;
    let key = concat_kdf(z.as_slice(), ENC, &apu, recipient.apv);
    let sealed = seal(&key, &iv, header.as_bytes(), plaintext)?;
    let (ciphertext, tag) = sealed.split_at(sealed.len().saturating_sub(TAG_LEN));
    Ok(format!("{header}..{}.{}.{}", base64url::encode(&iv), base64url::encode(ciphertext), base64url::encode(tag)))
}

/// A JWE that is well formed and asks for nothing that this crate refuses.
#[derive(Clone)]
pub struct Jwe {
    header: Map<String, Value>,
    header_part: String,
    epk: PublicKey,
    apu: Option<Vec<u8>>,
    apv: Option<Vec<u8>>,
    iv: [u8; IV_LEN],
    /// Ciphertext and tag, one after the other.
    sealed: Vec<u8>,
}

impl Jwe {
    /// Takes a compact JWE apart.
    ///
    /// # Errors
    /// [`Error::TooLarge`] over [`MAX_TOKEN_LEN`](crate::MAX_TOKEN_LEN); [`Error::AlgorithmRefused`] for any other
    /// `alg` than ECDH-ES (HPKE by name) or other `enc` than A256GCM; [`Error::HeaderRefused`] for `zip` and `crit`;
    /// [`Error::Malformed`], [`Error::Json`] and [`Error::Key`] for everything that is not in the form above.
    pub fn parse(token: &str) -> Result<Self, Error> {
        let [header_part, encrypted_key, iv, ciphertext, tag] = compact::split("JWE", token)?;
        let header = compact::header(header_part)?;
        refuse(&header)?;
        if !encrypted_key.is_empty() {
            return Err(Error::malformed("JWE", "an encrypted key, which ECDH-ES does not have"));
        }
        let iv = base64url::decode("IV", iv)?.try_into().map_err(|_| Error::malformed("IV", "not 12 bytes"))?;
        let mut sealed = base64url::decode("ciphertext", ciphertext)?;
        let tag = base64url::decode("tag", tag)?;
        if tag.len() != TAG_LEN {
            return Err(Error::malformed("tag", "not 16 bytes"));
        }
        sealed.extend_from_slice(&tag);
        Ok(Self {
            epk: epk(&header)?,
            apu: party_info(&header, "apu")?,
            apv: party_info(&header, "apv")?,
            header_part: header_part.to_owned(),
            header,
            iv,
            sealed,
        })
    }

    /// The protected header.
    #[must_use]
    pub fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// A header member that is text, such as `kid` or `typ`.
    #[must_use]
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }

    /// The ephemeral public key, a point on P-256.
    #[must_use]
    pub fn epk(&self) -> &PublicKey {
        &self.epk
    }

    /// PartyUInfo, decoded.
    #[must_use]
    pub fn apu(&self) -> Option<&[u8]> {
        self.apu.as_deref()
    }

    /// PartyVInfo in the header, decoded; the recipient has its own copy and need not be told.
    #[must_use]
    pub fn apv(&self) -> Option<&[u8]> {
        self.apv.as_deref()
    }

    /// Decrypts with the recipient's key and the PartyVInfo that the recipient expects.
    ///
    /// # Errors
    /// [`Error::PartyVInfo`] when the header carries another `apv` than the expected one; [`Error::Decrypt`] when
    /// the content does not authenticate.
    pub fn decrypt(&self, key: &EcPrivateKey, apv_expected: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if self.apv.as_deref().is_some_and(|apv| apv != apv_expected) {
            return Err(Error::PartyVInfo);
        }
        let z = key.diffie_hellman(&self.epk)?;
        let key = concat_kdf(z.as_slice(), ENC, self.apu().unwrap_or_default(), apv_expected);
        open(&key, &self.iv, self.header_part.as_bytes(), &self.sealed)
    }
}

impl fmt::Debug for Jwe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Jwe").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Refuses other algorithms and compression, by name.
fn refuse(header: &Map<String, Value>) -> Result<(), Error> {
    let why = if compact::text(header, "alg")?.starts_with("HPKE") {
        "HPKE responses are not specified publicly and not supported"
    } else {
        "only ECDH-ES is supported"
    };
    compact::exactly(header, "alg", ALG, why)?;
    compact::exactly(header, "enc", ENC, "only A256GCM is supported")?;
    if header.contains_key("zip") {
        return Err(Error::HeaderRefused { name: "zip", why: "compressed content is not supported" });
    }
    Ok(())
}

/// The ephemeral key: RFC 7518 4.6.1.1, here on P-256 only.
fn epk(header: &Map<String, Value>) -> Result<PublicKey, Error> {
    let value = header.get("epk").cloned().ok_or_else(|| Error::malformed("epk", "missing from the header"))?;
    let jwk = Jwk::from_value(value)?;
    if jwk.kty != "EC" {
        return Err(Error::malformed("epk", format!("kty is {:?}, not EC", crate::error::short(&jwk.kty))));
    }
    let key = PublicKey::from_jwk(&jwk)?;
    if key.as_p256().is_none() {
        return Err(Error::key("epk is not on P-256"));
    }
    Ok(key)
}

fn party_info(header: &Map<String, Value>, name: &'static str) -> Result<Option<Vec<u8>>, Error> {
    if !header.contains_key(name) {
        return Ok(None);
    }
    base64url::decode(name, compact::text(header, name)?).map(Some)
}

/// AES-256-GCM (SP 800-38D): ciphertext followed by the tag.
fn seal(key: &[u8; 32], iv: &[u8; IV_LEN], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
        .encrypt(<&Nonce<_>>::from(iv), Payload { msg: plaintext, aad })
        .map_err(|_| Error::TooLarge { what: "plaintext", limit: crate::MAX_TOKEN_LEN })
}

fn open(key: &[u8; 32], iv: &[u8; IV_LEN], aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
        .decrypt(<&Nonce<_>>::from(iv), Payload { msg: sealed, aad })
        .map(Zeroizing::new)
        .map_err(|_| Error::Decrypt)
}

#[cfg(test)]
mod tests;
