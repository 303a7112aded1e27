//! Who is expected at an enrolment desk, and whose card this is.
//!
//! A row is for a card when everything by which it names the card is true of it: `serial` and `guid` of the card, `hash` (or the
//! certificate's) and `upn` of one and the same identity on it. A card that agrees with a part of a row only is told of, and not
//! taken for that person's.

use identity::PairingHash;

use crate::{CardNames, CheckedManifest, Lookup, RowAction, RowNote};
use identity::text::with_causes;

/// The rows that want a card paired.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    expected: Vec<Expected>,
    problems: Vec<RowNote>,
}

/// A person who is expected with a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The number of the row in the roster, from 0.
    pub row: usize,
    /// The line of the manifest, from 1.
    pub line: u64,
    /// The account.
    pub user: String,
    /// What is wanted: [`RowAction::Pair`] or [`RowAction::Replace`].
    pub action: RowAction,
    /// The slot, two lower-case hexadecimal digits.
    pub slot: Option<String>,
    /// The pairing hash of the key.
    pub pairing_hash: Option<PairingHash>,
    /// The names of the card.
    pub card: CardNames,
}

/// What a card shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardSeen {
    /// The serial number of a YubiKey.
    pub serial: Option<u32>,
    /// The GUID, 32 upper-case hexadecimal digits.
    pub guid: Option<String>,
    /// The identities that can be paired; that which is meant if nothing else is said comes first.
    pub identities: Vec<IdentitySeen>,
}

/// An identity on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySeen {
    /// The slot, two lower-case hexadecimal digits.
    pub slot: String,
    /// The pairing hash.
    pub pairing_hash: PairingHash,
    /// The user principal name.
    pub upn: Option<String>,
}

/// Whose card it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised<'a> {
    /// This person's, and which of the identities is meant, by its place.
    One(&'a Expected, usize),
    /// No row is for the card.
    Nobody,
    /// Several rows are.
    Several(Vec<&'a Expected>),
    /// A row names the card by one thing, and another by the rest; why, a phrase.
    Contradiction(&'a Expected, String),
}

impl Roster {
    /// The rows that pair a key and whose account is there, in the order of their lines. Whether a backend could do with what
    /// the row says of the key does not matter: the card has the certificate.
    pub fn of(checked: CheckedManifest, lookup: Lookup<'_>) -> Self {
        let keyed = checked.rows.into_iter().map(|keyed| Expected {
            row: 0,
            line: keyed.row.line,
            user: keyed.row.user.to_string(),
            action: keyed.row.action,
            slot: keyed.row.slot,
            pairing_hash: keyed.key.hash(),
            card: keyed.row.card,
        });
        let waiting = checked.waiting.into_iter().map(|row| Expected {
            row: 0,
            line: row.line,
            user: row.user,
            action: row.action,
            slot: row.slot,
            pairing_hash: None,
            card: row.card,
        });
        let (mut expected, mut problems) = (Vec::new(), checked.problems);
        for row in keyed.chain(waiting).filter(|row| row.action != RowAction::Unpair) {
            match row.user.parse().and_then(|name| lookup(&name)) {
                Ok(_) => expected.push(row),
                Err(error) => {
                    problems.push(RowNote { line: row.line, user: Some(row.user), why: with_causes(&error) });
                }
            }
        }
        expected.sort_by_key(|row| row.line);
        problems.sort_by_key(|note| note.line);
        (0..).zip(&mut expected).for_each(|(number, row)| row.row = number);
        Self { expected, problems }
    }

    /// Rows for whom nobody is expected because something is wrong with them, and what.
    pub fn problems(&self) -> &[RowNote] {
        &self.problems
    }

    /// The rows, in the order of their lines.
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Whether a row names a card by its serial number.
    pub fn names_serials(&self) -> bool {
        self.expected.iter().any(|row| row.card.serial.is_some())
    }

    /// Whether a row names a card by its GUID.
    pub fn names_guids(&self) -> bool {
        self.expected.iter().any(|row| row.card.guid.is_some())
    }

    /// Whose card this is.
    pub fn recognise(&self, card: &CardSeen) -> Recognised<'_> {
        let (mut fitting, mut contradiction) = (Vec::new(), None);
        for row in &self.expected {
            match row.compare(card) {
                Compared::Fits(identity) => fitting.push((row, identity)),
                Compared::InPart(why) => contradiction = contradiction.or(Some((row, why))),
                Compared::Other => {}
            }
        }
        match (fitting.as_slice(), contradiction) {
            ([(row, identity)], _) => Recognised::One(row, *identity),
            ([], None) => Recognised::Nobody,
            ([], Some((row, why))) => Recognised::Contradiction(row, why),
            (several, _) => Recognised::Several(several.iter().map(|(row, _)| *row).collect()),
        }
    }
}

/// What a row has to do with a card.
enum Compared {
    /// Everything agrees; which identity is meant.
    Fits(usize),
    /// Something agrees, and something does not.
    InPart(String),
    /// Nothing agrees.
    Other,
}

impl Expected {
    fn compare(&self, card: &CardSeen) -> Compared {
        let of_card = [
            self.card.serial.map(|serial| (card.serial == Some(serial), format!("the serial number {serial}"))),
            self.card.guid.as_ref().map(|guid| (is_guid(guid, card), format!("the GUID {guid}"))),
        ];
        let by_identity = |identity: &IdentitySeen| {
            [
                self.pairing_hash.map(|hash| (identity.pairing_hash == hash, format!("the pairing hash {hash}"))),
                self.card.upn.as_ref().map(|upn| (is_upn(upn, identity), format!("the UPN {upn}"))),
            ]
        };
        let in_slot =
            |identity: &IdentitySeen| self.slot.as_ref().is_none_or(|slot| slot.eq_ignore_ascii_case(&identity.slot));
        let mut differs = None;
        let mut agrees = false;
        let identities = card.identities.iter().enumerate().filter(|(_, identity)| in_slot(identity));
        for (place, identity) in identities {
            let named: Vec<_> = of_card.iter().cloned().chain(by_identity(identity)).flatten().collect();
            agrees |= named.iter().any(|(agrees, _)| *agrees);
            match named.into_iter().find(|(agrees, _)| !*agrees) {
                None => return Compared::Fits(place),
                Some((_, what)) => differs = differs.or(Some(what)),
            }
        }
        let of_card: Vec<_> = of_card.into_iter().flatten().collect();
        if let (true, None) = (of_card.iter().any(|(agrees, _)| *agrees), &differs) {
            let slot = self.slot.as_ref().map(|slot| format!(" in slot {slot}")).unwrap_or_default();
            return Compared::InPart(format!("the card has no identity{slot} that can be paired"));
        }
        match differs {
            Some(what) if agrees => Compared::InPart(format!("{what} is not that of the card")),
            _ => Compared::Other,
        }
    }
}

fn is_guid(guid: &str, card: &CardSeen) -> bool {
    card.guid.as_ref().is_some_and(|seen| seen.eq_ignore_ascii_case(guid))
}

/// Directories compare names without case.
fn is_upn(upn: &str, identity: &IdentitySeen) -> bool {
    identity.upn.as_ref().is_some_and(|seen| seen.to_lowercase() == upn.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(line: u64, user: &str, hash: Option<u8>, card: CardNames) -> Expected {
        let pairing_hash = hash.map(hash_of);
        Expected { row: 0, line, user: user.into(), action: RowAction::Pair, slot: None, pairing_hash, card }
    }

    fn hash_of(byte: u8) -> PairingHash {
        format!("{byte:02X}").repeat(20).parse().unwrap()
    }

    fn upn(name: &str) -> CardNames {
        CardNames { upn: Some(format!("{name}@example.test")), ..CardNames::default() }
    }

    fn card(identities: &[(&str, u8, &str)]) -> CardSeen {
        let identity = |(slot, hash, name): &(&str, u8, &str)| IdentitySeen {
            slot: (*slot).into(),
            pairing_hash: hash_of(*hash),
            upn: upn(name).upn,
        };
        let identities = identities.iter().map(identity).collect();
        CardSeen { serial: Some(7), guid: Some("AB".repeat(16)), identities }
    }

    fn roster(expected: Vec<Expected>) -> Roster {
        Roster { expected, problems: Vec::new() }
    }

    #[test]
    fn each_name_alone_is_enough_and_all_must_agree() {
        let serial = |serial| CardNames { serial: Some(serial), ..CardNames::default() };
        let guid = CardNames { guid: Some("ab".repeat(16)), ..CardNames::default() };
        let alices = card(&[("9a", 1, "Alice")]);
        for row in [
            expected(2, "alice", Some(1), CardNames::default()),
            expected(2, "alice", None, upn("ALICE")),
            expected(2, "alice", None, serial(7)),
            expected(2, "alice", None, guid),
            expected(2, "alice", Some(1), CardNames { serial: Some(7), ..upn("alice") }),
        ] {
            let roster = roster(vec![expected(1, "bob", Some(9), upn("bob")), row.clone()]);
            assert_eq!(roster.recognise(&alices), Recognised::One(&row, 0));
        }
        let roster = roster(vec![expected(3, "alice", Some(1), CardNames { serial: Some(8), ..upn("alice") })]);
        let Recognised::Contradiction(row, why) = roster.recognise(&alices) else { panic!() };
        assert!(row.line == 3 && why.contains("serial number 8"), "{why}");
        assert_eq!(roster.recognise(&card(&[("9a", 5, "eve")])), Recognised::Nobody);
        // The serial number alone does not make an identity.
        let empty = CardSeen { serial: Some(8), ..card(&[]) };
        assert!(matches!(roster.recognise(&empty), Recognised::Contradiction(..)));
    }

    #[test]
    fn hash_and_upn_must_be_of_one_identity_and_in_the_slot_that_is_named() {
        let both = card(&[("9a", 1, "alice"), ("9c", 2, "bob")]);
        let mixed = roster(vec![expected(2, "bob", Some(1), upn("bob"))]);
        assert!(matches!(mixed.recognise(&both), Recognised::Contradiction(..)));
        let second = roster(vec![Expected { slot: Some("9c".into()), ..expected(2, "bob", None, upn("bob")) }]);
        assert!(matches!(second.recognise(&both), Recognised::One(_, 1)));
        let other = roster(vec![Expected { slot: Some("9a".into()), ..expected(2, "bob", None, upn("bob")) }]);
        assert_eq!(other.recognise(&both), Recognised::Nobody);
    }

    #[test]
    fn two_rows_for_one_card_are_told() {
        let two =
            roster(vec![expected(2, "alice", Some(1), CardNames::default()), expected(5, "alice", None, upn("alice"))]);
        let Recognised::Several(rows) = two.recognise(&card(&[("9a", 1, "alice")])) else { panic!() };
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 5]);
    }
}
