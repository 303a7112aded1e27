//! An identity provider that answers and keeps nothing of its secrets in clear.

use jose::jws::Jws;
use jose::{EcPrivateKey, JwkSet, PublicKey, base64url, jwe, jws};
use psso::DeviceKeys;
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::masked::Masked;

/// What is secret in the answers.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) refresh_token: Masked,
    /// base64, as it stands in the answer; so is the message.
    pub(crate) session_key: Masked,
    pub(crate) message: Masked,
    pub(crate) key_text: Masked,
    pub(crate) key: Masked,
    pub(crate) key_context: Masked,
}

pub(crate) struct Answering {
    key: EcPrivateKey,
    device: PublicKey,
    secrets: Secrets,
}

impl Answering {
    pub(crate) fn new(device: &DeviceKeys) -> Self {
        // Letters are base64; 96 of them are 72 bytes. Keys are shorter.
        let short = |len: usize| Masked::fresh().with(|text| Masked::new(&text[..len]));
        let padded = |text: &Masked| {
            text.with(|text| {
                let mut whole = Zeroizing::new(text.to_vec());
                // 43 characters and one of padding are 32 bytes; the last character has two bits to spare.
                if let Some(last) = whole.last_mut() {
                    *last = b'Q';
                }
                whole.push(b'=');
                Masked::new(&whole)
            })
        };
        let key_text = padded(&short(43));
        let secrets = Secrets {
            refresh_token: Masked::fresh(),
            session_key: padded(&short(43)),
            message: Masked::fresh(),
            key: key_text.decoded(),
            key_text,
            key_context: Masked::fresh(),
        };
        Self { key: EcPrivateKey::generate().unwrap(), device: device.encryption().public(), secrets }
    }

    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    fn message(&self, request: &HttpRequest) -> HttpResponse {
        let (_, token) = url::form_urlencoded::parse(&request.body).nth(2).unwrap();
        let claims = Jws::parse(&token).unwrap().claims().unwrap();
        let content = if claims.contains_key("request_type") { self.exchange(&claims) } else { self.login(&claims) };
        let apv = base64url::decode("apv", claims["jwe_crypto"]["apv"].as_str().unwrap()).unwrap();
        let apu = |epk: &[u8]| [&5u32.to_be_bytes(), &b"APPLE"[..], &65u32.to_be_bytes(), epk].concat();
        let recipient =
            jwe::Recipient { public: &self.device, apu: &apu, apv: &apv, apv_in_header: false, typ: None, kid: None };
        let body = jwe::encrypt(&recipient, &content).unwrap();
        let accept = request.headers.iter().find(|(name, _)| *name == "accept").unwrap();
        HttpResponse { status: 200, content_type: Some(accept.1.clone()), body: body.into_bytes().into() }
    }

    fn login(&self, claims: &Map<String, Value>) -> Zeroizing<Vec<u8>> {
        let iat = claims["iat"].as_i64().unwrap();
        let id_token =
            json!({"iss": "i", "aud": "c", "sub": "s", "nonce": claims["nonce"], "iat": iat, "exp": iat + 300});
        let header = json!({"alg": "ES256", "kid": "k"});
        let id_token = jws::sign(header.as_object().unwrap(), id_token.to_string().as_bytes(), &mut &self.key).unwrap();
        let Secrets { refresh_token, session_key, message, .. } = &self.secrets;
        content(&[
            ("{\"id_token\":\"", None),
            (&id_token, None),
            ("\",\"expires_in\":60,\"refresh_token\":\"", Some(refresh_token)),
            (
                "\",\"login_tgt\":{\"realm\":\"R\",\"serviceName\":\"s\",\"clientName\":\"c\",\"encryptionKeyType\":18,",
                None,
            ),
            ("\"messageBuffer\":\"", Some(message)),
            ("\",\"sessionKey\":\"", Some(session_key)),
            ("\"}}", None),
        ])
    }

    fn exchange(&self, claims: &Map<String, Value>) -> Zeroizing<Vec<u8>> {
        let iat = claims["iat"].as_i64().unwrap();
        let times = format!("{{\"iat\":{iat},\"exp\":{},", iat + 300);
        content(&[
            (&times, None),
            ("\"key\":\"", Some(&self.secrets.key_text)),
            ("\",\"key_context\":\"", Some(&self.secrets.key_context)),
            ("\"}", None),
        ])
    }
}

/// Texts, each with a secret after it, in a buffer that never grows.
fn content(parts: &[(&str, Option<&Masked>)]) -> Zeroizing<Vec<u8>> {
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    for (text, secret) in parts {
        content.extend_from_slice(text.as_bytes());
        if let Some(secret) = secret {
            secret.with(|bytes| content.extend_from_slice(bytes));
        }
    }
    assert!(content.capacity() == 4096);
    content
}

impl HttpClient for Answering {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let json = |value: &Value| {
            let content_type = Some("application/json".to_owned());
            HttpResponse { status: 200, content_type, body: value.to_string().into_bytes().into() }
        };
        Ok(match request.url.path() {
            "/nonce" => json(&json!({"Nonce": "AwABAAAA"})),
            "/jwks" => json(&json!(JwkSet::from(vec![self.key.public().to_jwk().with_kid("k")]))),
            _ => self.message(request),
        })
    }
}
