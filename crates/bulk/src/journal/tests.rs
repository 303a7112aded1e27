use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::{RowAction, SCHEMA_VERSION};

fn begin() -> Begin {
    Begin {
        schema_version: SCHEMA_VERSION,
        writer: Writer::Apply,
        plan_sha256: "ab".repeat(32),
        backend: "pam_p11".to_owned(),
        root: None,
        rows: 3,
        time: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn intent(row: usize) -> Line {
    Line::Intent(Intent { row, user: "alice".to_owned(), undo: pairing::Undo::Nothing, time: now() })
}

fn outcome(row: usize, result: RowResult) -> Line {
    Line::Outcome(Outcome {
        row,
        line: row as u64 + 2,
        user: "alice".to_owned(),
        action: RowAction::Pair,
        pairing_hash: None,
        result,
        error: None,
        next: None,
        notes: Vec::new(),
        time: now(),
    })
}

/// A folder, and a journal in it of one row that was changed, and one that was about to be.
fn journal() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::create(&path, &begin()).unwrap();
    journal.append(&[intent(0)]).unwrap();
    journal.append(&[outcome(0, RowResult::Changed), intent(1)]).unwrap();
    (folder, path)
}

fn told(history: &History) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let settled = (0..3).filter(|row| history.is_settled(*row)).collect();
    (settled, history.in_doubt().collect(), history.intents.iter().map(|at| at.row).collect())
}

#[test]
fn what_was_written_is_read() {
    let (_folder, path) = journal();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (journal, history) = Journal::open(&path).unwrap();
    let history = history.unwrap();
    assert_eq!(told(&history), (vec![0], vec![1], vec![0, 1]));
    assert_eq!(history.begin, begin());
    for at in &history.intents {
        assert_eq!(journal.undo(at).unwrap(), pairing::Undo::Nothing);
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\"schema_version\":1,"), "{text}");
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

/// Cut at every byte: what is left is a beginning of it, and can be gone on with.
#[test]
fn a_line_that_was_cut_off_is_cut_off_for_good() {
    let (folder, path) = journal();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        for tail in [&b""[..], &[0; 700]] {
            fs::write(&path, [&whole[..length], tail].concat()).unwrap();
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            let (mut journal, history) = Journal::open(&path).unwrap();
            assert_eq!(history.is_some(), lines > 0);
            // Whoever only looks changes nothing.
            assert_eq!(fs::read(&path).unwrap(), [&whole[..length], tail].concat());
            if history.is_none() {
                journal.begin(&begin()).unwrap();
            }
            journal.append(&[outcome(2, RowResult::Failed)]).unwrap();
            drop(journal);
            assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), lines.max(1) + 1);
            assert_eq!(Journal::read(&path).unwrap().outcomes[&2].result, RowResult::Failed);
        }
    }
    drop(folder);
}

/// Zeros with whole lines behind them hide what was synced: nothing is thrown away.
#[test]
fn zeros_before_whole_lines_are_refused() {
    let (_folder, path) = journal();
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for (line, from, to) in [
        (2, ends[0] + 6, ends[0] + 7),
        (2, ends[0] + 1, ends[1] + 1),
        (2, ends[1], ends[2] - 3),
        (1, 0, ends[0]),
        (3, ends[1] + 5, ends[2] + 1),
    ] {
        let mut hole = whole.clone();
        hole[from..to].fill(0);
        fs::write(&path, &hole).unwrap();
        let refused = Journal::open(&path).unwrap_err();
        assert!(matches!(refused, Error::JournalMalformed { line: at, .. } if at == line), "{refused:?}");
        assert!(matches!(Journal::read(&path), Err(Error::JournalMalformed { .. })));
        assert_eq!(fs::read(&path).unwrap(), hole);
    }
    // Behind the last zeros nothing is whole: the write was cut off.
    let mut hole = whole.clone();
    hole[ends[2] + 1..ends[2] + 20].fill(0);
    fs::write(&path, &hole).unwrap();
    assert_eq!(told(&Journal::read(&path).unwrap()), (vec![0], vec![], vec![0]));
}

#[test]
fn what_is_no_journal_is_refused() {
    let (_folder, path) = journal();
    let whole = fs::read_to_string(&path).unwrap();
    let head = whole.lines().next().unwrap();
    let later = head.replace("\"schema_version\":1", "\"schema_version\":2");
    let beyond = serde_json::to_string(&outcome(3, RowResult::Changed)).unwrap();
    let undoes = r#"{"kind":"undone","intent":7,"row":0,"user":"a","result":"restored","time":""}"#;
    for text in [
        "{}".to_owned(),
        "x".to_owned(),
        later,
        format!("{head}\nx"),
        format!("{head}\n{beyond}"),
        format!("{head}\n{undoes}"),
    ] {
        fs::write(&path, format!("{text}\n{}\n", serde_json::to_string(&intent(0)).unwrap())).unwrap();
        assert!(matches!(Journal::read(&path), Err(Error::JournalMalformed { .. })), "{text}");
        assert!(matches!(Journal::open(&path), Err(Error::JournalMalformed { .. })), "{text}");
    }
    fs::write(&path, "x".repeat(17 * 1024 * 1024)).unwrap();
    assert!(matches!(Journal::read(&path), Err(Error::JournalMalformed { line: 1, .. })));
}

#[test]
fn one_writer_and_one_owner() {
    let (folder, path) = journal();
    assert!(matches!(Journal::create(&path, &begin()), Err(Error::JournalExists { .. })));
    let (held, _) = Journal::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(Error::JournalBusy { .. })));
    // Who only reads need not wait.
    assert!(Journal::read(&path).is_ok());
    drop(held);
    for mode in [0o620, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(Journal::open(&path), Err(Error::JournalUnsafe { .. })));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Journal::open(&link), Err(Error::JournalUnsafe { .. })));
    assert!(matches!(Journal::open(folder.path()), Err(Error::Journal { .. } | Error::JournalUnsafe { .. })));
    if geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(4001), None).unwrap();
        assert!(matches!(Journal::open(&path), Err(Error::JournalUnsafe { .. })));
    }
}

#[test]
fn a_write_that_fails_leaves_the_journal_as_it_was() {
    let (_folder, path) = journal();
    let before = fs::read(&path).unwrap();
    let (mut journal, _) = Journal::open(&path).unwrap();
    let end = journal.end;
    journal.file = File::open(&path).unwrap();
    assert!(journal.append(&[intent(2)]).is_err());
    assert_eq!((fs::read(&path).unwrap(), journal.end), (before, end));
}
