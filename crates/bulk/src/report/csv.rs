//! As CSV (RFC 4180), for spreadsheets.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Report;

impl Report {
    /// Writes a header and one line for each row of which the journal tells: `line`, `user`, `action`, `pairing_hash`,
    /// `result`, `error`, `next`, `time`, `notes` (with semicolons between). A field that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`,
    /// `@`, a tab or a line end) gets an apostrophe in front.
    ///
    /// # Errors
    ///
    /// What `out` gives.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["line", "user", "action", "pairing_hash", "result", "error", "next", "time", "notes"])?;
        for row in &self.rows {
            let line = row.line.map(|line| line.to_string()).unwrap_or_default();
            let fields = [
                line.as_str(),
                &row.user,
                row.action.map(super::text::action).unwrap_or_default(),
                row.pairing_hash.as_deref().unwrap_or_default(),
                row.result.text(),
                row.error.as_deref().unwrap_or_default(),
                row.next.as_deref().unwrap_or_default(),
                row.time.as_deref().unwrap_or_default(),
                &row.notes.join("; "),
            ];
            writer.write_record(fields.map(|field| harmless(field).into_owned()))?;
        }
        writer.flush()
    }
}

fn harmless(field: &str) -> Cow<'_, str> {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{field}"))
    } else {
        Cow::Borrowed(field)
    }
}
