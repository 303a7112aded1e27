//! What is wrong with the answer, whatever is in it; and how a good one is sent.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::stream;

use super::{Fault, Faults};
use crate::answer;

impl Faults {
    /// An answer that comes instead of the right one, if that is the fault. `issuer` is our own URL.
    pub(crate) fn instead(&self, issuer: &str) -> Option<Response> {
        self.iter().find_map(|fault| {
            let oauth = |status, code| answer::error(status, code, &format!("The fault {fault} is on."));
            let redirect = |to: &str| (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
            Some(match fault {
                Fault::Html => Html("<!doctype html><title>Sign in</title><p>Please sign in.</p>").into_response(),
                Fault::Error500 => oauth(StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
                Fault::Refuse401 => oauth(StatusCode::UNAUTHORIZED, "invalid_grant"),
                Fault::Redirect => redirect(ELSEWHERE),
                Fault::RedirectHttp => redirect(&format!("{}{ELSEWHERE}", issuer.replacen("https:", "http:", 1))),
                _ => return None,
            })
        })
    }

    /// Sends a compact token of this media type, never to be stored; or wrongly.
    pub(crate) async fn answer(&self, media_type: &str, token: String) -> Response {
        if self.has(Fault::Slow) {
            tokio::time::sleep(SLOWNESS).await;
        }
        let kind = if self.has(Fault::WrongContentType) { "application/octet-stream" } else { media_type };
        let body = if self.has(Fault::OversizedBody) {
            oversized(token)
        } else if self.has(Fault::SlowBody) {
            trickling(token)
        } else {
            Body::from(token)
        };
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body).into_response()
    }

    /// An answer that never comes, in the place of the JWK Set: the connection ends before the first byte, since the
    /// body fails before the head is on its way.
    pub(crate) fn hide_keys(&self) -> Option<Response> {
        self.has(Fault::JwksUnreachable).then(|| {
            let failed = || Err::<Bytes, _>(io::Error::other("the fault jwks-unreachable is on"));
            Body::from_stream(stream::iter([failed()])).into_response()
        })
    }

    /// How much longer than usual a request may take.
    pub(crate) fn extra_time(&self) -> Duration {
        let slow = self.iter().filter(|fault| *fault == Fault::Slow).count();
        SLOWNESS * u32::try_from(slow.min(1)).unwrap_or_default()
    }
}

/// A token, and much more behind it.
fn oversized(token: String) -> Body {
    let first = Bytes::from(token);
    let chunk = Bytes::from(vec![b'A'; CHUNK]);
    let chunks = std::iter::repeat_n(chunk, SURPLUS / CHUNK);
    Body::from_stream(stream::iter(std::iter::once(first).chain(chunks).map(Ok::<_, io::Error>)))
}

/// A token, byte by byte.
fn trickling(token: String) -> Body {
    let bytes = Bytes::from(token);
    Body::from_stream(stream::unfold(bytes, |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(DRIP).await;
        let byte = rest.split_to(1);
        Some((Ok::<_, io::Error>(byte), rest))
    }))
}

/// Where the redirects lead. Nobody should come here; who does is logged.
pub(crate) const ELSEWHERE: &str = "/psso/elsewhere";

/// Longer than a client should wait.
pub(super) const SLOWNESS: Duration = Duration::from_secs(120);

/// Between two bytes.
const DRIP: Duration = Duration::from_secs(1);

/// What comes behind a response that is too large, in bytes; and how much of it at a time.
const SURPLUS: usize = 64 << 20;
const CHUNK: usize = 64 << 10;
