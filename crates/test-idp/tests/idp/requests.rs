//! Refresh, key request and key exchange in the making, and their answers.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jose::jwe::Jwe;
use jose::{EcPrivateKey, Signer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::http::{Answer, post_form};
use crate::login::open;
use crate::world::{Device, World, apv, compact, kid, now, object, x963};

/// A request that the device signs alone, to be changed at will before it is sent.
pub(crate) struct Request {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) signing: EcPrivateKey,
    pub(crate) request_id: Option<String>,
    pub(crate) url: String,
    pub(crate) version: &'static str,
    apv: Vec<u8>,
}

impl World {
    /// The refresh token of a fresh login of alice.
    pub(crate) fn refresh_token(&self) -> String {
        let login = self.login(jose::Algorithm::Es256);
        let tokens = open(&login.send(), &self.alices, &login);
        tokens["refresh_token"].as_str().unwrap().to_owned()
    }

    /// A refresh, right in every point if the token is.
    pub(crate) fn refresh(&self, device: &Device, token: &str) -> Request {
        let mut request = self.request(device, "platformsso-refresh-request+jwt", "/psso/refresh", "1.0");
        let url = request.url.clone();
        for (name, value) in [
            ("client_id", json!(self.client_id)),
            ("aud", json!(url)),
            ("scope", json!("openid offline_access urn:apple:platformsso")),
            ("grant_type", json!("refresh_token")),
            ("refresh_token", json!(token)),
        ] {
            request.claims.insert(name.to_owned(), value);
        }
        request
    }

    /// A key request of alice.
    pub(crate) fn key_request(&self, device: &Device, token: &str) -> Request {
        self.key_service(device, token, "key_request")
    }

    /// A key exchange of alice with this key.
    pub(crate) fn key_exchange(&self, device: &Device, token: &str, other: &[u8]) -> Request {
        use base64::prelude::BASE64_STANDARD;
        let mut request = self.key_service(device, token, "key_exchange");
        request.claims.insert("other_publickey".to_owned(), json!(BASE64_STANDARD.encode(other)));
        request
    }

    fn key_service(&self, device: &Device, token: &str, kind: &str) -> Request {
        let mut request = self.request(device, "platformsso-key-request+jwt", "/psso/key", "2.0");
        for (name, value) in [
            ("version", json!("1.0")),
            ("request_type", json!(kind)),
            ("key_purpose", json!("user_unlock")),
            ("username", json!("alice")),
            ("sub", json!("alice")),
            ("refresh_token", json!(token)),
        ] {
            request.claims.insert(name.to_owned(), value);
        }
        request
    }

    fn request(&self, device: &Device, typ: &str, path: &str, version: &'static str) -> Request {
        let request_id = Uuid::new_v4().to_string();
        let nonce = Uuid::new_v4().to_string().to_uppercase();
        let apv = apv(&x963(&device.encryption), &nonce);
        let now = now();
        Request {
            header: object(json!({"typ": typ, "alg": "ES256", "kid": kid(&device.signing)})),
            claims: object(json!({
                "iss": self.client_id, "iat": now, "exp": now + 300, "nonce": nonce,
                "request_nonce": self.nonce(Some(&request_id)),
                "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": BASE64_URL_SAFE_NO_PAD.encode(&apv)},
            })),
            signing: device.signing.clone(),
            request_id: Some(request_id),
            url: format!("{}{path}", self.url),
            version,
            apv,
        }
    }
}

impl Request {
    pub(crate) fn send(&self) -> Answer {
        self.send_to(&self.url)
    }

    pub(crate) fn send_to(&self, url: &str) -> Answer {
        let headers: Vec<_> = self.request_id.iter().map(|id| ("client-request-id", id.as_str())).collect();
        let token = compact(&self.header, &self.claims, |input| self.signing.clone().sign(input).unwrap());
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let fields = [("platform_sso_version", self.version), ("grant_type", grant), ("assertion", &token)];
        post_form(url, &headers, &fields)
    }

    /// Opens the answer as the device would.
    pub(crate) fn open(&self, answer: &Answer, device: &Device) -> Map<String, Value> {
        assert_eq!(answer.status, 200, "{answer:?}");
        let jwe = Jwe::parse(&answer.body).unwrap();
        let typ = jwe.header_text("typ").unwrap();
        assert_eq!(answer.header("content-type"), Some(format!("application/{typ}").as_str()));
        assert_eq!(jwe.apv().unwrap(), self.apv);
        let plaintext = jwe.decrypt(&device.encryption, &self.apv).unwrap();
        serde_json::from_slice(&plaintext).unwrap()
    }
}
