//! As text, for a terminal.

use std::fmt::Write as _;

use identity::text::escape_control;

use super::{Report, ReportRow};
use crate::RowAction;

impl Report {
    /// Counts, what to do, and the rows that somebody has to see to; the first 100 of them. Everything foreign is escaped.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let root = self.root.as_ref().map(|root| format!(", in {}", safe(root))).unwrap_or_default();
        let _ = writeln!(
            text,
            "{} rows through {}{root}, begun {}",
            self.counts.rows,
            safe(&self.backend),
            safe(&self.began)
        );
        for (name, count) in self.counts.named() {
            if count > 0 {
                let _ = writeln!(text, "  {count:>8} {name}");
            }
        }
        if !self.to_do.is_empty() {
            text.push_str("to do:\n");
        }
        for to_do in &self.to_do {
            let _ = writeln!(text, "  {:>8} rows: {}", to_do.rows, safe(&to_do.next));
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {} ({} rows)", safe(&note.note), note.rows);
        }
        for row in self.open_rows().take(MAX_ROWS) {
            text.push_str(&line(row));
        }
        let more = self.open_rows().skip(MAX_ROWS).count();
        if more > 0 {
            let _ = writeln!(text, "and {more} more such rows; --format csv and --json tell them all");
        }
        text
    }
}

fn line(row: &ReportRow) -> String {
    let place = row.line.map(|line| format!("line {line}: ")).unwrap_or_default();
    let why = row.error.as_ref().map(|error| format!(": {}", safe(error))).unwrap_or_default();
    format!("{place}{} {}{why}\n", safe(&row.user), row.result.text())
}

/// As it stands in the manifest.
pub(super) fn action(action: RowAction) -> &'static str {
    match action {
        RowAction::Pair => "pair",
        RowAction::Unpair => "unpair",
        RowAction::Replace => "replace",
    }
}

fn safe(text: &str) -> String {
    escape_control(text).into_owned()
}

const MAX_ROWS: usize = 100;
