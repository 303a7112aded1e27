//! Reports as text for people. Foreign text is escaped here, once, for all of them.

pub(crate) mod bulk;
mod card;
pub(crate) mod one_card;
mod pairing;
mod provision;
pub(crate) mod psso;
mod table;

pub(crate) use bulk::run::{bulk_applied, bulk_undone};
pub(crate) use card::{hashes, identities, read_errors, reader_event, readers};
pub(crate) use pairing::{account_errors, checked, list, paired, unpaired};
pub(crate) use provision::provisioned;

/// Foreign text, fit for a terminal.
fn safe(text: &str) -> String {
    pivkit::text::escape_control(text).into_owned()
}
