//! The identities on a card that is about to be paired.

use dialoguer::console::measure_text_width;
use pivkit::report::{IdentityOffer, IdentityReport};

use super::safe;
use super::table::table;

/// A table where the terminal has `columns` enough for it; otherwise a paragraph for each identity.
pub(crate) fn offers(reader: &str, offers: &[IdentityOffer], columns: usize) -> Vec<String> {
    let mut lines = vec![format!("card in {}", safe(reader))];
    if offers.is_empty() {
        lines.push("  no certificates".to_owned());
        return lines;
    }
    let table = as_table(offers);
    if table.iter().all(|line| measure_text_width(line) <= columns) {
        lines.extend(table);
        let refused = offers.iter().filter(|offer| !offer.obstacles.is_empty());
        let why = |offer: &IdentityOffer| {
            format!("  {} cannot be paired: {}", slot(&offer.identity), safe(&offer.obstacles.join("; ")))
        };
        lines.extend(refused.map(why));
    } else {
        lines.extend(offers.iter().flat_map(as_paragraph));
    }
    lines
}

fn as_table(offers: &[IdentityOffer]) -> Vec<String> {
    let row = |IdentityOffer { identity, obstacles }: &IdentityOffer| {
        let (slot, key) = (slot(identity), identity.algorithm.clone());
        let pairing = if obstacles.is_empty() { "yes" } else { "no" };
        vec![slot, key, until(identity), name(identity), good_for(identity), pairing.to_owned()]
    };
    let rows: Vec<_> = offers.iter().map(row).collect();
    table(&["SLOT", "KEY", "UNTIL", "NAME", "GOOD FOR", "PAIRING"], &rows).lines().map(str::to_owned).collect()
}

fn as_paragraph(IdentityOffer { identity, obstacles }: &IdentityOffer) -> [String; 4] {
    [
        format!("  {}: {}", slot(identity), safe(&name(identity))),
        format!("    {}, until {}", safe(&identity.algorithm), until(identity)),
        format!("    good for {}", good_for(identity)),
        format!("    pairing: {}", safe(&pairing(obstacles))),
    ]
}

fn slot(identity: &IdentityReport) -> String {
    identity.slot.clone().unwrap_or_else(|| "-".to_owned())
}

fn until(identity: &IdentityReport) -> String {
    identity.not_after.split('T').next().unwrap_or_default().to_owned()
}

fn name(identity: &IdentityReport) -> String {
    identity.upn.clone().unwrap_or_else(|| identity.subject.clone())
}

fn good_for(identity: &IdentityReport) -> String {
    if identity.usable_for.is_empty() { "nothing".to_owned() } else { identity.usable_for.join(", ") }
}

fn pairing(obstacles: &[String]) -> String {
    if obstacles.is_empty() { "yes".to_owned() } else { format!("no: {}", obstacles.join("; ")) }
}
