//! What to do when an account cannot be read or changed.

use pivkit::AccountError;

use super::{ACCOUNT, Advice, USAGE};

pub(super) fn advise(error: &AccountError) -> Advice {
    match error {
        AccountError::InvalidAccountName { .. } => Advice::new(USAGE, "Give the login name, such as alice."),
        AccountError::AccountNotFound { .. } => {
            Advice::new(ACCOUNT, "Check the spelling; `getent passwd` lists the accounts.")
        }
        AccountError::NoHome { .. } => {
            Advice::new(ACCOUNT, "Create the home directory (logging in once often does), then try again.")
        }
        AccountError::NotPermitted { .. } => Advice::new(ACCOUNT, "Run it as the user, or with sudo."),
        AccountError::Busy { .. } => Advice::new(ACCOUNT, "Wait until the other pivkit is done, then try again."),
        AccountError::Unsafe { .. } => Advice::new(
            ACCOUNT,
            "Nothing was changed; have the owner put a plain file or directory of their own there.",
        ),
        AccountError::Changed { .. } => Advice::new(ACCOUNT, "`pivkit list` shows how things stand now; try again."),
        _ => Advice::new(ACCOUNT, "Check the path; `pivkit list` shows how things stand."),
    }
}
