//! What a station reads of a card before it knows whose it is.

use bulk::Roster;
use piv::Slot;

use crate::card::tries;
use crate::pair::attended::{Seen, look};
use crate::session::in_session;
use crate::{Error, IdentityChoice};

/// A card as it shows itself without a PIN.
pub(super) struct ReadCard {
    pub(super) serial: Option<u32>,
    pub(super) guid: Option<String>,
    pub(super) seen: Seen,
}

/// Reads the standard slots and the tries, and the serial number and the GUID where a row names some: SELECT, a command for each
/// slot, one or two for the tries, one for each of the others.
///
/// # Errors
///
/// [`Error::Card`].
pub(super) fn read(card: &mut piv::Card, roster: &Roster) -> Result<ReadCard, Error> {
    let reader = card.reader().to_owned();
    in_session(card, |mut session| {
        let in_reader = |source| Error::Card { reader: reader.clone(), source };
        let guid = if roster.names_guids() { session.chuid().map_err(in_reader)? } else { None };
        let guid = guid.and_then(|chuid| chuid.guid).map(hex::encode_upper);
        let serial = if roster.names_serials() { session.yubikey_serial().map_err(in_reader)? } else { None };
        Ok(ReadCard { serial, guid, seen: look(&mut session, &IdentityChoice::default(), &reader)? })
    })
}

impl ReadCard {
    /// The card in words, for somebody who looks for it in a list.
    pub(super) fn describe(&self) -> String {
        let upn =
            self.seen.found.iter().find_map(|found| found.identity.certificate.upn()).map(|upn| format!("UPN {upn}"));
        let hash = self.seen.found.iter().find(|found| found.slot == Slot::Authentication);
        let hash = hash.map(|found| format!("hash {} in 9a", found.identity.pairing_hash()));
        let serial = self.serial.map(|serial| format!("serial {serial}"));
        let guid = self.guid.as_ref().map(|guid| format!("GUID {guid}"));
        let tries = self.seen.pin_status.as_ref().ok().and_then(|status| tries(*status)).filter(|tries| *tries < 2);
        let tries = tries.map(|tries| format!("{tries} PIN tries left"));
        let words: Vec<_> = [upn, serial, guid, hash, tries].into_iter().flatten().collect();
        if words.is_empty() { "no certificate".to_owned() } else { words.join(", ") }
    }
}
