//! The paths of the server, and the limits that hold on all of them: 128 KiB of body, and ten
//! seconds for a request unless the options say otherwise.
//!
//! Whatever verifies, signs or touches the database runs on a thread where it may block, at most one for each processor.

mod configuration;
mod form;
mod nonce;
mod register;
mod token;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Extension, Router};

use crate::answer;
use crate::error::Error;
use crate::fault::delivery::ELSEWHERE;
use crate::fault::site::{self, Site};
use crate::fault::{Fault, Faults};
use crate::idp::{CONFIGURATION, Idp, JWKS, KEY, METADATA, NONCE, REFRESH, REGISTER, TOKEN};
use crate::page;
use crate::patience::Patience;

/// Everything that the server answers.
pub(crate) fn router(idp: Arc<Idp>) -> Router {
    let limit = |time| middleware::from_fn(move |request, next| limit_time(time, request, next));
    let time = idp.request_time_limit + idp.faults.extra_time();
    let slowest = idp.request_time_limit + Faults::from([Fault::Slow].as_slice()).extra_time();
    let one_fault = middleware::from_fn_with_state(Arc::clone(&idp), site::choose);
    Router::new()
        // Metadata below a fault would be that of another issuer than the one who was asked.
        .merge(
            endpoints()
                .route(METADATA, get(configuration::metadata))
                .layer(Extension(Site::whole(&idp)))
                .layer(limit(time)),
        )
        .merge(page::router(&idp))
        .nest(site::PREFIX, endpoints().layer(one_fault).layer(limit(slowest)))
        .fallback(|| async { answer::error(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.") })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::map_response(in_json))
        .with_state(idp)
}

/// What a client talks to: at the root, and once more below each fault.
fn endpoints() -> Router<Arc<Idp>> {
    Router::new()
        .route(CONFIGURATION, get(configuration::toml))
        .route(JWKS, get(configuration::jwks))
        .route(NONCE, post(nonce::nonce))
        .route(REGISTER, post(register::register))
        .route(TOKEN, post(token::token))
        .route(REFRESH, post(token::token))
        .route(KEY, post(token::token))
        .route(ELSEWHERE, any(elsewhere))
}

/// Where the redirects of the faults lead.
async fn elsewhere() -> Response {
    tracing::warn!("a client followed the redirect of a fault");
    answer::error(StatusCode::NOT_FOUND, "not_found", "Redirects lead here, and a client must not follow them.")
}

/// Gives up on a request whose sender is too slow, or for whose answer there was no time; unless it has changed something.
async fn limit_time(limit: Duration, mut request: Request, next: Next) -> Response {
    let patience = Patience::default();
    let _gone = patience.guard();
    request.extensions_mut().insert(patience.clone());
    let mut answer = pin!(next.run(request));
    match tokio::time::timeout(limit, &mut answer).await {
        Ok(answer) => answer,
        Err(_) if patience.end() => timed_out(),
        Err(_) => answer.await,
    }
}

/// The answer to a request that was given up.
fn timed_out() -> Response {
    answer::error(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The request took too long.")
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

/// Does work that may block.
///
/// # Errors
/// Those of the work, and [`Error::Serve`] when its thread panicked.
async fn blocking<T: Send + 'static>(
    idp: &Arc<Idp>,
    work: impl FnOnce(&Idp) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let idp = Arc::clone(idp);
    let done = tokio::task::spawn_blocking(move || work(&idp)).await;
    done.unwrap_or_else(|error| Err(Error::Serve(std::io::Error::other(error))))
}

/// The header `client-request-id`: at most 128 visible characters, once.
fn request_id(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut values = headers.get_all("client-request-id").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|text| (1..=128).contains(&text.len()) && values.next().is_none())
        .map(Some)
        .ok_or("The header client-request-id is malformed.")
}

/// A login request with the largest certificate, twice in base64, fits.
const BODY_LIMIT: usize = 128 * 1024;
