//! What comes from servers, Macs and files: tokens, configurations, answers.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jose::jwe::{Jwe, Recipient};
use jose::jws::{self, Jws};
use jose::{Algorithm, EcPrivateKey, JwkSet, base64url, ecdsa};
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use psso::inspect::{InspectOptions, Inspection, VerificationKey, inspect};
use psso::verify::{CardCertificate, Denied, Device, Expected, Provider, TokenUse, UserKey, Verifier};
use psso::{Client, Config, DeviceKeys, key_id, party_info};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// A compact JWS: what is read is what was there.
pub fn jws_parse(data: &[u8]) {
    let Some(token) = token(data) else { return };
    if let Ok(read) = Jws::parse(&token) {
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(base64url::encode(read.payload()), parts[1]);
        assert_eq!(base64url::encode(read.signature()), parts[2]);
        assert_eq!(read.signing_input(), [parts[0], parts[1]].join(".").as_bytes());
        let _ = read.claims();
        let verified = read.verify(&key().public(), &Algorithm::ALL).is_ok();
        assert!(verified || data.first() != Some(&b's'));
        let _ = format!("{read:?}");
    }
    let _ = jose::peek_header(&token);
    let _ = JwkSet::from_json(&token);
    let _ = psso::inspect::verification_keys(&token);
    let _ = psso::inspect::decryption_key(&token);
}

/// A compact JWE; one that was encrypted to the receiver opens.
pub fn jwe_parse(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let Ok(read) = Jwe::parse(&token) else { return };
    let opened = read.decrypt(&key(), &apv());
    if let (Some(b'c'), Some(content)) = (data.first(), data.get(1..)) {
        assert_eq!(opened.unwrap().as_slice(), content);
    }
    if let Some(apu) = read.apu().into_iter().chain(read.apv()).next() {
        let _ = party_info::PartyInfo::parse(apu);
    }
}

/// ECDSA signatures between DER and JOSE: one number has one spelling.
pub fn ecdsa_der(data: &[u8]) {
    for width in [32, 48] {
        if let Ok(raw) = ecdsa::der_to_raw(data, width) {
            assert_eq!(raw.len(), 2 * width);
            assert_eq!(ecdsa::raw_to_der(&raw).unwrap(), data);
        }
    }
    if let Ok(der) = ecdsa::raw_to_der(data) {
        assert_eq!(ecdsa::der_to_raw(&der, data.len() / 2).unwrap(), data);
    }
}

/// What `pivkit psso inspect` does with whatever it is given.
pub fn psso_inspect(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let public = key().public();
    for keys in [vec![], vec![VerificationKey { key: public, kid: None, entry: None }]] {
        let options = InspectOptions {
            decryption_key: Some(key()),
            verification_keys: keys,
            apv: (data.first() == Some(&b'c')).then(apv),
            at: Some(NOW),
            show_secrets: false,
        };
        if let Ok(seen) = inspect(&token, &options) {
            assert_sound(&seen);
            let _ = serde_json::to_string(&seen).unwrap();
        }
    }
}

/// Names of checks are unique, and only what was verified counts.
fn assert_sound(seen: &Inspection) {
    let names: BTreeSet<&str> = seen.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names.len(), seen.checks.len(), "{:?}", seen.checks);
    let verified = seen.signature.is_some_and(|signature| signature.valid == Some(true));
    assert!(!seen.all_hold() || seen.signature.is_none() || verified);
    for claim in ["password", "refresh_token"] {
        let shown = seen.claims.as_ref().and_then(|claims| claims.get(claim));
        assert!(matches!(shown, None | Some(Value::Null)) || shown == Some(&json!("(hidden)")));
    }
    for inner in [&seen.assertion, &seen.id_token].into_iter().flatten() {
        assert_sound(inner);
    }
}

/// What an identity provider does with a request. It knows one device, and believes everything that it may believe.
pub fn psso_verify(data: &[u8]) {
    let Some(token) = token(data) else { return };
    let expected = Expected::new("c1", "urn:a", "https://idp.example/token");
    let verifier = Verifier::new(expected).at(NOW);
    let checks = match verifier.any(&token, &mut Believer) {
        Ok(psso::verify::Verified::Login(login)) => {
            assert!(!login.user.is_empty() || login.claim("username").is_some() || login.claim("sub").is_some());
            login.checks
        }
        Ok(psso::verify::Verified::Refresh(refresh)) => refresh.checks,
        Ok(psso::verify::Verified::KeyRequest(request)) => request.checks,
        Ok(_) => return,
        Err(refusal) => {
            assert!(refusal.checks.iter().any(|check| check.name == refusal.check && !check.ok));
            return;
        }
    };
    assert!(checks.iter().all(|check| check.ok), "{checks:?}");
    assert!(checks.iter().any(|check| check.name == "signature"));
}

struct Believer;

impl Provider for Believer {
    fn device(&mut self, kid: &str) -> Option<Device> {
        let public = key().public();
        (kid == key_id(&public)).then(|| Device { signing: public.clone(), encryption: Some(public) })
    }
    fn use_nonce(&mut self, _: &str) -> Result<(), Denied> {
        Ok(())
    }
    fn user(&mut self, _: &str, _: &str) -> Result<(), Denied> {
        Ok(())
    }
    fn user_key(&mut self, _: &str, kid: &str) -> Option<UserKey> {
        (kid == key_id(&key().public())).then(|| UserKey::SecureEnclave(key().public()))
    }
    fn card(&mut self, _: &CardCertificate<'_>) -> Result<(), Denied> {
        Ok(())
    }
    fn password_key(&mut self, _: Option<&str>) -> Option<EcPrivateKey> {
        Some(key())
    }
    fn password(&mut self, _: &str, _: &SecretString) -> Result<(), Denied> {
        Ok(())
    }
    fn refresh_token(&mut self, _: &SecretString, _: &str, _: TokenUse) -> Result<String, Denied> {
        Ok("alice".to_owned())
    }
}

/// A login configuration: what is read is what lint has no error about.
pub fn psso_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let findings = Config::lint(text);
    let errors = findings.iter().any(|finding| finding.level == psso::config::Level::Error);
    match Config::from_toml(text) {
        Ok(config) => {
            assert!(!errors, "{findings:?}");
            let _ = (config.scope(), Expected::from(&config), format!("{config:?}"));
        }
        Err(error) => assert!(errors, "{error}"),
    }
}

/// What a server answers to a refresh, whole (`r`) or as the content of a good JWE (`c`).
pub fn login_response(data: &[u8]) {
    static SIDE: OnceLock<(DeviceKeys, Config)> = OnceLock::new();
    let (keys, config) = SIDE.get_or_init(|| {
        let state = std::env::temp_dir().join(format!("pivkit-fuzz-{}", std::process::id()));
        let keys = DeviceKeys::open_or_create(&state).unwrap();
        let _ = std::fs::remove_dir_all(state);
        (keys, Config::from_toml(CONFIG).unwrap())
    });
    let Some((how, body)) = data.split_first() else { return };
    let client = Client::new(config.clone(), Box::new(Server { sealed: *how == b'c', body: body.to_vec() }));
    if let Err(error) = client.refresh("alice", &"token".into(), keys) {
        let _ = error.to_string();
    }
}

/// Answers every request for tokens with the same bytes; the id_token's key is the receiver's own.
struct Server {
    sealed: bool,
    body: Vec<u8>,
}

impl HttpClient for Server {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let json = |value: Value| (Some("application/json".to_owned()), value.to_string().into_bytes());
        let (content_type, body) = match request.url.path() {
            "/nonce" => json(json!({"Nonce": "R1"})),
            "/jwks" => json(json!({"keys": [key().public().to_jwk().with_kid("1")]})),
            _ => {
                let media_type = "application/platformsso-login-response+jwt".to_owned();
                (Some(media_type), if self.sealed { self.seal(&request.body) } else { self.body.clone() })
            }
        };
        Ok(HttpResponse { status: 200, content_type, body: body.into() })
    }
}

impl Server {
    /// Encrypts to the device that asked, as its request says.
    fn seal(&self, form: &[u8]) -> Vec<u8> {
        let form = String::from_utf8_lossy(form);
        let token = form.split('&').find_map(|field| field.strip_prefix("assertion=")).unwrap_or_default();
        let claims = Jws::parse(token).unwrap().claims().unwrap();
        let apv = base64url::decode("apv", claims["jwe_crypto"]["apv"].as_str().unwrap()).unwrap();
        let device = party_info::PartyInfo::parse(&apv).unwrap().point;
        sealed(&jose::PublicKey::from_x963(&device).unwrap(), &apv, &self.body).into_bytes()
    }
}

/// The token that an input stands for.
fn token(data: &[u8]) -> Option<String> {
    let (how, rest) = data.split_first()?;
    let parts = || rest.split(|byte| *byte == 0xff);
    match how {
        b'r' => String::from_utf8(rest.to_vec()).ok(),
        b'p' => Some(parts().map(base64url::encode).collect::<Vec<_>>().join(".")),
        b's' => {
            let mut parts = parts();
            let mut header = object(parts.next()?)?;
            header.insert("alg".to_owned(), json!("ES256"));
            header.entry("kid").or_insert_with(|| json!(key_id(&key().public())));
            let mut claims = object(parts.next()?)?;
            // A third part is the claims of an assertion, by the user's key in the Secure Enclave.
            if let Some(inner) = parts.next() {
                let kid = key_id(&key().public());
                let head = json!({"typ": "platformsso-login-assertion+jwt", "alg": "ES256", "kid": kid});
                claims.insert("assertion".to_owned(), json!(sign(head.as_object()?, inner)?));
            }
            sign(&header, Value::Object(claims).to_string().as_bytes())
        }
        b'c' => Some(sealed(&key().public(), &apv(), rest)),
        _ => None,
    }
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    jose::json::parse_object("input", bytes).ok()
}

fn sign(header: &Map<String, Value>, claims: &[u8]) -> Option<String> {
    jws::sign(header, claims, &mut key()).ok()
}

fn sealed(public: &jose::PublicKey, apv: &[u8], content: &[u8]) -> String {
    let typ = Some("platformsso-login-response+jwt");
    let to = Recipient { public, apu: &party_info::sender_apu, apv, apv_in_header: false, typ, kid: None };
    jose::jwe::encrypt(&to, content).unwrap()
}

fn apv() -> Vec<u8> {
    party_info::device_apv(&key().public(), "DDF68171-409D-4E2C-91F0-9E42D7745365")
}

/// The receiver's key: Bob's, of RFC 7518 appendix C.
fn key() -> EcPrivateKey {
    static KEY: OnceLock<EcPrivateKey> = OnceLock::new();
    let bob = r#"{"kty":"EC","crv":"P-256","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ",
        "y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}"#;
    KEY.get_or_init(|| EcPrivateKey::from_jwk_json(bob).unwrap()).clone()
}

const NOW: i64 = 1_800_000_000;

const CONFIG: &str = r#"
issuer = "https://idp.example"
client_id = "c1"
audience = "urn:a"
nonce_endpoint = "https://idp.example/nonce"
token_endpoint = "https://idp.example/token"
jwks_endpoint = "https://idp.example/jwks"

[[kerberos_ticket_mappings]]
ticket_key_path = "login_tgt"
message_buffer_key = "messageBuffer"
realm_key = "realm"
service_name_key = "serviceName"
client_name_key = "clientName"
encryption_key_type_key = "encryptionKeyType"
session_key_key = "sessionKey"
"#;
