//! What must agree between a login request and the assertion inside it.

use serde_json::{Map, Value};

use crate::check::{Check, Record as _, Verdict};

/// The assertion's nonces, scope and user, against those of the request around it.
pub(crate) fn judge(outer: &Map<String, Value>, inner: &Map<String, Value>, nonce_claim: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, claim) in [("nonce", "nonce"), ("request_nonce", nonce_claim), ("scope", "scope")] {
        let agree = outer.get(claim).is_some() && outer.get(claim) == inner.get(claim);
        checks.record(format!("assertion.{name}"), Verdict::of(agree, "equal", "not equal to the request's"));
    }
    let user = outer.get("username").or_else(|| outer.get("sub"));
    let agree = user.is_some() && inner.get("sub") == user;
    checks.record("assertion.sub", Verdict::of(agree, "the same user", "not the request's user"));
    checks
}
