//! Arguments of `pivkit provision`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use pivkit::provision::{KeyAlgorithm, KeySlot, PinPolicy, Subject, TouchPolicy};

use super::{CardArgs, ChangeArgs, ManagementKeyArgs, NewPinArgs, NewPukArgs, PinArgs};

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Provision {
    #[command(subcommand)]
    pub(crate) command: Option<ProvisionCommand>,
    #[command(flatten)]
    pub(crate) ready: Ready,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ProvisionCommand {
    /// Write a certificate for the key in a slot
    Import(Import),
}

#[derive(Args, Debug)]
pub(crate) struct Ready {
    /// The subject of the certificates: a name, or CN=Alice,O=Example; without it, a person is asked
    #[arg(long, value_name = "NAME")]
    pub(crate) subject: Option<Subject>,
    /// The user principal name in the certificates
    #[arg(long, value_name = "NAME@DOMAIN")]
    pub(crate) upn: Option<String>,
    /// The e-mail address in the certificates
    #[arg(long, value_name = "NAME@DOMAIN", value_hint = ValueHint::EmailAddress)]
    pub(crate) email: Option<String>,
    /// Only this slot, 9a or 9d
    #[arg(long, value_name = "SLOT")]
    pub(crate) slot: Option<KeySlot>,
    /// The key in 9a: RSA2048, RSA3072, RSA4096, P256 or P384; a new one is P256 without it
    #[arg(long = "slot-9a-algorithm", value_name = "ALGORITHM")]
    pub(crate) authentication_algorithm: Option<KeyAlgorithm>,
    /// The key in 9d, likewise
    #[arg(long = "slot-9d-algorithm", value_name = "ALGORITHM")]
    pub(crate) key_management_algorithm: Option<KeyAlgorithm>,
    /// When new keys want the PIN: default, once, always or never
    #[arg(long, value_name = "POLICY", default_value = "default")]
    pub(crate) pin_policy: PinPolicy,
    /// When new keys want a touch: default, never, always or cached
    #[arg(long, value_name = "POLICY", default_value = "default")]
    pub(crate) touch_policy: TouchPolicy,
    /// How long the self-signed certificates are valid
    #[arg(long, value_name = "N", default_value_t = 1825, value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub(crate) days: u32,
    /// Write certificate requests into this folder (9a.csr, 9d.csr) instead of self-signed certificates onto the card
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "days")]
    pub(crate) csr_dir: Option<PathBuf>,
    /// Accept only keys that the card attests, up to a root of --attestation-root
    #[arg(long, requires = "attestation_root")]
    pub(crate) require_attestation: bool,
    /// The certificates of who vouches for the card; Yubico publishes its own
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "require_attestation")]
    pub(crate) attestation_root: Option<PathBuf>,
    /// Overwrite keys and certificates that are in the slots
    #[arg(long)]
    pub(crate) replace: bool,
    /// Leave the management key as it is
    #[arg(long)]
    pub(crate) keep_management_key: bool,
    #[command(flatten)]
    pub(crate) management_key: ManagementKeyArgs,
    #[command(flatten)]
    pub(crate) new_pin: NewPinArgs,
    /// Read the current PUK from this file; needed if the card does not say that it is the factory's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) puk_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) new_puk: NewPukArgs,
    /// Make up the new PUK, and keep it in this file, which only its owner may read; one file for each card
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "new_puk_file")]
    pub(crate) random_puk: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// The certificate, or a chain with it in it (PEM, DER, PKCS#7)
    #[arg(value_name = "CERT-FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The slot, 9a or 9d
    #[arg(long, value_name = "SLOT")]
    pub(crate) slot: KeySlot,
    /// Overwrite the certificate that is there
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) management_key: ManagementKeyArgs,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}
