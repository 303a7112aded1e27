//! IMPORT: a private key made elsewhere (Yubico's FE).
//!
//! ```text
//! 00 FE ALG SLOT   private key  [AA PIN policy]  [AB touch policy]     with the management key
//! ```

use std::sync::Arc;

use smartcard::StatusWord;

use crate::card::{Command, VirtualCard};
use crate::policy::{Origin, SlotKey};
use crate::template;

impl VirtualCard {
    pub(crate) fn import(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let slot = self.slot(command.p2)?;
        self.require_administrator()?;
        let algorithm = self.algorithm(command.p1)?;
        let (pin_policy, touch_policy) = self.policies(slot, &command.data)?;
        let key = template::private_key(algorithm, &command.data).map_err(|_| StatusWord::INCORRECT_DATA)?;
        let key = SlotKey { key: Arc::new(key), origin: Origin::Imported, pin_policy, touch_policy };
        self.change(|card| {
            card.keys.insert(slot, key);
        })?;
        Ok(Vec::new())
    }
}
