//! Why a use case failed.

use std::path::PathBuf;

use identity::select::SelectError;

use crate::ui::UiError;

/// Why a use case failed, by what the caller can do about it. The command line gives each an exit code and a second
/// sentence that says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The way to the cards failed before a card was chosen.
    #[error(transparent)]
    Transport(#[from] smartcard::Error),
    /// There is no reader.
    #[error("there is no smart card reader")]
    NoReader,
    /// There are readers, and no card that fits.
    #[error("there is no card{}", fitting(.wanted))]
    NoCard {
        /// What was asked for, such as `in reader "X"`; empty if any card would have done.
        wanted: String,
    },
    /// Several cards fit, and nobody can be asked.
    #[error("several cards are present: {}", .choices.join("; "))]
    SeveralCards {
        /// The cards, each a line.
        choices: Vec<String>,
    },
    /// The card failed or refused.
    #[error("{}", card(.reader, .source))]
    Card {
        /// The reader.
        reader: String,
        /// What happened.
        source: piv::Error,
    },
    /// A slot has no certificate.
    #[error("slot {slot} holds no certificate")]
    EmptySlot {
        /// The slot.
        slot: piv::Slot,
    },
    /// The certificate in a slot cannot be read.
    #[error("the certificate in slot {slot} cannot be read")]
    UnreadableCertificate {
        /// The slot.
        slot: piv::Slot,
        /// Why.
        source: identity::Error,
    },
    /// Not exactly one identity fits.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The backend's login module cannot use the identity.
    #[error("the identity in slot {slot} cannot be paired: {why}")]
    Obstacle {
        /// The slot.
        slot: String,
        /// Why, a sentence without its full stop.
        why: String,
    },
    /// A Mac would not pair the identity, or the pairing would be of no use.
    #[error("this Mac cannot pair the identity in slot {slot}: {}", .findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    MacRefuses {
        /// The slot.
        slot: String,
        /// What stands in the way.
        findings: Vec<pairing::macos::Finding>,
    },
    /// A Mac was to be asked, or what it said to be read, and that failed.
    #[error(transparent)]
    Mac(#[from] macos::Error),
    /// The identity is not fit for logging in.
    #[error("the certificate in slot {slot} cannot be used: {}", .problems.join("; "))]
    Unfit {
        /// The slot.
        slot: String,
        /// What is wrong, each a phrase.
        problems: Vec<String>,
    },
    /// The card did not prove that it holds the key of the certificate it showed.
    #[error("the card did not prove that it holds the key of its certificate")]
    NotProved(#[source] identity::Error),
    /// The system gave no random bytes for a challenge.
    #[error("no challenge could be made")]
    Challenge(#[source] identity::Error),
    /// Nothing on the card is paired with the account.
    #[error("the card is not paired with account {user}")]
    NotPairedWithCard {
        /// The account.
        user: String,
    },
    /// The account is paired with the card, and the Mac looks at the names in the certificate instead.
    #[error("account {user} is paired with the card, and SmartcardLogin.plist counts before that: it leads the card to {}", led_to(.accounts))]
    MappingDecides {
        /// The account.
        user: String,
        /// The accounts to which the names lead.
        accounts: Vec<String>,
    },
    /// The change was made and read back, and when it was looked at once more, that failed.
    #[error("the pairing of account {user} was changed, and could not be looked at afterwards")]
    NotSeenAgain {
        /// The account.
        user: String,
        /// Why.
        source: Box<pairing::Error>,
    },
    /// A backend was asked for that is not there.
    #[error("there is no backend {name:?}")]
    UnknownBackend {
        /// The name.
        name: String,
    },
    /// No backend was asked for, and the system has none that pivkit knows.
    #[error("no login module for smart cards was found on this system")]
    NoBackend,
    /// No backend was asked for, and the system has several.
    #[error("this system has several login modules for smart cards: {}", .found.join("; "))]
    SeveralBackends {
        /// Their backends, each with the services that ask it.
        found: Vec<String>,
    },
    /// A file of authorities cannot be read whole.
    #[error("{} holds something that is no certificate", .path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        source: identity::Error,
    },
    /// The account or its pairing could not be read or changed.
    #[error(transparent)]
    Pairing(#[from] pairing::Error),
    /// A bulk run cannot be carried out as a whole.
    #[error(transparent)]
    Bulk(#[from] bulk::Error),
    /// What was read back is not what was planned. The change was undone.
    #[error("the pairing of account {user} did not read back as it was written; it was undone")]
    NotReadBack {
        /// The account.
        user: String,
        /// Why it could not be read, if that was it.
        source: Option<pairing::Error>,
    },
    /// What was read back is not what was planned, and the change could not be undone.
    #[error("the pairing of account {user} did not read back as it was written, and it could not be undone")]
    NotUndone {
        /// The account.
        user: String,
        /// Why it could not be undone.
        source: pairing::Error,
    },
    /// The file with attestation roots cannot be read.
    #[error("{} holds no attestation root", .path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        source: identity::Error,
    },
    /// The card was not made ready.
    #[error(transparent)]
    Provision(#[from] crate::provision::ProvisionError),
    /// Platform SSO failed.
    #[error(transparent)]
    Psso(#[from] psso::Error),
    /// The certificate's key cannot sign with the algorithm asked for, or not at all.
    #[error("a key of type {key} cannot sign with {algorithm}")]
    Algorithm {
        /// The key: `RSA2048`, `P256` ...
        key: String,
        /// The algorithm.
        algorithm: String,
    },
    /// An argument or the input to `inspect` cannot be understood.
    #[error("{what}")]
    Input {
        /// What is wrong with it.
        what: String,
    },
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The card's statement about a key does not hold.
    #[error("the attestation of the key in slot {slot} does not hold")]
    Attestation {
        /// The slot.
        slot: piv::Slot,
        /// Why.
        source: identity::attestation::AttestationError,
    },
    /// The new PIN or PUK is the old one.
    #[error("the new {what} is the old one")]
    SameSecret {
        /// `PIN` or `PUK`.
        what: &'static str,
    },
    /// The name that was typed is not the card's.
    #[error("{typed:?} does not name the card")]
    NotConfirmed {
        /// What was typed.
        typed: String,
    },
    /// The card did not tell what became of a command that it got: whether it did as told is not known.
    #[error("{}", card(.reader, .source))]
    InDoubt {
        /// The reader.
        reader: String,
        /// What it may have done.
        change: Change,
        /// What happened.
        source: piv::Error,
    },
    /// The tries were set, or may have been, which gives PIN and PUK the values of the factory, and a value was not put back.
    #[error("the tries may be set by now, and PIN or PUK was not given its value again")]
    FactorySecrets {
        /// Why.
        source: piv::Error,
    },
    /// PIN and PUK were blocked for a reset, and the reset failed; or whether the card was reset is not known.
    #[error("the card was to be reset, and it failed or did not say so; PIN and PUK may be blocked by now")]
    NotReset {
        /// Why.
        source: piv::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A person did not answer.
    #[error(transparent)]
    Ui(#[from] UiError),
    /// The person said no.
    #[error("nothing was changed")]
    Declined,
}

/// What a card may have done that did not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Nothing but to compare the PIN, and to count a try if that is wrong.
    Try,
    /// It took the new PIN.
    Pin,
    /// It took the new PUK.
    Puk,
    /// It took the new PIN, by the PUK.
    UnblockedPin,
}

fn led_to(accounts: &[String]) -> String {
    if accounts.is_empty() { "no account".to_owned() } else { accounts.join(" and ") }
}

fn fitting(wanted: &str) -> String {
    if wanted.is_empty() { String::new() } else { format!(" {wanted}") }
}

/// What happened, and in which reader; some errors say that themselves.
fn card(reader: &str, source: &piv::Error) -> String {
    let (text, reader) = (source.to_string(), format!("reader {reader:?}"));
    if text.contains(&reader) { text } else { format!("{text} ({reader})") }
}
