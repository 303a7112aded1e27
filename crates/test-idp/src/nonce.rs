//! The nonces of this server: 32 random bytes, once, for five minutes.
//!
//! A nonce that was asked for with a `client-request-id` can be used only with the same one.
//! Nonces live in memory: a restart forgets the outstanding ones, so a login in progress has to
//! start again, and nothing that was used can be used a second time.
//!
//! At most 4096 nonces are outstanding; one more drops the oldest.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// The nonces that were given out and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    outstanding: HashMap<String, Issued>,
    /// Oldest first; may name nonces that were used since.
    order: VecDeque<(String, Instant)>,
}

#[derive(Debug)]
struct Issued {
    expires: Instant,
    request_id: Option<String>,
}

/// Why a nonce does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NonceProblem {
    /// Never given out, used before, or forgotten at a restart: no way to tell, on purpose.
    #[error("the nonce was not given out by this server, or was used before")]
    Unknown,
    #[error("the nonce is older than five minutes")]
    Expired,
    #[error("the nonce was given out for another client-request-id")]
    OtherRequest,
}

impl Nonces {
    /// Makes a nonce, bound to `request_id` when there is one.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn issue(&mut self, request_id: Option<&str>, now: Instant) -> Result<String, getrandom::Error> {
        self.forget_old(now);
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let expires = now + LIFETIME;
        self.order.push_back((nonce.clone(), expires));
        self.outstanding.insert(nonce.clone(), Issued { expires, request_id: request_id.map(str::to_owned) });
        Ok(nonce)
    }

    /// Uses a nonce up, whatever the verdict.
    ///
    /// # Errors
    /// Why it does not count.
    pub(crate) fn take(&mut self, nonce: &str, request_id: Option<&str>, now: Instant) -> Result<(), NonceProblem> {
        let issued = self.outstanding.remove(nonce).ok_or(NonceProblem::Unknown)?;
        if now >= issued.expires {
            return Err(NonceProblem::Expired);
        }
        if issued.request_id.is_some() && issued.request_id.as_deref() != request_id {
            return Err(NonceProblem::OtherRequest);
        }
        Ok(())
    }

    /// Drops what has expired, and the oldest when there is no room for one more.
    fn forget_old(&mut self, now: Instant) {
        while let Some((nonce, expires)) = self.order.front() {
            if now < *expires && self.order.len() < CAPACITY {
                break;
            }
            self.outstanding.remove(nonce);
            self.order.pop_front();
        }
    }
}

/// How long a nonce can be used.
const LIFETIME: Duration = Duration::from_secs(300);

/// How many nonces are remembered.
const CAPACITY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_32_bytes_and_works_once() {
        let (mut nonces, now) = (Nonces::default(), Instant::now());
        let nonce = nonces.issue(None, now).unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&nonce).unwrap().len(), 32);
        assert_ne!(nonce, nonces.issue(None, now).unwrap());
        assert_eq!(nonces.take(&nonce, None, now), Ok(()));
        assert_eq!(nonces.take(&nonce, None, now), Err(NonceProblem::Unknown));
    }

    #[test]
    fn a_nonce_lasts_five_minutes() {
        let (mut nonces, now) = (Nonces::default(), Instant::now());
        let (a, b) = (nonces.issue(None, now).unwrap(), nonces.issue(None, now).unwrap());
        let almost = now + LIFETIME - Duration::from_millis(1);
        assert_eq!(nonces.take(&a, None, almost), Ok(()));
        assert_eq!(nonces.take(&b, None, now + LIFETIME), Err(NonceProblem::Expired));
    }

    #[test]
    fn a_bound_nonce_needs_its_request_id_and_is_used_up_by_another() {
        let (mut nonces, now) = (Nonces::default(), Instant::now());
        for wrong in [None, Some("B")] {
            let nonce = nonces.issue(Some("A"), now).unwrap();
            assert_eq!(nonces.take(&nonce, wrong, now), Err(NonceProblem::OtherRequest));
            assert_eq!(nonces.take(&nonce, Some("A"), now), Err(NonceProblem::Unknown));
        }
        let nonce = nonces.issue(Some("A"), now).unwrap();
        assert_eq!(nonces.take(&nonce, Some("A"), now), Ok(()));
        let unbound = nonces.issue(None, now).unwrap();
        assert_eq!(nonces.take(&unbound, Some("A"), now), Ok(()));
    }

    #[test]
    fn the_store_is_bounded_and_drops_the_oldest() {
        let (mut nonces, now) = (Nonces::default(), Instant::now());
        let first = nonces.issue(None, now).unwrap();
        let second = nonces.issue(None, now).unwrap();
        for _ in 2..=CAPACITY {
            nonces.issue(None, now).unwrap();
        }
        assert_eq!(nonces.order.len(), CAPACITY);
        assert_eq!(nonces.outstanding.len(), CAPACITY);
        assert_eq!(nonces.take(&first, None, now), Err(NonceProblem::Unknown));
        assert_eq!(nonces.take(&second, None, now), Ok(()));
        nonces.issue(None, now + LIFETIME).unwrap();
        assert_eq!((nonces.order.len(), nonces.outstanding.len()), (1, 1));
    }
}
