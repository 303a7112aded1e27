//! Many pairings at once.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use pivkit::bulk::{HostName, MatchRule};

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
    pub(crate) host: Option<HostName>,
    /// A folder with exported certificates: rows with a upn and no key find theirs there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) certificates: Option<PathBuf>,
    /// Match every row without a key with the folder: upn (the row's upn, else its user), email or cn (its user)
    #[arg(long = "match", value_name = "RULE", requires = "certificates")]
    pub(crate) rule: Option<MatchRule>,
    /// Write one manifest for each host, with its certificates, into this folder; no account is looked at
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["host", "backend", "root"])]
    pub(crate) split_by_host: Option<PathBuf>,
}
