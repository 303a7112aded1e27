//! The command line as data. What each command does is in `commands`, its examples are in `help`.

mod bulk;
mod card;
mod doctor;
mod mapping;
mod provision;
mod psso;
mod psso_verify;
mod shared;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

pub(crate) use bulk::{
    Bulk, BulkApply, BulkFinishAtLogin, BulkPlan, BulkReport, BulkStation, BulkUndo, ReportFormat, Strategy,
};
pub(crate) use card::{
    Attest, Card, CardInfo, ChangePin, ChangePuk, ManagementKeyArgs, NewPinArgs, NewPukArgs, PukArgs, Reset,
    SetRetries, Sign, Unblock, VerifyPin,
};
pub(crate) use doctor::Doctor;
pub(crate) use mapping::{Mapping, MappingExplain, MappingLint, MappingNew};
pub(crate) use provision::{Import, Provision, ProvisionCommand, Ready};
pub(crate) use psso::{
    ConfigCommand, Inspect, KeyExchange, Keys, Login, Logout, PasswordArgs, Psso, Refresh, Register, SignedInArgs,
    StateArgs,
};
pub(crate) use psso_verify::Verify;
pub(crate) use shared::{AccountArgs, CardArgs, ChangeArgs, IdentityArgs, MacArgs, PinArgs, TransportArgs};

/// Pair smart cards with accounts, and sign in with them.
#[derive(Parser, Debug)]
#[command(name = "pivkit", version, disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Ask nothing; fail where an answer is needed, and name the flag that gives it
    #[arg(long, global = true)]
    pub(crate) non_interactive: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the readers and what is in them
    Readers(Readers),
    /// Show every certificate on every PIV card with its pairing hash
    Identities(Identities),
    /// Print the pairing hashes of certificate files, or of one slot of the card
    Hash(Hash),
    /// Pair the card with a local account
    #[command(
        long_about = "Pair the card with a local account.\n\nAt a terminal, and with the PIN typed there, pivkit leads through \
                            it: it waits for a card, shows its identities and which can be paired, asks what cannot be \
                            inferred, shows what would change, and asks for consent and the PIN; again after a wrong PIN, \
                            while more than one try is left."
    )]
    Pair(Pair),
    /// Remove pairings of a local account
    Unpair(Unpair),
    /// Show the pairings of local accounts
    List(List),
    /// Prove that the inserted card opens an account
    Check(Check),
    /// Pair many at once, from a manifest
    #[command(subcommand)]
    Bulk(Bulk),
    /// Look after SmartcardLogin.plist, by which a Mac finds accounts by the names in a certificate
    #[command(subcommand)]
    Mapping(Mapping),
    /// Look after one card: what it is, its PIN and PUK, its keys
    #[command(subcommand)]
    Card(Card),
    /// Make a card ready: keys, certificates, PIN, PUK and management key
    Provision(Box<Provision>),
    /// Sign in with Platform SSO
    #[command(subcommand)]
    Psso(Psso),
    /// Show what speaks against logging in with a card on this system, and what it makes of a certificate
    Doctor(Doctor),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; it is made if need be
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Readers {
    #[command(flatten)]
    pub(crate) transport: TransportArgs,
    /// Go on, and print each insertion and removal as it happens
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Identities {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    /// Read all twenty-four slots, not only those that the card says are in use
    #[arg(long)]
    pub(crate) all_slots: bool,
    /// Read certificate files instead of cards
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath, conflicts_with_all = ["reader", "serial", "guid", "all_slots"])]
    pub(crate) cert: Vec<PathBuf>,
    /// What a Mac itself sees, with no way to the readers: of this Mac, or out of a file with the output of `system_profiler
    /// SPSmartCardsDataType -json`
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_hint = ValueHint::FilePath, conflicts_with_all = ["reader", "serial", "guid", "all_slots", "cert"])]
    pub(crate) from_system_profiler: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub(crate) mac: MacArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Hash {
    /// Certificate files (PEM, DER, PKCS#7) or folders of them
    #[arg(required_unless_present = "slot", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// The certificate in this slot of the card, and no other, instead of files
    #[arg(long, value_name = "SLOT", conflicts_with = "paths")]
    pub(crate) slot: Option<pivkit::Slot>,
    #[command(flatten)]
    pub(crate) card: CardArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Pair {
    /// The account; without it, a person is asked
    #[arg(long, short, value_hint = ValueHint::Username)]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// For the backend sssd: trust the authorities in this file, as far as the certificate needs them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Vec<PathBuf>,
    /// A renewed card: when the new pairing is there, remove the old one
    #[arg(long)]
    pub(crate) replace: bool,
    /// The pairing to be replaced; without it, the only other one
    #[arg(long, value_name = "HASH", requires = "replace")]
    pub(crate) old: Option<pivkit::PairingHash>,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Do it even if nobody can log in to this Mac afterwards
    #[arg(long)]
    pub(crate) i_know: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Unpair {
    /// The account
    #[arg(long, short, value_hint = ValueHint::Username)]
    pub(crate) user: String,
    /// Remove only this pairing; without it, all of the account are removed
    #[arg(long, value_name = "HASH")]
    pub(crate) hash: Option<pivkit::PairingHash>,
    /// Remove only what this certificate opens the account by: where the backend keeps no hash
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "hash")]
    pub(crate) cert: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Do it even if nobody can log in to this Mac afterwards
    #[arg(long)]
    pub(crate) i_know: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only this account
    #[arg(long, short, value_hint = ValueHint::Username)]
    pub(crate) user: Option<String>,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The account
    #[arg(long, short, value_hint = ValueHint::Username)]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}
