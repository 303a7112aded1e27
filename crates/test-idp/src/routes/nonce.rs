//! `POST /psso/nonce`: a nonce for one request. Apple: "Obtaining a server nonce".

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::idp::Idp;
use crate::mimic::Mimic;
use crate::routes::form::Form;
use crate::routes::{blocking, request_id};
use crate::{answer, clock};

/// Gives out a nonce, bound to the `client-request-id` of the request when it has one.
pub(super) async fn nonce(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: Bytes) -> Response {
    let request_id = match request_id(&headers) {
        Ok(request_id) => request_id.map(str::to_owned),
        Err(why) => return answer::malformed(why),
    };
    let form = match Form::parse(&headers, &body) {
        Ok(form) => form,
        Err(why) => return answer::malformed(why),
    };
    if form.field("grant_type") != Some("srv_challenge") {
        let why = "The nonce endpoint needs grant_type=srv_challenge.";
        return answer::error(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
    }
    let name = if idp.mimics(Mimic::NonceLowerCase) { "nonce" } else { "Nonce" };
    let given = blocking(&idp, move |idp| {
        let nonce = fresh(idp)?;
        let now = clock::now();
        let lifetime = if idp.mimics(Mimic::NonceOneMinute) { 60 } else { 300 };
        idp.store.add_nonce(&nonce, request_id.as_deref(), now, now + lifetime)?;
        Ok(nonce)
    });
    match given.await {
        Ok(nonce) => answer::json(StatusCode::OK, json!({name: nonce})),
        Err(error) => answer::failed(&error),
    }
}

/// A nonce that was never given out: 32 random bytes, or a UUID.
fn fresh(idp: &Idp) -> Result<String, Error> {
    if idp.mimics(Mimic::NonceUuid) {
        return Ok(Uuid::new_v4().to_string());
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    let engine = if idp.mimics(Mimic::NonceBase64) { BASE64_STANDARD } else { BASE64_URL_SAFE_NO_PAD };
    Ok(engine.encode(bytes))
}
