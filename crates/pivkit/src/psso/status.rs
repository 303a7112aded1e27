//! `pivkit psso status`: what is in a state directory.

use std::path::Path;

use psso::{DeviceKeys, Registrations, SignOn, SignOnError, SignOnHeader, SignOnStore, StateDir, UserKey};

use super::config::{Configuration, moment};
use crate::Error;
use crate::report::{
    DeviceReport, PssoStatusReport, RegisteredUserReport, RegistrationNote, SCHEMA_VERSION, SealReport, SignOnDetails,
    SignOnReport, UnlockKeyReport, UserKeyReport,
};

/// What is in a state directory: keys, where they are registered, who is signed in and until when, and where the key is
/// that the tokens are sealed with. Nothing is sent, and no token is in the report.
///
/// # Errors
///
/// [`Error::Psso`] when the directory is not there or is open to others, when a file in it is damaged, or when the
/// configuration that was given is of another identity provider.
pub fn status(state: &Path, configuration: Option<&Configuration>) -> Result<PssoStatusReport, Error> {
    let dir = StateDir::open(state)?;
    let store = SignOnStore::new(dir.clone());
    if let Some(configuration) = configuration {
        Registrations::check_provider(&dir, &configuration.config)?;
        store.check_provider(&configuration.config)?;
    }
    let device = DeviceKeys::find(&dir)?.map(|keys| DeviceReport {
        device_signing_key: keys.signing_public(),
        device_encryption_key: keys.encryption_public(),
    });
    let user_key = UserKey::find(&dir)?.map(|key| UserKeyReport {
        kid: key.registered_public().kid,
        file: UserKey::file_name().to_owned(),
        stands_in_for: "a key in the Secure Enclave".to_owned(),
    });
    Ok(PssoStatusReport {
        schema_version: SCHEMA_VERSION,
        state: state.display().to_string(),
        device,
        user_key,
        registration: Registrations::load(&dir)?.map(note),
        sign_on: store.header()?.map(|header| sign_on(&store, &header)).transpose()?,
    })
}

fn note(found: Registrations) -> RegistrationNote {
    let user = |user: psso::RegisteredUser| RegisteredUserReport {
        user: user.user,
        method: user.method,
        registered_at: moment(user.registered_at),
        user_key: user.user_key,
        user_certificate: user.user_certificate,
    };
    RegistrationNote {
        issuer: found.issuer,
        client_id: found.client_id,
        device_id: found.device_id,
        users: found.users.into_iter().map(user).collect(),
    }
}

/// What cannot be unsealed is told as far as it can be.
fn sign_on(store: &SignOnStore, header: &SignOnHeader) -> Result<SignOnReport, Error> {
    let place = header.key_place();
    let (details, problem) = match store.load() {
        Ok(found) => (found.map(details), None),
        // Damaged is damaged, whether the damage can be seen with the key alone or without it.
        Err(error @ psso::Error::SignOn(SignOnError::Damaged { .. })) => return Err(error.into()),
        Err(psso::Error::SignOn(error)) => (None, Some(identity::text::with_causes(&error))),
        Err(error) => return Err(error.into()),
    };
    Ok(SignOnReport {
        issuer: header.issuer().to_owned(),
        client_id: header.client_id().to_owned(),
        sealed_with: SealReport::of(place),
        details,
        problem,
    })
}

fn details(found: SignOn) -> SignOnDetails {
    let refresh = found.usable_refresh_token().map(drop);
    SignOnDetails {
        method: found.method,
        last_login: moment(found.last_login),
        last_refresh: found.last_refresh.map(moment),
        can_refresh: refresh.is_ok(),
        refresh_token_expires_at: found.refresh_token_expires_at.map(moment),
        unlock_key: found.unlock_key.as_ref().map(|key| UnlockKeyReport {
            has_context: key.key_context.is_some(),
            expires_at: key.expires_at.map(moment),
        }),
        claims: found.claims,
        user: found.user,
        why_not: refresh.err().as_ref().map(SignOnError::to_string),
    }
}
