//! Plans of many pairings.

use pivkit::bulk::{FileNote, PlannedRow, Planning, RowAction, RowNote, Split, WaitingRow};

use super::safe;

/// How many rows there are of each kind.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    changing: usize,
    unchanged: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, row: &PlannedRow) {
        *(if row.changes.is_empty() { &mut self.unchanged } else { &mut self.changing }) += 1;
    }
}

/// What one row would do, a line; nothing when everything is so already.
pub(crate) fn row(row: &PlannedRow) -> String {
    let notes: String = row.notes.iter().map(|note| format!("  note: {}\n", safe(note))).collect();
    if row.changes.is_empty() {
        return notes;
    }
    let (line, user) = (row.line, safe(&row.user));
    let all = || "all pairings".to_owned();
    let key = row.pairing_hash.map_or_else(all, |hash| hash.to_string());
    format!("line {line}: {} {user}: {key}\n{notes}", action(row.action))
}

/// Everything that follows the rows.
pub(crate) fn rest(planning: &Planning<'_>, counts: &Counts) -> String {
    let waiting = planning.waiting().iter().map(waiting);
    let skipped = planning.skipped().iter().map(|note| format!("{}; passed over\n", self::note(note)));
    let unmatched = planning.unmatched().iter().map(file);
    let mut text: String = waiting.chain(skipped).chain(unmatched).collect();
    let Counts { changing, unchanged } = counts;
    let (waiting, skipped) = (planning.waiting().len(), planning.skipped().len());
    let problems = planning.problems().len();
    text.push_str(&format!(
        "{}: {} would change, {unchanged} are so already, {waiting} wait for the card, {skipped} are passed over; {}\n",
        planning.backend(),
        counted(*changing, "row"),
        counted(problems, "problem"),
    ));
    text
}

/// What is wrong with rows, for standard error.
pub(crate) fn problems(problems: &[RowNote]) -> impl Iterator<Item = String> {
    problems.iter().map(|problem| format!("pivkit: {}.", note(problem)))
}

pub(crate) fn split(split: &Split) -> String {
    let host = |slice: &pivkit::bulk::HostSlice| {
        format!("{}: {} in {}\n", slice.host, counted(slice.rows, "row"), safe(&slice.manifest.to_string_lossy()))
    };
    split.hosts.iter().map(host).chain(split.unmatched.iter().map(file)).collect()
}

fn waiting(row: &WaitingRow) -> String {
    let card = &row.card;
    let names = [
        card.upn.as_ref().map(|upn| format!("UPN {}", safe(upn))),
        card.serial.map(|serial| format!("serial {serial}")),
        card.guid.as_ref().map(|guid| format!("GUID {}", safe(guid))),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let (line, user) = (row.line, safe(&row.user));
    format!(
        "line {line}: {} {user}: waits for the card ({}); `pivkit bulk station`\n",
        action(row.action),
        names.join(", ")
    )
}

fn note(note: &RowNote) -> String {
    let user = note.user.as_deref().map(|user| format!(" ({})", safe(user))).unwrap_or_default();
    format!("line {}{user}: {}", note.line, safe(&note.why))
}

fn file(note: &FileNote) -> String {
    format!("{}: {}\n", safe(&note.path), safe(&note.why))
}

fn action(action: RowAction) -> &'static str {
    match action {
        RowAction::Pair => "pair",
        RowAction::Unpair => "unpair",
        RowAction::Replace => "replace",
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
