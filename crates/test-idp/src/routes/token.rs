//! `POST /psso/token`, `/psso/refresh`, `/psso/key`: logins, refreshes and the key service. All three take all three:
//! identity providers have been seen that serve them under one URL, and the `typ` of the JWT tells them apart.
//!
//! Apple: "Creating and validating a login request", "Creating a refresh request", "Supporting key requests and key
//! exchange requests".

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::check::Check;
use crate::error::Error;
use crate::examination::{Examined, JWT_BEARER, Kind, examine};
use crate::fault::site::Site;
use crate::idp::{Endpoints, Idp};
use crate::mimic::Mimic;
use crate::patience::Patience;
use crate::response::Draft;
use crate::routes::form::Form;
use crate::routes::{blocking, request_id, timed_out};
use crate::settle::{Settled, settle};
use crate::store::{NewRequest, SigningKey};
use crate::{answer, clock};

/// Answers a request: 200 with a compact JWE, or why not.
pub(super) async fn token(
    State(idp): State<Arc<Idp>>,
    Extension(site): Extension<Site>,
    Extension(patience): Extension<Patience>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = clock::now();
    let Site { endpoints, faults } = site;
    let delivery = faults.delivery();
    let settle = move |examined: Examined, idp: &Idp| settle(idp, examined, delivery, &patience);
    let settled = blocking(&idp, move |idp| verdict(idp, &endpoints, &headers, &body, now, settle)).await;
    let (mut draft, signing) = match settled {
        Ok(Verdict::Granted(draft, signing)) => (*draft, signing),
        Ok(Verdict::Refused(response)) => return response,
        Err(error) => return answer::failed(&error),
    };
    if let Some(instead) = faults.instead(&idp.endpoints.issuer) {
        return instead;
    }
    faults.spoil_claims(&mut draft.claims, now);
    let spoiling = faults.clone();
    let sealed = blocking(&idp, move |idp| Ok((draft.seal(idp, &signing, &spoiling)?, draft.media_type(idp))));
    match sealed.await {
        Ok((jwe, media_type)) => faults.answer(&media_type, jwe).await,
        Err(error) => answer::failed(&error),
    }
}

/// What comes of a request.
enum Verdict {
    Granted(Box<Draft>, Arc<SigningKey>),
    Refused(Response),
}

fn verdict(
    idp: &Idp,
    endpoints: &Endpoints,
    headers: &HeaderMap,
    body: &Bytes,
    now: i64,
    settle: impl FnOnce(Examined, &Idp) -> Result<Option<Settled>, Error>,
) -> Result<Verdict, Error> {
    let read = read(idp, headers, body);
    let (request, request_id) = match read {
        Ok(read) => read,
        Err(malformed) => {
            log_malformed(idp, headers, malformed.description, now)?;
            let response = answer::error(StatusCode::BAD_REQUEST, malformed.code, malformed.description);
            return Ok(Verdict::Refused(response));
        }
    };
    let examined = examine(idp, endpoints, &request, request_id, now)?;
    let (kind, method) = (examined.seen.kind, examined.seen.method.unwrap_or_default());
    let Some(Settled { verdict, signing_kid }) = settle(examined, idp)? else {
        tracing::warn!("{kind} given up: nobody waits for the answer any more");
        return Ok(Verdict::Refused(timed_out()));
    };
    match verdict {
        Ok(granted) => {
            tracing::info!(user = granted.user, method, "{kind} accepted");
            let draft = Draft::new(idp, granted, now);
            Ok(Verdict::Granted(Box::new(draft), idp.signing_key(signing_kid.as_deref())?))
        }
        Err(refusal) => {
            tracing::warn!(check = refusal.check.name(), why = refusal.why, "{kind} refused");
            let entra = idp.mimics(Mimic::InvalidCredential400) && refusal.check == Check::Password;
            Ok(Verdict::Refused(if entra { answer::invalid_credential() } else { answer::refused(&refusal) }))
        }
    }
}

/// A request that cannot be understood.
struct Malformed {
    /// The error code of OAuth.
    code: &'static str,
    description: &'static str,
}

/// The JWT in the form, and the `client-request-id`.
fn read<'a>(idp: &Idp, headers: &'a HeaderMap, body: &[u8]) -> Result<(String, Option<&'a str>), Malformed> {
    let malformed = |description| Malformed { code: "invalid_request", description };
    let request_id = request_id(headers).map_err(malformed)?;
    let form = Form::parse(headers, body).map_err(malformed)?;
    if form.field("grant_type") != Some(JWT_BEARER) {
        let description = "The token endpoint needs the JWT bearer grant.";
        return Err(Malformed { code: "unsupported_grant_type", description });
    }
    let older = if idp.mimics(Mimic::Macos13) { form.field("request") } else { None };
    let request = form.field("assertion").or(older);
    let request = request.ok_or_else(|| malformed("The token endpoint needs a JWT, in the field assertion."))?;
    // The version is that of the service: 2.0 for the key service, 1.0 for the others.
    let header = jose::peek_header(request).unwrap_or_default();
    let typ = header.get("typ").and_then(serde_json::Value::as_str);
    match (Kind::of(idp, typ), form.field("platform_sso_version")) {
        (Some(Kind::Key), Some("2.0")) | (Some(Kind::Login | Kind::Refresh), Some("1" | "1.0")) => {}
        // What it should be is not known; what is wrong with the JWT is told by its checks.
        (None, Some("1" | "1.0" | "2.0")) => {}
        (None, _) => {
            return Err(malformed("The token endpoint needs platform_sso_version=1.0, and the key service 2.0."));
        }
        (Some(Kind::Key), _) => return Err(malformed("The key service needs platform_sso_version=2.0.")),
        _ => return Err(malformed("The token endpoint needs platform_sso_version=1.0.")),
    }
    Ok((request.to_owned(), request_id))
}

/// The log has requests too that cannot be understood: those who debug a client begin with them.
fn log_malformed(idp: &Idp, headers: &HeaderMap, why: &str, now: i64) -> Result<(), Error> {
    tracing::warn!(why, "request malformed");
    let request_id = request_id(headers).ok().flatten().map(str::to_owned);
    let request =
        NewRequest { kind: "unknown", request_id, refused: Some(("form", why.to_owned())), ..NewRequest::default() };
    idp.store.log(&request, now)
}
