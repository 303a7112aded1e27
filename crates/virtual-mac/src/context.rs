//! Who runs a tool, and in whose session. `sudo` and `launchctl asuser` hand that on in two variables, as a process on a Mac
//! inherits it.

use std::process::Command;

use crate::mac::Mac;

/// The user and the GUI session of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    /// The record name.
    pub(crate) user: String,
    /// The user id whose session it is; `None` in a session without a screen.
    pub(crate) session: Option<u32>,
}

impl Context {
    /// Of this process.
    pub(crate) fn of_process(mac: &Mac) -> Self {
        let user = std::env::var(USER).unwrap_or_else(|_| mac.caller.clone());
        let session = match std::env::var(SESSION) {
            Ok(session) => session.parse().ok(),
            Err(_) => mac.caller_session.or_else(|| Self::own_session(mac, &user)),
        };
        Self { user, session: session.filter(|uid| mac.sessions.contains(uid)) }
    }

    /// Of the programs that `command` starts.
    pub(crate) fn hand_on(&self, command: &mut Command) {
        let session = self.session.map(|uid| uid.to_string()).unwrap_or_default();
        command.env(USER, &self.user).env(SESSION, session);
    }

    pub(crate) fn is_root(&self) -> bool {
        self.user == "root"
    }

    fn own_session(mac: &Mac, user: &str) -> Option<u32> {
        mac.any_user(user).and_then(|record| u32::try_from(record.uid()).ok()).filter(|uid| *uid != 0)
    }
}

/// The variables; tools that are called from outside have none of them.
const USER: &str = "PIVKIT_VMAC_USER";
const SESSION: &str = "PIVKIT_VMAC_SESSION";
