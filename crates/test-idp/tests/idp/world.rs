//! A running server, its certification authority, its devices; and a login in the making.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jose::{Algorithm, EcPrivateKey, Signer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use test_idp::{Fault, Handle, Options, Server};
use uuid::Uuid;

use crate::cards::{Ca, CardKey};
use crate::http::{Answer, get, post_form, post_json};

pub(crate) const ALICE: &str = "alice@example.test";
pub(crate) const BOB: &str = "bob@example.test";

/// A device: its two keys.
pub(crate) struct Device {
    pub(crate) signing: EcPrivateKey,
    pub(crate) encryption: EcPrivateKey,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self { signing: EcPrivateKey::generate().unwrap(), encryption: EcPrivateKey::generate().unwrap() }
    }

    /// The registration document for a user.
    pub(crate) fn registration(&self, client_id: &str, user: &str) -> Value {
        let key = |key: &EcPrivateKey| json!({"x963": BASE64_STANDARD.encode(x963(key)), "kid": kid(key)});
        json!({
            "schema_version": 1,
            "client_id": client_id,
            "user": user,
            "device_signing_key": key(&self.signing),
            "device_encryption_key": key(&self.encryption),
            "attestation": null,
        })
    }
}

pub(crate) fn x963(key: &EcPrivateKey) -> Vec<u8> {
    key.public().x963().unwrap()
}

pub(crate) fn kid(key: &EcPrivateKey) -> String {
    BASE64_STANDARD.encode(Sha256::digest(x963(key)))
}

/// A server with the users alice and bob, a device for each.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) audience: String,
    pub(crate) ca: Ca,
    pub(crate) alices: Device,
    pub(crate) bobs: Device,
    handle: Handle,
    pub(crate) options: Options,
    pub(crate) directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_faults(&[])
    }

    pub(crate) fn with_faults(faults: &[Fault]) -> Self {
        Self::with(|options| options.faults = faults.to_vec())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::with_directory(|options, _| change(options))
    }

    /// A world with other options, and files for them.
    pub(crate) fn with_directory(change: impl FnOnce(&mut Options, &Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = Ca::new("Test CA");
        let trust = directory.path().join("ca.pem");
        fs::write(&trust, ca.pem()).unwrap();
        let current = ca.revocation_list(&[], time::Duration::HOUR);
        fs::write(directory.path().join("crl.pem"), current).unwrap();
        let mut options = Options::new(directory.path().join("state"));
        options.users = vec!["alice".parse().unwrap(), format!("bob={BOB}").parse().unwrap()];
        options.trust = Some(trust);
        change(&mut options, directory.path());
        let (url, handle) = Server::start(&options).unwrap();

        let configuration = get(&format!("{url}/psso.toml")).body;
        let value = |name: &str| {
            let line = configuration.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
            line.unwrap().trim_matches('"').to_owned()
        };
        let (client_id, audience) = (value("client_id"), value("audience"));
        let world = Self {
            url,
            client_id,
            audience,
            ca,
            alices: Device::new(),
            bobs: Device::new(),
            handle,
            options,
            directory,
        };
        for (device, user) in [(&world.alices, "alice"), (&world.bobs, "bob")] {
            let expected = if world.options.registration_token.is_some() { 401 } else { 201 };
            assert_eq!(world.register(device, user).status, expected);
        }
        world
    }

    /// The same world after a restart, at the same address, with other options.
    pub(crate) fn restart(self, change: impl FnOnce(&mut Options)) -> Self {
        let Self { url, handle, mut options, .. } = self;
        handle.stop().unwrap();
        options.listen = url.strip_prefix("http://").unwrap().parse().unwrap();
        change(&mut options);
        let (again, handle) = Server::start(&options).unwrap();
        assert_eq!(again, url);
        Self { url, handle, options, ..self }
    }

    pub(crate) fn register(&self, device: &Device, user: &str) -> Answer {
        let document = device.registration(&self.client_id, user);
        post_json(&format!("{}/psso/register", self.url), &document.to_string())
    }

    pub(crate) fn nonce(&self, request_id: Option<&str>) -> String {
        let headers: Vec<_> = request_id.iter().map(|id| ("client-request-id", *id)).collect();
        let answer = post_form(&format!("{}/psso/nonce", self.url), &headers, &[("grant_type", "srv_challenge")]);
        assert_eq!(answer.status, 200);
        let nonce = answer.json();
        nonce.get("Nonce").or(nonce.get("nonce")).unwrap().as_str().unwrap().to_owned()
    }

    /// Everything in the database but the log and the outstanding nonces: a line for each row.
    pub(crate) fn stored(&self) -> Vec<String> {
        let database = self.database();
        let mut statement = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap();
        let mut rows = Vec::new();
        for table in tables.iter().filter(|table| !["requests", "nonces"].contains(&table.as_str())) {
            let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| {
                (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect::<Result<Vec<_>, _>>()
            };
            rows.extend(statement.query_map([], row).unwrap().map(|row| format!("{table}: {:?}", row.unwrap())));
        }
        assert!(rows.len() > 2, "{rows:?}");
        rows
    }

    /// The database of the server, to look at while it runs.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        let path = self.directory.path().join("state/idp.sqlite");
        rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// A login of alice, right in every point, with a card that signs with this algorithm.
    pub(crate) fn login(&self, algorithm: Algorithm) -> Login {
        self.login_of("alice", ALICE, &self.alices, algorithm)
    }

    pub(crate) fn login_of(&self, user: &str, upn: &str, device: &Device, algorithm: Algorithm) -> Login {
        let card = CardKey::new(algorithm);
        let certificate = self.ca.issue(&card, upn, |_| {});
        let request_id = Uuid::new_v4().to_string();
        let request_nonce = self.nonce(Some(&request_id));
        let nonce = Uuid::new_v4().to_string().to_uppercase();
        let now = now();
        let token_endpoint = format!("{}/psso/token", self.url);
        let scope = "openid offline_access urn:apple:platformsso";
        let apv = apv(&x963(&device.encryption), &nonce);
        Login {
            header: object(json!({
                "typ": "platformsso-login-request+jwt", "alg": "ES256", "kid": kid(&device.signing),
            })),
            claims: object(json!({
                "iss": self.client_id, "client_id": self.client_id, "sub": user, "username": user,
                "aud": token_endpoint, "iat": now, "exp": now + 300, "nonce": nonce,
                "request_nonce": request_nonce, "scope": scope,
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "jwe_crypto": {"alg": "ECDH-ES", "enc": "A256GCM", "apv": BASE64_URL_SAFE_NO_PAD.encode(&apv)},
            })),
            assertion_header: object(json!({
                "typ": "platformsso-login-assertion+jwt", "alg": algorithm, "kid": card.kid(), "x5c": [certificate],
            })),
            assertion_claims: object(json!({
                "iss": user, "sub": user, "aud": self.audience, "iat": now, "exp": now + 300, "nonce": nonce,
                "request_nonce": request_nonce, "scope": scope,
            })),
            apv,
            card,
            signing: device.signing.clone(),
            request_id: Some(request_id),
            assertion: None,
            token_endpoint,
        }
    }
}

/// Everything that goes into a login request, to be changed at will before it is sent.
pub(crate) struct Login {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) assertion_header: Map<String, Value>,
    pub(crate) assertion_claims: Map<String, Value>,
    pub(crate) apv: Vec<u8>,
    pub(crate) card: CardKey,
    pub(crate) signing: EcPrivateKey,
    pub(crate) request_id: Option<String>,
    /// What stands in the claim `assertion` instead of the one made from the above; null for none.
    pub(crate) assertion: Option<Value>,
    token_endpoint: String,
}

impl Login {
    /// Sends it to another endpoint, and says so in it.
    pub(crate) fn at(&mut self, token_endpoint: &str) {
        self.claims.insert("aud".into(), json!(token_endpoint));
        self.token_endpoint = token_endpoint.to_owned();
    }

    pub(crate) fn assertion(&self) -> String {
        compact(&self.assertion_header, &self.assertion_claims, |input| self.card.sign(input))
    }

    pub(crate) fn request(&self) -> String {
        let mut claims = self.claims.clone();
        match &self.assertion {
            Some(Value::Null) => None,
            Some(other) => claims.insert("assertion".into(), other.clone()),
            None => claims.insert("assertion".into(), json!(self.assertion())),
        };
        compact(&self.header, &claims, |input| self.signing.clone().sign(input).unwrap())
    }

    pub(crate) fn send(&self) -> Answer {
        self.send_request(&self.request())
    }

    pub(crate) fn send_request(&self, request: &str) -> Answer {
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        self.send_form(&[("platform_sso_version", "1.0"), ("grant_type", grant), ("assertion", request)])
    }

    pub(crate) fn send_form(&self, fields: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = self.request_id.iter().map(|id| ("client-request-id", id.as_str())).collect();
        post_form(&self.token_endpoint, &headers, fields)
    }
}

/// A compact JWS, made of exactly what is given.
pub(crate) fn compact(
    header: &Map<String, Value>,
    claims: &Map<String, Value>,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let encode = |map: &Map<String, Value>| BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(map).unwrap());
    let input = format!("{}.{}", encode(header), encode(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// PartyVInfo, written out byte by byte.
pub(crate) fn apv(device: &[u8], nonce: &str) -> Vec<u8> {
    assert_eq!((device.len(), nonce.len()), (65, 36));
    let mut bytes = b"\0\0\0\x05Apple\0\0\0\x41".to_vec();
    bytes.extend_from_slice(device);
    bytes.extend_from_slice(b"\0\0\0\x24");
    bytes.extend_from_slice(nonce.as_bytes());
    bytes
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}
