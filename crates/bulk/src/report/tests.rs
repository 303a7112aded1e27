use super::*;
use crate::apply::tests::Tree;
use crate::{Begin, Intent, Line, Outcome, Undone, Writer};

const HOSTILE: &str = "=cmd|'/c calc'!A1<script>alert(1)</script>&\"\u{202e}\u{1b}[31m";

fn report() -> Report {
    let begin = Begin {
        schema_version: SCHEMA_VERSION,
        writer: Writer::Apply,
        plan_sha256: "ab".repeat(32),
        backend: "pam_p11".to_owned(),
        root: Some(HOSTILE.into()),
        rows: 6,
        time: "2026-01-01T00:00:00Z".to_owned(),
    };
    let outcome = |row: usize, result, error: Option<&str>| {
        Line::Outcome(Outcome {
            row,
            line: row as u64 + 2,
            user: if row == 1 { HOSTILE.to_owned() } else { format!("person{row}") },
            action: RowAction::Pair,
            pairing_hash: None,
            result,
            error: error.map(str::to_owned),
            next: error.map(|_| "Create the home directory.".to_owned()),
            notes: Vec::new(),
            time: "2026-01-01T00:00:01Z".to_owned(),
        })
    };
    let intent = |row: usize| {
        let (user, time) = (format!("person{row}"), String::new());
        Line::Intent(Intent { row, user, undo: pairing::Undo::Nothing, time })
    };
    let undone = Line::Undone(Undone {
        intent: 2,
        row: 4,
        user: "person4".to_owned(),
        result: UndoResult::Restored,
        error: None,
        next: None,
        notes: Vec::new(),
        time: "2026-01-01T00:00:02Z".to_owned(),
    });
    let lines = [
        intent(0),
        outcome(0, RowResult::Changed, None),
        outcome(1, RowResult::Failed, Some(HOSTILE)),
        outcome(2, RowResult::Failed, Some("no home")),
        intent(3),
        intent(4),
        outcome(4, RowResult::Changed, None),
        undone,
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = crate::Journal::create(&path, &begin).unwrap();
    journal.append(&lines).unwrap();
    Report::of(&crate::Journal::read(&path).unwrap())
}

#[test]
fn counts_and_what_to_do() {
    let report = report();
    let counts = Counts { rows: 6, changed: 1, failed: 2, in_doubt: 1, undone: 1, not_reached: 1, ..Counts::default() };
    assert_eq!(report.counts, counts);
    assert_eq!(report.to_do[0].next, "Create the home directory.");
    assert_eq!(report.to_do[0].rows, 2);
    assert_eq!(report.ended.as_deref(), Some("2026-01-01T00:00:02Z"));
    let open: Vec<_> = report.open_rows().map(|row| row.result).collect();
    assert_eq!(open, [State::Failed, State::Failed, State::InDoubt]);
}

/// What goes on with a journal is what wrote it.
#[test]
fn a_desk_is_gone_on_with_as_a_desk() {
    let begin = |writer: &str| {
        let begin = format!(
            r#"{{"schema_version":1,{writer}"plan_sha256":"","backend":"pam_p11","root":null,"rows":2,"time":""}}"#
        );
        Report::of(&crate::History::new(serde_json::from_str(&begin).unwrap())).to_do
    };
    let [desk] = &begin(r#""writer":"station","#)[..] else { panic!() };
    assert!(desk.next.contains("bulk station") && desk.rows == 2, "{desk:?}");
    assert!(begin("")[0].next.contains("bulk apply"));
}

#[test]
fn the_text_is_fit_for_a_terminal() {
    let text = report().to_text();
    assert!(
        text.contains("2 failed") && text.contains("no home") && text.contains("2 rows: Create the home directory.")
    );
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn csv_holds_no_formula() {
    let mut bytes = Vec::new();
    report().write_csv(&mut bytes).unwrap();
    let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
    let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().flatten().all(|field| !field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])));
    assert_eq!(&rows[1][1], format!("'{HOSTILE}"));
    assert_eq!(&rows[2][5], "no home");
}

#[test]
fn the_page_holds_no_markup_of_others_and_no_address() {
    let mut bytes = Vec::new();
    report().write_html(&mut bytes).unwrap();
    let page = String::from_utf8(bytes).unwrap();
    assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<link", "<img", "onload"] {
        assert!(!page.contains(word), "{word}");
    }
}

/// Of a real run.
#[test]
fn what_a_run_tells() {
    let tree = Tree::with_people(3);
    tree.run();
    let report = Report::of(&tree.history());
    assert_eq!(report.counts, Counts { rows: 3, changed: 3, ..Counts::default() });
    assert!(report.to_do.is_empty());
    tree.undo();
    let report = Report::of(&tree.history());
    assert_eq!(report.counts, Counts { rows: 3, undone: 3, ..Counts::default() });
}
