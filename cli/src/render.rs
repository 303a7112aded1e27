//! Reports as text for people. Foreign text is escaped here, once, for all of them.

mod bulk;
pub(crate) mod bulk_plan;
mod card;
mod doctor;
mod mapping;
mod offer;
pub(crate) mod one_card;
mod pairing;
mod provision;
pub(crate) mod psso;
pub(crate) mod psso_verify;
mod station;
mod table;

pub(crate) use bulk::{bulk_applied, bulk_undone, finished_at_login};
pub(crate) use card::{hashes, identities, read_errors, reader_event, readers};
pub(crate) use doctor::doctor;
pub(crate) use mapping::{explained_mapping, findings, linted_mapping, new_mapping};
pub(crate) use offer::offers;
pub(crate) use pairing::{account_errors, checked, list, paired, unpaired};
pub(crate) use provision::provisioned;
pub(crate) use station::station_closed;

/// Foreign text, fit for a terminal.
fn safe(text: &str) -> String {
    pivkit::text::escape_control(text).into_owned()
}

/// Foreign text of several lines, each fit for a terminal.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", safe(line))).collect()
}
