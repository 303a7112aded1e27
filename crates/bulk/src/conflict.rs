//! Rows that contradict each other, or say the same twice.

use std::collections::{HashMap, HashSet};

use identity::PairingHash;

use crate::key::{KeyedRow, RowKey};
use crate::{CardNames, RowAction, RowNote};

/// Takes out rows that contradict others: all of them, because nobody can say which one is meant. Of rows that say the same, the
/// first stays.
pub(crate) fn take_out(rows: Vec<KeyedRow>) -> (Vec<KeyedRow>, Vec<RowNote>) {
    let mut found: Vec<(usize, String)> = Vec::new();
    repeated_or_contradicting(&rows, &mut found);
    keys_of_several_users(&rows, &mut found);
    cards_of_several_users(&rows, &mut found);
    let problems = found.iter().filter_map(|(index, why)| Some(rows.get(*index)?.row.note(why.clone()))).collect();
    let out: HashSet<usize> = found.into_iter().map(|(index, _)| index).collect();
    let kept = rows.into_iter().enumerate().filter(|(index, _)| !out.contains(index)).map(|(_, row)| row);
    (kept.collect(), problems)
}

/// For one user: the same twice; a key that is to be paired and removed; anything beside a replacement, which decides about all
/// pairings; and anything beside the removal of all.
fn repeated_or_contradicting(rows: &[KeyedRow], found: &mut Vec<(usize, String)>) {
    let mut of_user: HashMap<&str, Vec<(usize, &KeyedRow)>> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        of_user.entry(row.row.user.as_str()).or_insert_with(|| Vec::with_capacity(1)).push((index, row));
    }
    for rows in of_user.into_values().filter(|rows| rows.len() > 1) {
        let mut said: HashMap<_, u64> = HashMap::new();
        let mut distinct: Vec<(usize, &KeyedRow)> = Vec::new();
        for (index, row) in rows {
            let line = *said.entry(saying(row)).or_insert(row.row.line);
            if line == row.row.line {
                distinct.push((index, row));
            } else {
                found.push((index, format!("says the same as line {line}")));
            }
        }
        contradictions(&distinct, found);
    }
}

fn contradictions(rows: &[(usize, &KeyedRow)], found: &mut Vec<(usize, String)>) {
    let mut tell = |(index, row): (usize, &KeyedRow), other: &KeyedRow| {
        let (line, one, other) = (other.row.line, wanted(row), wanted(other));
        found.push((index, format!("contradicts line {line}: {one}, and there {other}")));
    };
    let decides = |row: &KeyedRow| row.row.action == RowAction::Replace || matches!(row.key, RowKey::All);
    if let Some((decider, decisive)) = rows.iter().find(|(_, row)| decides(row)) {
        let first_other = rows.iter().find(|(index, _)| index != decider);
        for &(index, row) in rows {
            let other = if index == *decider { first_other.map(|(_, row)| *row) } else { Some(*decisive) };
            other.into_iter().for_each(|other| tell((index, row), other));
        }
        return;
    }
    let mut with_key: HashMap<PairingHash, (usize, &KeyedRow)> = HashMap::new();
    for &(index, row) in rows {
        let Some(hash) = row.key.hash() else { continue };
        let before = *with_key.entry(hash).or_insert((index, row));
        if before.0 != index {
            tell(before, row);
            tell((index, row), before.1);
        }
    }
}

/// What a row says of its user, for comparison.
fn saying(row: &KeyedRow) -> (RowAction, Option<PairingHash>, Option<&CardNames>) {
    let card = matches!(row.key, RowKey::Card).then_some(&row.row.card);
    (row.row.action, row.key.hash(), card)
}

fn wanted(row: &KeyedRow) -> String {
    let action = match row.row.action {
        RowAction::Pair => "pair",
        RowAction::Unpair => "unpair",
        RowAction::Replace => "replace",
    };
    match row.key.hash() {
        Some(hash) => format!("{action} {hash}"),
        None if matches!(row.key, RowKey::All) => format!("{action} all"),
        None => format!("{action} a card"),
    }
}

/// A key that is to open the accounts of two people.
fn keys_of_several_users(rows: &[KeyedRow], found: &mut Vec<(usize, String)>) {
    let mut first: HashMap<PairingHash, (usize, bool)> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.row.action != RowAction::Unpair) {
        let Some(hash) = row.key.hash() else { continue };
        let entry = first.entry(hash).or_insert((index, false));
        let Some(before) = rows.get(entry.0).filter(|before| before.row.user != row.row.user) else { continue };
        let words =
            |row: &KeyedRow| format!("the key {hash} is also that of {} in line {}", row.row.user, row.row.line);
        if !entry.1 {
            entry.1 = true;
            found.push((entry.0, words(row)));
        }
        found.push((index, words(before)));
    }
}

/// A card that two people are to have, by what the rows say of it. Where both rows name their keys, these decide.
fn cards_of_several_users(rows: &[KeyedRow], found: &mut Vec<(usize, String)>) {
    let mut of_name: HashMap<(&str, String), Vec<(usize, &KeyedRow)>> = HashMap::new();
    for (index, keyed) in rows.iter().enumerate().filter(|(_, row)| row.row.action != RowAction::Unpair) {
        let CardNames { upn, serial, guid } = &keyed.row.card;
        let names = [
            serial.map(|serial| (SERIAL, serial.to_string())),
            guid.as_ref().map(|guid| (GUID, guid.to_uppercase())),
            upn.as_ref().map(|upn| (UPN, upn.to_lowercase())),
        ];
        for name in names.into_iter().flatten() {
            of_name.entry(name).or_default().push((index, keyed));
        }
    }
    let mut told: HashSet<usize> = HashSet::new();
    for ((what, name), rows) in of_name {
        // One person can have two cards with one UPN, each for an account.
        let decides = |row: &KeyedRow| what != UPN || row.row.card.serial.is_none() && row.row.card.guid.is_none();
        let waiting = |(_, row): &&(usize, &KeyedRow)| matches!(row.key, RowKey::Card) && decides(row);
        let Some(first) = rows.iter().find(waiting) else { continue };
        let mut others = rows.iter().filter(|(_, row)| row.row.user != first.1.row.user).peekable();
        let words =
            |row: &KeyedRow| format!("the {what} {name} is also that of {} in line {}", row.row.user, row.row.line);
        if let Some((_, other)) = others.peek().filter(|_| told.insert(first.0)) {
            found.push((first.0, words(other)));
        }
        found.extend(others.filter(|(index, _)| told.insert(*index)).map(|(index, _)| (*index, words(first.1))));
    }
}

const SERIAL: &str = "serial number";
const GUID: &str = "GUID";
const UPN: &str = "UPN";
