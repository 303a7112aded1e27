//! JSON Web Signature with an external signer, JSON Web Encryption with ECDH-ES and A256GCM, JSON Web Keys.
//!
//! A small part of JOSE, the part that Platform SSO speaks, done strictly:
//!
//! | type | for |
//! |---|---|
//! | [`Signer`] | whatever holds a private key: a smart card, or [`EcPrivateKey`] in software |
//! | [`jws::sign`], [`jws::Jws`] | make and verify a compact JWS (RFC 7515): ES256, ES384, RS256, RS384, RS512 |
//! | [`jwe::encrypt`], [`jwe::Jwe`] | make and open a compact JWE (RFC 7516): ECDH-ES on P-256 with A256GCM |
//! | [`PublicKey`], [`Jwk`], [`JwkSet`] | public keys as SPKI, X9.63 point, PKCS#1 and JWK (RFC 7517) |
//! | [`ecdsa`] | ECDSA signatures between DER (cards, X.509) and `r‖s` (JOSE) |
//! | [`concat_kdf`] | the key derivation of RFC 7518 4.6.2 |
//!
//! What is refused, always by name: `none`, the HMAC algorithms, PS*, any algorithm that is not known here, any that
//! the caller did not allow, `crit`, `zip`, HPKE, padded or sloppy base64url, duplicate member names in JSON,
//! points that are not on their curve, RSA keys under 2048 bits, and tokens over [`MAX_TOKEN_LEN`] bytes.
//!
//! Coordinates, signature halves and the shared secret Z always have their full width (32 bytes for P-256, 48 for
//! P-384), padded with zeros on the left; about one random value in 128 needs it.
//!
//! ```
//! use jose::{Algorithm, EcPrivateKey, jws};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), jose::Error> {
//! let mut key = EcPrivateKey::generate()?;
//! let header = json!({"alg": "ES256", "typ": "JWT"});
//! let token = jws::sign(header.as_object().unwrap(), br#"{"sub":"alice"}"#, &mut key)?;
//!
//! let parsed = jws::Jws::parse(&token)?;
//! parsed.verify(&key.public(), &[Algorithm::Es256])?;
//! assert_eq!(parsed.claims()?["sub"], "alice");
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod algorithm;
pub mod base64url;
mod compact;
mod concat_kdf;
pub mod ecdsa;
mod error;
pub mod json;
pub mod jwe;
mod jwk;
pub mod jws;
mod private_key;
mod public_key;
mod signer;

pub use algorithm::Algorithm;
pub use compact::{MAX_TOKEN_LEN, peek_header};
pub use concat_kdf::concat_kdf;
pub use error::Error;
pub use jwk::{Jwk, JwkSet};
pub use private_key::EcPrivateKey;
pub use public_key::{KeyType, PublicKey};
pub use signer::{Signer, SignerError};
