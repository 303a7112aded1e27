//! Many pairings at once: manifest, plan, journal, report.
//!
//! ```text
//! manifest (CSV)  -> PlanFile   every row checked before anything happens
//! PlanFile        -> Journal    each row applied, one line written to the disk
//! Journal         -> report, undo
//! ```
#![forbid(unsafe_code)]

pub mod apply;
mod error;
pub mod journal;
mod loaded_plan;
mod plan_file;
pub mod report;
mod roster;
mod station_journal;
pub mod undo;
mod watcher;

pub use error::Error;
pub use journal::{Begin, History, Intent, IntentAt, Journal, Line, Outcome, RowResult, UndoResult, Undone};
pub use loaded_plan::{LoadedPlan, same_tree};
pub use plan_file::{CardNames, FileNote, PlanFile, PlannedRow, RowAction, RowNote, SCHEMA_VERSION, WaitingRow};
pub use roster::{CardSeen, Expected, IdentitySeen, Recognised, Roster};
pub use station_journal::{StationJournal, manifest_digest};
pub use watcher::{Lookup, Watcher};
