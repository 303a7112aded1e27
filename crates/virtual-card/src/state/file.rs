//! The two files of a kept card, in JSON: version 2, and how version 1 becomes it.
//!
//! ```text
//! card.json   schema_version, profile, serial, attestation_root, management_key { algorithm, key, touch_policy },
//!             objects { TAG: content }, keys { SLOT: { key (PKCS#8 PEM), origin, pin_policy, touch_policy } }
//! pin.json    schema_version, pin { value (8 bytes), tries_left, tries }, puk, global
//! ```
//!
//! Bytes are in hexadecimal; policies and origins are Yubico's codes. Version 1 had neither profile nor management key,
//! keys as PEM alone, and PINs as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smartcard::tlv::Tag;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::management_key::{ManagementAlgorithm, ManagementKey};
use crate::pin::{AuthenticationData, Reference, References};
use crate::policy::{Origin, PinPolicy, SlotKey, TouchPolicy};
use crate::{Content, Error, Profile, Slot, load, objects};

/// What every version has.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) schema_version: u32,
}

/// A file that has changed its form over time.
pub(super) trait Versioned: Sized {
    /// Reads a file of this version; `None` for one that is not known.
    fn parse(version: u32, bytes: &[u8]) -> Option<serde_json::Result<Self>>;
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardFile {
    schema_version: u32,
    profile: String,
    serial: Option<u32>,
    attestation_root: Option<String>,
    management_key: Option<ManagementKeyFile>,
    objects: BTreeMap<String, String>,
    keys: BTreeMap<String, KeyFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManagementKeyFile {
    algorithm: u8,
    key: SecretText,
    touch_policy: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    key: SecretText,
    origin: u8,
    pin_policy: u8,
    touch_policy: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFileVersion1 {
    #[serde(rename = "schema_version")]
    _schema_version: u32,
    objects: BTreeMap<String, String>,
    keys: BTreeMap<String, SecretText>,
}

impl Versioned for CardFile {
    fn parse(version: u32, bytes: &[u8]) -> Option<serde_json::Result<Self>> {
        match version {
            1 => Some(parse::<CardFileVersion1>(bytes).map(Self::from)),
            VERSION => Some(parse(bytes)),
            _ => None,
        }
    }
}

impl From<CardFileVersion1> for CardFile {
    /// Every card was a plain one, and every key came from elsewhere.
    fn from(file: CardFileVersion1) -> Self {
        let key = |(slot, key): (String, SecretText)| {
            let pin_policy = slot.parse().map_or(PinPolicy::Once, PinPolicy::of_slot).code();
            let (origin, touch_policy) = (Origin::Imported.code(), TouchPolicy::Never.code());
            (slot, KeyFile { key, origin, pin_policy, touch_policy })
        };
        Self {
            schema_version: VERSION,
            profile: Profile::Plain.name().to_owned(),
            serial: None,
            attestation_root: None,
            management_key: None,
            objects: file.objects,
            keys: file.keys.into_iter().map(key).collect(),
        }
    }
}

impl CardFile {
    pub(super) fn of(content: &Content) -> Result<Self, Error> {
        let management_key = &content.management_key;
        let mut keys = BTreeMap::new();
        for (slot, key) in &content.keys {
            let file = KeyFile {
                key: SecretText(key.key.to_pkcs8_pem()?.as_str().to_owned()),
                origin: key.origin.code(),
                pin_policy: key.pin_policy.code(),
                touch_policy: key.touch_policy.code(),
            };
            keys.insert(slot.to_string(), file);
        }
        Ok(Self {
            schema_version: VERSION,
            profile: content.profile.name().to_owned(),
            serial: content.serial,
            attestation_root: content.attestation_root.as_ref().map(hex::encode),
            management_key: Some(ManagementKeyFile {
                algorithm: management_key.algorithm().identifier(),
                key: SecretText(hex::encode(management_key.bytes())),
                touch_policy: management_key.touch_policy.code(),
            }),
            objects: content.objects.iter().map(|(tag, bytes)| (tag.to_string(), hex::encode(bytes))).collect(),
            keys,
        })
    }

    pub(super) fn into_content(self, references: References) -> Result<Content, Error> {
        let profile: Profile = self.profile.parse()?;
        let management_key = match &self.management_key {
            None => ManagementKey::factory(profile.management_algorithm()),
            Some(file) => file.parse().ok_or(Error::PrivateKey { reason: "a malformed management key" })?,
        };
        let mut content = Content {
            profile,
            objects: BTreeMap::new(),
            keys: BTreeMap::new(),
            references,
            management_key: Arc::new(management_key),
            serial: self.serial,
            attestation_root: self.attestation_root.as_ref().and_then(|root| hex::decode(root).ok()),
        };
        for (slot, file) in &self.keys {
            let slot = slot.parse::<Slot>()?;
            content.keys.insert(slot, file.parse()?);
        }
        for (tag, bytes) in &self.objects {
            let malformed = |tag, reason| Error::Object { tag, reason };
            let tag = u32::from_str_radix(tag, 16).map(Tag).map_err(|_| malformed(Tag(0), "a malformed tag"))?;
            if objects::read_access(tag).is_none() && !objects::is_yubico(tag) {
                return Err(malformed(tag, "PIV has no such object"));
            }
            let bytes = hex::decode(bytes).map_err(|_| malformed(tag, "a malformed object"))?;
            content.objects.insert(tag, bytes);
        }
        Ok(content)
    }
}

impl ManagementKeyFile {
    fn parse(&self) -> Option<ManagementKey> {
        let key = zeroize::Zeroizing::new(hex::decode(&self.key.0).ok()?);
        let algorithm = ManagementAlgorithm::from_identifier(self.algorithm)?;
        ManagementKey::new(algorithm, &key, TouchPolicy::from_code(self.touch_policy)?)
    }
}

impl KeyFile {
    fn parse(&self) -> Result<SlotKey, Error> {
        let malformed = || Error::PrivateKey { reason: "a malformed policy" };
        Ok(SlotKey {
            key: Arc::new(load::private_key(self.key.0.as_bytes())?),
            origin: Origin::from_code(self.origin).ok_or_else(malformed)?,
            pin_policy: PinPolicy::from_code(self.pin_policy).ok_or_else(malformed)?,
            touch_policy: TouchPolicy::from_code(self.touch_policy).ok_or_else(malformed)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PinFile {
    schema_version: u32,
    pin: ReferenceFile,
    puk: ReferenceFile,
    #[serde(default)]
    global: Option<ReferenceFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceFile {
    value: SecretText,
    tries_left: u8,
    tries: u8,
}

impl Versioned for PinFile {
    /// The two versions differ in what a value is, which [`PinFile::into_references`] sorts out.
    fn parse(version: u32, bytes: &[u8]) -> Option<serde_json::Result<Self>> {
        matches!(version, 1 | VERSION).then(|| parse(bytes))
    }
}

impl PinFile {
    pub(super) fn of(references: &References) -> Self {
        let file = |reference: &Reference| ReferenceFile {
            value: SecretText(hex::encode(reference.block())),
            tries_left: reference.tries_left(),
            tries: reference.tries(),
        };
        Self {
            schema_version: VERSION,
            pin: file(&references.pin),
            puk: file(&references.puk),
            global: references.global.as_ref().map(file),
        }
    }

    pub(super) fn into_references(self) -> Result<References, &'static str> {
        let reference = |file: &ReferenceFile| {
            let value = if self.schema_version == 1 {
                AuthenticationData::pad(file.value.0.as_bytes())
            } else {
                let block = hex::decode(&file.value.0).ok().map(zeroize::Zeroizing::new);
                block.and_then(|block| AuthenticationData::from_block(&block))
            };
            let restored = value.and_then(|value| Reference::restored(value, file.tries_left, file.tries));
            restored.ok_or("no PIN in it")
        };
        let global = self.global.as_ref().map(reference).transpose()?;
        Ok(References { pin: reference(&self.pin)?, puk: reference(&self.puk)?, global })
    }
}

/// A text that is wiped after use.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct SecretText(String);

/// The version of these files.
const VERSION: u32 = 2;
