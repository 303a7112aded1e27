//! The first use of a database: identifiers and a signing key, from the files of the version before this one when they
//! are there, new ones otherwise.
//!
//! ```text
//! signing.pem    ES256 key of the id_tokens, PKCS#8
//! config.json    {"schema_version":1,"client_id":"..","audience":".."}
//! devices.json   {"schema_version":1,"devices":{"<kid>":{"signing":"<base64 X9.63>","encryption":"..","users":[".."]}}}
//! ```
//! What was taken in is renamed to `*.imported`, but for the key, which is deleted: a key that is rotated away later must not
//! stay behind in a file. A start that was interrupted behind the transaction is caught up with at the next one. A file that
//! cannot be understood is left alone, and nothing is taken in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::params;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock;
use crate::device::DeviceKey;
use crate::error::Error;
use crate::files;
use crate::id_token_key::IdTokenKey;
use crate::options::IdTokenAlgorithm;
use crate::store::Store;
use crate::store::identifiers::{self, Identifiers};
use crate::store::signing_keys::{NewRow, SigningKey};

/// Fills a database that has no identifiers yet; a new key is one of this algorithm.
pub(super) fn first_use(store: &Store, directory: &Path, algorithm: IdTokenAlgorithm) -> Result<(), Error> {
    let count = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM identifiers", [], |row| row.get::<_, i64>(0))
    };
    if store.read(count)? > 0 {
        return put_away(directory);
    }
    let key = read(directory, KEY, signing_key)?;
    let identifiers = read(directory, IDENTIFIERS, identifiers_of)?;
    let devices = read(directory, DEVICES, devices_of)?;
    let key = match key {
        Some(key) => key,
        None => SigningKey::generate(algorithm)?,
    };
    let key = NewRow::of(&key)?;
    let identifiers = identifiers.unwrap_or_else(Identifiers::new);
    let now = clock::now();
    store.change(|transaction| {
        // Another process may have been as fast.
        if count(transaction)? > 0 {
            return Ok(());
        }
        identifiers::insert(transaction, &identifiers)?;
        key.insert(transaction, now)?;
        for (signing, encryption, users) in devices.iter().flatten() {
            let sql = "INSERT INTO devices (kid, signing, encryption, registered) VALUES (?1, ?2, ?3, ?4)";
            transaction.execute(sql, params![signing.kid, signing.x963, encryption.x963, now])?;
            for user in users {
                let sql = "INSERT OR IGNORE INTO device_users (device, user, registered) VALUES (?1, ?2, ?3)";
                transaction.execute(sql, params![signing.kid, user, now])?;
            }
        }
        Ok(())
    })?;
    put_away(directory)
}

/// Nothing is read from the files any more.
fn put_away(directory: &Path) -> Result<(), Error> {
    // The second one was left by versions that renamed it.
    for name in [KEY.to_owned(), imported(KEY)] {
        let path = directory.join(name);
        done(fs::remove_file(&path), path)?;
    }
    for name in [IDENTIFIERS, DEVICES] {
        let path = directory.join(name);
        done(fs::rename(&path, directory.join(imported(name))), path)?;
    }
    Ok(())
}

/// The outcome of putting a file away, which most often is not there.
fn done(outcome: io::Result<()>, path: PathBuf) -> Result<(), Error> {
    match outcome {
        Ok(()) => tracing::info!("took in a file of an earlier version"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(Error::StateIo { path, source }),
    }
    Ok(())
}

fn imported(name: &str) -> String {
    format!("{name}.imported")
}

/// A file of the version before, when it is there.
fn read<T>(directory: &Path, name: &str, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<Option<T>, Error> {
    let path = directory.join(name);
    let Some(bytes) = files::read_private(&path, MAX_FILE)? else { return Ok(None) };
    parse(&Zeroizing::new(bytes)).map(Some).map_err(|why| Error::StateContent { path, why })
}

fn signing_key(bytes: &[u8]) -> Result<SigningKey, String> {
    let pem = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let key = IdTokenKey::from_pem(IdTokenAlgorithm::Es256, pem).and_then(SigningKey::new);
    key.map_err(|error| error.to_string())
}

fn identifiers_of(bytes: &[u8]) -> Result<Identifiers, String> {
    let identifiers: Identifiers = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if identifiers.schema_version != 1 || !visible(&identifiers.client_id) || !visible(&identifiers.audience) {
        return Err("it has another schema version or an empty name".to_owned());
    }
    Ok(identifiers)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    devices: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    signing: String,
    encryption: String,
    users: Vec<String>,
}

type OldDevice = (DeviceKey, DeviceKey, Vec<String>);

fn devices_of(bytes: &[u8]) -> Result<Vec<OldDevice>, String> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if document.schema_version != 1 {
        return Err(format!("its schema version is {}", document.schema_version));
    }
    let mut devices = Vec::new();
    for (kid, entry) in document.devices {
        let signing = DeviceKey::from_base64(&entry.signing).filter(|key| key.kid == kid);
        let (Some(signing), Some(encryption)) = (signing, DeviceKey::from_base64(&entry.encryption)) else {
            return Err("a device has a key that is none".to_owned());
        };
        devices.push((signing, encryption, entry.users));
    }
    Ok(devices)
}

const KEY: &str = "signing.pem";
const IDENTIFIERS: &str = "config.json";
const DEVICES: &str = "devices.json";

/// Largest file of the version before, in bytes.
const MAX_FILE: u64 = 32 * 1024 * 1024;
