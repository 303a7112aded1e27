//! What each method sends, and what each answer comes to, against an identity provider in memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod additions;
mod answers;
mod credentials;
mod idp;
mod key_service;
mod logins;
mod refresh;

use idp::Idp;
use psso::DeviceKeys;
use secrecy::SecretString;
use tempfile::TempDir;

fn keys() -> (TempDir, DeviceKeys) {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    (dir, keys)
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// An identity provider that knows these keys.
fn idp(keys: &DeviceKeys) -> std::sync::Arc<Idp> {
    Idp::new(keys)
}
