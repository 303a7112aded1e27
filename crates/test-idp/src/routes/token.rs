//! `POST /psso/token`: a login with a smart card. Apple: "Creating and validating a login request".

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::answer;
use crate::fault::site::Site;
use crate::idp::Idp;
use crate::login::{self, JWT_BEARER};
use crate::response::{Draft, TYP};
use crate::routes::form::Form;
use crate::routes::request_id;

/// Answers a login request: 200 with a compact JWE, or why not.
pub(super) async fn token(
    State(idp): State<Arc<Idp>>,
    Extension(site): Extension<Site>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request_id = match request_id(&headers) {
        Ok(request_id) => request_id,
        Err(response) => return *response,
    };
    let form = match Form::parse(&headers, &body) {
        Ok(form) => form,
        Err(why) => return answer::malformed(why),
    };
    let request = match login_request(&form) {
        Ok(request) => request,
        Err(response) => return *response,
    };
    let now = now();
    let accepted = match login::verify(&idp, request, &site.endpoints.token, request_id, now) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            tracing::warn!(check = refusal.check.name(), why = refusal.why, "login refused");
            return answer::refused(&refusal);
        }
    };
    tracing::info!(user = accepted.user, "login accepted");
    let faults = &site.faults;
    if let Some(instead) = faults.instead(&idp.endpoints.issuer) {
        return instead;
    }
    let mut draft = Draft::new(&idp, accepted, now);
    faults.spoil_claims(&mut draft.claims, now);
    match draft.seal(&idp, faults) {
        Ok(jwe) => faults.answer(TYP, jwe).await,
        Err(error) => answer::failed(&error),
    }
}

/// The JWT in the form.
fn login_request(form: &Form) -> Result<&str, Box<Response>> {
    let malformed = |why| Err(Box::new(answer::malformed(why)));
    if !matches!(form.field("platform_sso_version"), Some("1" | "1.0")) {
        return malformed("The token endpoint needs platform_sso_version=1.0.");
    }
    if form.field("grant_type") != Some(JWT_BEARER) {
        let why = "The token endpoint needs the JWT bearer grant.";
        return Err(Box::new(answer::error(StatusCode::BAD_REQUEST, "unsupported_grant_type", why)));
    }
    match form.field("assertion") {
        Some(request) => Ok(request),
        None => malformed("The token endpoint needs a login request, in the field assertion."),
    }
}

/// Seconds since 1970; 0 on a machine whose clock is before that, where every login then fails.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
