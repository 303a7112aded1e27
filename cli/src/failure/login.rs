//! What to do when a Platform SSO login fails.

use pivkit::{CardError, LoginError};

use super::{Advice, FAILED, LOGIN, NO_IDENTITY, USAGE, card};

pub(super) fn advise(error: &LoginError) -> Advice {
    match error {
        LoginError::Network { .. } => {
            Advice::new(LOGIN, "Check that the identity provider runs and that the URL in the configuration is right.")
        }
        LoginError::Endpoint { status: 401, .. } => Advice::new(
            LOGIN,
            "The identity provider refused the login; its log says more. `pivkit psso register` registers this device.",
        ),
        LoginError::Endpoint { .. } | LoginError::UnexpectedAnswer { .. } => {
            Advice::new(LOGIN, "Check the URLs in the configuration, then the identity provider's log.")
        }
        LoginError::Rejected { .. } => Advice::new(
            LOGIN,
            "Do not trust this answer: the identity provider is set up wrongly, or someone is between you and it.",
        ),
        // The signer is the card; what it said is the source.
        LoginError::Signer(source) => match source.downcast_ref::<CardError>() {
            Some(error) => card::piv(error),
            None => Advice::new(FAILED, "Take the card out, insert it again, and try again."),
        },
        LoginError::Config { .. } => {
            Advice::new(USAGE, "Correct the configuration file or the argument, then try again.")
        }
        LoginError::State { .. } => {
            Advice::new(FAILED, "The folder must be your own with mode 700, and its files mode 600.")
        }
        LoginError::Crypto { .. } => Advice::new(
            NO_IDENTITY,
            "If certificate and key on the card do not belong together, do not trust the card, and have it issued anew.",
        ),
        _ => Advice::new(FAILED, "Try again."),
    }
}
