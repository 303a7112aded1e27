//! The login against an identity provider in memory: the right answer, and every wrong one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod accepted;
mod answers;
mod card;
mod id_token;
mod idp;
mod response;

use card::Card;
use idp::{Faults, Idp};
use psso::{DeviceKeys, Error, LoginOutcome};
use tempfile::TempDir;

/// One login with a P-256 card against an identity provider with these faults.
fn login_with(faults: Faults) -> Result<LoginOutcome, Error> {
    let (_dir, keys) = keys();
    let idp = Idp::new(faults);
    idp.trust(&keys);
    card::login(&idp.client(""), &keys, &mut Card::p256())
}

fn keys() -> (TempDir, DeviceKeys) {
    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    (dir, keys)
}

/// The name of the check that failed.
fn rejected(faults: Faults) -> String {
    match login_with(faults) {
        Err(Error::Rejected { claim, why }) => {
            assert!(!why.is_empty());
            claim.to_owned()
        }
        other => panic!("not rejected: {other:?}"),
    }
}
