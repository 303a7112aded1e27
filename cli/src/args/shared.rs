//! Flags that many commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use pivkit::{CardChoice, IdentityChoice, LastTry, MacTools, PairingHash, Slot, System, Transport};

#[derive(Args, Debug)]
pub(crate) struct TransportArgs {
    /// The way to the cards: pcsc, or vpcd:HOST:PORT[,HOST:PORT...] to be the virtual readers that virtual cards connect to
    #[arg(long, value_name = "TRANSPORT", default_value = "pcsc")]
    pub(crate) transport: Transport,
}

#[derive(Args, Debug)]
pub(crate) struct CardArgs {
    #[command(flatten)]
    pub(crate) transport: TransportArgs,
    /// The card in the reader of this name, or of a name that contains this
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
    /// The YubiKey with this serial number
    #[arg(long, value_name = "N")]
    serial: Option<u32>,
    /// The card with this GUID (32 hexadecimal digits)
    #[arg(long, value_name = "HEX", value_parser = guid)]
    guid: Option<[u8; 16]>,
}

impl CardArgs {
    pub(crate) fn choice(&self) -> CardChoice {
        CardChoice { reader: self.reader.clone(), serial: self.serial, guid: self.guid }
    }

    /// Whether a card was named.
    pub(crate) fn is_given(&self) -> bool {
        self.reader.is_some() || self.serial.is_some() || self.guid.is_some()
    }
}

/// Any card in some readers.
#[derive(Args, Debug)]
pub(crate) struct ReaderArgs {
    #[command(flatten)]
    pub(crate) transport: TransportArgs,
    /// Only the readers of this name, or of a name that contains this
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
}

impl ReaderArgs {
    pub(crate) fn choice(&self) -> CardChoice {
        CardChoice { reader: self.reader.clone(), ..CardChoice::default() }
    }
}

fn guid(text: &str) -> Result<[u8; 16], &'static str> {
    pivkit::parse_guid(text).ok_or("a GUID has 32 hexadecimal digits")
}

#[derive(Args, Debug)]
pub(crate) struct IdentityArgs {
    /// The slot of the identity
    #[arg(long, value_name = "SLOT")]
    slot: Option<Slot>,
    /// The pairing hash of the identity
    #[arg(long, value_name = "HASH")]
    hash: Option<PairingHash>,
}

impl IdentityArgs {
    pub(crate) fn choice(&self) -> IdentityChoice {
        IdentityChoice { slot: self.slot, hash: self.hash }
    }

    /// Whether any of them was given.
    pub(crate) fn is_given(&self) -> bool {
        self.slot.is_some() || self.hash.is_some()
    }
}

#[derive(Args, Debug)]
pub(crate) struct PinArgs {
    /// Read the PIN from this file, which only its owner may read
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "pin_stdin")]
    pub(crate) pin_file: Option<PathBuf>,
    /// Read the PIN from standard input
    #[arg(long)]
    pub(crate) pin_stdin: bool,
    /// Send the PIN even if it is the last try, after which the card is blocked
    #[arg(long)]
    use_last_try: bool,
}

impl PinArgs {
    pub(crate) fn last_try(&self) -> LastTry {
        if self.use_last_try { LastTry::Use } else { LastTry::Keep }
    }
}

#[derive(Args, Debug)]
pub(crate) struct AccountArgs {
    /// Where pairings are kept: macos, macos_mapping, pam_p11, pam_pkcs11 or sssd; without it, what the system has
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<String>,
    /// On a Mac, pair by the names in the certificate (the same as --backend macos_mapping)
    #[arg(long, conflicts_with = "backend")]
    mapping: bool,
    /// Work on this folder (with its own etc/passwd) instead of the live system
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) mac: MacArgs,
}

#[derive(Args, Debug)]
pub(crate) struct MacArgs {
    /// Run the programs in this folder instead of a Mac's own sc_auth, dscl and so on (or set PIVKIT_TOOL_DIR)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    tool_dir: Option<PathBuf>,
    /// Stop a Mac's tool that has not ended after so many seconds; without it, after a minute, and pairing after five
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    tool_time_limit: Option<u64>,
}

impl MacArgs {
    pub(crate) fn tools(&self) -> MacTools {
        let set = || std::env::var_os("PIVKIT_TOOL_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        MacTools {
            folder: self.tool_dir.clone().or_else(set),
            time_limit: self.tool_time_limit.map(Duration::from_secs),
            accept_lock_out: false,
        }
    }
}

impl AccountArgs {
    /// The name of the backend that was asked for.
    pub(crate) fn backend(&self) -> Option<&str> {
        if self.mapping { Some("macos_mapping") } else { self.backend.as_deref() }
    }

    pub(crate) fn system(&self) -> System {
        match &self.root {
            Some(root) => System::root(root),
            None => System::live(),
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct ChangeArgs {
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for consent
    #[arg(long, short)]
    pub(crate) yes: bool,
}
