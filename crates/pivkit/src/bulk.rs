//! `pivkit bulk`: many pairings at once.

mod apply;
mod station;
mod undo;

pub use apply::{ApplyReport, ApplyRequest, RehearsedRow, Tally, apply};
pub use bulk::report::{Report, ReportRow, State};
pub use bulk::{Error, History, Journal, LoadedPlan, Outcome, RowResult, UndoResult, Undone, Watcher};
pub use station::{Enrolled, PinProof, StationReport, StationRequest, Supervisor, station};
pub use undo::{UndoReport, UndoRequest, undo};
