//! Cards of the ICAM set: test cards of the US government, published as files (gsa-icam-card-builder,
//! `cards/ICAM_Card_Objects`, CC0).
//!
//! ```text
//! 1-Discovery_Object      as GET DATA answers it, 7E ...
//! 2-Security_Object       8-CHUID_Object          11-Printed_Information     what tag 53 holds
//! 7-CCC                   9-Fingerprints          10-Facial_Image
//! 3-*.crt  4-*.crt  5-*.crt  6-*.crt              certificates for 9A, 9C, 9D, 9E, in PEM or DER
//! 3-*.p12  4-*.p12  5-*.p12  6-*.p12              their private keys, in PKCS#12 without a password
//! ```
//!
//! Of several files that begin alike the one with the shortest name is taken; the others are copies of it.

use std::fs;
use std::path::{Path, PathBuf};

use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use smartcard::tlv::{self, Tag};
use zeroize::Zeroizing;

use crate::load::{certificate_der, read};
use crate::pin::References;
use crate::{CertificateStorage, Content, Error, PrivateKey, Profile, Slot, objects};

impl Content {
    /// The card whose files lie in `directory`, with PIN 123456, PUK 12345678 and, if its discovery object speaks of one,
    /// the global PIN 654321. It has what the files say and nothing else: no key history, for example.
    ///
    /// # Errors
    ///
    /// [`Error::NoCard`] without a CHUID or a certificate; [`Error::Unreadable`]; [`Error::Unusable`] for a file that is
    /// not what its name says; [`Error::KeyMismatch`] for a key that is not its certificate's.
    pub fn icam(profile: Profile, directory: &Path) -> Result<Self, Error> {
        let files = files(directory)?;
        let mut content = Self::factory(profile)?;
        for (tag, prefix) in OBJECTS {
            let object = match shortest(&files, prefix, "") {
                Some(path) => contents(tag, path)?,
                None => Vec::new(),
            };
            content.put_object(tag, object)?;
        }
        content.put_object(objects::KEY_HISTORY, Vec::new())?;
        let policy = content.object(objects::DISCOVERY).and_then(objects::policy_of_discovery).unwrap_or_default();
        let has_global = policy & objects::GLOBAL_PIN_USED != 0;
        content.references.global = References::factory(has_global).and_then(|references| references.global);
        for (slot, prefix) in CERTIFICATES {
            if let Some(path) = shortest(&files, prefix, ".crt") {
                let key = shortest(&files, prefix, ".p12");
                content.load_icam(
                    slot,
                    path,
                    key.ok_or_else(|| no_card(directory, "a certificate has no .p12 file"))?,
                )?;
            }
        }
        match content.object(objects::CHUID) {
            None => Err(no_card(directory, "there is no 8-CHUID_Object")),
            Some(_) if content.slots().is_empty() => {
                Err(no_card(directory, "there is no certificate, such as 3-NAME.crt"))
            }
            Some(_) => Ok(content),
        }
    }

    fn load_icam(&mut self, slot: Slot, certificate: &Path, key: &Path) -> Result<(), Error> {
        let der = certificate_der(&read(certificate)?).map_err(|error| unusable(certificate, error))?;
        let private_key = pkcs12_key(&read(key)?).map_err(|error| unusable(key, error))?;
        self.load(slot, &der, private_key, CertificateStorage::Plain).map_err(|error| match error {
            Error::Certificate { .. } => unusable(certificate, error),
            error => error,
        })
    }
}

/// The objects of SP 800-73-4 Part 1, Table 3, and how their files begin.
const OBJECTS: [(Tag, &str); 7] = [
    (objects::DISCOVERY, "1-"),
    (Tag(0x5fc106), "2-"), // security object
    (objects::CCC, "7-"),
    (objects::CHUID, "8-"),
    (Tag(0x5fc103), "9-"),  // cardholder fingerprints
    (Tag(0x5fc108), "10-"), // cardholder facial image
    (Tag(0x5fc109), "11-"), // printed information
];

/// Where the certificates belong, and how their files begin.
const CERTIFICATES: [(Slot, &str); 4] = [
    (Slot::AUTHENTICATION, "3-"),
    (Slot::SIGNATURE, "4-"),
    (Slot::KEY_MANAGEMENT, "5-"),
    (Slot::CARD_AUTHENTICATION, "6-"),
];

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = |source| Error::Unreadable { path: directory.to_owned(), source };
    let entries = fs::read_dir(directory).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}

/// The file with the shortest name of those that begin and end like this.
fn shortest<'a>(files: &'a [PathBuf], prefix: &str, suffix: &str) -> Option<&'a Path> {
    let named = files.iter().filter_map(|path| Some((path.file_name()?.to_str()?, path)));
    let fitting = named.filter(|(name, _)| name.starts_with(prefix) && name.ends_with(suffix));
    fitting.min_by_key(|(name, _)| (name.len(), *name)).map(|(_, path)| path.as_path())
}

/// An object's content, which is BER-TLV; that of the discovery object without its tag.
fn contents(tag: Tag, path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = read(path)?;
    let malformed = |_| unusable(path, Error::Object { tag, reason: "it is not BER-TLV" });
    if tag == objects::DISCOVERY {
        return tlv::single(&bytes, tag).map(<[u8]>::to_vec).map_err(malformed);
    }
    tlv::Reader::new(&bytes).try_for_each(|tlv| tlv.map(drop)).map_err(malformed)?;
    Ok(bytes.to_vec())
}

fn pkcs12_key(file: &[u8]) -> Result<PrivateKey, Error> {
    let malformed = |reason: String| Error::Pkcs12 { reason };
    // Strict reading would ask for attributes that some of the files lack.
    let store = KeyStore::from_pkcs12(file, "", Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|error| malformed(error.to_string()))?;
    let (_, chain) = store.private_key_chain().ok_or_else(|| malformed("it holds no private key".to_owned()))?;
    PrivateKey::from_der(&Zeroizing::new(chain.key().as_der().to_vec()))
}

fn unusable(path: &Path, error: Error) -> Error {
    Error::Unusable { path: path.to_owned(), source: Box::new(error) }
}

fn no_card(directory: &Path, reason: &'static str) -> Error {
    Error::NoCard { directory: directory.to_owned(), reason }
}

#[cfg(test)]
mod tests;
