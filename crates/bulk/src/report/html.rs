//! As one HTML page, which needs nothing else: no network, no script.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::text::escape_control;
use sha2::{Digest, Sha256};

use super::{NoteOfRows, Report, ReportRow};

impl Report {
    /// Writes the page: counts, what to do, the rows that somebody has to see to, and, folded away, the others. Its content
    /// security policy allows its own style sheet and nothing else, and everything foreign in it is escaped.
    ///
    /// # Errors
    ///
    /// What `out` gives.
    pub fn write_html(&self, mut out: impl Write) -> io::Result<()> {
        let digest = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
        let open = self.open_rows().count();
        let title = if open == 0 { "nothing to do".to_owned() } else { format!("{open} rows to see to") };
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>pivkit bulk report: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <h1>Pairing report</h1>\n"
        )?;
        self.facts(&mut out)?;
        self.counts(&mut out)?;
        self.to_do(&mut out)?;
        self.notes(&mut out)?;
        rows(&mut out, "Rows to see to", self.rows.iter().filter(|row| row.result.is_open()))?;
        writeln!(out, "<details>\n<summary>All other rows</summary>")?;
        rows(&mut out, "Rows that are done", self.rows.iter().filter(|row| !row.result.is_open()))?;
        writeln!(out, "</details>\n</body>\n</html>")
    }

    fn facts(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<dl>")?;
        let root = self.root.as_deref().unwrap_or("this system");
        let ended = self.ended.as_deref().unwrap_or("-");
        let facts = [
            ("Accounts", root),
            ("Backend", &self.backend),
            ("Begun", &self.began),
            ("Last change", ended),
            ("SHA-256 of the plan", &self.plan_sha256),
        ];
        for (name, value) in facts {
            writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape(value))?;
        }
        writeln!(out, "</dl>")
    }

    fn counts(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<h2>Counts</h2>\n<table id=\"counts\">")?;
        writeln!(out, "<tr><th scope=\"row\">rows</th><td>{}</td></tr>", self.counts.rows)?;
        for (name, count) in self.counts.named() {
            writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{count}</td></tr>")?;
        }
        writeln!(out, "</table>")
    }

    fn to_do(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<h2>What to do</h2>")?;
        if self.to_do.is_empty() {
            return writeln!(out, "<p>Nothing.</p>");
        }
        writeln!(out, "<ul>")?;
        for to_do in &self.to_do {
            let noun = if to_do.rows == 1 { "row" } else { "rows" };
            writeln!(out, "<li>{} {noun}: {}</li>", to_do.rows, escape(&to_do.next))?;
        }
        writeln!(out, "</ul>")
    }

    fn notes(&self, out: &mut impl Write) -> io::Result<()> {
        if self.notes.is_empty() {
            return Ok(());
        }
        writeln!(out, "<h2>Notes</h2>\n<ul>")?;
        for NoteOfRows { note, rows } in &self.notes {
            let noun = if *rows == 1 { "row" } else { "rows" };
            writeln!(out, "<li>{rows} {noun}: {}</li>", escape(note))?;
        }
        writeln!(out, "</ul>")
    }
}

/// A table of rows, or nothing when there are none.
fn rows<'a>(out: &mut impl Write, title: &str, rows: impl Iterator<Item = &'a ReportRow>) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    write!(out, "<h2>{title}</h2>\n<table class=\"rows\">\n<thead><tr>")?;
    for name in ["Line", "Account", "Wanted", "Result", "Why", "What to do", "Pairing hash"] {
        write!(out, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in rows {
        let line = row.line.map(|line| line.to_string()).unwrap_or_default();
        let cells = [
            &line,
            &row.user,
            row.action.map(super::text::action).unwrap_or_default(),
            row.result.text(),
            row.error.as_deref().unwrap_or_default(),
            row.next.as_deref().unwrap_or_default(),
            row.pairing_hash.as_deref().unwrap_or_default(),
        ];
        write!(out, "<tr>")?;
        for cell in cells {
            write!(out, "<td>{}</td>", escape(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody>\n</table>")
}

/// Foreign text as HTML: what deceives a reader is shown as its number, and nothing is markup.
fn escape(text: &str) -> String {
    let text = escape_control(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; }
.rows { width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }
#counts td { text-align: right; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; margin-top: 2rem; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #1a1a1a; } dt { color: #aaa; } }
";
