//! `pivkit bulk`: many pairings at once.

mod apply;
mod at_login;
mod plan;
mod station;
mod undo;

pub use apply::{ApplyReport, ApplyRequest, RehearsedRow, Tally, apply};
pub use at_login::{AtLogin, AtLoginReport, FinishReport, FinishRequest, finish_at_login};
pub use bulk::report::{NoteOfRows, Report, ReportRow, State};
pub use bulk::{
    CardNames, FileNote, HostName, HostSlice, MatchRule, PlanDocument, PlannedRow, Planning, RowAction, RowNote, Split,
    WaitingRow,
};
pub use bulk::{Error, History, Journal, LoadedPlan, Outcome, RowResult, UndoResult, Undone, Watcher};
pub use bulk::{Roster, manifest_digest};
pub use plan::{ManifestRequest, plan, split_by_host};
pub use station::{Enrolled, PinProof, StationReport, StationRequest, Supervisor, roster, station};
pub use undo::{UndoReport, UndoRequest, undo};
