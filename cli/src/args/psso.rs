//! `pivkit psso`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use pivkit::Algorithm;

use super::{CardArgs, IdentityArgs, PinArgs, Verify};

#[derive(Subcommand, Debug)]
pub(crate) enum Psso {
    /// Show the public keys of this device; make them on first use
    Keys(Keys),
    /// Register this device and a user with the identity provider
    Register(Register),
    /// Sign in with the card
    Login(Login),
    /// Take a message apart and check it
    Inspect(Inspect),
    /// Judge a request as an identity provider would
    Verify(Box<Verify>),
}

#[derive(Args, Debug)]
pub(crate) struct Keys {
    /// The folder of the device's keys
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
}

/// A device and its user at an identity provider.
#[derive(Args, Debug)]
pub(crate) struct DeviceArgs {
    /// The login configuration (TOML)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: PathBuf,
    /// The folder of the device's keys
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// The user, as the identity provider knows them
    #[arg(long, short)]
    pub(crate) user: String,
}

#[derive(Args, Debug)]
pub(crate) struct Register {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Print the registration instead of sending it, for an identity provider that is configured by hand
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    /// The algorithm of the card's signature (ES256, ES384, RS256, RS384, RS512); without it, by the key
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Option<Algorithm>,
    /// Show the tokens, which are secrets
    #[arg(long)]
    pub(crate) show_token: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A compact JWS or JWE; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The private key that opens a JWE (JWK or PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) decryption_key: Option<PathBuf>,
    /// The public keys that verify a JWS, or the id_token in a response (JWK, JWK set or PEM); without it, the one in x5c,
    /// where the message may carry one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) verification_key: Option<PathBuf>,
    /// The PartyVInfo that was sent, base64url
    #[arg(long, value_name = "B64URL")]
    pub(crate) apv: Option<String>,
    /// Judge times as at this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Show secrets that the message holds (password, tokens)
    #[arg(long)]
    pub(crate) show_token: bool,
}
