//! The command `pivkit-vcard run`.

mod card;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use virtual_card::{End, Error, FaultPlan, LoadRequest, Preset, Profile, Quirks, Touch, VirtualCard, VpcdClient};

/// The arguments of `run`.
#[derive(Args)]
pub(crate) struct Run {
    /// The virtual reader (vpcd): a pcscd's, or that of `pivkit --transport vpcd:HOST:PORT`. It is waited for.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963")]
    vpcd: String,
    /// Which card it plays: plain, yubikey-4, yubikey-5.4, yubikey-5.7 or federal; `pivkit-vcard profiles` tells more.
    /// A kept card keeps the profile that it has. Without --preset and --load it is as its maker sends it out.
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
    /// What is different with this card, as in select-short,pin-tries=5; `pivkit-vcard profiles` lists them. They are not
    /// kept: each run has those that it names. But pin-tries, management-key and the global PIN of a pin-policy go into a
    /// new card, and stay in it; a kept card keeps its own.
    #[arg(long, value_name = "LIST")]
    quirk: Vec<Quirks>,
    /// When the card is touched, after it asks for it: SECONDS, or never (it waits for 15 seconds) or never=SECONDS (for
    /// so long). At once without this option.
    #[arg(long, value_name = "SECONDS|never")]
    touch: Option<Touch>,
    /// Makes a card ready for use: alice has RSA-2048 in 9a and P-256 in 9d; reference has keys in 9a, 9c, 9d, 9e and 82.
    /// With --state it is made on first use, and
    /// ca.pem, 9a.pem and so on are written beside it; a card that is kept there already is used if it has keys in these
    /// slots, and is an error otherwise. Without --state it is gone at the end and nothing is written, its CA certificate
    /// neither.
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// Puts a certificate and its private key (PEM or DER, unencrypted) into a slot: 9a, 9c, 9d, 9e, 82 to 95. They take
    /// the place of what was in the slot, on a kept card too, and for good; with --state the certificate is written beside
    /// the card as SLOT.pem.
    #[arg(long, value_name = "SLOT=CERT,KEY")]
    load: Vec<LoadRequest>,
    /// Makes a card of the files in a directory, as the ICAM test cards of the US government are published: objects,
    /// certificates and keys (1-Discovery_Object, 3-NAME.crt, 3-NAME.p12 ...). With --state it is made on first use, and an
    /// error if another card is kept there. Where the card has a global PIN, that is 654321.
    #[arg(long, value_name = "DIR", conflicts_with = "preset")]
    load_icam: Option<PathBuf>,
    /// The PIN of a new card, six to eight digits: the first line of a file that nobody else may read. A kept card keeps
    /// the PIN that it has, and another one in the file is an error. The PIN is 123456 without this option; the PUK, which
    /// unblocks it, is always 12345678.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// Keeps the card, its keys and the tries of its PIN and PUK in this directory, which must be yours and which nobody
    /// else may read (mode 0700). A blank card is kept, too: for another one take another directory, or delete this one.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Faults to come: lines `at N FAULT`, for the N-th command from 1, or `at N of INS FAULT`, for the N-th one with this
    /// instruction, as in `at 2 of CB garbage`. The faults: remove and reset (before the card sees the command),
    /// remove-after and reset-after (it executes the command and does not answer), sw=6F00 (or another status word), truncate,
    /// truncate=BYTES, garbage, hang=SECONDS, endless-chain, gzip-bomb.
    #[arg(long, value_name = "FILE")]
    fault: Option<PathBuf>,
    /// How much later each answer comes, as those of a real card in a real reader do.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    delay: u64,
    /// Refuses APDUs of the extended form, as many older cards do: the same as --quirk no-extended.
    #[arg(long)]
    no_extended: bool,
}

impl Run {
    /// Keeps the card in its reader until a signal or a fault ends it.
    pub(crate) fn start(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut plan = self.fault_plan()?;
        let mut card = self.card()?;
        let client = VpcdClient::new(&self.vpcd).slowed(Duration::from_millis(self.delay));
        let stop = client.stop();
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        // Before the thread, so that it is the only one to take them.
        signals.thread_block()?;
        thread::spawn(move || {
            // It fails for malformed sets only; the card must not run on without a way to end it.
            let _ = signals.wait();
            stop.request();
        });
        let (reader_spoke, silence) = mpsc::channel::<()>();
        let waiting = format!("waiting for a reader at {}", self.vpcd);
        thread::spawn(move || {
            if silence.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                note(&waiting);
            }
        });
        let end = client.run(&mut card, &mut plan, |card| {
            drop(reader_spoke);
            say(&inserted(card, &self.vpcd));
        })?;
        if let End::Removed { command } = end {
            say(&format!("card removed at command {command}"));
        }
        Ok(())
    }

    fn fault_plan(&self) -> Result<FaultPlan, Error> {
        let Some(path) = &self.fault else { return Ok(FaultPlan::default()) };
        let unreadable = |source| Error::Unreadable { path: path.clone(), source };
        std::fs::read_to_string(path).map_err(unreadable)?.parse()
    }
}

fn inserted(card: &VirtualCard, vpcd: &str) -> String {
    let guid = card.guid().map_or_else(|| "none".to_owned(), |guid| guid.to_string());
    let slots: Vec<_> = card.slots().iter().map(|(slot, algorithm)| format!("{slot} {algorithm}")).collect();
    let slots = if slots.is_empty() { "none".to_owned() } else { slots.join(", ") };
    format!("card in vpcd {vpcd}: GUID {guid}, slots {slots}")
}

/// Nobody may be reading: that is no reason to end.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line for the person at the terminal.
fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "pivkit-vcard: {line}");
}

/// After this time without a reader somebody should be told.
const PATIENCE: Duration = Duration::from_secs(2);
