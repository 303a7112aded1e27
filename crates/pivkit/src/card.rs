//! `pivkit card`: what a card says of itself, its PIN and PUK, attestation, reset, signatures.
//!
//! What changes a card is planned, consented to, and done in one session. Before a PIN or PUK is sent its counter is read,
//! and the last try is kept unless the request says otherwise. What a maker's own commands are needed for fails by name on
//! the cards of others.

mod attest;
mod info;
mod reset;
mod retries;
mod secrets;
mod sign;

pub use attest::attest;
pub use identity::attestation::Roots;
pub use info::info;
pub use reset::{ResetRequest, reset};
pub use retries::{RetriesRequest, Tries, set_retries};
pub use secrets::{SecretRequest, change_pin, change_puk, unblock, verify_pin};
pub use sign::{InvalidSignatureAlgorithm, SignRequest, SignatureAlgorithm, sign};

use piv::{Administration, ManagementKey, PinReference, PinStatus, VerifiedSession};

use crate::Error;
use crate::error::Change;

/// How many tries are left; `None` if the card does not tell, or is verified at present.
pub(crate) fn tries(status: PinStatus) -> Option<u8> {
    match status {
        PinStatus::TriesLeft(tries) => Some(tries),
        PinStatus::Blocked => Some(0),
        PinStatus::Verified | PinStatus::Unknown(_) => None,
    }
}

fn name(reference: PinReference) -> &'static str {
    match reference {
        PinReference::Global => "global",
        PinReference::Application => "application",
    }
}

/// A card that fails before a secret was sent is as it was. After that, nobody knows what the command did whose answer is
/// missing or makes no sense.
fn in_doubt(error: Error, sent: bool, change: Change) -> Error {
    match error {
        Error::Card { reader, source } if sent && source.leaves_doubt() => Error::InDoubt { reader, change, source },
        error => error,
    }
}

/// Opens the administration: with the key that was given, else with the one that is stored on the card under the PIN, else
/// with the factory's.
///
/// # Errors
///
/// Those of [`piv::VerifiedSession::authenticate_management`].
pub(crate) fn administration<'a>(
    mut session: VerifiedSession<'a>,
    given: Option<&ManagementKey>,
) -> Result<Administration<VerifiedSession<'a>>, piv::Error> {
    if let Some(key) = given {
        return session.authenticate_management(key);
    }
    let stored = match session.admin_data() {
        Ok(data) => data.is_some_and(|data| data.management_key_stored),
        Err(error) if error.ends_session() => return Err(error),
        Err(_) => false,
    };
    let stored = if stored { session.protected_management_key()? } else { None };
    session.authenticate_management(&stored.unwrap_or_else(ManagementKey::factory_default))
}
