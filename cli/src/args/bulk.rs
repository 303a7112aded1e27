//! Many pairings at once.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::shared::AccountArgs;

#[derive(Subcommand, Debug)]
pub(crate) enum Bulk {
    /// Check every row of a manifest before anything happens, and write the plan
    Plan(BulkPlan),
}

#[derive(Args, Debug)]
pub(crate) struct BulkPlan {
    /// The manifest: CSV with a header; columns user, hash, certificate, upn, serial, guid, host, slot, action
    #[arg(value_name = "MANIFEST", value_hint = ValueHint::FilePath)]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Plan the rows of this host; without it, those of this machine
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Hostname)]
    pub(crate) host: Option<String>,
}
