//! Bulk runs.

use std::fmt::Write as _;

use pivkit::bulk::{ApplyReport, FinishReport, NoteOfRows, ReportRow, UndoReport};

use super::safe;

pub(crate) fn bulk_applied(report: &ApplyReport) -> String {
    if report.dry_run {
        return rehearsed(report);
    }
    let run = report.this_run;
    let mut text = format!("{} changed, {} unchanged, {} failed", run.changed, run.unchanged, run.failed);
    if run.waiting > 0 {
        let _ = write!(text, ", {} waiting", run.waiting);
    }
    if run.passed_over > 0 {
        let _ = write!(text, ", {} done before", run.passed_over);
    }
    text.push('\n');
    if report.interrupted {
        let left = report.all_runs.map(|counts| counts.not_reached).unwrap_or_default();
        let _ = writeln!(text, "interrupted: {left} rows are left; the same command with --resume goes on");
    }
    match &report.at_login {
        Some(at_login) if at_login.people > 0 => {
            let agent = safe(&at_login.agent.display().to_string());
            let _ = writeln!(text, "at their next login: {} people, by {agent}", at_login.people);
        }
        None if run.waiting > 0 && report.backend == "macos" => {
            text.push_str("the same command with --resume --at-login has these rows finished at the next login\n");
        }
        _ => {}
    }
    notes(&report.notes, &mut text);
    let journal = safe(&report.journal.display().to_string());
    if run.failed > 0 || run.waiting > 0 {
        let _ = writeln!(
            text,
            "next: `pivkit bulk report {journal}` tells what to do, then the same command with --resume"
        );
    } else if run.changed > 0 {
        let _ = writeln!(text, "`pivkit bulk undo {journal}` puts everything back");
    }
    text
}

pub(crate) fn finished_at_login(report: &FinishReport) -> String {
    if report.journals.is_empty() {
        return format!("nothing waits for {}\n", safe(&report.user));
    }
    let run = report.this_run;
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = format!("{}: {would}{} changed, {} failed\n", safe(&report.user), run.changed, run.failed);
    report.errors.iter().for_each(|error| text.push_str(&format!("  {}\n", safe(error))));
    text
}

fn rehearsed(report: &ApplyReport) -> String {
    let run = report.this_run;
    let mut text =
        format!("{} would change, {} are so already, {} would fail\n", run.changed, run.unchanged, run.failed);
    for row in report.rehearsed.iter().filter(|row| !row.changes.is_empty() || row.error.is_some()).take(MAX_ROWS) {
        let _ = writeln!(text, "line {}, account {}:", row.line, safe(&row.user));
        row.changes.iter().for_each(|change| text.push_str(&format!("  {}\n", safe(change))));
        row.error.iter().for_each(|error| text.push_str(&format!("  would fail: {}\n", safe(error))));
    }
    if run.changed + run.failed > MAX_ROWS {
        let _ = writeln!(text, "and {} more rows; --json tells them all", run.changed + run.failed - MAX_ROWS);
    }
    notes(&report.notes, &mut text);
    text.push_str("dry run: nothing was changed\n");
    text
}

/// What to know about the rows, or to do before their changes count.
fn notes(notes: &[NoteOfRows], text: &mut String) {
    for note in notes {
        let noun = if note.rows == 1 { "row" } else { "rows" };
        let _ = writeln!(text, "note: {} ({} {noun})", safe(&note.note), note.rows);
    }
}

pub(crate) fn bulk_undone(report: &UndoReport) -> String {
    if report.dry_run {
        let mut text = format!("{} changes would be undone, the last one first\n", report.changes);
        report.users.iter().take(MAX_ROWS).for_each(|user| text.push_str(&format!("  account {}\n", safe(user))));
        if report.users.len() > MAX_ROWS {
            let _ = writeln!(text, "  and {} more; --json tells them all", report.users.len() - MAX_ROWS);
        }
        if report.no_more_at_login {
            text.push_str("nothing would be finished at a login any more\n");
        }
        text.push_str("dry run: nothing was changed\n");
        return text;
    }
    if report.no_more_at_login && report.changes == 0 {
        return "nothing is finished at a login any more\n".to_owned();
    }
    if report.changes == 0 {
        return "nothing to undo\n".to_owned();
    }
    let mut text = format!("{} rows undone, {} left as they are\n", report.counts.undone, report.counts.not_undone);
    report.left.iter().take(MAX_ROWS).for_each(|row| text.push_str(&left(row)));
    notes(&report.notes, &mut text);
    if report.interrupted {
        text.push_str("interrupted: the same command goes on\n");
    }
    text
}

fn left(row: &ReportRow) -> String {
    format!("  account {}: {}\n", safe(&row.user), safe(row.error.as_deref().unwrap_or("it did not work")))
}

const MAX_ROWS: usize = 100;
