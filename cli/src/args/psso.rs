//! `pivkit psso`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use pivkit::Algorithm;
use pivkit::psso::{KeyChoice, Method};

use super::{CardArgs, ChangeArgs, IdentityArgs, PinArgs, Verify};

#[derive(Subcommand, Debug)]
pub(crate) enum Psso {
    /// Show the public keys of this device; make them on first use
    Keys(Keys),
    /// Register this device and a user with the identity provider
    Register(Register),
    /// Sign in: with the card, with a user key, or with a password
    Login(Box<Login>),
    /// Have the tokens of the last login renewed, without a card
    Refresh(Refresh),
    /// Have the identity provider make a key for unlocking, and show its certificate
    KeyRequest(SignedInArgs),
    /// Have the identity provider agree on a key with its private key and a public one
    KeyExchange(KeyExchange),
    /// Show what is registered, who is signed in and until when
    Status(StateArgs),
    /// Remove the tokens of the last login
    Logout(Logout),
    /// Look after the login configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Take messages apart and check them
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
    /// The folder of the device's keys and tokens
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// The user, as the identity provider knows them
    #[arg(long, short)]
    pub(crate) user: String,
    /// How the user signs in: smart-card, secure-enclave-key (a key in a file stands in for the Secure Enclave) or password
    #[arg(long, value_name = "METHOD", default_value = "smart-card")]
    pub(crate) method: Method,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Args, Debug)]
pub(crate) struct CaArgs {
    /// Trust the authorities in this file (PEM), and not those of the system
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Register {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Have the identity provider tie the user to this certificate, the one on their card
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) certificate: Option<PathBuf>,
    /// The file with the token that the identity provider asks for, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) registration_token_file: Option<PathBuf>,
    /// Print the registration instead of sending it, for an identity provider that is configured by hand
    #[arg(long, conflicts_with_all = ["ca", "registration_token_file"])]
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
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
    /// The algorithm of the card's signature (ES256, ES384, RS256, RS384, RS512); without it, by the key
    #[arg(long, value_name = "ALG")]
    pub(crate) alg: Option<Algorithm>,
    /// Where to keep the key that seals the tokens in --state
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    pub(crate) key_store: KeyStore,
    /// Show the tokens, which are secrets
    #[arg(long)]
    pub(crate) show_token: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PasswordArgs {
    /// Read the password from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["password_stdin", "pin_file", "pin_stdin"])]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the password from standard input
    #[arg(long, conflicts_with_all = ["pin_file", "pin_stdin"])]
    pub(crate) password_stdin: bool,
}

impl PasswordArgs {
    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        self.password_file.is_some() || self.password_stdin
    }
}

/// Where to keep the key that seals the tokens.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum KeyStore {
    /// The system's store where it works, else a file
    Auto,
    /// The system's store: a Mac's keychain, the kernel's keyring on Linux
    System,
    /// A file beside the tokens
    File,
}

impl From<KeyStore> for KeyChoice {
    fn from(store: KeyStore) -> Self {
        match store {
            KeyStore::Auto => Self::Automatic,
            KeyStore::System => Self::System,
            KeyStore::File => Self::File,
        }
    }
}

/// A device, and the identity provider that it is of.
#[derive(Args, Debug)]
pub(crate) struct StateArgs {
    /// The folder of the device's keys and tokens
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// The login configuration (TOML); without it, that of the last login
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// A device on which somebody is signed in, and how its identity provider is reached.
#[derive(Args, Debug)]
pub(crate) struct SignedInArgs {
    #[command(flatten)]
    pub(crate) device: StateArgs,
    #[command(flatten)]
    pub(crate) ca: CaArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Refresh {
    #[command(flatten)]
    pub(crate) device: SignedInArgs,
    /// Show the tokens, which are secrets
    #[arg(long)]
    pub(crate) show_token: bool,
}

#[derive(Args, Debug)]
pub(crate) struct KeyExchange {
    #[command(flatten)]
    pub(crate) device: SignedInArgs,
    /// The public key to agree with (JWK or PEM, P-256); without it, one is made for this once
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) other_key: Option<PathBuf>,
    /// Write the agreed key, a secret of 32 bytes, to this new file; it is never printed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) device: StateArgs,
    /// Remove the device's keys as well; it has to be registered anew
    #[arg(long)]
    pub(crate) forget_device: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check a login configuration
    Lint {
        /// The login configuration (TOML); - for standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Print a configuration with every field, its meaning and its default
    Example,
    /// Ask an issuer for its metadata, and print the beginning of a configuration
    Discover {
        /// The issuer, a URL
        #[arg(value_name = "ISSUER", value_hint = ValueHint::Url)]
        issuer: String,
        #[command(flatten)]
        ca: CaArgs,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// Compact JWS or JWE messages; - for standard input. Of several, each comes under its name; with --json, each is one
    /// line with its name as "file". One that cannot be inspected has "error" instead, and the others follow; the exit code
    /// is the worst of all: 1 (a file that cannot be read), 2 (no message), 5 (a check), 0
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// The private key that opens a JWE (JWK or PEM); nobody but you may read the file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) decryption_key: Option<PathBuf>,
    /// The public keys that verify a JWS, or the id_token in a response (JWK, JWK set or PEM; for a device's requests also what
    /// `pivkit psso keys --json` prints); without it, the one in x5c, where the message may carry one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) verification_key: Option<PathBuf>,
    /// The PartyVInfo that was sent, base64url
    // One base64url value of 64 begins with a hyphen.
    #[arg(long, value_name = "B64URL", allow_hyphen_values = true)]
    pub(crate) apv: Option<String>,
    /// Judge times as at this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Show secrets that the message holds (password, tokens)
    #[arg(long)]
    pub(crate) show_token: bool,
}
