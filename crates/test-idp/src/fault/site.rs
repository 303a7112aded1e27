//! Where a request arrived: at the server as it was started, or below `/fault/NAME`, where the same server has one fault
//! more.
//!
//! ```text
//! /psso/token                        faults of the command line
//! /fault/wrong-nonce/psso/token      those and wrong-nonce
//! ```
//! `/fault/NAME/psso.toml` is the configuration of a client that is to meet the fault: its endpoints are all below
//! `/fault/NAME`, and everything else in it, and all that is stored, is the same. So one server serves every test of a
//! client, and two clients at once.

use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::{Fault, Faults};
use crate::answer;
use crate::idp::{Endpoints, Idp};

/// What a handler goes by.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) faults: Faults,
}

impl Site {
    /// The server as it was started.
    pub(crate) fn whole(idp: &Idp) -> Self {
        Self { endpoints: Arc::new(idp.endpoints.clone()), faults: idp.faults.clone() }
    }

    fn with(idp: &Idp, fault: Fault) -> Self {
        let endpoints = idp.endpoints.below(&format!("/fault/{fault}"));
        Self { endpoints: Arc::new(endpoints), faults: idp.faults.and(fault) }
    }
}

/// The pattern of the paths that name a fault.
pub(crate) const PREFIX: &str = "/fault/{fault}";

/// Tells the handlers below [`PREFIX`] which fault is meant.
pub(crate) async fn choose(
    State(idp): State<Arc<Idp>>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    let fault = parameters.ok().and_then(|parameters| {
        let (_, name) = parameters.iter().find(|(name, _)| *name == "fault")?;
        name.parse::<Fault>().ok()
    });
    let Some(fault) = fault else {
        let why = format!("There is no such fault. The faults are {}.", Fault::names());
        return answer::error(StatusCode::NOT_FOUND, "not_found", &why);
    };
    request.extensions_mut().insert(Site::with(&idp, fault));
    next.run(request).await
}
