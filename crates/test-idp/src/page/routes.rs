//! The paths of the page.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::guard::{PageFor, only_this_machine};
use super::overview::Choice;
use super::{layout, login, overview, read};
use crate::answer;
use crate::idp::Idp;
use crate::visible::visible_lines;

/// The page, as far as it is shown to anybody.
pub(crate) fn router(idp: &Idp) -> Router<Arc<Idp>> {
    let page = Router::new()
        .route("/", get(first))
        .route("/logins/{id}", get(one))
        .route("/style.css", get(style))
        .layer(middleware::map_response(strict));
    match idp.page {
        PageFor::Everyone => page,
        PageFor::Loopback | PageFor::Published => page.layer(middleware::from_fn(only_this_machine)),
        PageFor::Nobody => Router::new(),
    }
}

async fn first(State(idp): State<Arc<Idp>>, choice: Result<Query<Choice>, QueryRejection>) -> Response {
    let Ok(Query(choice)) = choice else {
        return html(StatusCode::BAD_REQUEST, not_there(&idp, "Nobody can tell which logins these are"));
    };
    match read::overview(&idp).await {
        Ok(found) => html(StatusCode::OK, overview::render(&found, &choice, now())),
        Err(error) => answer::failed(&error),
    }
}

async fn one(State(idp): State<Arc<Idp>>, id: Result<Path<String>, PathRejection>) -> Response {
    let found = match id.ok().and_then(|Path(id)| id.parse().ok()) {
        Some(id) => read::login(&idp, id).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(found)) => html(StatusCode::OK, login::render(&found, &idp.endpoints.issuer, now())),
        Ok(None) => html(StatusCode::NOT_FOUND, not_there(&idp, "There is no such login")),
        Err(error) => answer::failed(&error),
    }
}

fn not_there(idp: &Idp, what: &str) -> Markup {
    let body = html! {
        section.latest {
            h1 { (what) }
            p { "The log keeps the newest ones. " a href="/" { "All logins" } }
        }
    };
    layout::page("Not there", &idp.endpoints.issuer, &body)
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")).into_response()
}

/// A page on which what could deceive is seen, wherever it stands.
fn html(status: StatusCode, page: Markup) -> Response {
    (status, Html(visible_lines(&page.into_string()))).into_response()
}

/// Nothing but our own text and style: no script, no frame, no form, nothing from elsewhere, and nothing kept.
async fn strict(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
