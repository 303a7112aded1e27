//! Many pairings at once: manifest, plan, journal, report.
//!
//! ```text
//! manifest (CSV)  -> PlanFile   every row checked before anything happens
//! PlanFile        -> Journal    each row applied, one line written to the disk
//! Journal         -> report, undo
//! ```
#![forbid(unsafe_code)]

pub mod apply;
mod certificate_file;
mod checked;
mod conflict;
mod error;
mod folder;
mod host;
pub mod journal;
mod key;
mod loaded_plan;
mod manifest;
mod parallel;
mod plan_file;
mod planning;
pub mod report;
mod roster;
mod row;
mod rule;
mod split;
mod station_journal;
#[cfg(test)]
mod testing;
pub mod undo;
mod watcher;

pub use checked::{Check, CheckedManifest};
pub use error::Error;
pub use folder::CertificateFolder;
pub use host::HostName;
pub use journal::{Begin, History, Intent, IntentAt, Journal, Line, Outcome, RowResult, UndoResult, Undone, Writer};
pub use loaded_plan::{LoadedPlan, same_tree};
pub use manifest::{Manifest, Row};
pub use plan_file::{CardNames, FileNote, PlanFile, PlannedRow, RowAction, RowNote, SCHEMA_VERSION, WaitingRow};
pub use planning::{PlanDocument, Planning};
pub use roster::{CardSeen, Expected, IdentitySeen, Recognised, Roster};
pub use rule::MatchRule;
pub use split::{HostSlice, Split};
pub use station_journal::{StationJournal, manifest_digest};
pub use watcher::{Lookup, Watcher};
