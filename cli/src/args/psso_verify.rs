//! `pivkit psso verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use pivkit::psso;

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A login, refresh or key request, a compact JWS; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The login configuration that the identity provider gave out (TOML)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: PathBuf,
    /// The keys of the device: what `pivkit psso keys --json` prints, or its public signing key (JWK or PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) device_key: PathBuf,
    /// The user's public key or certificate (JWK or PEM), registered with the identity provider
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) user_key: Option<PathBuf>,
    /// The authorities whose cards may log in (PEM or DER); the certificate must name the user
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trust_ca: Option<PathBuf>,
    /// Which name in the card's certificate must be the user's
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Binding::Upn, requires = "trust_ca")]
    pub(crate) binding: Binding,
    /// The private key that passwords are encrypted to (JWK or PEM); nobody but you may read the file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) decryption_key: Option<PathBuf>,
    /// The user's password, to compare; nobody but you may read the file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) password_file: Option<PathBuf>,
    /// The refresh token that was given out, to compare; nobody but you may read the file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) refresh_token_file: Option<PathBuf>,
    /// The nonce that the server gave out, to compare
    // One base64url value of 64 begins with a hyphen.
    #[arg(long, value_name = "NONCE", allow_hyphen_values = true)]
    pub(crate) request_nonce: Option<String>,
    /// Judge times as at this moment (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Refuse what deviates from the documentation as well, though real Macs send it
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Which name in a certificate must be the user's.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Binding {
    /// The user principal name, whole
    Upn,
    /// The user principal name up to its @, in any domain
    UpnName,
    /// The e-mail address
    Email,
    /// The common name
    CommonName,
}

impl From<Binding> for psso::Binding {
    fn from(binding: Binding) -> Self {
        match binding {
            Binding::Upn => Self::Upn,
            Binding::UpnName => Self::UpnName,
            Binding::Email => Self::Email,
            Binding::CommonName => Self::CommonName,
        }
    }
}
