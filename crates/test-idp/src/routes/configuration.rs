//! What clients are told: `GET /psso.toml`, `GET /.well-known/openid-configuration`, `GET /psso/jwks`.

use std::fmt::Write;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jose::JwkSet;
use serde_json::{Value, json};

use crate::fault::site::Site;
use crate::idp::{Endpoints, Idp};
use crate::mimic::Mimic;
use crate::response::spelt;
use crate::routes::blocking;
use crate::{answer, clock};

/// The configuration of a client, a line `name = value` each; tables come last.
pub(super) async fn toml(State(idp): State<Arc<Idp>>, Extension(site): Extension<Site>) -> Response {
    let mut toml = String::new();
    for (name, value) in members(&idp, &site.endpoints) {
        // Visible ASCII and lists of it, where JSON and TOML are the same.
        let _ = writeln!(toml, "{name} = {value}");
    }
    if idp.mimics(Mimic::KerberosTicket) {
        toml.push_str(KERBEROS);
    }
    ([(header::CONTENT_TYPE, "application/toml"), (header::CACHE_CONTROL, "no-store")], toml).into_response()
}

fn members(idp: &Idp, endpoints: &Endpoints) -> Vec<(&'static str, Value)> {
    let mut members = vec![
        ("issuer", json!(endpoints.issuer)),
        ("client_id", json!(idp.identifiers.client_id)),
        ("audience", json!(idp.identifiers.audience)),
        ("nonce_endpoint", json!(endpoints.nonce)),
        ("token_endpoint", json!(endpoints.token)),
        ("jwks_endpoint", json!(endpoints.jwks)),
        ("id_token_algorithms", json!([idp.id_token_algorithm.name()])),
        ("refresh_endpoint", json!(endpoints.refresh)),
        ("key_endpoint", json!(endpoints.key)),
        ("registration_endpoint", json!(endpoints.registration)),
    ];
    if let Some(point) = idp.login_encryption_key.as_ref().and_then(|key| key.public().x963()) {
        members.push(("login_request_encryption_key", json!(BASE64_STANDARD.encode(point))));
    }
    if !idp.groups.is_empty() {
        let mut groups: Vec<&str> = idp.groups.iter().map(|group| group.name()).collect();
        groups.sort_unstable();
        groups.dedup();
        members.push(("groups", json!(groups)));
    }
    if idp.mimics(Mimic::NonceLowerCase) {
        members.push(("nonce_response_keypath", json!("nonce")));
    }
    if idp.mimics(Mimic::Macos13) {
        members.push(("jwt_parameter", json!("request")));
        members.push(("x5c", json!("string")));
    }
    if idp.mimics(Mimic::InvalidCredential400) {
        let predicate = "errorCode = 'C0000006' AND suberror = 'invalid_password'";
        members.push(("invalid_credential_predicate", json!(predicate)));
    }
    members
}

/// The issuer's metadata (OpenID Connect Discovery 1.0 section 3); members that begin with `platform_sso_` are pivkit's
/// own.
pub(super) async fn metadata(State(idp): State<Arc<Idp>>, Extension(site): Extension<Site>) -> Response {
    let endpoints = &site.endpoints;
    let metadata = json!({
        "issuer": endpoints.issuer,
        "token_endpoint": endpoints.token,
        "jwks_uri": endpoints.jwks,
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [idp.id_token_algorithm.name()],
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token"],
        "scopes_supported": ["openid", "offline_access", "urn:apple:platformsso"],
        "platform_sso_nonce_endpoint": endpoints.nonce,
        "platform_sso_refresh_endpoint": endpoints.refresh,
        "platform_sso_key_endpoint": endpoints.key,
        "platform_sso_registration_endpoint": endpoints.registration,
        "platform_sso_client_id": idp.identifiers.client_id,
        "platform_sso_audience": idp.identifiers.audience,
    });
    answer::json(StatusCode::OK, metadata)
}

/// The keys that id_tokens are signed with, the one that signs now first.
pub(super) async fn jwks(State(idp): State<Arc<Idp>>, Extension(site): Extension<Site>) -> Response {
    if let Some(nothing) = site.faults.hide_keys() {
        return nothing;
    }
    let keys = match blocking(&idp, |idp| idp.store.published_keys(clock::now())).await {
        Ok(keys) => keys,
        Err(error) => return answer::failed(&error),
    };
    let jwk = |key: crate::store::PublishedKey| {
        let mut jwk = key.public.to_jwk().with_kid(spelt(&idp, &key.kid));
        jwk.alg = Some(key.algorithm.name().to_owned());
        jwk.key_use = Some("sig".to_owned());
        jwk
    };
    answer::json(StatusCode::OK, json!(JwkSet::from(keys.into_iter().map(jwk).collect::<Vec<_>>())))
}

/// The mapping of the made-up ticket.
const KERBEROS: &str = "
[[kerberos_ticket_mappings]]
ticket_key_path = \"login_tgt\"
message_buffer_key = \"messageBuffer\"
realm_key = \"realm\"
service_name_key = \"serviceName\"
client_name_key = \"clientName\"
encryption_key_type_key = \"encryptionKeyType\"
session_key_key = \"sessionKey\"
";
