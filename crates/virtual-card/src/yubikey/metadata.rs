//! GET METADATA: what a YubiKey knows of a key or a PIN (Yubico's F7).
//!
//! ```text
//! 01 algorithm, FF for a PIN   02 PIN policy, touch policy   03 origin   04 public key
//! 05 01 if it is the default   06 tries, tries left
//! ```

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::administration::MANAGEMENT_KEY;
use crate::card::{Command, VirtualCard};
use crate::pin::{AuthenticationData, FACTORY_PIN, FACTORY_PUK, ReferenceName};
use crate::{Slot, template};

impl VirtualCard {
    pub(crate) fn metadata(&self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if self.behaviour.empty_metadata {
            return Ok(Vec::new());
        }
        if command.p1 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        match (command.p2, ReferenceName::from_key_reference(command.p2)) {
            (MANAGEMENT_KEY, _) => Ok(self.management_key_metadata()),
            (_, Some(name @ ReferenceName::Pin)) => self.pin_metadata(name, FACTORY_PIN),
            (_, Some(name @ ReferenceName::Puk)) => self.pin_metadata(name, FACTORY_PUK),
            (reference, _) => {
                let slot = Slot::from_key_reference(reference).filter(|slot| self.behaviour.has_slot(*slot));
                self.key_metadata(slot.ok_or(StatusWord::REFERENCE_NOT_FOUND)?)
            }
        }
    }

    fn management_key_metadata(&self) -> Vec<u8> {
        let key = &self.content.management_key;
        let mut out = tlv::encode(ALGORITHM, &[key.algorithm().identifier()]);
        tlv::push(&mut out, POLICY, &[0x00, key.touch_policy.code()]);
        tlv::push(&mut out, IS_DEFAULT, &[u8::from(key.is_factory())]);
        out
    }

    fn pin_metadata(&self, name: ReferenceName, factory: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let reference = self.reference(name)?;
        let is_default = AuthenticationData::pad(factory).is_some_and(|factory| reference.matches(&factory));
        let mut out = tlv::encode(ALGORITHM, &[PIN]);
        tlv::push(&mut out, IS_DEFAULT, &[u8::from(is_default)]);
        tlv::push(&mut out, TRIES, &[reference.tries(), reference.tries_left()]);
        Ok(out)
    }

    fn key_metadata(&self, slot: Slot) -> Result<Vec<u8>, StatusWord> {
        let key = self.content.keys.get(&slot).ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        let pin_policy = self.behaviour.pin_policy(slot, key.pin_policy);
        let mut out = tlv::encode(ALGORITHM, &[key.algorithm().identifier()]);
        tlv::push(&mut out, POLICY, &[pin_policy.code(), key.touch_policy.code()]);
        tlv::push(&mut out, ORIGIN, &[key.origin.code()]);
        tlv::push(&mut out, PUBLIC_KEY, &template::public_key(&key.key));
        Ok(out)
    }
}

const ALGORITHM: Tag = Tag(0x01);
const POLICY: Tag = Tag(0x02);
const ORIGIN: Tag = Tag(0x03);
const PUBLIC_KEY: Tag = Tag(0x04);
const IS_DEFAULT: Tag = Tag(0x05);
const TRIES: Tag = Tag(0x06);
/// In place of an algorithm.
const PIN: u8 = 0xff;
