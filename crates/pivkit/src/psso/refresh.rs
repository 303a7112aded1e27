//! `pivkit psso refresh`: new tokens, without a card.

use std::path::PathBuf;
use std::time::Instant;

use psso::{Client, DeviceKeys, KeyChoice, SignOn, SignOnStore, StateDir};
use secrecy::SecretString;

use super::config::{Configuration, client, configuration};
use crate::Error;
use crate::report::LoginReport;

/// What is asked of a command that goes on from an earlier login.
#[derive(Debug)]
pub struct SignedInRequest {
    /// The device's state directory.
    pub state: PathBuf,
    /// The login configuration; without it, that of the login.
    pub configuration: Option<PathBuf>,
    /// Certificates of authorities to be trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// Called just before the request is posted whose answer must not be lost: nothing should interrupt the program from
    /// there to its end.
    pub before_posting: fn(),
}

/// Has the tokens renewed with the refresh token, and keeps the new ones. One process at a time: another one waits, and then
/// uses the token that this one got.
///
/// # Errors
///
/// [`Error::Psso`]: nobody is signed in, the token's time is over, there is no room on the disk for another one, the
/// identity provider refuses it, its answer does not hold. Then what was kept stays as it was.
pub fn refresh(request: &SignedInRequest, show_tokens: bool) -> Result<LoginReport, Error> {
    let started = Instant::now();
    let place = SignedIn::place(request)?;
    let locked = place.store.lock()?;
    let mut signed_in = SignedIn::load(request, &locked)?;
    signed_in.token()?;
    locked.reserve()?;
    let user = &signed_in.sign_on.user;
    let outcome = signed_in.client.refresh(user, signed_in.token()?, &place.keys)?;
    signed_in.sign_on.refreshed(&outcome)?;
    // Where no new token came the old one goes on, and so does its time.
    let left = match outcome.tokens.refresh_token {
        Some(_) => None,
        None => signed_in.sign_on.refresh_token_good_for(),
    };
    let key_place = locked.save(&signed_in.sign_on, KeyChoice::Automatic)?;
    let report = LoginReport::new(outcome, signed_in.sign_on.method, started.elapsed(), key_place, show_tokens);
    Ok(LoginReport { refresh_token_expires_in: left.or(report.refresh_token_expires_in), ..report })
}

/// The state directory of somebody who may be signed in.
pub(super) struct Place {
    pub(super) keys: DeviceKeys,
    pub(super) store: SignOnStore,
}

/// An earlier login, and the way to its identity provider.
pub(super) struct SignedIn {
    pub(super) sign_on: SignOn,
    pub(super) client: Client,
}

impl SignedIn {
    pub(super) fn place(request: &SignedInRequest) -> Result<Place, Error> {
        let store = SignOnStore::new(StateDir::open(&request.state)?);
        Ok(Place { keys: DeviceKeys::open(&request.state)?, store })
    }

    pub(super) fn load(request: &SignedInRequest, locked: &psso::LockedSignOn<'_>) -> Result<Self, Error> {
        let given = request.configuration.as_deref().map(configuration).transpose()?;
        let sign_on = locked.load(given.as_ref().map(|given| &given.config))?;
        let configuration = match given {
            Some(given) => given,
            None => Configuration::of(&sign_on)?,
        };
        let client = client(configuration.config, request.ca.as_deref())?.before_posting(request.before_posting);
        Ok(Self { sign_on, client })
    }

    /// The refresh token, if it can be used.
    pub(super) fn token(&self) -> Result<&SecretString, Error> {
        Ok(self.sign_on.usable_refresh_token().map_err(psso::Error::from)?)
    }
}
