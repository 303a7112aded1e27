//! The text of a refresh token.
//!
//! ```text
//! base64url( handle of the session (16 bytes) | secret (32 bytes) )
//! ```
//! Every token of a session has the same handle, so that one which was used long ago is known as one of this session, and
//! only the live one has to be kept. The handle is random too: who never saw a token of a session cannot make one up that
//! ends it.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::Error;

/// The first token of a session.
///
/// # Errors
/// [`Error::Random`].
pub(crate) fn first() -> Result<Zeroizing<String>, Error> {
    let mut handle = [0; HANDLE];
    getrandom::fill(&mut handle).map_err(Error::Random)?;
    with_handle(&handle)
}

/// The token after `old`, of the same session. A token of an earlier version has no handle; the next one gets one.
///
/// # Errors
/// [`Error::Random`].
pub(crate) fn next(old: &str) -> Result<Zeroizing<String>, Error> {
    match handle(old) {
        Some(handle) => with_handle(&handle),
        None => first(),
    }
}

/// SHA-256 of the handle in a token, as the database keeps it; nothing for a token of an earlier version, or for what is none.
pub(crate) fn handle_hash(token: &str) -> Option<[u8; 32]> {
    handle(token).map(|handle| Sha256::digest(handle).into())
}

fn handle(token: &str) -> Option<[u8; HANDLE]> {
    let bytes = Zeroizing::new(jose::base64url::decode("refresh_token", token).ok()?);
    if bytes.len() == HANDLE + SECRET { bytes.first_chunk().copied() } else { None }
}

fn with_handle(handle: &[u8; HANDLE]) -> Result<Zeroizing<String>, Error> {
    let mut bytes = Zeroizing::new([0; HANDLE + SECRET]);
    let (front, secret) = bytes.split_at_mut(HANDLE);
    front.copy_from_slice(handle);
    getrandom::fill(secret).map_err(Error::Random)?;
    Ok(Zeroizing::new(jose::base64url::encode(bytes.as_ref())))
}

const HANDLE: usize = 16;
const SECRET: usize = 32;
