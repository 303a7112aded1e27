//! `sc_auth identities`: for each card a block, with a tab between hash and name.
//!
//! Listed are the slots whose keys sign (9a, 9c, 9e), as Apple's sample marks them suitable for login; whether a real Mac
//! lists more than 9a is unknown.

use crate::Outcome;
use crate::certificate::Certificate;
use crate::mac::{Card, Mac};

pub(super) fn run(mac: &Mac) -> Outcome {
    Outcome::says(mac.cards.iter().map(|card| block(mac, card)).collect::<String>())
}

fn block(mac: &Mac, card: &Card) -> String {
    let (mut unpaired, mut paired) = (String::new(), String::new());
    for (slot, certificate) in for_login(card) {
        let Certificate { hash, common_name, .. } = certificate;
        let name = format!("{} ({common_name})", mac.language.label(slot));
        let users: Vec<&str> = mac
            .users
            .values()
            .filter(|user| user.hashes("tokenidentity").iter().any(|one| one.eq_ignore_ascii_case(&hash)))
            .map(|user| user.name())
            .collect();
        users.iter().for_each(|user| paired.push_str(&format!("{hash}\t{user} - {name}\n")));
        if users.is_empty() {
            unpaired.push_str(&format!("{hash}\t{name}\n"));
        }
    }
    let mut block = format!("SmartCard: {}\n", token_id(mac, card));
    if !unpaired.is_empty() {
        block.push_str(&format!("Unpaired identities:\n{unpaired}"));
    }
    if !paired.is_empty() {
        block.push_str(&format!("Paired identities which are used for authentication:\n{paired}"));
    }
    block
}

/// The certificates of a card that a person could log in with.
pub(super) fn for_login(card: &Card) -> impl Iterator<Item = (&str, Certificate)> {
    let slots = card.certificates.iter().filter(|(slot, _)| ["9a", "9c", "9e"].contains(&slot.as_str()));
    slots.filter_map(|(slot, der)| Some((slot.as_str(), Certificate::parse(der.as_ref())?)))
}

/// The name of a card's token. OpenSC's driver takes cards before Apple's does, and numbers them in its own way.
pub(in crate::tool) fn token_id(mac: &Mac, card: &Card) -> String {
    let foreign = mac.token_drivers.iter().find(|driver| driver.contains("OpenSC"));
    match foreign {
        Some(driver) => {
            let digits = card.guid.get(..10).and_then(|guid| u64::from_str_radix(guid, 16).ok()).unwrap_or(0);
            format!("{driver}:{digits:012}")
        }
        None => format!("com.apple.pivtoken:{}", card.guid),
    }
}
