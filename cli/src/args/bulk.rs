//! Many pairings at once.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use pivkit::bulk::{HostName, MatchRule};

use super::shared::{AccountArgs, ChangeArgs, MacArgs, ReaderArgs};

#[derive(Subcommand, Debug)]
pub(crate) enum Bulk {
    /// Check every row of a manifest before anything happens, and write the plan
    Plan(BulkPlan),
    /// Carry a plan out, with a journal
    Apply(BulkApply),
    /// On a Mac, carry out what waits for the person who runs this: for the LaunchAgent of `bulk apply --at-login`
    #[command(
        long_about = "On a Mac, carry out what waits for the person who runs this.\n\nThe LaunchAgent that `pivkit bulk apply \
                            --at-login` writes runs it at each login. It does nothing where nothing waits. What waits is \
                            believed only if nobody but root could have written it. The card has to be in the reader, and the \
                            Mac asks for the password of the keychain; what does not work is tried again at the next login. \
                            The journal lies in ~/Library/Application Support/pivkit."
    )]
    FinishAtLogin(BulkFinishAtLogin),
    /// Put back what was there before, from a journal
    Undo(BulkUndo),
    /// Tell what became of a plan, from a journal
    Report(BulkReport),
    /// Pair cards at an enrolment desk, as people come
    #[command(
        long_about = "Pair cards at an enrolment desk, as people come.\n\nWaits for cards in any number of readers, looks in the \
                            manifest whose card it is, shows who that is, asks for consent and the PIN, pairs, and waits for the \
                            next. What a row says of the card has to be true of it: hash, or certificate, and upn of one \
                            identity, serial and guid of the card. A certificate of a person's own making may say any UPN, and a \
                            card any serial number: look who stands before you, or name the key in the manifest. Ctrl-C closes \
                            the desk after the person in hand; the same journal goes on another day."
    )]
    Station(BulkStation),
}

#[derive(Args, Debug)]
pub(crate) struct BulkPlan {
    /// The manifest: CSV with a header; columns user, hash, certificate, upn, serial, guid, host, slot, action
    #[arg(value_name = "MANIFEST", value_hint = ValueHint::FilePath)]
    pub(crate) manifest: PathBuf,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// On a Mac, mapping (values of accounts, and one SmartcardLogin.plist: the installed one if it maps certificates, otherwise by
    /// UPN; nobody needs to be there) or pairing (sc_auth, in each person's session); without it and --backend, mapping
    #[arg(long, value_name = "STRATEGY", conflicts_with_all = ["backend", "mapping"])]
    pub(crate) strategy: Option<Strategy>,
    /// Plan the rows of this host; without it, those of this machine
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Hostname)]
    pub(crate) host: Option<HostName>,
    /// A folder with exported certificates: rows with a upn and no key find theirs there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) certificates: Option<PathBuf>,
    /// Match every row without a key with the folder: upn (the row's upn, else its user), email or cn (its user)
    #[arg(long = "match", value_name = "RULE", requires = "certificates")]
    pub(crate) rule: Option<MatchRule>,
    /// Plan also what leaves nobody who can log in to this Mac
    #[arg(long)]
    pub(crate) i_know: bool,
    /// Write one manifest for each host, with its certificates, into this folder; no account is looked at
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["host", "backend", "root"])]
    pub(crate) split_by_host: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    Mapping,
    Pairing,
}

#[derive(Args, Debug)]
pub(crate) struct BulkApply {
    /// The plan file: what `pivkit bulk plan --json` printed
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(crate) plan: PathBuf,
    /// Write down in this file what is done, before and after; it is made, and must not be there already
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: PathBuf,
    /// Go on with the journal that is there: rows that are done are passed over, the others are tried again
    #[arg(long)]
    pub(crate) resume: bool,
    /// Carry out the rows of the plan although others have problems
    #[arg(long)]
    pub(crate) skip_problems: bool,
    /// Work on so many accounts at once, where each has a file of its own; without it, one for each processor
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Carry out the plan of this host; without it, a plan that names a host has to be of this machine
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Hostname)]
    pub(crate) host: Option<HostName>,
    /// On a Mac, have the rows of people who are not logged in finished at their next login, by a LaunchAgent; with --resume, take
    /// away what nobody waits for any more
    #[arg(long)]
    pub(crate) at_login: bool,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Do it even if nobody can log in to this Mac afterwards
    #[arg(long)]
    pub(crate) i_know: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct BulkFinishAtLogin {
    /// Look below this folder for the files of the Mac, instead of below /
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) mac: MacArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct BulkUndo {
    /// The journal
    #[arg(value_name = "JOURNAL", value_hint = ValueHint::FilePath)]
    pub(crate) journal: PathBuf,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Do it even if nobody can log in to this Mac afterwards
    #[arg(long)]
    pub(crate) i_know: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct BulkReport {
    /// The journal
    #[arg(value_name = "JOURNAL", value_hint = ValueHint::FilePath)]
    pub(crate) journal: PathBuf,
    /// The form: text without it; html is one page that needs no network. Not with --json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ReportFormat>,
    /// Write it into this file instead of to standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Text,
    Csv,
    Html,
}

#[derive(Args, Debug)]
pub(crate) struct BulkStation {
    /// The manifest, as for `pivkit bulk plan`
    #[arg(value_name = "MANIFEST", value_hint = ValueHint::FilePath)]
    pub(crate) manifest: PathBuf,
    /// Write down in this file what is done, before and after; one of the same manifest is gone on with
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) card: ReaderArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// The rows of this host; without it, those of this machine
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Hostname)]
    pub(crate) host: Option<HostName>,
    /// A folder with exported certificates: rows with a upn and no key find theirs there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) certificates: Option<PathBuf>,
    /// Match every row without a key with the folder: upn (the row's upn, else its user), email or cn (its user)
    #[arg(long = "match", value_name = "RULE", requires = "certificates")]
    pub(crate) rule: Option<MatchRule>,
    /// Do not ask those for the PIN whose key the manifest names, by its hash or certificate; the others are asked all the same
    #[arg(long)]
    pub(crate) no_pin_proof: bool,
    /// Only say whose card each is and what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for consent
    #[arg(long, short)]
    pub(crate) yes: bool,
}
