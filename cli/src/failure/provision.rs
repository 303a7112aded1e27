//! What to do when a card was not made ready.

use pivkit::provision::{ProvisionCardError as CardError, ProvisionError};

use super::{Advice, FAILED, NO_CARD, NO_IDENTITY, PIN, USAGE};

pub(super) fn advise(error: &ProvisionError) -> Advice {
    match error {
        ProvisionError::SlotInUse { slot, .. } => Advice::new(
            NO_IDENTITY,
            format!(
                "Nothing was changed; --replace destroys what is in slot {slot}, and whatever only it opens is lost."
            ),
        ),
        ProvisionError::ObjectInUse { .. } => Advice::new(
            NO_IDENTITY,
            "Nothing was changed; --replace destroys what is in it, an issuer's signature too.",
        ),
        ProvisionError::CardExchanged => Advice::new(NO_CARD, format!("Insert that card, and leave it in. {AGAIN}")),
        ProvisionError::FactoryCode { which: "PUK" } => {
            Advice::new(NO_IDENTITY, "Nothing was changed; choose another, or have one made up with --random-puk.")
        }
        ProvisionError::FactoryCode { .. } => Advice::new(NO_IDENTITY, "Nothing was changed; choose another."),
        ProvisionError::UnknownManagementKey => {
            Advice::new(NO_IDENTITY, "Give it with --management-key-file; who set the card up before has it.")
        }
        ProvisionError::NotAttested { .. } => {
            Advice::new(NO_IDENTITY, "Use a YubiKey with firmware 4.3 or newer, or leave --require-attestation off.")
        }
        ProvisionError::Attestation { .. } | ProvisionError::OtherCard { .. } => Advice::new(
            NO_IDENTITY,
            "No certificate was written for it. Do not trust this card, unless --attestation-root lacks the root, or an intermediate, of its maker.",
        ),
        ProvisionError::OtherKey { slot } | ProvisionError::NoKey { slot } => Advice::new(
            NO_IDENTITY,
            format!("`pivkit provision --csr-dir DIR --slot {slot}` makes a key and the request for its certificate."),
        ),
        ProvisionError::Signature { .. } => {
            Advice::new(NO_IDENTITY, "Do not trust this card; the certificate was not written.")
        }
        ProvisionError::FileInUse { .. } => Advice::new(USAGE, "Use one folder for each card with --csr-dir."),
        ProvisionError::Card(error) => card(error),
        _ => Advice::new(FAILED, AGAIN),
    }
}

fn card(error: &CardError) -> Advice {
    match error {
        CardError::CardRemoved => Advice::new(NO_CARD, format!("Insert the card. {AGAIN}")),
        CardError::Connection(_) => Advice::new(
            NO_CARD,
            format!("Take the card out and insert it again; close other programs that use it. {AGAIN}"),
        ),
        CardError::WrongReference { which: "PUK", .. } => Advice::new(
            PIN,
            "If an earlier run has replaced it already, leave --new-puk-file or --random-puk off; else give the right one with --puk-file.",
        ),
        CardError::WrongReference { .. } => {
            Advice::new(PIN, "If an earlier run has replaced it already, give the new one with --pin-file.")
        }
        CardError::Blocked { which: "PUK" } => {
            Advice::new(PIN, "A blocked PUK needs a reset, which destroys every key.")
        }
        CardError::Blocked { .. } => Advice::new(PIN, "Unblock it with the PUK, or have the card's issuer do it."),
        CardError::WrongManagementKey => {
            Advice::new(NO_IDENTITY, "Give it with --management-key-file; who set the card up before has it.")
        }
        CardError::NotAuthenticated { .. } => {
            Advice::new(NO_IDENTITY, format!("Another program used the card meanwhile, or nobody touched it. {AGAIN}"))
        }
        CardError::NoSuchKey { .. } => Advice::new(
            NO_IDENTITY,
            "`pivkit provision --csr-dir DIR` makes a key and the request for its certificate.",
        ),
        CardError::NotSupported { .. } => {
            Advice::new(NO_IDENTITY, "Choose another algorithm or policy; `pivkit provision --help` lists them.")
        }
        CardError::PrintedInUse => Advice::new(
            NO_IDENTITY,
            "Nothing was overwritten; use --keep-management-key, and keep a key of your own with the tools of the card's maker.",
        ),
        CardError::Input { .. } => Advice::new(USAGE, "Nothing was changed; `pivkit provision --help` shows examples."),
        _ => Advice::new(FAILED, AGAIN),
    }
}

const AGAIN: &str = "What was done stays done, and the same command goes on from there.";
