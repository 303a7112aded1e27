//! `pivkit psso logout`: the end of what a login left behind.

use std::path::PathBuf;

use psso::{DeviceKeys, Registrations, SignOnStore, StateDir, UserKey};

use super::Configuration;
use crate::report::{LogoutReport, SCHEMA_VERSION};
use crate::{Error, Ui};

/// What `pivkit psso logout` was asked.
#[derive(Debug)]
pub struct LogoutRequest {
    /// The device's state directory.
    pub state: PathBuf,
    /// The login configuration, which must be of the same identity provider if it is given.
    pub configuration: Option<Configuration>,
    /// Remove the device's keys as well.
    pub forget_device: bool,
    /// Only tell what would be removed.
    pub dry_run: bool,
}

/// Removes tokens and key context with the key that seals them, and the device's keys where that is asked for. The identity
/// provider is told nothing: the protocol has no message for it.
///
/// # Errors
///
/// [`Error::Psso`] when something cannot be removed; [`Error::Declined`]; [`Error::Ui`].
pub fn logout(request: &LogoutRequest, ui: &mut dyn Ui) -> Result<LogoutReport, Error> {
    let dir = StateDir::open(&request.state)?;
    let store = SignOnStore::new(dir.clone());
    if let Some(configuration) = &request.configuration {
        Registrations::check_provider(&dir, &configuration.config)?;
        store.check_provider(&configuration.config)?;
    }
    let plan = plan(&dir, &store, request.forget_device);
    let still_known = still_known(&dir, &store);
    let mut report =
        LogoutReport { schema_version: SCHEMA_VERSION, dry_run: request.dry_run, removed: plan, still_known };
    if request.dry_run || report.removed.is_empty() {
        return Ok(report);
    }
    if !ui.confirm(&report.removed, "Remove it?")? {
        return Err(Error::Declined);
    }
    let locked = store.lock()?;
    let signed_on = locked.remove()?;
    let device = request.forget_device.then(|| locked.forget_device()).transpose()?;
    let is_gone = |text: &String| match text.as_str() {
        SIGN_ON => signed_on,
        KEYS => device.is_some_and(|device| device.device_keys),
        USER_KEY => device.is_some_and(|device| device.user_key),
        _ => device.is_some_and(|device| device.registrations),
    };
    report.removed.retain(is_gone);
    Ok(report)
}

const SIGN_ON: &str = "the tokens and the key context of the last login, and the key that seals them";
const KEYS: &str = "the device's signing and encryption keys: the device has to be registered anew";
const USER_KEY: &str = "the user key, which stands in for the Secure Enclave's";
const NOTE: &str = "the note of where the device is registered";

/// What is there to be removed. What is damaged is there as well.
fn plan(dir: &StateDir, store: &SignOnStore, forget_device: bool) -> Vec<String> {
    let device = |there: bool| forget_device && there;
    [
        (SIGN_ON, !matches!(store.header(), Ok(None))),
        (KEYS, device(!matches!(DeviceKeys::find(dir), Ok(None)))),
        (USER_KEY, device(!matches!(UserKey::find(dir), Ok(None)))),
        (NOTE, device(!matches!(Registrations::load(dir), Ok(None)))),
    ]
    .into_iter()
    .filter(|(_, there)| *there)
    .map(|(what, _)| what.to_owned())
    .collect()
}

/// What the identity provider goes on knowing, each a sentence without its full stop.
fn still_known(dir: &StateDir, store: &SignOnStore) -> Vec<String> {
    let mut known = Vec::new();
    if let Ok(Some(sign_on)) = store.load()
        && sign_on.refresh_token.is_some()
    {
        let until = sign_on.refresh_token_expires_at.map(super::config::moment);
        let until =
            until.map_or_else(|| "until it ends it".to_owned(), |until| format!("until {until}, unless it ends it"));
        known.push(format!("the refresh token of {}, {until}", sign_on.user));
        if sign_on.unlock_key.is_some() {
            known.push(format!("the key for unlocking that it made for {}", sign_on.user));
        }
    }
    if let Ok(Some(note)) = Registrations::load(dir) {
        let users: Vec<_> = note.users.iter().map(|user| user.user.as_str()).collect();
        known.push(format!("the device {}, registered for {}", note.device_id, users.join(", ")));
    } else if let Ok(Some(keys)) = DeviceKeys::find(dir) {
        known.push(format!("the device {}, if it was registered", keys.signing_public().kid));
    }
    known
}
