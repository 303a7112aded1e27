//! GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 Part 2, 3.3.2), with the policies that YubiKeys take in it.
//!
//! ```text
//! 00 47 00 SLOT   AC { 80 algorithm  [AA PIN policy]  [AB touch policy] }    with the management key
//! answer          7F49 { public key }
//! ```

use std::sync::Arc;

use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};

use crate::card::{Command, VirtualCard};
use crate::policy::{Origin, PinPolicy, SlotKey, TouchPolicy};
use crate::{Algorithm, PrivateKey, Slot, template};

impl VirtualCard {
    pub(crate) fn generate_asymmetric_key_pair(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        if command.p1 != 0x00 {
            return Err(StatusWord::INCORRECT_P1_P2);
        }
        let slot = self.slot(command.p2)?;
        self.require_administrator()?;
        let control = tlv::single(&command.data, CONTROL_REFERENCE).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let algorithm = match tlv::find(control, MECHANISM) {
            Ok(Some([identifier])) => self.algorithm(*identifier)?,
            _ => return Err(StatusWord::INCORRECT_DATA),
        };
        let (pin_policy, touch_policy) = self.policies(slot, control)?;
        let key = PrivateKey::generate(algorithm).map_err(|error| {
            tracing::error!(%error, "no key was made");
            StatusWord::NO_DIAGNOSIS
        })?;
        let answer = template::public_key_template(&key);
        let key = SlotKey { key: Arc::new(key), origin: Origin::Generated, pin_policy, touch_policy };
        self.change(|card| {
            card.keys.insert(slot, key);
        })?;
        Ok(answer)
    }

    /// A slot that this card has.
    pub(crate) fn slot(&self, key_reference: u8) -> Result<Slot, StatusWord> {
        Slot::from_key_reference(key_reference)
            .filter(|slot| self.behaviour.has_slot(*slot))
            .ok_or(StatusWord::INCORRECT_P1_P2)
    }

    /// An algorithm that this card has.
    pub(crate) fn algorithm(&self, identifier: u8) -> Result<Algorithm, StatusWord> {
        Algorithm::from_identifier(identifier)
            .filter(|algorithm| self.behaviour.has(*algorithm))
            .ok_or(StatusWord::INCORRECT_DATA)
    }

    /// The policies in the data of GENERATE or IMPORT, or those of the slot. Only YubiKeys let them be chosen.
    pub(crate) fn policies(&self, slot: Slot, data: &[u8]) -> Result<(PinPolicy, TouchPolicy), StatusWord> {
        let code = |tag| match tlv::find(data, tag) {
            Ok(None | Some([0])) => Ok(None),
            Ok(Some([code])) if self.behaviour.firmware().is_some() => Ok(Some(*code)),
            _ => Err(StatusWord::INCORRECT_DATA),
        };
        let pin_policy = match code(PIN_POLICY)? {
            None => PinPolicy::of_slot(slot),
            Some(code) => PinPolicy::from_code(code).ok_or(StatusWord::INCORRECT_DATA)?,
        };
        let touch_policy = match code(TOUCH_POLICY)? {
            None => TouchPolicy::Never,
            Some(code) => TouchPolicy::from_code(code).ok_or(StatusWord::INCORRECT_DATA)?,
        };
        Ok((pin_policy, touch_policy))
    }
}

const CONTROL_REFERENCE: Tag = Tag(0xac);
const MECHANISM: Tag = Tag(0x80);
const PIN_POLICY: Tag = Tag(0xaa);
const TOUCH_POLICY: Tag = Tag(0xab);
