//! `pivkit card`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use pivkit::card::{SignatureAlgorithm, Tries};
use pivkit::{LastTry, Slot};

use super::{CardArgs, ChangeArgs, PinArgs};

#[derive(Subcommand, Debug)]
pub(crate) enum Card {
    /// Show everything that a card says of itself: for a support ticket
    Info(CardInfo),
    /// Verify the PIN, and show how many tries there were
    VerifyPin(VerifyPin),
    /// Change the PIN
    ChangePin(ChangePin),
    /// Give a blocked PIN a new value, by the PUK
    Unblock(Unblock),
    /// Change the PUK
    ChangePuk(ChangePuk),
    /// Set how many tries PIN and PUK have
    #[command(
        long_about = "Set how many tries PIN and PUK have.\n\nThe card sets PIN and PUK to those of the factory by that. The \
                            PIN is put back. The PUK gets a new one, from --new-puk-file or typed on a terminal; it stays as \
                            it is only if the card says that it is the factory's already."
    )]
    SetRetries(SetRetries),
    /// Have the card state that it made a key itself
    Attest(Attest),
    /// Destroy everything in the PIV application, as from the factory
    #[command(
        long_about = "Destroy every key, certificate and data object in the PIV application, and set PIN, PUK and \
                            management key to those of the factory.\n\nA card resets itself only when PIN and PUK are \
                            blocked; this command blocks them first, with wrong ones. Nothing brings back what was on \
                            the card. A person has to type the card's serial number or GUID, or give it with --confirm."
    )]
    Reset(Reset),
    /// Sign a file with a key on the card
    #[command(
        long_about = "Sign a file with a key on the card.\n\nThe signature is written as it is: for RSA as long as \
                            the modulus (PKCS#1 v1.5), for ECDSA in DER, for Ed25519 64 bytes. To verify one of RS256 or \
                            ES256 with the certificate in alice.pem:\n\n  openssl x509 -in alice.pem -pubkey -noout > \
                            public.pem\n  openssl dgst -sha256 -verify public.pem -signature letter.sig letter.txt\n\n\
                            With -sha384 for RS384 and ES384, -sha512 for RS512. Ed25519: openssl pkeyutl -verify -rawin."
    )]
    Sign(Sign),
}

#[derive(Args, Debug)]
pub(crate) struct CardInfo {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    /// Read all twenty-four slots, not only those that the card says are in use
    #[arg(long)]
    pub(crate) all_slots: bool,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyPin {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ChangePin {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) new: NewPinArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Unblock {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) puk: PukArgs,
    #[command(flatten)]
    pub(crate) new: NewPinArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ChangePuk {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) puk: PukArgs,
    #[command(flatten)]
    pub(crate) new: NewPukArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct SetRetries {
    /// How many tries the PIN shall have, 2 to 15
    #[arg(long, value_name = "N")]
    pub(crate) pin_tries: Tries,
    /// How many tries the PUK shall have, 2 to 15
    #[arg(long, value_name = "N")]
    pub(crate) puk_tries: Tries,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
    #[command(flatten)]
    pub(crate) new: NewPukArgs,
    #[command(flatten)]
    pub(crate) management_key: ManagementKeyArgs,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Args, Debug)]
pub(crate) struct Attest {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    /// The slot of the key
    #[arg(long, value_name = "SLOT")]
    pub(crate) slot: Slot,
    /// Check the statement up to one of the certificates in this file: the roots of the card's maker (PEM, DER or PKCS#7)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) attestation_root: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Reset {
    #[command(flatten)]
    pub(crate) card: CardArgs,
    /// The serial number or GUID of the card to destroy (the name of the reader for a card that has neither), instead of
    /// typing it
    #[arg(long, value_name = "SERIAL-OR-GUID")]
    pub(crate) confirm: Option<String>,
    /// Show what would be lost, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The file to sign; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The slot of the key
    #[arg(long, value_name = "SLOT")]
    pub(crate) slot: Slot,
    /// The algorithm (RS256, RS384, RS512, ES256, ES384, EdDSA); without it, the card is asked for its key
    #[arg(long, value_name = "ALG")]
    pub(crate) algorithm: Option<SignatureAlgorithm>,
    /// Write the signature into this file instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) card: CardArgs,
    #[command(flatten)]
    pub(crate) pin: PinArgs,
}

/// Where a PUK comes from, and how careful to be with it.
#[derive(Args, Debug)]
pub(crate) struct PukArgs {
    /// Read the PUK from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) puk_file: Option<PathBuf>,
    /// Send the PUK even if it is the last try, or the card does not say whether it is; after a wrong one nothing helps but a
    /// reset
    #[arg(long)]
    use_last_try: bool,
}

impl PukArgs {
    pub(crate) fn last_try(&self) -> LastTry {
        if self.use_last_try { LastTry::Use } else { LastTry::Keep }
    }
}

/// Where a new PIN comes from.
#[derive(Args, Debug)]
pub(crate) struct NewPinArgs {
    /// Read the new PIN from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_pin_file: Option<PathBuf>,
}

/// Where a new PUK comes from.
#[derive(Args, Debug)]
pub(crate) struct NewPukArgs {
    /// Read the new PUK from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_puk_file: Option<PathBuf>,
}

/// Where a management key comes from.
#[derive(Args, Debug)]
pub(crate) struct ManagementKeyArgs {
    /// Read the management key (hexadecimal) from this file, which only its owner may read; without it, the one stored on the
    /// card under the PIN, or the factory's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) management_key_file: Option<PathBuf>,
}
