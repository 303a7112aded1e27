//! After a request is sent, nothing of a password or a token is left in this process's memory.
//!
//! The memory is read through /proc, so this is for Linux. What is looked for is kept masked, so that the search does not
//! find itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::EcPrivateKey;
use psso::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use psso::{Client, Config, DeviceKeys};
use secrecy::SecretString;
use zeroize::Zeroizing;

const MASK: u8 = 0xa5;
/// How much of the end of a secret is looked for: an allocator writes over the beginning of what is freed.
const TAIL: usize = 24;

/// Bytes that are never whole in memory.
struct Masked(Vec<u8>);

impl Masked {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    /// A fresh secret text, of letters.
    fn fresh() -> Self {
        let mut bytes = Zeroizing::new([0; 96]);
        getrandom::fill(&mut *bytes).unwrap();
        Self(bytes.iter().map(|byte| (b'a' + byte % 26) ^ MASK).collect())
    }

    fn reveal(&self) -> SecretString {
        let mut text = String::with_capacity(self.0.len());
        text.extend(self.0.iter().map(|byte| char::from(byte ^ MASK)));
        SecretString::from(text)
    }

    /// What stands for it inside base64, whatever comes before it: one form for each alignment.
    fn base64_forms(&self) -> Vec<Self> {
        let form = |skip: usize| {
            let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(self.0[skip..].iter().map(|byte| byte ^ MASK).collect());
            // Whole groups only: the last one depends on what follows.
            let whole = &bytes[..bytes.len() / 3 * 3];
            let mut text = Zeroizing::new(String::with_capacity(160));
            URL_SAFE_NO_PAD.encode_string(whole, &mut text);
            Self::new(text.as_bytes())
        };
        (0..3).map(form).collect()
    }

    /// How often its end is in the writable memory of this process.
    fn occurrences(&self) -> usize {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let tail = &self.0[self.0.len() - TAIL..];
        let mut found = 0;
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, mode) = (words.next().unwrap(), words.next().unwrap());
            if !mode.starts_with("rw") || line.contains("[vvar") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
            let mut region = vec![0; usize::try_from(end - start).unwrap()];
            // A region that is gone meanwhile holds nothing.
            let Ok(len) = memory.read_at(&mut region, start) else { continue };
            found += region[..len]
                .windows(TAIL)
                .filter(|window| window.iter().zip(tail).all(|(byte, masked)| byte ^ MASK == *masked))
                .count();
            region.fill(0);
        }
        found
    }
}

/// Gives nonces, and refuses everything else without a look at it.
struct Refusing;

impl HttpClient for Refusing {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_nonce = request.url.path() == "/nonce";
        let body = if is_nonce { r#"{"Nonce":"AwABAAAA"}"# } else { "{}" };
        let status = if is_nonce { 200 } else { 400 };
        Ok(HttpResponse { status, content_type: None, body: body.as_bytes().to_vec().into() })
    }
}

#[test]
fn secrets_are_gone_after_they_were_sent() {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    let client = |more: &str| {
        let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/{name}\"\n");
        let endpoints = ["nonce", "token", "jwks", "key"].map(endpoint).concat();
        let text = format!("issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\n{endpoints}{more}");
        Client::new(Config::from_toml(&text).unwrap(), Box::new(Refusing))
    };
    let point = STANDARD.encode(EcPrivateKey::generate().unwrap().public().x963().unwrap());
    let (plain, encrypting) = (client(""), client(&format!("login_request_encryption_key = \"{point}\"\n")));

    let (password, token, context) = (Masked::fresh(), Masked::fresh(), Masked::fresh());
    let held = password.reveal();
    assert!(password.occurrences() > 0, "the search finds what is there");
    drop(held);

    for client in [&plain, &encrypting] {
        let signed = client.with_password(client.begin_login("alice").unwrap(), &password.reveal()).unwrap();
        client.submit(signed, &keys).unwrap_err();
    }
    plain.refresh("alice", &token.reveal(), &keys).unwrap_err();
    plain.key_request("alice", &token.reveal(), &keys).unwrap_err();
    let other = keys.encryption().public();
    plain.key_exchange("alice", &token.reveal(), &other, Some(&context.reveal()), &keys).unwrap_err();

    for (name, secret) in [("password", &password), ("refresh token", &token), ("key context", &context)] {
        assert_eq!(secret.occurrences(), 0, "the {name} is still in memory");
        for (alignment, form) in secret.base64_forms().iter().enumerate() {
            assert_eq!(form.occurrences(), 0, "the {name} is still in memory as base64 ({alignment})");
        }
    }
}
