//! What the requests that the device signs have in common: login, refresh, key request, key exchange.
//!
//! ```text
//! header  typ, alg ES256, kid of the device signing key, + the configuration's
//! claims  iss = client_id, iat, exp = iat + 300, nonce, request_nonce, jwe_crypto { alg, enc, apv },
//!         + those of the kind of request, + the configuration's
//! form    platform_sso_version, grant_type = jwt-bearer, assertion=<the JWS>, + the configuration's
//! ```
//! No `x5c`: the device has no certificate.

use std::time::{Duration, Instant};

use jose::{base64url, jws};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::{Config, Custom, Endpoint};
use crate::http::{HttpClient, HttpRequest};
use crate::kid::key_id;
use crate::secret_json::SecretMap;
use crate::{DeviceKeys, Error, clock, form, nonce, party_info, random};

/// `grant_type` of every form, and of the claims where an assertion is embedded (RFC 7523).
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What makes one exchange with the identity provider unlike every other.
#[derive(Debug, Clone)]
pub(crate) struct Nonces {
    /// The client's nonce: an upper-case UUID.
    pub(crate) client: String,
    /// The server's nonce.
    pub(crate) server: String,
    /// `client-request-id`, the same for the nonce and the request that carries it.
    pub(crate) request_id: String,
}

impl Nonces {
    /// Fetches a nonce from the server and makes one. Also: how long that took.
    pub(crate) fn fetch(http: &dyn HttpClient, config: &Config) -> Result<(Self, Duration), Error> {
        let started = Instant::now();
        let request_id = random::uuid()?;
        let server = nonce::fetch(http, config, &request_id)?;
        Ok((Self { client: random::uuid()?, server, request_id }, started.elapsed()))
    }
}

/// One request to be signed by the device.
pub(crate) struct Request<'a> {
    pub(crate) config: &'a Config,
    pub(crate) nonces: &'a Nonces,
    /// Where it goes.
    pub(crate) endpoint: &'a Endpoint,
    /// `typ` of the JWS.
    pub(crate) typ: &'static str,
    /// `platform_sso_version` of the form.
    pub(crate) version: &'static str,
    /// The media type of the answer.
    pub(crate) accept: &'static str,
    /// What the configuration adds.
    pub(crate) custom: &'a Custom,
}

/// A request that is ready to go, and the PartyVInfo that its answer must be made for.
pub(crate) struct Signed {
    pub(crate) request: HttpRequest,
    pub(crate) apv: Vec<u8>,
}

impl Request<'_> {
    /// Signs the request with these claims beside the common ones.
    pub(crate) fn sign(&self, claims: SecretMap, keys: &DeviceKeys) -> Result<Signed, Error> {
        let apv = party_info::device_apv(&keys.encryption().public(), &self.nonces.client);
        let token = self.token(claims, keys, &apv)?;
        Ok(Signed { request: self.post(&token), apv })
    }

    fn token(&self, mut claims: SecretMap, keys: &DeviceKeys, apv: &[u8]) -> Result<Zeroizing<String>, Error> {
        let mut header = SecretMap::from(json!({
            "typ": self.typ,
            "alg": "ES256",
            "kid": key_id(&keys.signing().public()),
        }));
        header.extend_absent(&self.custom.header);

        let now = clock::now();
        for (name, value) in [
            ("iss", json!(self.config.client_id())),
            ("iat", json!(now)),
            ("exp", json!(now + clock::REQUEST_LIFETIME)),
            ("nonce", json!(self.nonces.client)),
            (self.config.server_nonce_claim(), json!(self.nonces.server)),
            ("jwe_crypto", json!({"alg": "ECDH-ES", "enc": "A256GCM", "apv": base64url::encode(apv)})),
        ] {
            if claims.insert(name.to_owned(), value).is_some() {
                return Err(Error::config(format!("server_nonce_claim: the request has a claim {name} of its own")));
            }
        }
        claims.extend_absent(&self.custom.claims);
        jws::sign(&header, &claims.to_json(), &mut keys.signing())
            .map(Zeroizing::new)
            .map_err(|error| Error::crypto("the request could not be signed", error))
    }

    /// The POST that carries it.
    fn post(&self, token: &str) -> HttpRequest {
        let own =
            [("platform_sso_version", self.version), ("grant_type", JWT_BEARER), (self.config.jwt_parameter(), token)];
        let more = self.custom.form.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = own.into_iter().chain(more).collect();
        HttpRequest::post(self.endpoint.url(), self.accept, form::CONTENT_TYPE, form::encode(&fields))
            .with_header("client-request-id", &self.nonces.request_id)
    }
}

/// `claims` that ask for groups; nothing where the configuration names none.
pub(crate) fn requested_groups(config: &Config) -> Option<Value> {
    let groups = config.requested_groups();
    (!groups.is_empty()).then(|| {
        let mut asked = serde_json::Map::new();
        asked.insert(config.group_request_claim().to_owned(), json!({"values": groups}));
        json!({"id_token": asked})
    })
}
