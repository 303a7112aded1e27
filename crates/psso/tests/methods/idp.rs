//! An identity provider in memory. It checks what all requests have in common and answers each kind of them; a test
//! looks at the rest, and may change the answer.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::jws::Jws;
use jose::{Algorithm, EcPrivateKey, JwkSet, PublicKey, base64url, jwe, jws};
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse, Method};
use psso::{Client, Config, DeviceKeys};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const CLIENT_ID: &str = "client-9b0f";
pub(crate) const AUDIENCE: &str = "urn:example:psso";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A request that the device signed, taken apart.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) form: Vec<(String, String)>,
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    /// `typ` of the JWE.
    pub(crate) typ: Option<String>,
    pub(crate) id_token: Map<String, Value>,
    /// The content of the JWE, beside the id_token; the body itself where the status is not 200.
    pub(crate) content: Map<String, Value>,
    /// Whether an id_token is put into it.
    pub(crate) with_id_token: bool,
}

type Edit = Box<dyn Fn(&Seen, &mut Answer) + Send + Sync>;

pub(crate) struct Idp {
    /// Signs the id_tokens.
    key: EcPrivateKey,
    /// The key that passwords are encrypted to.
    pub(crate) password_key: EcPrivateKey,
    /// The key of the key service.
    pub(crate) provided: EcPrivateKey,
    signing: PublicKey,
    encryption: PublicKey,
    /// Nonces that were given out, with the request id that they were given for.
    nonces: Mutex<HashMap<String, String>>,
    seen: Mutex<Vec<Seen>>,
    nonce_forms: Mutex<Vec<Vec<(String, String)>>>,
    edit: Mutex<Option<Edit>>,
    /// What the JWKS endpoint answers first, each once; then with the right keys.
    jwks_before: Mutex<VecDeque<HttpResponse>>,
    jwks_fetched: AtomicUsize,
}

/// The identity provider as the client's network.
struct Wire(Arc<Idp>);

impl HttpClient for Wire {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        Ok(self.0.answer(request))
    }
}

impl Idp {
    pub(crate) fn new(keys: &DeviceKeys) -> Arc<Self> {
        let fresh = || EcPrivateKey::generate().unwrap();
        Arc::new(Self {
            key: fresh(),
            password_key: fresh(),
            provided: fresh(),
            signing: keys.signing().public(),
            encryption: keys.encryption().public(),
            nonces: Mutex::default(),
            seen: Mutex::default(),
            nonce_forms: Mutex::default(),
            edit: Mutex::default(),
            jwks_before: Mutex::default(),
            jwks_fetched: AtomicUsize::default(),
        })
    }

    /// A client with these lines in its configuration.
    pub(crate) fn client(self: &Arc<Self>, more: &str) -> Client {
        Client::new(Self::config(more), Box::new(Wire(self.clone())))
    }

    pub(crate) fn config(more: &str) -> Config {
        Config::from_toml(&format!(
            "issuer = \"{ISSUER}\"\nclient_id = \"{CLIENT_ID}\"\naudience = \"{AUDIENCE}\"\n\
             nonce_endpoint = \"{ISSUER}/nonce\"\ntoken_endpoint = \"{ISSUER}/token\"\n\
             jwks_endpoint = \"{ISSUER}/jwks\"\nkey_endpoint = \"{ISSUER}/key\"\n{more}\n"
        ))
        .unwrap()
    }

    /// The line of a configuration that has passwords encrypted.
    pub(crate) fn encryption_key(&self) -> String {
        let point = STANDARD.encode(self.password_key.public().x963().unwrap());
        format!("login_request_encryption_key = \"{point}\"\n")
    }

    /// Changes the answers from now on.
    pub(crate) fn answers(&self, edit: impl Fn(&Seen, &mut Answer) + Send + Sync + 'static) {
        *self.edit.lock().unwrap() = Some(Box::new(edit));
    }

    /// The last request that the device signed.
    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Has the JWKS endpoint fail the next time.
    pub(crate) fn jwks_fails_once(&self) {
        self.jwks_before.lock().unwrap().push_back(respond(503, "text/plain", Vec::new()));
    }

    /// Has the JWKS endpoint give the keys of yesterday the next time.
    pub(crate) fn jwks_is_old_once(&self) {
        self.jwks_before.lock().unwrap().push_back(jwks(&EcPrivateKey::generate().unwrap(), "idp-0"));
    }

    pub(crate) fn jwks_fetched(&self) -> usize {
        self.jwks_fetched.load(Ordering::Relaxed)
    }

    /// The form of the last nonce request.
    pub(crate) fn nonce_form(&self) -> Vec<(String, String)> {
        self.nonce_forms.lock().unwrap().last().cloned().unwrap()
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        match (request.method, request.url.path()) {
            (Method::Post, "/nonce") => self.nonce(request),
            (Method::Get, "/jwks") => {
                self.jwks_fetched.fetch_add(1, Ordering::Relaxed);
                let first = self.jwks_before.lock().unwrap().pop_front();
                first.unwrap_or_else(|| jwks(&self.key, "idp-1"))
            }
            (Method::Post, _) => self.message(request),
            (Method::Get, path) => panic!("GET {path}"),
        }
    }

    fn nonce(&self, request: &HttpRequest) -> HttpResponse {
        self.nonce_forms.lock().unwrap().push(form(request));
        let mut nonces = self.nonces.lock().unwrap();
        // As long as published ones, so that a client that cuts it is found out.
        let nonce = format!("server-nonce-{}-{}", nonces.len(), "x".repeat(96));
        nonces.insert(nonce.clone(), header(request, "client-request-id"));
        respond(200, "application/json", json!({"Nonce": nonce}).to_string().into_bytes())
    }

    /// What every request of the device must be like.
    fn message(&self, request: &HttpRequest) -> HttpResponse {
        let form = form(request);
        let jws = Jws::parse(&form[2].1).unwrap();
        jws.verify(&self.signing, &[Algorithm::Es256]).unwrap();
        let (header_members, claims) = (jws.header().clone(), jws.claims().unwrap());
        assert_eq!(header_members["kid"], STANDARD.encode(Sha256::digest(self.signing.x963().unwrap())));
        assert_eq!(form[1], ("grant_type".to_owned(), JWT_BEARER.to_owned()));
        assert_eq!(claims["iss"], CLIENT_ID);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
        let nonce = claims["nonce"].as_str().unwrap();
        assert_eq!((nonce.len(), nonce.to_uppercase().as_str()), (36, nonce));
        let given_for = self.nonces.lock().unwrap().remove(claims["request_nonce"].as_str().unwrap());
        assert_eq!(
            given_for.as_deref(),
            Some(header(request, "client-request-id").as_str()),
            "one request id for both"
        );
        let apv = [lp(b"Apple"), lp(&self.encryption.x963().unwrap()), lp(nonce.as_bytes())].concat();
        assert_eq!(claims["jwe_crypto"], json!({"alg": "ECDH-ES", "enc": "A256GCM", "apv": base64url::encode(&apv)}));

        let seen = Seen { path: request.url.path().to_owned(), form, header: header_members, claims };
        self.seen.lock().unwrap().push(seen.clone());
        let answer = self.right(&seen);
        let accept = header(request, "accept");
        assert_eq!(accept, answer.media_type, "Accept");
        self.send(&seen, answer, &apv)
    }

    /// The right answer.
    fn right(&self, seen: &Seen) -> Answer {
        let now = now();
        let is_key_service = seen.header["typ"] == "platformsso-key-request+jwt";
        let content = match (is_key_service, seen.claims.get("request_type").and_then(Value::as_str)) {
            (false, _) => {
                json!({"refresh_token": "refresh-token-2", "refresh_token_expires_in": 3600, "token_type": "Bearer"})
            }
            (true, Some("key_request")) => json!({"certificate": URL_SAFE_NO_PAD.encode(self.certificate()),
                "iat": now, "exp": now + 300, "key_context": "context-1"}),
            (true, Some("key_exchange")) => {
                let other = STANDARD.decode(seen.claims["other_publickey"].as_str().unwrap()).unwrap();
                let z = self.provided.diffie_hellman(&PublicKey::from_x963(&other).unwrap()).unwrap();
                json!({"key": STANDARD.encode(z.as_slice()), "iat": now, "exp": now + 300, "key_context": "context-2"})
            }
            (true, other) => panic!("{other:?}"),
        };
        let kind = if is_key_service { "platformsso-key-response+jwt" } else { "platformsso-login-response+jwt" };
        Answer {
            status: 200,
            media_type: format!("application/{kind}"),
            typ: Some(kind.to_owned()),
            id_token: object(
                json!({"iss": ISSUER, "aud": CLIENT_ID, "sub": "subject-1", "nonce": seen.claims["nonce"],
                "iat": now, "exp": now + 300}),
            ),
            content: object(content),
            with_id_token: !is_key_service,
        }
    }

    fn send(&self, seen: &Seen, mut answer: Answer, apv: &[u8]) -> HttpResponse {
        if let Some(edit) = &*self.edit.lock().unwrap() {
            edit(seen, &mut answer);
        }
        if answer.status != 200 {
            return respond(answer.status, &answer.media_type, Value::Object(answer.content).to_string().into_bytes());
        }
        if answer.with_id_token {
            let header = object(json!({"alg": "ES256", "kid": "idp-1"}));
            let claims = Value::Object(answer.id_token).to_string();
            let id_token = jws::sign(&header, claims.as_bytes(), &mut &self.key).unwrap();
            answer.content.insert("id_token".to_owned(), json!(id_token));
        }
        let recipient = jwe::Recipient {
            public: &self.encryption,
            apu: &|epk| [lp(b"APPLE"), lp(epk)].concat(),
            apv,
            apv_in_header: false,
            typ: answer.typ.as_deref(),
            kid: None,
        };
        let token = jwe::encrypt(&recipient, Value::Object(answer.content).to_string().as_bytes()).unwrap();
        respond(200, &answer.media_type, token.into_bytes())
    }

    /// A certificate of the key service's key.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        let key = rcgen::KeyPair::from_pem(&self.provided.to_pkcs8_pem().unwrap()).unwrap();
        rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }
}

pub(crate) fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

pub(crate) fn lp(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

fn jwks(key: &EcPrivateKey, kid: &str) -> HttpResponse {
    let set = JwkSet::from(vec![key.public().to_jwk().with_kid(kid)]);
    respond(200, "application/json", serde_json::to_vec(&set).unwrap())
}

fn respond(status: u16, media_type: &str, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, content_type: Some(media_type.to_owned()), body: body.into() }
}

fn header(request: &HttpRequest, name: &str) -> String {
    request.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone()).unwrap()
}

fn form(request: &HttpRequest) -> Vec<(String, String)> {
    assert_eq!(header(request, "content-type"), "application/x-www-form-urlencoded");
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}
