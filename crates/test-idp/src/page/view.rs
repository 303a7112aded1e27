//! What the page shows, as plain data: how it is kept is the business of the state.

use serde_json::{Map, Value};

/// The first page.
#[derive(Debug, Clone, Default)]
pub(super) struct Overview {
    /// Our own URL.
    pub(super) issuer: String,
    /// The names of the faults that are on for every login.
    pub(super) faults: Vec<String>,
    pub(super) users: Vec<User>,
    /// The newest ones.
    pub(super) devices: Vec<Device>,
    /// How many there are besides.
    pub(super) more_devices: u32,
    /// Newest first.
    pub(super) logins: Vec<Login>,
}

/// Somebody who may log in.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    pub(super) name: String,
    /// What of a certificate ties it to this user, in words.
    pub(super) binding: String,
    /// How many devices are registered for this user.
    pub(super) devices: u32,
    /// What is registered for this user besides devices, in words.
    pub(super) registered: Vec<String>,
}

/// A registered device.
#[derive(Debug, Clone, Default)]
pub(super) struct Device {
    /// Key identifier of the signing key, which names the device.
    pub(super) kid: String,
    /// Key identifier of the encryption key.
    pub(super) encryption_kid: String,
    pub(super) users: Vec<String>,
    /// Seconds since 1970.
    pub(super) registered: i64,
}

/// A request that was logged: a login, a refresh, a registration.
#[derive(Debug, Clone, Default)]
pub(super) struct Login {
    pub(super) id: i64,
    /// Seconds since 1970.
    pub(super) time: i64,
    /// What was asked for, in words: `SmartCard login`.
    pub(super) kind: String,
    pub(super) user: Option<String>,
    /// Key identifier of the device.
    pub(super) device: Option<String>,
    /// `client-request-id`.
    pub(super) request_id: Option<String>,
    /// Where it was refused; nothing when it was accepted.
    pub(super) refusal: Option<Refusal>,
    /// In the order in which they were made.
    pub(super) checks: Vec<Verdict>,
    pub(super) messages: Vec<Message>,
    /// The fault that it met, by its path.
    pub(super) fault: Option<String>,
    /// What the member should have been that the check refused, where that is one text.
    pub(super) expected: Option<String>,
    /// What the certificate of the assertion says.
    pub(super) certificate: Option<Map<String, Value>>,
}

/// Why a login was refused.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    /// The name of the check.
    pub(super) check: String,
    pub(super) reason: String,
}

/// What became of one check.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    pub(super) check: String,
    pub(super) held: bool,
}

/// A decoded message: what the client sent, without its secrets.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// `assertion` or `outer`, as the names of its checks begin.
    pub(super) name: String,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}
