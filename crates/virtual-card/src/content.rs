//! What is on a card and survives a power cut: objects, keys, PIN and PUK.

use std::collections::BTreeMap;

use smartcard::tlv::Tag;

use crate::keys::{Algorithm, PrivateKey};
use crate::objects::{self, CertificateStorage};
use crate::pin::{Reference, References};
use crate::{Error, Guid, InitialPin, Slot, chuid, load};

/// What is on a card.
#[derive(Clone)]
pub struct Content {
    pub(crate) objects: BTreeMap<Tag, Vec<u8>>,
    pub(crate) keys: BTreeMap<Slot, PrivateKey>,
    pub(crate) references: References,
}

impl Content {
    /// A card without keys and certificates: CHUID with a random GUID, card capability container, discovery object and
    /// key history, PIN 123456 and PUK 12345678 with three tries each.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if the system gives no random numbers.
    pub fn blank() -> Result<Self, Error> {
        let mut card_id = [0; 14];
        getrandom::fill(&mut card_id)
            .map_err(|source| Error::Issue { what: "a card identifier", source: source.into() })?;
        let expiration = time::OffsetDateTime::now_utc().year().saturating_add(CHUID_YEARS);
        let objects = BTreeMap::from([
            (objects::CHUID, chuid::chuid(Guid::random()?, expiration)),
            (objects::CCC, objects::ccc(&card_id)),
            (objects::DISCOVERY, objects::discovery()),
            (objects::KEY_HISTORY, objects::key_history(0)),
        ]);
        Ok(Self { objects, keys: BTreeMap::new(), references: default_references()? })
    }

    /// Puts a certificate and its private key into a slot, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`] if the certificate is not one in DER, [`Error::KeyMismatch`] if it certifies another key,
    /// [`Error::Object`] if it is too large.
    pub fn load(
        &mut self,
        slot: Slot,
        certificate_der: &[u8],
        key: PrivateKey,
        storage: CertificateStorage,
    ) -> Result<(), Error> {
        if !load::belongs_to(&key, certificate_der)? {
            return Err(Error::KeyMismatch { slot });
        }
        self.put_object(slot.certificate_tag(), objects::certificate(certificate_der, storage))?;
        self.keys.insert(slot, key);
        Ok(())
    }

    /// Puts an object's content in place, unchecked: tests make damaged cards with it. No bytes at all take the object
    /// away. The key history follows the retired certificates by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Object`] if PIV has no such object, or for more than 32 KiB.
    pub fn put_object(&mut self, tag: Tag, content: Vec<u8>) -> Result<(), Error> {
        if objects::read_access(tag).is_none() {
            return Err(Error::Object { tag, reason: "PIV has no such object" });
        }
        if content.len() > MAX_OBJECT {
            return Err(Error::Object { tag, reason: "it is larger than 32 KiB" });
        }
        if content.is_empty() {
            self.objects.remove(&tag);
        } else {
            self.objects.insert(tag, content);
        }
        let retired = (0x82..=0x95).filter_map(Slot::from_key_reference).map(Slot::certificate_tag);
        if retired.clone().any(|certificate| certificate == tag) {
            let count = retired.filter(|certificate| self.objects.contains_key(certificate)).count();
            let count = u8::try_from(count).unwrap_or(u8::MAX);
            self.objects.insert(objects::KEY_HISTORY, objects::key_history(count));
        }
        Ok(())
    }

    /// An object's content, if there is one.
    #[must_use]
    pub fn object(&self, tag: Tag) -> Option<&[u8]> {
        self.objects.get(&tag).map(Vec::as_slice)
    }

    /// Puts a key into a slot without a certificate.
    pub fn put_key(&mut self, slot: Slot, key: PrivateKey) {
        self.keys.insert(slot, key);
    }

    /// Gives the card another PIN, with all its tries.
    pub fn set_pin(&mut self, pin: &InitialPin) {
        self.references.pin.replace(pin.0.clone());
    }

    /// True if this is the card's PIN.
    #[must_use]
    pub fn has_pin(&self, pin: &InitialPin) -> bool {
        self.references.pin.matches(&pin.0)
    }

    /// The card's identity; `None` if its CHUID has none.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        self.object(objects::CHUID).and_then(Guid::of_chuid)
    }

    /// The slots with keys, in the order of their numbers except that the four of daily use come first.
    #[must_use]
    pub fn slots(&self) -> Vec<(Slot, Algorithm)> {
        let mut slots: Vec<_> = self.keys.iter().map(|(slot, key)| (*slot, key.algorithm())).collect();
        slots.sort_by_key(|(slot, _)| (slot.is_retired(), *slot));
        slots
    }
}

const CHUID_YEARS: i32 = 10;
/// Also keeps every answer within what vpcd's length field can say.
pub(crate) const MAX_OBJECT: usize = 32 * 1024;
const DEFAULT_TRIES: u8 = 3;

fn default_references() -> Result<References, Error> {
    let reference = |text: &[u8]| {
        let malformed = || Error::Issue { what: "a PIN", source: "it does not fit".into() };
        Reference::new(text, DEFAULT_TRIES).ok_or_else(malformed)
    };
    Ok(References { pin: reference(b"123456")?, puk: reference(b"12345678")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_history_counts_retired_certificates() {
        let mut content = Content::blank().unwrap();
        let certificate = |reference| Slot::from_key_reference(reference).unwrap().certificate_tag();
        content.put_object(certificate(0x82), vec![0x70, 0]).unwrap();
        content.put_object(certificate(0x83), vec![0x70, 0]).unwrap();
        content.put_object(certificate(0x9a), vec![0x70, 0]).unwrap();
        assert_eq!(content.object(objects::KEY_HISTORY), Some(&objects::key_history(2)[..]));
        content.put_object(certificate(0x83), Vec::new()).unwrap();
        assert_eq!(content.object(objects::KEY_HISTORY), Some(&objects::key_history(1)[..]));
    }

    #[test]
    fn what_is_no_object_or_too_large_is_refused() {
        let mut content = Content::blank().unwrap();
        assert!(matches!(content.put_object(Tag(0x5fc104), vec![1]), Err(Error::Object { .. })));
        assert!(matches!(content.put_object(Tag(0x5fc105), vec![1; MAX_OBJECT + 1]), Err(Error::Object { .. })));
    }

    #[test]
    fn two_blank_cards_have_two_identities() {
        assert_ne!(Content::blank().unwrap().guid(), Content::blank().unwrap().guid());
    }
}
