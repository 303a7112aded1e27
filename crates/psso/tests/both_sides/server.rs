//! An identity provider in memory, made of the verifier.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{EcPrivateKey, PublicKey, jws};

use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use psso::verify::{
    Answer, CardCertificate, Certified, Denied, Device, Exchanged, Expected, Operation, Provider, Refusal, TokenUse,
    Tokens, UserKey, Verified, Verifier,
};
use psso::{Check, Client, Config, DeviceKeys, DevicePublicKey, key_id};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Server {
    device: Device,
    user_key: EcPrivateKey,
    id_key: EcPrivateKey,
    nonces: HashSet<String>,
    given: usize,
    expected: Option<Expected>,
    seen: Vec<String>,
    groups: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Server>>);

impl Server {
    pub(crate) fn of(keys: &DeviceKeys) -> Shared {
        let device =
            Device { signing: public(&keys.signing_public()), encryption: Some(public(&keys.encryption_public())) };
        let key = || EcPrivateKey::generate().unwrap();
        Shared(Rc::new(RefCell::new(Self {
            device,
            user_key: key(),
            id_key: key(),
            nonces: HashSet::new(),
            given: 0,
            expected: None,
            seen: Vec::new(),
            groups: Vec::new(),
        })))
    }

    fn post(&mut self, token: &str) -> Result<Answer, Refusal> {
        let verifier = Verifier::new(self.expected.clone().unwrap());
        let token_of = |server: &mut Self, user: &str, nonce: &str| server.id_token(user, nonce);
        let refresh_token = SecretString::from("T2");
        let more = Map::new();
        let tokens =
            |id_token| Tokens { id_token, refresh_token: &refresh_token, refresh_token_expires_in: 3600, more: &more };
        match verifier.any(token, self)? {
            Verified::Login(login) => {
                self.saw(format!("{:?}", login.method), &login.checks);
                self.groups = login.groups.clone();
                let id_token = token_of(self, &login.user, &login.nonce);
                Ok(login.answer(&tokens(&id_token)).unwrap())
            }
            Verified::Refresh(refresh) => {
                self.saw("Refresh".to_owned(), &refresh.checks);
                let id_token = token_of(self, &refresh.user, &refresh.nonce);
                Ok(refresh.answer(&tokens(&id_token)).unwrap())
            }
            Verified::KeyRequest(request) => {
                let expires = i64::try_from(now()).unwrap() + 300;
                let context = SecretString::from("opaque");
                if let Operation::KeyExchange { .. } = request.operation {
                    assert_eq!(request.key_context.as_ref().unwrap().expose_secret(), "opaque");
                    self.saw("KeyExchange".to_owned(), &request.checks);
                    let exchanged = Exchanged { key: &kept_key(), expires, key_context: None };
                    return Ok(request.exchanged(&exchanged).unwrap());
                }
                self.saw("KeyRequest".to_owned(), &request.checks);
                let certified = Certified { certificate: &card().1, expires, key_context: Some(&context) };
                Ok(request.certified(&certified).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    fn saw(&mut self, what: String, checks: &[Check]) {
        assert!(checks.iter().all(|check| check.level == psso::Level::Holds), "{checks:#?}");
        self.seen.push(what);
    }

    fn id_token(&mut self, user: &str, nonce: &str) -> String {
        let claims = json!({"iss": "https://idp.example", "sub": user, "aud": "c1", "nonce": nonce, "iat": now(),
            "exp": now() + 300});
        let header = json!({"alg": "ES256", "kid": "1"});
        jws::sign(header.as_object().unwrap(), claims.to_string().as_bytes(), &mut self.id_key).unwrap()
    }
}

impl Provider for Server {
    fn device(&mut self, kid: &str) -> Option<Device> {
        (kid == key_id(&self.device.signing)).then(|| self.device.clone())
    }

    fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
        if self.nonces.remove(nonce) { Ok(()) } else { Err(Denied::new("unknown or used")) }
    }

    fn user(&mut self, user: &str, _: &str) -> Result<(), Denied> {
        if user == "alice" { Ok(()) } else { Err(Denied::new("not a user here")) }
    }

    fn user_key(&mut self, _: &str, kid: &str) -> Option<UserKey> {
        let public = self.user_key.public();
        (kid == key_id(&public)).then_some(UserKey::SecureEnclave(public))
    }

    fn card(&mut self, _: &CardCertificate<'_>) -> Result<(), Denied> {
        Ok(())
    }

    fn password_key(&mut self, _: Option<&str>) -> Option<EcPrivateKey> {
        Some(kept_key())
    }

    fn password(&mut self, _: &str, password: &SecretString) -> Result<(), Denied> {
        if password.expose_secret() == PASSWORD { Ok(()) } else { Err(Denied::new("wrong")) }
    }

    fn refresh_token(&mut self, token: &SecretString, _: &str, _: TokenUse) -> Result<String, Denied> {
        if token.expose_secret() == "T1" { Ok("alice".to_owned()) } else { Err(Denied::new("unknown")) }
    }
}

impl Shared {
    /// A client of this server, with more lines in its configuration.
    pub(crate) fn client(&self, more: &str) -> Client {
        let config = Config::from_toml(&format!(
            "issuer = \"https://idp.example\"\nclient_id = \"c1\"\naudience = \"urn:a\"\n\
             nonce_endpoint = \"https://idp.example/nonce\"\ntoken_endpoint = \"https://idp.example/token\"\n\
             jwks_endpoint = \"https://idp.example/jwks\"\nkey_endpoint = \"https://idp.example/token\"\n{more}"
        ))
        .unwrap();
        self.0.borrow_mut().expected = Some(Expected::from(&config));
        Client::new(config, Box::new(self.clone()))
    }

    pub(crate) fn user_key(&self) -> EcPrivateKey {
        self.0.borrow().user_key.clone()
    }

    /// What was accepted, in its order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.0.borrow().seen.clone()
    }

    pub(crate) fn groups(&self) -> Vec<String> {
        self.0.borrow().groups.clone()
    }
}

impl HttpClient for Shared {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut server = self.0.borrow_mut();
        let answer = match request.url.path() {
            "/nonce" => {
                server.given += 1;
                let nonce = format!("R{}", server.given);
                server.nonces.insert(nonce.clone());
                json!({"Nonce": nonce})
            }
            "/jwks" => json!({"keys": [server.id_key.public().to_jwk().with_kid("1")]}),
            _ => {
                let token = url::form_urlencoded::parse(&request.body)
                    .find_map(|(name, value)| (name == "assertion").then(|| value.into_owned()))
                    .unwrap();
                return Ok(match server.post(&token) {
                    Ok(answer) => response(200, answer.content_type, &answer.body),
                    Err(refusal) => {
                        let body = json!({"error": "invalid_grant", "check": refusal.check});
                        response(401, "application/json", &body.to_string())
                    }
                });
            }
        };
        Ok(response(200, "application/json", &Value::to_string(&answer)))
    }
}

fn response(status: u16, content_type: &str, body: &str) -> HttpResponse {
    HttpResponse { status, content_type: Some(content_type.to_owned()), body: body.as_bytes().to_vec().into() }
}

/// A card in software: its key and its certificate.
pub(crate) fn card() -> (EcPrivateKey, Vec<u8>) {
    (EcPrivateKey::from_pem(include_str!("../data/p256.key")).unwrap(), der(include_str!("../data/p256.crt")))
}

pub(crate) fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).unwrap()
}

/// The key that the identity provider keeps: for passwords, and for the key service.
pub(crate) fn kept_key() -> EcPrivateKey {
    card().0
}

pub(crate) fn password_key_x963() -> String {
    STANDARD.encode(kept_key().public().x963().unwrap())
}

fn public(key: &DevicePublicKey) -> PublicKey {
    PublicKey::from_x963(&STANDARD.decode(&key.x963).unwrap()).unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
