//! Which algorithms are allowed where.

use std::str::FromStr as _;

use jose::{Algorithm, KeyType, PublicKey};
use serde_json::Value;

use super::finding::Level;
use super::reader::{Found, Reader};
use crate::error::shown;

/// The algorithm of the card by the kind of its key, where the configuration chooses one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AssertionAlgorithms(Vec<(KeyType, Algorithm)>);

impl AssertionAlgorithms {
    pub(crate) fn of(&self, key: &PublicKey) -> Option<Algorithm> {
        self.0.iter().find(|(kind, _)| *kind == key.key_type()).map(|(_, algorithm)| *algorithm)
    }
}

/// `id_token_algorithms`.
pub(super) fn id_token(reader: &mut Reader<'_>) -> Vec<Algorithm> {
    let Some(Found { value, at }) = reader.texts("id_token_algorithms") else {
        return vec![Algorithm::Es256, Algorithm::Rs256];
    };
    let mut algorithms = Vec::new();
    for name in &value {
        match Algorithm::from_str(name) {
            Ok(algorithm) => algorithms.push(algorithm),
            Err(error) => reader.error(at, error.to_string()),
        }
    }
    if value.is_empty() {
        reader.error(at, "it is empty; no id_token could be accepted");
    }
    if algorithms.iter().any(|algorithm| !matches!(algorithm, Algorithm::Es256 | Algorithm::Rs256)) {
        reader.warning(at, "a Mac takes ES256 and RS256 only");
    }
    algorithms
}

/// `[assertion_algorithms]`.
pub(super) fn assertion(reader: &mut Reader<'_>) -> AssertionAlgorithms {
    let Some(Found { value, at }) = reader.object("assertion_algorithms") else {
        return AssertionAlgorithms::default();
    };
    let mut chosen = Vec::new();
    for (name, value) in value {
        let Some((_, kind, possible)) = KEYS.iter().find(|(known, _, _)| *known == name) else {
            let known: Vec<&str> = KEYS.iter().map(|(known, _, _)| *known).collect();
            let message = format!("no such kind of key; there are {}", known.join(", "));
            reader.report(Level::Error, at, Some(&name), message);
            continue;
        };
        let algorithm = match &value {
            Value::String(text) => Algorithm::from_str(text).map_err(|error| error.to_string()),
            _ => Err("the name of an algorithm is expected".to_owned()),
        };
        match algorithm {
            Ok(algorithm) if possible.contains(&algorithm) => chosen.push((*kind, algorithm)),
            Ok(algorithm) => {
                reader.report(Level::Error, at, Some(&name), format!("such a key cannot sign {algorithm}"));
            }
            Err(why) => reader.report(Level::Error, at, Some(&name), shown(&why, 200)),
        }
        if *kind == KeyType::P384 {
            let message = "Apple's page on the assertion does not list ES384".to_owned();
            reader.report(Level::Warning, at, Some(&name), message);
        }
    }
    AssertionAlgorithms(chosen)
}

const RSA: &[Algorithm] = &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
/// The kinds of card keys, with what they can sign.
const KEYS: &[(&str, KeyType, &[Algorithm])] = &[
    ("rsa2048", KeyType::Rsa { bits: 2048 }, RSA),
    ("rsa3072", KeyType::Rsa { bits: 3072 }, RSA),
    ("rsa4096", KeyType::Rsa { bits: 4096 }, RSA),
    ("p256", KeyType::P256, &[Algorithm::Es256]),
    ("p384", KeyType::P384, &[Algorithm::Es384]),
];
