//! What to do when a Mac's tools refuse or fail.

use pivkit::{Finding, MacError, PairingFailure};

use super::{ACCOUNT, Advice, FAILED, NO_CARD, NO_IDENTITY, PIN, USAGE};

pub(super) fn advise(error: &MacError) -> Advice {
    match error {
        MacError::InvalidRecordName { .. } | MacError::InvalidHash => {
            Advice::new(USAGE, "Give the login name, such as alice.")
        }
        MacError::ToolMissing { .. } => Advice::new(
            ACCOUNT,
            "The backend macos needs a Mac, or stand-ins for its tools in --tool-dir; choose another one with --backend.",
        ),
        MacError::TimedOut { .. } => Advice::new(
            ACCOUNT,
            "Look whether a question waits at the screen of the Mac, then try again; `pivkit list` shows how things stand.",
        ),
        MacError::NotPermitted { .. } => Advice::new(ACCOUNT, "Run it as the user, or with sudo."),
        MacError::NoSuchUser { .. } => {
            Advice::new(ACCOUNT, "Check the spelling; `dscl . -list /Users` lists the accounts.")
        }
        MacError::Pairing { reason, .. } => pairing(*reason),
        MacError::Different { .. } => {
            Advice::new(ACCOUNT, "Look at it with `pivkit mapping lint FILE`; --replace puts the new one in its place.")
        }
        MacError::NotWritten { .. } => {
            Advice::new(FAILED, "Check the path, its permissions, and the space on the disk; /etc wants root.")
        }
        MacError::Unsafe { .. } => Advice::new(
            NO_IDENTITY,
            "Have it belong to root, with all folders above it, and nobody else write to it; for pivkit, /usr/local/bin does.",
        ),
        MacError::File { .. } => Advice::new(ACCOUNT, "Check the path and its permissions."),
        MacError::Malformed { .. } => {
            Advice::new(ACCOUNT, "Run that tool by hand, or look into that file; something is wrong with it.")
        }
        _ => Advice::new(ACCOUNT, "`pivkit list` shows how things stand; try again."),
    }
}

/// The reasons for which `sc_auth` does not pair.
fn pairing(reason: PairingFailure) -> Advice {
    match reason {
        PairingFailure::AlgorithmInitialization => Advice::new(
            ACCOUNT,
            "If OpenSC's token driver (OpenSCTokenApp) is installed, remove it; take the card out, put it in again, and try again.",
        ),
        PairingFailure::NotTrusted => Advice::new(
            NO_IDENTITY,
            "Have the issuer's certificates trusted on this Mac (a configuration profile can), or checkCertificateTrust lowered.",
        ),
        PairingFailure::NoWrappingKey => Advice::new(
            NO_IDENTITY,
            "Put a key that decrypts or agrees on keys, with its certificate, into slot 9d; `pivkit provision` does so.",
        ),
        PairingFailure::InteractionNotAllowed => Advice::new(
            ACCOUNT,
            "Run it at the screen of the Mac, or as root while the user is logged in there; attribute mapping asks nobody.",
        ),
        PairingFailure::Canceled => Advice::new(ACCOUNT, "Try again, and answer the question at the screen."),
        PairingFailure::NotAuthorized => Advice::new(
            ACCOUNT,
            "Run it as the person whose account it is, or with sudo, and give the password of the login keychain at the screen.",
        ),
        PairingFailure::AuthenticationFailed => {
            Advice::new(PIN, "`pivkit card info` shows how many tries the PIN has left; then try again.")
        }
        PairingFailure::TokenNotFound => {
            Advice::new(NO_CARD, "Insert the card; `pivkit identities --from-system-profiler` shows what the Mac sees.")
        }
        _ => Advice::new(ACCOUNT, "Nothing was paired; the Mac's log tells more (subsystem com.apple.CryptoTokenKit)."),
    }
}

/// What stands in the way of pairing at all.
pub(super) fn refused(findings: &[Finding]) -> Advice {
    let next = match findings.first() {
        Some(Finding::SmartCardsNotAllowed) => {
            "Have allowSmartCard set in the configuration profile, restart the Mac, then try again."
        }
        Some(Finding::PivDriverDisabled) => {
            "Switch it on with `security smartcards token -e com.apple.CryptoTokenKit.pivtoken`, then try again."
        }
        Some(Finding::NotTrusted) => return pairing(PairingFailure::NotTrusted),
        _ => "Put that right, then try again.",
    };
    Advice::new(NO_IDENTITY, next)
}
