//! What to do when a card or the way to it fails.

use pivkit::{CardError, Change, TransportError};

use super::{Advice, FAILED, NO_CARD, NO_IDENTITY, PIN, USAGE};

pub(super) fn transport(error: &TransportError) -> Advice {
    match error {
        TransportError::ServiceUnavailable(_) => Advice::new(
            NO_CARD,
            "Start it (on Linux: `sudo systemctl start pcscd.socket`), or use a virtual card with --transport vpcd:HOST:PORT.",
        ),
        TransportError::AccessDenied(_) => {
            Advice::new(NO_CARD, "Log in on the machine itself, or have polkit allow pcsc-lite for you.")
        }
        TransportError::UnknownReader { .. } => {
            Advice::new(NO_CARD, "`pivkit readers` shows the readers that are there.")
        }
        TransportError::NoCard { .. } | TransportError::Removed { .. } => {
            Advice::new(NO_CARD, "Insert the card and try again; nothing was changed.")
        }
        TransportError::Unresponsive { .. } => {
            Advice::new(NO_CARD, "Take the card out, look which way it goes in, and insert it again.")
        }
        TransportError::TwoCards { .. } => Advice::new(
            NO_CARD,
            "Let each virtual card connect to an address of its own: --transport vpcd:HOST:PORT,HOST:PORT.",
        ),
        TransportError::AddressUnusable { .. } => {
            Advice::new(USAGE, "Give --transport vpcd:HOST:PORT an address of this machine that no other program uses.")
        }
        TransportError::Busy { .. } => {
            Advice::new(NO_CARD, "Close the other program (gpg's scdaemon often is the one), then try again.")
        }
        TransportError::Reset { .. } => Advice::new(FAILED, "Try again; nothing was changed."),
        TransportError::TimedOut { .. } => Advice::new(NO_CARD, "Take the card out, insert it again, and try again."),
        TransportError::MalformedAnswer { .. } => {
            Advice::new(FAILED, "Try another reader; if it stays so, this card cannot be used.")
        }
        _ => Advice::new(FAILED, "Take the card out, insert it again, and try again."),
    }
}

/// After a command whose answer is missing or makes no sense.
pub(super) fn in_doubt(change: Change) -> &'static str {
    match change {
        Change::Pin => "The PIN may be changed: try the new one first, with `pivkit card verify-pin`.",
        Change::UnblockedPin => {
            "The PIN may be changed and unblocked: try the new one first, with `pivkit card verify-pin`."
        }
        Change::Puk => "The PUK may be changed: try the new one first.",
        _ => {
            "If the PIN is wrong, it may have cost a try; `pivkit card info` shows how many are left. Nothing else has changed."
        }
    }
}

pub(super) fn piv(error: &CardError) -> Advice {
    match error {
        CardError::CardRemoved(_) => Advice::new(NO_CARD, "Insert the card and try again; nothing was changed."),
        CardError::CardReset(_) => Advice::new(FAILED, "Try again; nothing was changed."),
        CardError::Transport(error) => transport(error),
        CardError::NotPiv { .. } => Advice::new(NO_IDENTITY, "Insert a card with PIV, such as a YubiKey."),
        CardError::WrongPin { retries_left: Some(1) } => {
            Advice::new(PIN, "One try is left; pivkit sends no PIN any more unless told --use-last-try.")
        }
        CardError::WrongPin { retries_left: Some(tries) } => Advice::new(PIN, format!("{tries} tries are left.")),
        CardError::WrongPin { retries_left: None } => {
            Advice::new(PIN, "The card does not say how many tries are left.")
        }
        CardError::PinBlocked => Advice::new(PIN, "Unblock it with the PUK, or have the card's issuer do it."),
        CardError::LastPinTry => {
            Advice::new(PIN, "No PIN was sent; if you are sure of it, use --use-last-try. A wrong one blocks the card.")
        }
        CardError::PinTriesUnknown { .. } => Advice::new(
            PIN,
            "No PIN was sent, because it could be the last try; if you are sure of it, use --use-last-try.",
        ),
        CardError::InvalidPin => Advice::new(USAGE, "No PIN was sent to the card; try again."),
        CardError::PinRequired { .. } | CardError::NoKey { .. } => Advice::new(
            NO_IDENTITY,
            "`pivkit identities` shows what the slots are good for; choose another with --slot.",
        ),
        CardError::TouchTimeout { .. } => {
            Advice::new(NO_IDENTITY, "Try again, and touch the card when it blinks; nothing was changed.")
        }
        CardError::WrongPuk { retries_left: Some(1) } => Advice::new(
            PIN,
            "One try is left; pivkit sends no PUK any more unless told --use-last-try. After a wrong one only a reset helps.",
        ),
        CardError::WrongPuk { retries_left: Some(tries) } => Advice::new(PIN, format!("{tries} tries are left.")),
        CardError::WrongPuk { retries_left: None } => {
            Advice::new(PIN, "The card does not say how many tries are left.")
        }
        CardError::PukBlocked => Advice::new(
            PIN,
            "Only the card's issuer can help; a YubiKey can be emptied with `pivkit card reset`, which destroys its keys.",
        ),
        CardError::LastPukTry => Advice::new(
            PIN,
            "No PUK was sent; if you are sure of it, use --use-last-try. After a wrong one only a reset helps.",
        ),
        CardError::PukTriesUnknown { .. } => Advice::new(
            PIN,
            "No PUK was sent, because it could be the last try; if you are sure of it, use --use-last-try.",
        ),
        CardError::NewSecretRefused { .. } => Advice::new(
            NO_IDENTITY,
            "Nothing was changed; the card's own rules forbid it: choose a longer or less simple one.",
        ),
        CardError::InvalidPuk => Advice::new(USAGE, "No PUK was sent to the card; try again."),
        CardError::InvalidManagementKey => Advice::new(USAGE, "It was not used; try again."),
        CardError::WrongManagementKey { .. } | CardError::OtherManagementKey { .. } => {
            Advice::new(NO_IDENTITY, "Nothing was changed; give the card's own key with --management-key-file.")
        }
        CardError::CardNotAuthentic => Advice::new(NO_IDENTITY, "Do not trust this card, and have it replaced."),
        CardError::NotSupported { .. } => Advice::new(
            NO_IDENTITY,
            "Nothing was changed; cards of other makers, or with other firmware, may be able to.",
        ),
        CardError::NotAttested { .. } => Advice::new(
            NO_IDENTITY,
            "Only a key that was made on the card is attested; `pivkit card info` shows the origin of each.",
        ),
        CardError::UnusableAnswer(_) | CardError::Malformed { .. } => {
            Advice::new(FAILED, "The card does not follow the PIV standard here; please report it.")
        }
        _ => Advice::new(FAILED, "Take the card out, insert it again, and try again."),
    }
}
