//! What was done at an enrolment desk.

use pivkit::bulk::{RowResult, StationReport};

use super::safe;

pub(crate) fn station_closed(report: &StationReport) -> String {
    let mut text = String::new();
    for person in &report.people {
        let hash = person.pairing_hash.as_deref().unwrap_or("-");
        let result = match (person.result, &person.error) {
            (RowResult::Changed, _) if report.dry_run => format!("would be paired with {hash}"),
            (RowResult::Changed, _) => format!("paired with {hash}"),
            (RowResult::Unchanged, _) => format!("was paired with {hash} already"),
            (_, error) => format!("failed: {}", safe(error.as_deref().unwrap_or("not known why"))),
        };
        text.push_str(&format!("line {}: {} {result}\n", person.line, safe(&person.user)));
    }
    if report.dry_run {
        return text + "dry run: nothing was changed\n";
    }
    text.push_str(&format!("{} of {} people are done\n", report.done, report.expected));
    if let Some(journal) = report.journal.as_ref().filter(|_| report.done < report.expected) {
        let journal = safe(&journal.display().to_string());
        text.push_str(&format!("next: the same command with --journal {journal} goes on another day\n"));
    }
    text
}
