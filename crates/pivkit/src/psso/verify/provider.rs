//! An identity provider that knows what was given by hand.

use ::psso::inspect::{decryption_key, verification_keys};
use ::psso::verify::{CardCertificate, Denied, Device, Provider, TokenUse, UserKey};
use ::psso::{Check, Level, key_id};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{Certificate, Usage};
use jose::{EcPrivateKey, KeyType, PublicKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use time::OffsetDateTime;

use super::{Binding, VerifyRequest};
use crate::Error;
use crate::psso::inspect::read_text;

/// What was given, instead of what an identity provider has in its database.
pub(super) struct Given {
    devices: Vec<Device>,
    user_keys: Vec<PublicKey>,
    /// Whether the user's key came as a certificate, so that it is a card's.
    user_key_is_a_cards: bool,
    authorities: Option<Vec<Certificate>>,
    binding: Binding,
    password_key: Option<EcPrivateKey>,
    password: Option<SecretString>,
    refresh_token: Option<SecretString>,
    nonce: Option<String>,
    /// The user that the request names; a refresh names none.
    claimed_user: String,
}

impl Given {
    pub(super) fn read(request: &VerifyRequest, message: &str) -> Result<Self, Error> {
        let user_key = request.user_key.as_deref().map(read_text).transpose()?;
        let user_keys = user_key.as_ref().map(|text| verification_keys(text)).transpose()?.unwrap_or_default();
        let password_key = request.decryption_key.as_ref().map(|key| decryption_key(key.expose_secret()));
        Ok(Self {
            devices: devices(&read_text(&request.device_key)?)?,
            user_keys: user_keys.into_iter().map(|key| key.key).collect(),
            user_key_is_a_cards: user_key.is_some_and(|text| text.contains("BEGIN CERTIFICATE")),
            authorities: request.trust_ca.as_deref().map(authorities).transpose()?,
            binding: request.binding,
            password_key: password_key.transpose()?,
            password: request.password.clone(),
            refresh_token: request.refresh_token.clone(),
            nonce: request.request_nonce.clone(),
            claimed_user: claimed_user(message).unwrap_or_default(),
        })
    }

    /// The checks, with those that were passed for want of something to check with called what they are.
    pub(super) fn judged(&self, checks: Vec<Check>) -> Vec<Check> {
        let nobody_vouches = self.authorities.is_none() && self.user_keys.is_empty();
        let judge = |mut check: Check| {
            let why = match check.name.as_str() {
                _ if !check.ok => return check,
                "request_nonce" if self.nonce.is_none() => "give --request-nonce to compare it",
                "request_nonce" => {
                    // Whether it was used before, no file says.
                    check.detail = "the one given".to_owned();
                    return check;
                }
                "assertion.x5c.trust" if nobody_vouches => "nobody vouches for it: give --trust-ca or --user-key",
                "username" => "only the identity provider knows its users and their devices",
                "password" | "assertion.password" if self.password.is_none() && check.level == Level::Holds => {
                    "give --password-file to compare it"
                }
                "refresh_token" if self.refresh_token.is_none() => "give --refresh-token-file to compare it",
                "refresh_token.sub" => "only the identity provider knows whose token it is",
                _ => return check,
            };
            check.not_checked(why)
        };
        checks.into_iter().map(judge).collect()
    }
}

/// Compares where there is something to compare with.
fn same(given: Option<&str>, found: &str) -> Result<(), Denied> {
    match given {
        Some(given) if given != found => Err(Denied::new("not the given one")),
        _ => Ok(()),
    }
}

impl Provider for Given {
    fn device(&mut self, kid: &str) -> Option<Device> {
        self.devices.iter().find(|device| key_id(&device.signing) == kid).cloned()
    }

    fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
        same(self.nonce.as_deref(), nonce).map_err(|_| Denied::new("another nonce than the one given"))
    }

    fn user(&mut self, _user: &str, _device_kid: &str) -> Result<(), Denied> {
        Ok(())
    }

    fn user_key(&mut self, _user: &str, kid: &str) -> Option<UserKey> {
        let key = self.user_keys.iter().find(|key| key_id(key) == kid)?.clone();
        let is_enclave = key.key_type() == KeyType::P256 && !self.user_key_is_a_cards;
        Some(if is_enclave { UserKey::SecureEnclave(key) } else { UserKey::SmartCard(key) })
    }

    fn card(&mut self, card: &CardCertificate<'_>) -> Result<(), Denied> {
        // An RSA key has no name that everybody agrees on, so it may not have been found under `kid`.
        if self.user_keys.contains(card.key) {
            return Ok(());
        }
        match &self.authorities {
            Some(authorities) => issued(card, authorities, self.binding),
            // There is nothing to check with, which `judged` says.
            None if self.user_keys.is_empty() => Ok(()),
            None => Err(Denied::new("its key is not the given one")),
        }
    }

    fn password_key(&mut self, _kid: Option<&str>) -> Option<EcPrivateKey> {
        self.password_key.clone()
    }

    fn password(&mut self, _user: &str, password: &SecretString) -> Result<(), Denied> {
        same(self.password.as_ref().map(|given| given.expose_secret()), password.expose_secret())
    }

    fn refresh_token(&mut self, token: &SecretString, _device_kid: &str, _use: TokenUse) -> Result<String, Denied> {
        same(self.refresh_token.as_ref().map(|given| given.expose_secret()), token.expose_secret())?;
        Ok(self.claimed_user.clone())
    }
}

/// An authority of the file issued the certificate and may issue, it is for authentication, and it names the user.
fn issued(card: &CardCertificate<'_>, authorities: &[Certificate], binding: Binding) -> Result<(), Denied> {
    let certificate = Certificate::from_der(card.der).map_err(|error| Denied::new(error.to_string()))?;
    let now = OffsetDateTime::from_unix_timestamp(card.now).map_err(|_| Denied::new("no such time"))?;
    let is_issuer = |authority: &&Certificate| certificate.is_issued_by(authority) == Some(true);
    let Some(authority) = authorities.iter().find(is_issuer) else {
        return Err(Denied::new(format!("no given authority issued it; it names \"{}\"", certificate.issuer())));
    };
    if !authority.may_issue() {
        return Err(Denied::new(
            "the certificate that issued it is not that of an authority, or may not sign certificates",
        ));
    }
    if !(authority.not_before()..=authority.not_after()).contains(&now) {
        return Err(Denied::new("the authority that issued it is not between its dates"));
    }
    if let Some(problem) = certificate.problems_for(Usage::Authentication).first() {
        return Err(Denied::new(problem.to_string()));
    }
    binding.holds(&certificate, card.user).map_err(Denied::new)
}

/// The keys that `pivkit psso keys --json` prints, or a registration; or public signing keys alone.
fn devices(text: &str) -> Result<Vec<Device>, Error> {
    let keys = verification_keys(text)?;
    let encryption = || {
        let json: Value = serde_json::from_str(text).ok()?;
        let text = json.get("device_encryption_key")?.get("x963")?.as_str()?;
        PublicKey::from_x963(&STANDARD.decode(text).ok()?).ok()
    };
    Ok(keys.into_iter().map(|key| Device { signing: key.key, encryption: encryption() }).collect())
}

/// The certificates of a file.
fn authorities(path: &std::path::Path) -> Result<Vec<Certificate>, Error> {
    let none = |why: String| Error::Input { what: format!("{}: {why}", path.display()) };
    let found: Result<Vec<_>, _> = crate::files::certificates(path)?.into_iter().collect();
    match found {
        Ok(found) if found.is_empty() => Err(none("there is no certificate in it".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(none(error.to_string())),
    }
}

/// The user that a request names, before anything of it is verified: a refresh token was given to somebody.
fn claimed_user(message: &str) -> Option<String> {
    let claims = jose::jws::Jws::parse(message.trim_ascii()).ok()?.claims().ok()?;
    let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
    text("username").or_else(|| text("sub"))
}
