//! An identity provider in memory, written from the specification with `jose` alone.
//!
//! It checks requests as section 2.8 of the protocol asks, and answers as a test tells it to.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::jws::Jws;
use jose::{Algorithm, EcPrivateKey, JwkSet, PublicKey, base64url, jwe, jws};
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse, Method};
use psso::{Client, Config, DeviceKeys};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const CLIENT_ID: &str = "client-9b0f";
pub(crate) const AUDIENCE: &str = "urn:example:psso";
pub(crate) const REFRESH_TOKEN: &str = "refresh-token-of-alice-0123456789";

type Edit<T> = Box<dyn Fn(&mut T) + Send + Sync>;
type PartyUInfo = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;
type Answer = Box<dyn Fn(&str, &mut HttpResponse) + Send + Sync>;

/// How the answer differs from a right one.
pub(crate) struct Faults {
    pub(crate) id_token_header: Edit<Map<String, Value>>,
    pub(crate) id_token_claims: Edit<Map<String, Value>>,
    /// Changes the finished id_token.
    pub(crate) id_token: Edit<String>,
    pub(crate) content: Edit<Map<String, Value>>,
    /// Makes `apu` from the ephemeral key.
    pub(crate) apu: PartyUInfo,
    pub(crate) apv: Edit<Vec<u8>>,
    /// Changes the header of the finished JWE.
    pub(crate) jwe_header: Edit<Map<String, Value>>,
    /// Changes an answer, by the path of the request.
    pub(crate) answer: Answer,
    pub(crate) apv_in_header: bool,
    /// What is encrypted, and what is signed, instead of what would be.
    pub(crate) raw_content: Option<Vec<u8>>,
    pub(crate) raw_claims: Option<Vec<u8>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            id_token_header: Box::new(|_| ()),
            id_token_claims: Box::new(|_| ()),
            id_token: Box::new(|_| ()),
            content: Box::new(|_| ()),
            apu: Box::new(|epk| [lp(b"APPLE"), lp(epk)].concat()),
            apv: Box::new(|_| ()),
            jwe_header: Box::new(|_| ()),
            answer: Box::new(|_, _| ()),
            apv_in_header: false,
            raw_content: None,
            raw_claims: None,
        }
    }
}

/// What a configuration may call otherwise.
pub(crate) struct Names {
    pub(crate) jwt_parameter: &'static str,
    pub(crate) server_nonce_claim: &'static str,
    pub(crate) scope: &'static str,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            jwt_parameter: "assertion",
            server_nonce_claim: "request_nonce",
            scope: "openid offline_access urn:apple:platformsso",
        }
    }
}

pub(crate) struct Idp {
    pub(crate) key: EcPrivateKey,
    pub(crate) faults: Faults,
    names: Names,
    /// Every request, in order.
    pub(crate) seen: Mutex<Vec<HttpRequest>>,
    nonces: Mutex<HashSet<String>>,
    device: Mutex<Option<(PublicKey, PublicKey)>>,
}

/// The identity provider as the client's network.
#[derive(Clone)]
pub(crate) struct Wire(pub(crate) Arc<Idp>);

impl HttpClient for Wire {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        Ok(self.0.answer(request))
    }
}

pub(crate) fn config(base: &str, more: &str) -> Config {
    Config::from_toml(&format!(
        "issuer = \"{ISSUER}\"\nclient_id = \"{CLIENT_ID}\"\naudience = \"{AUDIENCE}\"\n\
         nonce_endpoint = \"{base}/nonce\"\ntoken_endpoint = \"{base}/token\"\njwks_endpoint = \"{base}/jwks\"\n\
         registration_endpoint = \"{base}/register\"\n{more}\n"
    ))
    .unwrap()
}

impl Idp {
    pub(crate) fn new(faults: Faults) -> Arc<Self> {
        Self::with(faults, Names::default())
    }

    pub(crate) fn named(names: Names) -> Arc<Self> {
        Self::with(Faults::default(), names)
    }

    fn with(faults: Faults, names: Names) -> Arc<Self> {
        Arc::new(Self {
            key: EcPrivateKey::generate().unwrap(),
            faults,
            names,
            seen: Mutex::default(),
            nonces: Mutex::default(),
            device: Mutex::default(),
        })
    }

    pub(crate) fn client(self: &Arc<Self>, more: &str) -> Client {
        Client::new(config("https://idp.example/psso", more), Box::new(Wire(self.clone())))
    }

    pub(crate) fn trust(&self, keys: &DeviceKeys) {
        *self.device.lock().unwrap() = Some((keys.signing().public(), keys.encryption().public()));
    }

    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        self.seen.lock().unwrap().push(request.clone());
        let path = request.url.path().to_owned();
        let mut response = match (request.method, path.rsplit('/').next().unwrap()) {
            (Method::Post, "nonce") => self.nonce(request),
            (Method::Post, "token") => self.token(request),
            (Method::Post, "register") => self.register(request),
            (Method::Get, "jwks") => {
                let set = JwkSet::from(vec![self.key.public().to_jwk().with_kid("idp-1")]);
                answer(200, "application/json", &serde_json::to_vec(&set).unwrap())
            }
            _ => answer(404, "text/plain", b"no"),
        };
        (self.faults.answer)(&path, &mut response);
        response
    }

    fn nonce(&self, request: &HttpRequest) -> HttpResponse {
        assert_eq!(form(request), [("grant_type".to_owned(), "srv_challenge".to_owned())]);
        let nonce = format!("server-nonce-{}", header(request, "client-request-id"));
        self.nonces.lock().unwrap().insert(nonce.clone());
        answer(200, "application/json; charset=utf-8", json!({"Nonce": nonce, "nonce": nonce}).to_string().as_bytes())
    }

    fn register(&self, request: &HttpRequest) -> HttpResponse {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let key = |name: &str| {
            let point = STANDARD.decode(body[name]["x963"].as_str().unwrap()).unwrap();
            assert_eq!(body[name]["kid"], STANDARD.encode(Sha256::digest(&point)));
            PublicKey::from_x963(&point).unwrap()
        };
        assert_eq!(body["schema_version"], 1);
        assert_eq!(body["client_id"], CLIENT_ID);
        let keys = (key("device_signing_key"), key("device_encryption_key"));
        let again = self.device.lock().unwrap().replace(keys.clone()) == Some(keys);
        let text = json!({"schema_version": 1, "device_id": body["device_signing_key"]["kid"], "user": body["user"]});
        answer(if again { 200 } else { 201 }, "application/json", text.to_string().as_bytes())
    }

    fn token(&self, request: &HttpRequest) -> HttpResponse {
        match self.check(request) {
            Ok((user, nonce, apv)) => self.accept(&user, &nonce, apv),
            Err(why) => {
                let body = json!({"error": "invalid_grant", "error_description": why, "check": "assertion"});
                answer(401, "application/json", body.to_string().as_bytes())
            }
        }
    }

    /// Section 2.8: what an identity provider must check.
    fn check(&self, request: &HttpRequest) -> Result<(String, String, Vec<u8>), String> {
        let (signing, encryption) = self.device.lock().unwrap().clone().ok_or("The device is unknown.")?;
        let fields = form(request);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let Names { jwt_parameter, server_nonce_claim, scope } = self.names;
        if names != ["platform_sso_version", "grant_type", jwt_parameter] {
            return Err(format!("The form has {names:?}."));
        }
        assert_eq!(fields[0].1, "1.0");
        assert_eq!(fields[1].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!(header(request, "accept"), "application/platformsso-login-response+jwt");

        let outer = Jws::parse(&fields[2].1).map_err(|error| error.to_string())?;
        outer.verify(&signing, &[Algorithm::Es256]).map_err(|error| format!("outer: {error}"))?;
        assert_eq!(outer.header_text("typ"), Some("platformsso-login-request+jwt"));
        assert_eq!(outer.header_text("kid").unwrap(), STANDARD.encode(Sha256::digest(signing.x963().unwrap())));
        let outer = outer.claims().unwrap();
        let nonce = outer["nonce"].as_str().unwrap();
        assert_eq!((&outer["iss"], &outer["client_id"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
        assert_eq!(outer["aud"], request.url.as_str());
        assert_eq!(outer["username"], outer["sub"]);
        assert_eq!(outer["exp"].as_i64().unwrap() - outer["iat"].as_i64().unwrap(), 300);
        assert_eq!(outer["scope"], scope);
        assert_eq!(outer["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!((nonce.len(), nonce.to_uppercase().as_str()), (36, nonce));
        for absent in ["amr", "password", "jti", "nbf"] {
            assert!(!outer.contains_key(absent));
        }
        if !self.nonces.lock().unwrap().remove(outer[server_nonce_claim].as_str().unwrap()) {
            return Err("The nonce is unknown or was used before.".to_owned());
        }

        let inner = Jws::parse(outer["assertion"].as_str().unwrap()).map_err(|error| error.to_string())?;
        let x5c = &inner.header()["x5c"];
        let certificate = STANDARD.decode(x5c.as_str().or_else(|| x5c[0].as_str()).unwrap()).unwrap();
        let (_, certificate) = X509Certificate::from_der(&certificate).unwrap();
        let card = PublicKey::from_spki_der(certificate.public_key().raw).unwrap();
        inner.verify(&card, &Algorithm::ALL).map_err(|error| format!("assertion: {error}"))?;
        assert_eq!(inner.header_text("typ"), Some("platformsso-login-assertion+jwt"));
        let inner = inner.claims().unwrap();
        assert_eq!(inner["aud"], AUDIENCE);
        assert_eq!((&inner["iss"], &inner["sub"]), (&outer["username"], &outer["username"]));
        for same in ["nonce", server_nonce_claim, "scope"] {
            assert_eq!(inner[same], outer[same]);
        }
        let names: HashSet<&str> = inner.keys().map(String::as_str).collect();
        assert_eq!(names, HashSet::from(["aud", "exp", "iat", "iss", "nonce", server_nonce_claim, "scope", "sub"]));

        assert_eq!((&outer["jwe_crypto"]["alg"], &outer["jwe_crypto"]["enc"]), (&json!("ECDH-ES"), &json!("A256GCM")));
        let apv = base64url::decode("apv", outer["jwe_crypto"]["apv"].as_str().unwrap()).unwrap();
        assert_eq!(apv, [lp(b"Apple"), lp(&encryption.x963().unwrap()), lp(nonce.as_bytes())].concat());
        Ok((outer["username"].as_str().unwrap().to_owned(), nonce.to_owned(), apv))
    }

    fn accept(&self, user: &str, nonce: &str, mut apv: Vec<u8>) -> HttpResponse {
        let now = now();
        let mut content = object(json!({
            "id_token": self.id_token(user, nonce, now),
            "refresh_token": REFRESH_TOKEN,
            "refresh_token_expires_in": 64800,
            "token_type": "Bearer",
        }));
        (self.faults.content)(&mut content);
        (self.faults.apv)(&mut apv);
        let (_, encryption) = self.device.lock().unwrap().clone().unwrap();
        let recipient = jwe::Recipient {
            public: &encryption,
            apu: &*self.faults.apu,
            apv: &apv,
            apv_in_header: self.faults.apv_in_header,
            typ: Some("platformsso-login-response+jwt"),
            kid: None,
        };
        let content =
            self.faults.raw_content.clone().unwrap_or_else(|| Value::Object(content).to_string().into_bytes());
        let token = jwe::encrypt(&recipient, &content).unwrap();
        let (head, rest) = token.split_once('.').unwrap();
        let mut header: Map<String, Value> =
            serde_json::from_slice(&base64url::decode("header", head).unwrap()).unwrap();
        let before = header.clone();
        (self.faults.jwe_header)(&mut header);
        // Only a changed header is written again: its bytes are authenticated.
        let head = if header == before { head.to_owned() } else { encode(&header) };
        let media_type = "application/platformsso-login-response+jwt; charset=utf-8";
        answer(200, media_type, format!("{head}.{rest}").as_bytes())
    }

    fn id_token(&self, user: &str, nonce: &str, now: i64) -> String {
        let mut header = object(json!({"alg": "ES256", "typ": "JWT", "kid": "idp-1"}));
        let mut claims = object(json!({"iss": ISSUER, "aud": CLIENT_ID, "sub": user, "nonce": nonce,
            "iat": now, "exp": now + 300, "preferred_username": user}));
        (self.faults.id_token_header)(&mut header);
        (self.faults.id_token_claims)(&mut claims);
        let claims = self.faults.raw_claims.clone().unwrap_or_else(|| Value::Object(claims).to_string().into_bytes());
        let mut token = if header["alg"] == "ES256" {
            jws::sign(&header, &claims, &mut &self.key).unwrap()
        } else {
            // Another algorithm: with a signature that means nothing, as an attacker would send it.
            format!("{}.{}.{}", encode(&header), base64url::encode(&claims), base64url::encode(&[7; 32]))
        };
        (self.faults.id_token)(&mut token);
        token
    }
}

pub(crate) fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

pub(crate) fn lp(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

pub(crate) fn answer(status: u16, content_type: &str, body: &[u8]) -> HttpResponse {
    HttpResponse { status, content_type: Some(content_type.to_owned()), body: body.to_vec().into() }
}

pub(crate) fn header(request: &HttpRequest, name: &str) -> String {
    request.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

pub(crate) fn form(request: &HttpRequest) -> Vec<(String, String)> {
    assert_eq!(header(request, "content-type"), "application/x-www-form-urlencoded");
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn encode(header: &Map<String, Value>) -> String {
    base64url::encode(&serde_json::to_vec(header).unwrap())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}
