//! The encrypted assertion of the password method (ENCPW page of Apple's documentation).
//!
//! ```text
//! JWE        typ platformsso-encrypted-login-assertion+jwt, alg ECDH-ES, enc A256GCM, kid of the identity provider's key,
//!            epk, apu, apv
//! apu        LP("APPLE") ‖ LP(epk)
//! apv        LP(prefix)  ‖ LP(the identity provider's key) ‖ LP(server nonce)
//! plaintext  the claims of an assertion and `password`
//! ```
//! The nonce in `apv` is the server's here, and the client's in a response.

use jose::jwe;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::config::{Config, LoginRequestEncryption};
use crate::kid::key_id;
use crate::login::PendingLogin;
use crate::{Error, assertion, clock, party_info};

/// `typ` of the encrypted assertion.
pub(crate) const TYP: &str = "platformsso-encrypted-login-assertion+jwt";

/// Encrypts the assertion with the password to the identity provider.
pub(crate) fn encrypt(
    config: &Config,
    encryption: &LoginRequestEncryption,
    login: &PendingLogin,
    password: &SecretString,
) -> Result<Zeroizing<String>, Error> {
    let mut claims = assertion::claims(config, login, clock::now());
    claims.insert("password".to_owned(), Value::String(password.expose_secret().to_owned()));
    let key = encryption.key();
    let recipient = jwe::Recipient {
        public: key,
        apu: &party_info::sender_apu,
        apv: &party_info::password_apv(encryption.apv_prefix(), key, &login.nonces.server),
        apv_in_header: true,
        typ: Some(TYP),
        kid: Some(&key_id(key)),
    };
    jwe::encrypt_with(&recipient, &config.custom().assertion.header, &claims.to_json())
        .map(Zeroizing::new)
        .map_err(|error| Error::crypto("the password could not be encrypted", error))
}
