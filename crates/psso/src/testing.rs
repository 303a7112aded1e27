//! Test data, for the tests of this crate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;
use serde_json::{Value, json};

/// Apple's published messages.
pub(crate) fn apple() -> Value {
    serde_json::from_str(include_str!("../../../tests/data/psso.json")).unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A base64url text of the vectors, decoded.
pub(crate) fn url(value: &Value) -> Vec<u8> {
    jose::base64url::decode("vector", text(value)).unwrap()
}

/// A published private key, which carries x, y and d.
pub(crate) fn p256_private(key: &Value) -> EcPrivateKey {
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "d": key["d"]});
    EcPrivateKey::from_jwk_json(&jwk.to_string()).unwrap()
}

/// The DER inside a PEM file.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(base64).unwrap()
}

/// A configuration with this issuer.
pub(crate) fn config(issuer: &str) -> crate::Config {
    let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/psso/{name}\"\n");
    let endpoints = ["nonce", "token", "jwks"].map(endpoint).concat();
    let names = format!("issuer = \"{issuer}\"\nclient_id = \"9b0f\"\naudience = \"urn:example:psso\"\n");
    crate::Config::from_toml(&(names + &endpoints)).unwrap()
}
