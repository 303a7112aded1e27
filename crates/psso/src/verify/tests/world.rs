//! A device, a user with a card and a Secure Enclave key, and a server that knows them.

use jose::{EcPrivateKey, PublicKey, Signer, jws};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use crate::config::X5cForm;
use crate::verify::*;
use crate::{key_id, party_info, x5c};

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(super) struct World {
    pub(super) signing: EcPrivateKey,
    pub(super) encryption: EcPrivateKey,
    pub(super) card: EcPrivateKey,
    pub(super) certificate: Vec<u8>,
    pub(super) enclave: EcPrivateKey,
    pub(super) password_key: EcPrivateKey,
    /// Whether the card is known by its key rather than by its certificate.
    pub(super) card_is_pinned: bool,
    /// The nonces that were used up.
    pub(super) spent: Vec<String>,
}

pub(super) fn world() -> World {
    let key = || EcPrivateKey::generate().unwrap();
    World {
        signing: key(),
        encryption: key(),
        card: EcPrivateKey::from_pem(include_str!("../../../tests/data/p256.key")).unwrap(),
        certificate: crate::testing::der(include_str!("../../../tests/data/p256.crt")),
        enclave: key(),
        password_key: key(),
        card_is_pinned: false,
        spent: Vec::new(),
    }
}

impl Provider for World {
    fn device(&mut self, kid: &str) -> Option<Device> {
        let (signing, encryption) = (self.signing.public(), Some(self.encryption.public()));
        (kid == key_id(&signing)).then_some(Device { signing, encryption })
    }

    fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
        if nonce != "R1" || self.spent.iter().any(|spent| spent == nonce) {
            return Err(Denied::new("unknown or used"));
        }
        self.spent.push(nonce.to_owned());
        Ok(())
    }

    fn user(&mut self, user: &str, device_kid: &str) -> Result<(), Denied> {
        assert_eq!(device_kid, key_id(&self.signing.public()));
        if user == "alice" { Ok(()) } else { Err(Denied::new("not a user")) }
    }

    fn user_key(&mut self, user: &str, kid: &str) -> Option<UserKey> {
        assert_eq!(user, "alice");
        match kid {
            kid if kid == key_id(&self.enclave.public()) => Some(UserKey::SecureEnclave(self.enclave.public())),
            kid if self.card_is_pinned && kid == key_id(&self.card.public()) => {
                Some(UserKey::SmartCard(self.card.public()))
            }
            _ => None,
        }
    }

    fn card(&mut self, card: &CardCertificate<'_>) -> Result<(), Denied> {
        assert_eq!((card.user, card.now), ("alice", NOW));
        assert_eq!(card.key, &x5c::public_key(card.der).unwrap());
        if card.der == self.certificate { Ok(()) } else { Err(Denied::new("somebody else's")) }
    }

    fn password_key(&mut self, kid: Option<&str>) -> Option<EcPrivateKey> {
        kid.is_some().then(|| self.password_key.clone())
    }

    fn password(&mut self, user: &str, password: &SecretString) -> Result<(), Denied> {
        assert_eq!(user, "alice");
        if password.expose_secret() == "correct horse" { Ok(()) } else { Err(Denied::new("wrong")) }
    }

    fn refresh_token(&mut self, token: &SecretString, _: &str, purpose: TokenUse) -> Result<String, Denied> {
        match (token.expose_secret(), purpose) {
            ("T1", _) => Ok("alice".to_owned()),
            ("T2", TokenUse::KeyService) => Ok("bob".to_owned()),
            _ => Err(Denied::new("unknown")),
        }
    }
}

impl World {
    pub(super) fn verifier(&self) -> Verifier {
        let mut expected = Expected::new("c1", "urn:a", "https://idp.example/token");
        expected.key_endpoint = Some("https://idp.example/key".to_owned());
        Verifier::new(expected).at(NOW)
    }

    pub(super) fn apv(&self) -> Vec<u8> {
        party_info::device_apv(&self.encryption.public(), NONCE)
    }

    /// The claims of a good assertion.
    pub(super) fn inner(&self) -> Value {
        json!({"iss": "alice", "sub": "alice", "aud": "urn:a", "iat": NOW, "exp": NOW + 300, "nonce": NONCE,
            "request_nonce": "R1", "scope": SCOPE})
    }

    /// The claims of a good login request around this assertion.
    pub(super) fn outer(&self, assertion: &str) -> Value {
        let mut claims = self.device_claims("https://idp.example/token");
        merge(
            &mut claims,
            &json!({"sub": "alice", "username": "alice", "scope": SCOPE, "grant_type": BEARER, "assertion": assertion,
                "client_id": "c1"}),
        );
        claims
    }

    /// What every request of the device says.
    pub(super) fn device_claims(&self, aud: &str) -> Value {
        json!({"iss": "c1", "aud": aud, "iat": NOW, "exp": NOW + 300, "nonce": NONCE, "request_nonce": "R1",
            "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": jose::base64url::encode(&self.apv())}})
    }

    pub(super) fn card_header(&self) -> Value {
        json!({"typ": "platformsso-login-assertion+jwt", "alg": "ES256", "kid": key_id(&self.card.public()),
            "x5c": x5c::to_json(&self.certificate, X5cForm::Array)})
    }

    pub(super) fn device_header(&self, typ: &str) -> Value {
        json!({"typ": typ, "alg": "ES256", "kid": key_id(&self.signing.public())})
    }

    pub(super) fn card_assertion(&self) -> String {
        sign(&self.card_header(), &self.inner(), &self.card)
    }

    /// A login request around this assertion, with some claims changed; null takes one out.
    pub(super) fn request(&self, assertion: &str, change: &Value) -> String {
        let mut claims = self.outer(assertion);
        merge(&mut claims, change);
        sign(&self.device_header("platformsso-login-request+jwt"), &claims, &self.signing)
    }

    /// A good login with the card.
    pub(super) fn login(&self) -> String {
        self.request(&self.card_assertion(), &json!({}))
    }

    /// The check by which a login is refused, or the method by which it is accepted.
    pub(super) fn verdict(&mut self, token: &str) -> String {
        self.spent.clear();
        outcome(self.verifier().login(token, self).map(|login| format!("{:?}", login.method)))
    }
}

/// The name of the check that refused, or what was accepted.
pub(super) fn outcome(result: Result<String, Refusal>) -> String {
    match result {
        Ok(accepted) => accepted,
        Err(refusal) => {
            assert!(!refusal.why.is_empty());
            assert_eq!(refusal.checks.iter().filter(|check| check.name == refusal.check && !check.ok).count(), 1);
            unique(&refusal.checks);
            refusal.check
        }
    }
}

/// No two checks have one name.
pub(super) fn unique(checks: &[crate::Check]) {
    let mut names: Vec<_> = checks.iter().map(|check| &check.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}

/// Sets members; null takes one out.
pub(super) fn merge(value: &mut Value, change: &Value) {
    let members = value.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

pub(super) fn changed(value: &Value, change: &Value) -> Value {
    let mut value = value.clone();
    merge(&mut value, change);
    value
}

pub(super) fn sign(header: &Value, claims: &Value, key: &EcPrivateKey) -> String {
    sign_with(header, claims, &mut key.clone())
}

pub(super) fn sign_with(header: &Value, claims: &Value, signer: &mut dyn Signer) -> String {
    let header: &Map<String, Value> = header.as_object().unwrap();
    jws::sign(header, claims.to_string().as_bytes(), signer).unwrap()
}

pub(super) fn self_signed(key: &rcgen::KeyPair, not_after: i32) -> Vec<u8> {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.not_after = rcgen::date_time_ymd(not_after, 1, 1);
    params.self_signed(key).unwrap().der().to_vec()
}

pub(super) fn fresh() -> PublicKey {
    EcPrivateKey::generate().unwrap().public()
}

pub(super) const NONCE: &str = "DDF68171-409D-4E2C-91F0-9E42D7745365";
pub(super) const SCOPE: &str = "openid offline_access urn:apple:platformsso";
