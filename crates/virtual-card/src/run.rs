//! The command `pivkit-vcard run`.

use std::io::Write;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use virtual_card::{
    CardOptions, Content, End, Error, ExtendedLength, FaultPlan, LoadRequest, Preset, StateDirectory, VirtualCard,
    VpcdClient,
};

/// The arguments of `run`.
#[derive(Args)]
pub(crate) struct Run {
    /// The virtual reader (vpcd): a pcscd's, or that of `pivkit --transport vpcd:HOST:PORT`. It is waited for.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:35963")]
    vpcd: String,
    /// Makes a card ready for use: alice has RSA-2048 in 9a and P-256 in 9d, PIN 123456. With --state it is made on first
    /// use, and ca.pem, 9a.pem and 9d.pem are written beside it. Without --state it is gone at the end and nothing is
    /// written, its CA certificate neither.
    #[arg(long, value_name = "NAME")]
    preset: Option<Preset>,
    /// Puts a certificate and its private key (PEM or DER, unencrypted) into a slot: 9a, 9c, 9d, 9e, 82 to 95.
    #[arg(long, value_name = "SLOT=CERT,KEY")]
    load: Vec<LoadRequest>,
    /// Keeps the card, its keys and its PIN tries in this directory, which nobody else may read (mode 0700).
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Faults to come: lines `at N remove` or `at N sw=6F00`, where N counts the commands from 1.
    #[arg(long, value_name = "FILE")]
    fault: Option<PathBuf>,
    /// Refuses APDUs of the extended form, as many older cards do.
    #[arg(long)]
    no_extended: bool,
}

impl Run {
    /// Keeps the card in its reader until a signal or a fault ends it.
    pub(crate) fn start(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut plan = self.fault_plan()?;
        let mut card = self.card()?;
        let client = VpcdClient::new(&self.vpcd);
        let stop = client.stop();
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        // Before the thread, so that it is the only one to take them.
        signals.thread_block()?;
        thread::spawn(move || {
            // It fails for malformed sets only; the card must not run on without a way to end it.
            let _ = signals.wait();
            stop.request();
        });
        let end = client.run(&mut card, &mut plan, |card| say(&inserted(card, &self.vpcd)))?;
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

    fn card(&self) -> Result<VirtualCard, Error> {
        let store = self.state.as_deref().map(StateDirectory::open).transpose()?;
        let kept = store.as_ref().map(StateDirectory::read).transpose()?.flatten();
        let mut content = match (kept, self.preset) {
            (Some(content), _) => content,
            (None, Some(preset)) => issue(preset, store.as_ref())?,
            (None, None) => Content::blank()?,
        };
        for request in &self.load {
            request.apply(&mut content)?;
        }
        let extended_length = if self.no_extended { ExtendedLength::Refused } else { ExtendedLength::Honoured };
        let options = CardOptions { extended_length };
        match store {
            Some(store) => VirtualCard::kept(content, options, store),
            None => Ok(VirtualCard::new(content, options)),
        }
    }
}

/// The certificates first: a card that is kept has them beside it.
fn issue(preset: Preset, store: Option<&StateDirectory>) -> Result<Content, Error> {
    let issued = preset.issue()?;
    if let Some(store) = store {
        store.write_certificate("ca", &issued.ca_certificate)?;
        for (slot, certificate) in &issued.certificates {
            store.write_certificate(&slot.to_string(), certificate)?;
        }
    }
    Ok(issued.content)
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
