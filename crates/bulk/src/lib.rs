//! Many pairings at once: manifest, plan, journal, report.
//!
//! ```text
//! manifest (CSV)  -> PlanFile   every row checked before anything happens
//! PlanFile        -> Journal    each row applied, one line written to the disk
//! Journal         -> report, undo
//! ```
#![forbid(unsafe_code)]

mod plan_file;

pub use plan_file::{CardNames, FileNote, PlanFile, PlannedRow, RowAction, RowNote, SCHEMA_VERSION, WaitingRow};
