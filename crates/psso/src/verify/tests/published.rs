//! Apple's published messages, verified as an identity provider would.

use super::world::*;
use crate::check::Level;
use crate::testing::{apple, p256_private, text};
use crate::verify::*;
use jose::jws::Jws;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// The server of the samples: it knows the device and takes the rest as it comes.
struct Apple {
    device: Device,
    password: Option<String>,
}

impl Provider for Apple {
    fn device(&mut self, _: &str) -> Option<Device> {
        Some(self.device.clone())
    }
    fn use_nonce(&mut self, _: &str) -> Result<(), Denied> {
        Ok(())
    }
    fn user(&mut self, user: &str, _: &str) -> Result<(), Denied> {
        if user == "foo" { Ok(()) } else { Err(Denied::new("not foo")) }
    }
    fn card(&mut self, card: &CardCertificate<'_>) -> Result<(), Denied> {
        assert_eq!(card.user, "foo");
        Ok(())
    }
    fn password(&mut self, _: &str, password: &SecretString) -> Result<(), Denied> {
        self.password = Some(password.expose_secret().to_owned());
        Ok(())
    }
}

/// The assertion is Apple's, byte for byte; the request around it, whose signature the page leaves out, is ours.
#[test]
fn apples_smart_card_assertion_logs_in() {
    let vectors = apple();
    let assertion = text(&vectors["smartcard_embedded_assertion"]["jws"]);
    let inner = Jws::parse(assertion).unwrap().claims().unwrap();
    let iat = inner["iat"].as_i64().unwrap();
    let world = world();
    let mut server = Apple {
        device: Device { signing: world.signing.public(), encryption: Some(world.encryption.public()) },
        password: None,
    };
    let apv = crate::party_info::device_apv(&world.encryption.public(), text(&inner["nonce"]));
    let request = |change: Value| {
        let mut claims = world.outer(assertion);
        merge(
            &mut claims,
            &json!({"sub": "foo", "username": "foo", "iat": iat, "exp": iat + 300, "nonce": inner["nonce"],
                "request_nonce": inner["request_nonce"], "scope": inner["scope"],
                "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": jose::base64url::encode(&apv)}}),
        );
        merge(&mut claims, &change);
        sign(&world.device_header("platformsso-login-request+jwt"), &claims, &world.signing)
    };
    let expected = Expected::new("c1", text(&inner["aud"]), "https://idp.example/token");
    let verifier = Verifier::new(expected).at(1685737124);
    let login = verifier.login(&request(json!({})), &mut server).unwrap();
    assert_eq!((login.user.as_str(), login.method), ("foo", Method::SmartCard));
    let noted: Vec<_> = login.checks.iter().filter(|check| check.level != Level::Holds).collect();
    assert_eq!(noted.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), ["assertion.x5c"]);
    assert!(noted[0].detail.contains("a bare string"), "{}", noted[0].detail);

    let bob = request(json!({"sub": "bob", "username": "bob"}));
    assert_eq!(verifier.login(&bob, &mut server).unwrap_err().check, "username");
    let now = verifier.at(1_800_000_000).login(&request(json!({"iat": NOW, "exp": NOW + 300})), &mut server);
    assert_eq!(now.unwrap_err().check, "assertion.x5c.validity");
}

/// The password sample of macOS 13: string times, a bare x5c, and no exp at all, which is why it does not get through.
#[test]
fn apples_password_login_has_no_end() {
    let vectors = apple();
    let vector = &vectors["apple_login_request_with_keys"];
    let public = |name: &str| p256_private(&vector[name]).public();
    let device = Device { signing: public("device_signing_jwk"), encryption: Some(public("device_encryption_jwk")) };
    let mut server = Apple { device, password: None };
    let token = text(&vector["login_request_jws"]);
    let claims = Jws::parse(token).unwrap().claims().unwrap();
    let expected = Expected::new(text(&claims["client_id"]), "", text(&claims["aud"]));
    let refusal = Verifier::new(expected).at(1656005132).login(token, &mut server).unwrap_err();
    assert_eq!(refusal.check, "exp");
    assert!(server.password.is_none());
    let failed: Vec<_> = refusal.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
    assert_eq!(failed, ["exp"]);
}
