// An identity provider in memory that believes everyone, for the examples in the documentation. It answers every kind of
// request as a server would; what a server must check, it does not.

use jose::jws::Jws;
use jose::{EcPrivateKey, JwkSet, PublicKey, base64url, jwe, jws};
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use serde_json::{Value, json};

struct SmallIdp {
    key: EcPrivateKey,
    device: PublicKey,
}

impl SmallIdp {
    fn new(device: &psso::DeviceKeys) -> Self {
        Self { key: EcPrivateKey::generate().unwrap(), device: device.encryption().public() }
    }

    fn message(&self, request: &HttpRequest) -> HttpResponse {
        let (_, token) = url::form_urlencoded::parse(&request.body).nth(2).unwrap();
        let claims = Value::Object(Jws::parse(&token).unwrap().claims().unwrap());
        let (iat, nonce) = (claims["iat"].as_i64().unwrap(), &claims["nonce"]);
        let id_token = json!({"iss": "https://idp.example", "aud": claims["iss"], "sub": "subject-1", "nonce": nonce,
            "groups": ["admins"], "iat": iat, "exp": iat + 300});
        let id_token =
            jws::sign(json!({"alg": "ES256", "kid": "k"}).as_object().unwrap(), id_token.to_string().as_bytes(), &mut &self.key);
        let content = match claims["request_type"].as_str() {
            None => json!({"id_token": id_token.unwrap(), "refresh_token": "refresh-2", "refresh_token_expires_in": 3600}),
            Some("key_request") => json!({"certificate": self.certificate(), "iat": iat, "exp": iat + 300, "key_context": "c"}),
            Some(_) => json!({"key": self.shared(&claims["other_publickey"]), "iat": iat, "exp": iat + 300}),
        };
        let apv = base64url::decode("apv", claims["jwe_crypto"]["apv"].as_str().unwrap()).unwrap();
        let apu = |epk: &[u8]| [&5u32.to_be_bytes(), &b"APPLE"[..], &65u32.to_be_bytes(), epk].concat();
        let recipient =
            jwe::Recipient { public: &self.device, apu: &apu, apv: &apv, apv_in_header: false, typ: None, kid: None };
        let body = jwe::encrypt(&recipient, content.to_string().as_bytes()).unwrap();
        let accept = request.headers.iter().find(|(name, _)| *name == "accept").unwrap();
        HttpResponse { status: 200, content_type: Some(accept.1.clone()), body: body.into_bytes().into() }
    }

    fn certificate(&self) -> String {
        let key = rcgen::KeyPair::from_pem(&self.key.to_pkcs8_pem().unwrap()).unwrap();
        base64url::encode(rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().der())
    }

    fn shared(&self, other: &Value) -> String {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let other = PublicKey::from_x963(&base64.decode(other.as_str().unwrap()).unwrap()).unwrap();
        base64.encode(*self.key.diffie_hellman(&other).unwrap())
    }
}

impl HttpClient for SmallIdp {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let json = |status, value: Value| {
            let content_type = Some("application/json".to_owned());
            HttpResponse { status, content_type, body: value.to_string().into_bytes().into() }
        };
        Ok(match request.url.path() {
            "/psso/nonce" => json(200, json!({"Nonce": "AwABAAAA"})),
            "/psso/jwks" => json(200, json!(JwkSet::from(vec![self.key.public().to_jwk().with_kid("k")]))),
            "/psso/register" => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                json(201, json!({"device_id": body["device_signing_key"]["kid"], "user": body["user"]}))
            }
            "/.well-known/openid-configuration" => json(200, json!({"issuer": "https://idp.example",
                "token_endpoint": "https://idp.example/psso/token", "jwks_uri": "https://idp.example/psso/jwks"})),
            _ => self.message(request),
        })
    }
}

/// A client of the small identity provider, and the device's keys in a directory of their own.
fn client(more: &str) -> (psso::Client, psso::DeviceKeys, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let keys = psso::DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    let config = psso::Config::from_toml(&format!(
        "issuer = \"https://idp.example\"\nclient_id = \"9b0f\"\naudience = \"urn:example:psso\"\n\
         nonce_endpoint = \"https://idp.example/psso/nonce\"\ntoken_endpoint = \"https://idp.example/psso/token\"\n\
         jwks_endpoint = \"https://idp.example/psso/jwks\"\nkey_endpoint = \"https://idp.example/psso/key\"\n\
         registration_endpoint = \"https://idp.example/psso/register\"\n{more}"
    ));
    (psso::Client::new(config.unwrap(), Box::new(SmallIdp::new(&keys))), keys, dir)
}
