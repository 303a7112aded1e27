//! What is on a card and survives a power cut: objects, keys, PIN and PUK.

use std::collections::BTreeMap;
use std::sync::Arc;

use smartcard::tlv::Tag;

use crate::keys::PrivateKey;
use crate::management_key::ManagementKey;
use crate::objects::{self, CertificateStorage};
use crate::pin::References;
use crate::policy::{Origin, PinPolicy, SlotKey, TouchPolicy};
use crate::{Algorithm, Error, Guid, InitialPin, Profile, Slot, attestation, chuid, load};

/// What is on a card. Copies are cheap and share the keys.
#[derive(Clone)]
pub struct Content {
    pub(crate) profile: Profile,
    pub(crate) objects: BTreeMap<Tag, Vec<u8>>,
    pub(crate) keys: BTreeMap<Slot, SlotKey>,
    pub(crate) references: References,
    pub(crate) management_key: Arc<ManagementKey>,
    /// A YubiKey's number.
    pub(crate) serial: Option<u32>,
    /// The certificate, in DER, of whoever signed the attestation key's.
    pub(crate) attestation_root: Option<Vec<u8>>,
}

impl Content {
    /// A card without keys and certificates: CHUID with a random GUID, card capability container, discovery object and
    /// key history, PIN 123456 and PUK 12345678 with three tries each, management key 3DES 01..08 three times.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if the system gives no random numbers.
    pub fn blank() -> Result<Self, Error> {
        Self::factory(Profile::Plain)
    }

    /// A card as its maker sends it out. A YubiKey has no CHUID, but a serial number, and an attestation key with its
    /// certificate; a federal card has a global PIN.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if the system gives no random numbers, or a key cannot be made.
    pub fn factory(profile: Profile) -> Result<Self, Error> {
        let malformed = || Error::Issue { what: "a PIN", source: "it does not fit".into() };
        let global = profile == Profile::Federal;
        let mut content = Self {
            profile,
            objects: BTreeMap::from([(objects::DISCOVERY, objects::discovery(objects::pin_usage_policy(global)))]),
            keys: BTreeMap::new(),
            references: References::factory(global).ok_or_else(malformed)?,
            management_key: Arc::new(ManagementKey::factory(profile.management_algorithm())),
            serial: None,
            attestation_root: None,
        };
        if profile == Profile::Federal {
            content.objects.insert(objects::PRINTED_INFORMATION, objects::printed_information());
        }
        if profile.firmware().is_some() {
            content.become_yubikey()?;
        } else {
            content.identify()?;
            content.objects.insert(objects::KEY_HISTORY, objects::key_history(0, 0));
        }
        Ok(content)
    }

    /// Gives the card a CHUID with a random GUID and a card capability container, if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Issue`] if the system gives no random numbers.
    pub fn identify(&mut self) -> Result<(), Error> {
        let mut card_id = [0; 14];
        getrandom::fill(&mut card_id)
            .map_err(|source| Error::Issue { what: "a card identifier", source: source.into() })?;
        let expiration = time::OffsetDateTime::now_utc().year().saturating_add(CHUID_YEARS);
        let chuid = chuid::chuid(Guid::random()?, expiration);
        self.objects.entry(objects::CHUID).or_insert(chuid);
        self.objects.entry(objects::CCC).or_insert_with(|| objects::ccc(&card_id));
        Ok(())
    }

    fn become_yubikey(&mut self) -> Result<(), Error> {
        let mut serial = [0; 4];
        getrandom::fill(&mut serial)
            .map_err(|source| Error::Issue { what: "a serial number", source: source.into() })?;
        // Eight digits, as YubiKeys of these years have.
        self.serial = Some(10_000_000 + u32::from_be_bytes(serial) % 20_000_000);
        let attestation = attestation::issue_key()?;
        self.put_object(Slot::ATTESTATION.certificate_tag(), attestation.certificate_object)?;
        self.keys.insert(Slot::ATTESTATION, SlotKey::imported(Slot::ATTESTATION, attestation.key));
        self.attestation_root = Some(attestation.root);
        Ok(())
    }

    /// As its maker sent it out: what Yubico's RESET leaves. Serial number and attestation stay.
    pub(crate) fn wiped(&self) -> Option<Self> {
        let attestation = Slot::ATTESTATION.certificate_tag();
        let kept = [objects::DISCOVERY, attestation];
        Some(Self {
            profile: self.profile,
            objects: self.objects.iter().filter(|(tag, _)| kept.contains(tag)).map(|(t, o)| (*t, o.clone())).collect(),
            keys: self.keys.get(&Slot::ATTESTATION).map(|key| (Slot::ATTESTATION, key.clone())).into_iter().collect(),
            references: References::factory(self.references.global.is_some())?,
            management_key: Arc::new(ManagementKey::factory(self.profile.management_algorithm())),
            serial: self.serial,
            attestation_root: self.attestation_root.clone(),
        })
    }

    /// What kind of card it was made as.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// A YubiKey's serial number.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        self.serial
    }

    /// The certificate, in DER, that a YubiKey's attestation leads to.
    #[must_use]
    pub fn attestation_root(&self) -> Option<&[u8]> {
        self.attestation_root.as_deref()
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
        self.put_key(slot, key);
        Ok(())
    }

    /// Puts an object's content in place, unchecked: tests make damaged cards with it. No bytes at all take the object
    /// away. A key history that is there follows the retired certificates by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Object`] if PIV has no such object, or for more than 32 KiB.
    pub fn put_object(&mut self, tag: Tag, content: Vec<u8>) -> Result<(), Error> {
        if objects::read_access(tag).is_none() && !objects::is_yubico(tag) {
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
        let mut retired = Slot::retired().map(Slot::certificate_tag);
        if self.objects.contains_key(&objects::KEY_HISTORY) && retired.any(|certificate| certificate == tag) {
            let certificates = Slot::retired().map(Slot::certificate_tag);
            let count = certificates.filter(|certificate| self.objects.contains_key(certificate)).count();
            let count = u8::try_from(count).unwrap_or(u8::MAX);
            self.objects.insert(objects::KEY_HISTORY, objects::key_history(count, 0));
        }
        Ok(())
    }

    /// An object's content, if there is one.
    #[must_use]
    pub fn object(&self, tag: Tag) -> Option<&[u8]> {
        self.objects.get(&tag).map(Vec::as_slice)
    }

    /// Puts a key into a slot without a certificate, as an imported one with the slot's usual policies.
    pub fn put_key(&mut self, slot: Slot, key: PrivateKey) {
        self.keys.insert(slot, SlotKey::imported(slot, key));
    }

    /// Puts a key into a slot without a certificate, with all that metadata say of it.
    pub fn put_key_with(
        &mut self,
        slot: Slot,
        key: PrivateKey,
        origin: Origin,
        pin_policy: PinPolicy,
        touch_policy: TouchPolicy,
    ) {
        self.keys.insert(slot, SlotKey { key: Arc::new(key), origin, pin_policy, touch_policy });
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

    /// True if this is the card's PUK, which is as long as a PIN of eight digits.
    #[must_use]
    pub fn has_puk(&self, puk: &InitialPin) -> bool {
        self.references.puk.matches(&puk.0)
    }

    /// The card's identity; `None` if its CHUID has none.
    #[must_use]
    pub fn guid(&self) -> Option<Guid> {
        self.object(objects::CHUID).and_then(Guid::of_chuid)
    }

    /// The slots with keys, in the order of their numbers except that the four of daily use come first. The attestation
    /// key is not among them.
    #[must_use]
    pub fn slots(&self) -> Vec<(Slot, Algorithm)> {
        let mut slots: Vec<_> = self.keys.iter().map(|(slot, key)| (*slot, key.algorithm())).collect();
        slots.retain(|(slot, _)| *slot != Slot::ATTESTATION);
        slots.sort_by_key(|(slot, _)| (slot.is_retired(), *slot));
        slots
    }
}

const CHUID_YEARS: i32 = 10;
/// Also keeps every answer within what vpcd's length field can say.
pub(crate) const MAX_OBJECT: usize = 32 * 1024;
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
        assert_eq!(content.object(objects::KEY_HISTORY), Some(&objects::key_history(2, 0)[..]));
        content.put_object(certificate(0x83), Vec::new()).unwrap();
        assert_eq!(content.object(objects::KEY_HISTORY), Some(&objects::key_history(1, 0)[..]));
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
