//! The paths of the server, and the limits that hold on all of them: 128 KiB of body, and ten
//! seconds for a request unless the options say otherwise.

mod form;
mod register;
mod token;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use jose::JwkSet;
use serde_json::json;

use crate::answer;
use crate::fault::delivery::ELSEWHERE;
use crate::fault::site::{self, Site};
use crate::fault::{Fault, Faults};
use crate::idp::{CONFIGURATION, Idp, JWKS, NONCE, REGISTER, TOKEN};
use crate::routes::form::Form;

/// Everything that the server answers.
pub(crate) fn router(idp: Arc<Idp>) -> Router {
    let limit = |time| middleware::from_fn(move |request, next| limit_time(time, request, next));
    let time = idp.request_time_limit + idp.faults.extra_time();
    let slowest = idp.request_time_limit + Faults::from([Fault::Slow].as_slice()).extra_time();
    let one_fault = middleware::from_fn_with_state(Arc::clone(&idp), site::choose);
    Router::new()
        .merge(endpoints().layer(Extension(Site::whole(&idp))).layer(limit(time)))
        .nest(site::PREFIX, endpoints().layer(one_fault).layer(limit(slowest)))
        .fallback(|| async { answer::error(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.") })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::map_response(in_json))
        .with_state(idp)
}

/// What a client talks to: at the root, and once more below each fault.
fn endpoints() -> Router<Arc<Idp>> {
    Router::new()
        .route(CONFIGURATION, get(configuration))
        .route(JWKS, get(jwks))
        .route(NONCE, post(nonce))
        .route(REGISTER, post(register::register))
        .route(TOKEN, post(token::token))
        .route(ELSEWHERE, any(elsewhere))
}

/// Where the redirects of the faults lead.
async fn elsewhere() -> Response {
    tracing::warn!("a client followed the redirect of a fault");
    answer::error(StatusCode::NOT_FOUND, "not_found", "Redirects lead here, and a client must not follow them.")
}

/// Gives up on a request whose sender is too slow.
async fn limit_time(limit: Duration, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        answer::error(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The request took too long to arrive.")
    })
}

/// Gives the refusals of the framework, which are plain text, the form of ours; what else their head says stays.
async fn in_json(response: Response) -> Response {
    let (code, why) = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "This path takes another method."),
        StatusCode::PAYLOAD_TOO_LARGE => ("request_too_large", "The request is larger than 128 KiB."),
        _ => return response,
    };
    let mut answer = answer::error(response.status(), code, why);
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// `GET /psso.toml`: the configuration of a client.
async fn configuration(State(idp): State<Arc<Idp>>, Extension(site): Extension<Site>) -> Response {
    let endpoints = &site.endpoints;
    let mut toml = String::new();
    for (name, value) in [
        ("issuer", &endpoints.issuer),
        ("client_id", &idp.identifiers.client_id),
        ("audience", &idp.identifiers.audience),
        ("nonce_endpoint", &endpoints.nonce),
        ("token_endpoint", &endpoints.token),
        ("jwks_endpoint", &endpoints.jwks),
        ("registration_endpoint", &endpoints.registration),
    ] {
        // All values are visible ASCII, where a JSON string and a TOML string are the same.
        toml.push_str(&format!("{name} = {}\n", json!(value)));
    }
    ([(header::CONTENT_TYPE, "application/toml"), (header::CACHE_CONTROL, "no-store")], toml).into_response()
}

/// `GET /psso/jwks`: the keys that sign id_tokens.
async fn jwks(State(idp): State<Arc<Idp>>, Extension(site): Extension<Site>) -> Response {
    if let Some(nothing) = site.faults.hide_keys() {
        return nothing;
    }
    let mut jwk = idp.signing_key.public().to_jwk().with_kid(&idp.signing_kid);
    jwk.alg = Some("ES256".to_owned());
    jwk.key_use = Some("sig".to_owned());
    answer::json(StatusCode::OK, json!(JwkSet::from(vec![jwk])))
}

/// `POST /psso/nonce`: a nonce for one login. Apple: "Obtaining a server nonce".
async fn nonce(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = match request_id(&headers) {
        Ok(request_id) => request_id,
        Err(response) => return *response,
    };
    let form = match Form::parse(&headers, &body) {
        Ok(form) => form,
        Err(why) => return answer::malformed(why),
    };
    if form.field("grant_type") != Some("srv_challenge") {
        let why = "The nonce endpoint needs grant_type=srv_challenge.";
        return answer::error(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
    }
    match idp.nonces().issue(request_id, Instant::now()) {
        Ok(nonce) => answer::json(StatusCode::OK, json!({"Nonce": nonce})),
        Err(error) => answer::failed(&error),
    }
}

/// The header `client-request-id`: at most 128 visible characters, once.
fn request_id(headers: &HeaderMap) -> Result<Option<&str>, Box<Response>> {
    let mut values = headers.get_all("client-request-id").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|text| (1..=128).contains(&text.len()) && values.next().is_none())
        .map(Some)
        .ok_or_else(|| Box::new(answer::malformed("The header client-request-id is malformed.")))
}

/// A login request with the largest certificate, twice in base64, fits.
const BODY_LIMIT: usize = 128 * 1024;
