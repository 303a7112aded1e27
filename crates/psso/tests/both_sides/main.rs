//! The client and the verifier, which an identity provider would use, face to face: every request of the one is accepted by
//! the other, without a deviation, and every answer is understood.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod server;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{Algorithm, EcPrivateKey, Signer, SignerError};
use psso::{CardCredential, Client, DeviceKeys, Error, LoginOutcome, PendingLogin, SignedLogin};
use secrecy::{ExposeSecret as _, SecretString};
use server::{PASSWORD, Server, Shared};
use tempfile::TempDir;

struct Side {
    _dir: TempDir,
    keys: DeviceKeys,
    server: Shared,
    client: Client,
}

fn side(more: &str) -> Side {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    let server = Server::of(&keys);
    let client = server.client(more);
    Side { _dir: dir, keys, server, client }
}

impl Side {
    fn login(&self, sign: impl FnOnce(&Client, PendingLogin) -> SignedLogin) -> Result<LoginOutcome, Error> {
        let pending = self.client.begin_login("alice").unwrap();
        self.client.submit(sign(&self.client, pending), &self.keys)
    }

    fn assert_logged_in(&self, outcome: &LoginOutcome, method: &str) {
        assert_eq!(outcome.id_token_claims["sub"], "alice");
        assert_eq!(outcome.refresh_token_expires_in, Some(3600));
        assert_eq!(self.server.seen(), [method]);
    }
}

#[test]
fn a_card() {
    let side = side("");
    let outcome = side
        .login(|client, pending| {
            let (mut card, certificate) = server::card();
            client.sign_assertion(pending, CardCredential { certificate_der: &certificate, signer: &mut card }).unwrap()
        })
        .unwrap();
    side.assert_logged_in(&outcome, "SmartCard");
}

/// A card with an RSA key, whose `kid` nobody has documented, and its certificate in the older form.
#[test]
fn a_card_with_rsa() {
    use rsa::pkcs8::DecodePrivateKey as _;
    use sha2::{Digest as _, Sha256};
    struct Rsa(rsa::RsaPrivateKey);
    impl Signer for Rsa {
        fn algorithm(&self) -> Algorithm {
            Algorithm::Rs256
        }
        fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
            Ok(self.0.sign(rsa::Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))?)
        }
    }
    let side = side("rsa_key_id = \"certificate\"");
    let key = rsa::RsaPrivateKey::from_pkcs8_pem(include_str!("../data/rsa2048.key")).unwrap();
    let certificate = server::der(include_str!("../data/rsa2048.crt"));
    let sign = |client: &Client, pending| {
        let card = CardCredential { certificate_der: &certificate, signer: &mut Rsa(key) };
        client.sign_assertion(pending, card).unwrap()
    };
    side.assert_logged_in(&side.login(sign).unwrap(), "SmartCard");
}

#[test]
fn a_user_key() {
    let side = side("");
    let mut key = side.server.user_key();
    let public = key.public();
    let sign = |client: &Client, pending| client.sign_with_user_key(pending, &mut key, &public).unwrap();
    side.assert_logged_in(&side.login(sign).unwrap(), "SecureEnclaveKey");
}

#[test]
fn passwords() {
    let plain = side("");
    let sign = |client: &Client, pending| client.with_password(pending, &SecretString::from(PASSWORD)).unwrap();
    plain.assert_logged_in(&plain.login(sign).unwrap(), "Password");
    let encrypted = side(&format!("login_request_encryption_key = \"{}\"", server::password_key_x963()));
    encrypted.assert_logged_in(&encrypted.login(sign).unwrap(), "EncryptedPassword");
    let wrong = |client: &Client, pending| client.with_password(pending, &SecretString::from("wrong")).unwrap();
    for (side, check) in [(&plain, "password"), (&encrypted, "assertion.password")] {
        assert!(matches!(side.login(wrong), Err(Error::InvalidCredential { check: Some(name), .. }) if name == check));
    }
}

/// The names and claims that an identity provider may choose are the same on both sides.
#[test]
fn a_configuration_of_its_own() {
    let more = "server_nonce_claim = \"srv\"\nx5c = \"array\"\ngroups = [\"staff\"]\ngroup_request_claim = \"teams\"\n\
                [custom_login_request_body_claims]\nsignKeyId = \"k\"\n";
    let side = side(more);
    let (mut card, certificate) = server::card();
    let sign = |client: &Client, pending| {
        client.sign_assertion(pending, CardCredential { certificate_der: &certificate, signer: &mut card }).unwrap()
    };
    side.assert_logged_in(&side.login(sign).unwrap(), "SmartCard");
    assert_eq!(side.server.groups(), ["staff"]);
}

#[test]
fn a_refresh() {
    let side = side("");
    let outcome = side.client.refresh("alice", &"T1".into(), &side.keys).unwrap();
    side.assert_logged_in(&outcome, "Refresh");
    let again = side.client.refresh("alice", &"T0".into(), &side.keys);
    assert!(matches!(again, Err(Error::Endpoint { check: Some(name), .. }) if name == "refresh_token"));
}

#[test]
fn the_key_service() {
    let side = side("");
    let provided = side.client.key_request("alice", &"T1".into(), &side.keys).unwrap();
    assert_eq!(provided.certificate_der, server::card().1);
    let context = provided.key_context.unwrap();
    assert_eq!(context.expose_secret(), "opaque");
    // Keys until the shared secret begins with a zero, which lazy implementations lose.
    let mut padded = false;
    for _ in 0..5000 {
        let mac = EcPrivateKey::generate().unwrap();
        let expected = mac.diffie_hellman(&server::kept_key().public()).unwrap();
        if expected[0] != 0 {
            continue;
        }
        let exchanged =
            side.client.key_exchange("alice", &"T1".into(), &mac.public(), Some(&context), &side.keys).unwrap();
        assert_eq!(STANDARD.encode(exchanged.key.as_slice()), STANDARD.encode(expected.as_slice()));
        padded = true;
        break;
    }
    assert!(padded);
    assert_eq!(side.server.seen(), ["KeyRequest", "KeyExchange"]);
}
