//! What every embedded assertion says, whoever signed or encrypted it.
//!
//! Apple: "Creating an embedded assertion".

use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::examination::Examination;
use crate::options::User;

/// What an assertion must say to belong to its login request.
pub(super) struct Expected<'a> {
    pub(super) user: &'a User,
    /// Key identifier of the device that signed the login request.
    pub(super) device: &'a str,
    pub(super) nonce: &'a str,
    pub(super) request_nonce: &'a str,
    pub(super) scope: &'a str,
}

/// Checks the claims of an assertion.
///
/// # Errors
/// The first check that does not hold.
pub(super) fn check(x: &mut Examination<'_>, claims: Claims<'_>, expected: &Expected<'_>) -> Result<(), Refusal> {
    let user = expected.user.name();
    let of_request = "the user of the login request";
    x.trail.hold(Check::AssertionIss, claims.equals("iss", user, of_request))?;
    x.trail.hold(Check::AssertionSub, claims.equals("sub", user, of_request))?;
    x.trail.hold(Check::AssertionAud, claims.equals("aud", &x.idp.identifiers.audience, "our audience"))?;
    x.lifetime(claims, Check::AssertionIat, Check::AssertionExp)?;
    let same = "the one of the login request";
    x.trail.hold(Check::AssertionNonce, claims.equals("nonce", expected.nonce, same))?;
    x.trail.hold(Check::AssertionRequestNonce, claims.equals("request_nonce", expected.request_nonce, same))?;
    x.trail.hold(Check::AssertionScope, claims.equals("scope", expected.scope, same))
}
