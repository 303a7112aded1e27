//! From the state of the identity provider to what the page shows.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::view::{Device, Login, Message, Overview, Refusal, User, Verdict};
use crate::error::Error;
use crate::fault::Fault;
use crate::idp::Idp;
use crate::options::Binding;
use crate::store::request_log::LoggedRequest;

/// Everything of the first page.
///
/// # Errors
/// Those of the database.
pub(super) async fn overview(idp: &Arc<Idp>) -> Result<Overview, Error> {
    apart(idp, |idp| {
        let (devices, of_all) = idp.store.devices(DEVICES_SHOWN)?;
        Ok(Overview {
            issuer: idp.endpoints.issuer.clone(),
            faults: idp.faults.iter().map(|fault| fault.to_string()).collect(),
            users: users(idp)?,
            more_devices: of_all.saturating_sub(DEVICES_SHOWN),
            devices: devices.into_iter().map(device).collect(),
            logins: idp.store.recent(SHOWN)?.into_iter().map(|logged| login_of(idp, logged)).collect(),
        })
    })
    .await
}

/// One login; nothing when the log has none of this number, or no longer.
///
/// # Errors
/// Those of the database.
pub(super) async fn login(idp: &Arc<Idp>, id: i64) -> Result<Option<Login>, Error> {
    apart(idp, move |idp| Ok(idp.store.request(id)?.map(|logged| login_of(idp, logged)))).await
}

/// Reads in a thread that may wait for the disk.
async fn apart<T: Send + 'static>(
    idp: &Arc<Idp>,
    read: impl FnOnce(&Idp) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let idp = Arc::clone(idp);
    let read = tokio::task::spawn_blocking(move || read(&idp)).await;
    read.unwrap_or_else(|error| Err(Error::Serve(std::io::Error::other(error))))
}

fn users(idp: &Idp) -> Result<Vec<User>, Error> {
    let keys = idp.store.user_keys()?;
    let devices = idp.store.devices_of_users()?;
    let user = |user: &crate::options::User| {
        let mut registered = Vec::new();
        for key in keys.iter().filter(|key| key.user == user.name()) {
            registered.push(format!("Secure Enclave key {}", key.key.kid));
        }
        for certificate in idp.store.user_certificates(user.name())? {
            registered.push(self::binding(&Binding::Pinned(certificate.sha256)));
        }
        let more = registered.len().saturating_sub(REGISTERED_SHOWN);
        if more > 0 {
            // Certificates are the last ones, and few.
            registered.drain(..more);
            registered.insert(0, format!("{more} more keys, and"));
        }
        let devices = devices.get(user.name()).copied().unwrap_or_default();
        Ok(User { name: user.name().to_owned(), binding: binding(user.binding()), devices, registered })
    };
    idp.users.iter().map(user).collect()
}

/// What ties a certificate to a user, in words.
fn binding(binding: &Binding) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match binding {
        Binding::LocalPart(name) => format!("user principal name {name}@ anything"),
        Binding::Upn(name) => format!("user principal name {name}"),
        Binding::Email(address) => format!("e-mail address {address}"),
        Binding::Ski(identifier) => format!("subject key identifier {}", hex(identifier)),
        Binding::IssuerSerial { issuer, serial } => format!("issuer {}, serial number {}", issuer.text(), hex(serial)),
        Binding::Pinned(sha256) => format!("the certificate with SHA-256 {}", hex(sha256)),
    }
}

fn device(device: crate::device::Device) -> Device {
    Device {
        kid: device.signing.kid,
        encryption_kid: device.encryption.kid,
        users: device.users,
        registered: device.registered,
    }
}

fn login_of(idp: &Idp, logged: LoggedRequest) -> Login {
    let expected = expected(idp, &logged);
    let fault = fault(&logged);
    let refusal = (!logged.accepted)
        .then(|| Refusal { check: logged.check.unwrap_or_default(), reason: logged.reason.unwrap_or_default() });
    let outer = message("outer", logged.header, logged.claims);
    let assertion = message("assertion", logged.assertion_header, logged.assertion_claims);
    Login {
        id: logged.id,
        time: logged.time,
        kind: kind(&logged.kind, logged.method.as_deref()).to_owned(),
        user: logged.user,
        device: logged.device,
        request_id: logged.request_id,
        refusal,
        checks: logged.checks.into_iter().map(|made| Verdict { check: made.check, held: made.held }).collect(),
        messages: assertion.into_iter().chain(outer).collect(),
        fault,
        expected,
        certificate: logged.certificate.map(object),
    }
}

/// What the member should have been that the check refused: ours, or what stands in the login request around the assertion.
fn expected(idp: &Idp, logged: &LoggedRequest) -> Option<String> {
    let outer = |name: &str| logged.claims.as_ref()?.get(name)?.as_str().map(str::to_owned);
    match logged.check.as_deref()? {
        "outer.iss" | "outer.client_id" => Some(idp.identifiers.client_id.clone()),
        // Below a fault, another one was expected.
        "outer.aud" if !outer("aud").is_some_and(|aud| aud.contains("/fault/")) => Some(idp.endpoints.token.clone()),
        "assertion.aud" => Some(idp.identifiers.audience.clone()),
        "assertion.iss" | "assertion.sub" => outer("username"),
        "assertion.nonce" => outer("nonce"),
        "assertion.request_nonce" => outer("request_nonce"),
        "assertion.scope" => outer("scope"),
        "certificate.upn" | "certificate.email" | "certificate.ski" | "certificate.issuer_serial" => {
            idp.user(logged.user.as_deref()?).map(|user| binding(user.binding()))
        }
        _ => None,
    }
}

/// The fault below whose path it came: then a good one was answered wrongly.
fn fault(logged: &LoggedRequest) -> Option<String> {
    let aud = logged.claims.as_ref()?.get("aud")?.as_str()?;
    let (_, rest) = aud.split_once("/fault/")?;
    let fault: Fault = rest.split('/').next()?.parse().ok()?;
    Some(fault.to_string())
}

/// What was asked for, in words.
fn kind<'a>(kind: &'a str, method: Option<&str>) -> &'a str {
    match (kind, method) {
        ("login", Some("smart-card")) => "SmartCard login",
        ("login", Some("secure-enclave-key")) => "Secure Enclave key login",
        ("login", Some("password")) => "Password login",
        ("login", Some("encrypted-password")) => "Encrypted password login",
        ("login", _) => "Login",
        ("refresh", _) => "Refresh",
        ("key_request", _) => "Key request",
        ("key_exchange", _) => "Key exchange",
        ("registration", _) => "Registration",
        ("unknown", _) => "Unknown request",
        (other, _) => other,
    }
}

/// A message of which at least one part could be decoded.
fn message(name: &str, header: Option<Value>, claims: Option<Value>) -> Option<Message> {
    if header.is_none() && claims.is_none() {
        return None;
    }
    let part = |value: Option<Value>| value.map(object).unwrap_or_default();
    Some(Message { name: name.to_owned(), header: part(header), claims: part(claims) })
}

/// The members of an object; anything else under its kind.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => Map::from_iter([("not an object".to_owned(), other)]),
    }
}

/// How many keys and certificates of a user the first page lists.
const REGISTERED_SHOWN: usize = 32;

/// How many devices the first page lists.
const DEVICES_SHOWN: u32 = 100;

/// How many logins the first page lists.
const SHOWN: usize = 200;
