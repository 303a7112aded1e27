//! A request of the token endpoint or of the key service, examined: everything that can be said about it without changing
//! anything. What it changes, the nonce first of all, is done by [`settle`](crate::settle) in one transaction; only a password
//! is not looked at before the nonce is used up.
//!
//! Apple: "Creating and validating a login request", "Creating a refresh request", "Supporting key requests and key
//! exchange requests". The three share their outside; `typ` says which it is. The order of the checks is that of
//! [`Check`].

use jose::jws::Jws;
use jose::{Algorithm, KeyType, PublicKey, base64url};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::device::Device;
use crate::error::Error;
use crate::granted::{Granted, Recipient};
use crate::idp::{Endpoints, Idp};
use crate::mimic::Mimic;
use crate::party_info::{apv, apv_with_prefix, canonical_key_id};
use crate::redact::{identifying, redacted};
use crate::store::{NewRequest, nonces};
use crate::trail::Trail;
use crate::{key_service, login, reason, refresh};

/// Why an examination ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A check does not hold.
    Refused(Refusal),
    /// This server fails.
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a request is, by its `typ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Login,
    Refresh,
    /// Both operations of the key service.
    Key,
}

impl Kind {
    /// The kind of a request; nothing for any other `typ`, or one that only a deviation permits.
    pub(crate) fn of(idp: &Idp, typ: Option<&str>) -> Option<Self> {
        match typ? {
            "platformsso-login-request+jwt" => Some(Self::Login),
            "platformsso-refresh-request+jwt" => Some(Self::Refresh),
            "platformsso-key-request+jwt" => Some(Self::Key),
            "JWT" if idp.mimics(Mimic::Macos13) => Some(Self::Login),
            "platformsso-login-assertion+jwt" if idp.mimics(Mimic::SampleTyp) => Some(Self::Login),
            _ => None,
        }
    }
}

/// A request under examination.
pub(crate) struct Examination<'a> {
    pub(crate) idp: &'a Idp,
    /// Of the path where it arrived.
    pub(crate) endpoints: &'a Endpoints,
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) trail: Trail,
    /// What the log will say of it.
    pub(crate) seen: NewRequest,
    request_nonce: Option<String>,
    /// The family of a refresh token that is refused in a way that ends the session.
    pub(crate) ends: Option<i64>,
}

/// An examined request.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) now: i64,
    pub(crate) trail: Trail,
    pub(crate) seen: NewRequest,
    /// The nonce that the request uses up, under the signature of a registered device.
    pub(crate) request_nonce: Option<String>,
    /// The family of a refresh token that was used before, or whose card was revoked: to be revoked, unless the request is
    /// refused for its nonce.
    pub(crate) ends: Option<i64>,
    /// What is granted if the nonce counts, or the first check that does not hold.
    pub(crate) outcome: Result<Granted, Refusal>,
}

/// Examines a request, a compact JWS.
///
/// `endpoints` are those among which it arrived, `request_id` is the `client-request-id` that came with it; `now` is in
/// seconds since 1970.
///
/// # Errors
/// When this server fails; a refusal is an outcome.
pub(crate) fn examine(
    idp: &Idp,
    endpoints: &Endpoints,
    token: &str,
    request_id: Option<&str>,
    now: i64,
) -> Result<Examined, Error> {
    let seen = NewRequest { kind: "unknown", request_id: request_id.map(str::to_owned), ..NewRequest::default() };
    let trail = Trail::default();
    let mut examination = Examination { idp, endpoints, now, trail, seen, request_nonce: None, ends: None };
    let outcome = match examination.request(token) {
        Ok(granted) => Ok(granted),
        Err(Stop::Refused(refusal)) => Err(refusal),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let Examination { trail, seen, request_nonce, ends, .. } = examination;
    Ok(Examined { now, trail, seen, request_nonce, ends, outcome })
}

impl<'a> Examination<'a> {
    fn request(&mut self, token: &str) -> Result<Granted, Stop> {
        let parsed =
            Jws::parse(token).map_err(|error| format!("the request is not a compact JWS: {}", reason::of(&error)));
        let request = self.trail.hold(Check::OuterFormat, parsed)?;
        // Anybody may have written it, so the log has little room for it until a device's signature is found good.
        self.seen.header = Some(identifying(request.header()));
        let kind = Kind::of(self.idp, request.header_text("typ"));
        self.seen.kind = match kind {
            Some(Kind::Login) => "login",
            Some(Kind::Refresh) => "refresh",
            Some(Kind::Key) => "key_request",
            None => "unknown",
        };
        let claims = request.claims().map_err(|error| format!("the request has no claims: {}", reason::of(&error)));
        // The name stays for who looks for the login of somebody whose device is not registered.
        self.seen.user =
            claims.as_ref().ok().and_then(|claims| text(claims, "username").or_else(|| text(claims, "sub")));
        let typ = kind.ok_or("typ is not one of a login, refresh or key request");
        let kind = self.trail.hold(Check::OuterTyp, typ)?;
        let device = self.authenticate(&request)?;
        self.seen.signed = true;
        self.seen.header = Some(redacted(request.header()));
        if let Ok(claims) = &claims {
            self.seen.claims = Some(redacted(claims));
        }
        let claims = self.trail.hold(Check::OuterFormat, claims)?;
        let claims = Claims(&claims);
        self.request_nonce = claims.text("request_nonce").ok().map(str::to_owned);
        match kind {
            Kind::Login => login::examine(self, claims, device),
            Kind::Refresh => refresh::examine(self, claims, device),
            Kind::Key => key_service::examine(self, claims, device),
        }
    }

    /// The registered device that signed the request.
    fn authenticate(&mut self, request: &Jws) -> Result<Device, Stop> {
        let header = Claims(request.header());
        self.trail.hold(Check::OuterAlg, header.equals("alg", "ES256", "ES256"))?;
        let kid = self.trail.hold(Check::OuterKid, header.text("kid"))?;
        let device = match canonical_key_id(kid) {
            Some(kid) => self.idp.store.device(&kid)?,
            None => None,
        };
        let device = self.trail.hold(Check::OuterKid, device.ok_or("kid names no registered device"))?;
        self.seen.device = Some(device.signing.kid.clone());
        let signed = request.verify(&device.signing.public, &[Algorithm::Es256]);
        let signed = signed.map_err(|_| match signature_form(request, &device.signing.public) {
            Some(why) => format!("the device's signature is none: {why}"),
            None => "the device's key did not sign the request".to_owned(),
        });
        self.trail.hold(Check::OuterSignature, signed)?;
        Ok(device)
    }

    /// `iat` and `exp`.
    pub(crate) fn lifetime(&mut self, claims: Claims<'_>, iat: Check, exp: Check) -> Result<(), Refusal> {
        let issued = self.trail.hold(iat, claims.issued(self.now))?;
        self.trail.hold(exp, claims.expires(self.now, issued))
    }

    /// The nonce of this server. Whether it counts is known at the end, when it is used up.
    pub(crate) fn request_nonce<'c>(&mut self, claims: Claims<'c>) -> Result<&'c str, Refusal> {
        match claims.text("request_nonce") {
            Ok(nonce) => {
                self.trail.defer(Check::OuterRequestNonce);
                Ok(nonce)
            }
            Err(why) => self.trail.hold(Check::OuterRequestNonce, Err(why)),
        }
    }

    /// Uses the nonce of this server up at once, for a check that must not be made without it.
    ///
    /// # Errors
    /// The refusal when the nonce does not count, and [`Error::Database`].
    pub(crate) fn use_nonce_up(&mut self) -> Result<(), Stop> {
        let Some(nonce) = self.request_nonce.take() else { return Ok(()) };
        let request_id = self.seen.request_id.as_deref();
        let taken = self.idp.store.change(|transaction| nonces::take(transaction, &nonce, request_id, self.now))?;
        taken.map_err(|problem| {
            let why = problem.to_string();
            let refusal = self.trail.overrule(&why);
            refusal.unwrap_or_else(|| Check::OuterRequestNonce.refuse(why)).into()
        })
    }

    /// The client's nonce: a UUID as a Mac writes it, in upper case with hyphens.
    pub(crate) fn client_nonce<'c>(&mut self, claims: Claims<'c>) -> Result<&'c str, Refusal> {
        let any_case = self.idp.mimics(Mimic::MsalClient);
        let nonce = claims.text("nonce").and_then(|nonce| {
            let written = Uuid::try_parse(nonce).map(|uuid| uuid.hyphenated().to_string());
            let as_written =
                written.is_ok_and(|written| written.to_uppercase() == nonce || (any_case && written == nonce));
            if as_written { Ok(nonce) } else { Err("nonce is not an upper-case UUID".to_owned()) }
        });
        self.trail.hold(Check::OuterNonce, nonce)
    }

    /// `scope` has `openid`.
    pub(crate) fn scope<'c>(&mut self, claims: Claims<'c>) -> Result<&'c str, Refusal> {
        let scope = claims.text("scope").and_then(|scope| {
            let openid = scope.split(' ').any(|word| word == "openid");
            if openid { Ok(scope) } else { Err("scope has no openid".to_owned()) }
        });
        self.trail.hold(Check::OuterScope, scope)
    }

    /// How the client wants the answer encrypted.
    pub(crate) fn recipient(&mut self, claims: Claims<'_>, device: &Device, nonce: &str) -> Result<Recipient, Refusal> {
        let only = |name: &str| format!("{name}, the only one supported");
        let crypto = self.trail.hold(Check::OuterJweCrypto, claims.object("jwe_crypto"))?;
        self.trail.hold(Check::OuterJweCrypto, crypto.equals("alg", "ECDH-ES", &only("ECDH-ES")))?;
        self.trail.hold(Check::OuterJweCrypto, crypto.equals("enc", "A256GCM", &only("A256GCM")))?;
        let point = &device.encryption.x963;
        let expected = apv(point, nonce);
        let msal = self.idp.mimics(Mimic::MsalClient).then(|| apv_with_prefix(b"MsalClient", point, nonce.as_bytes()));
        let sent = crypto.text("apv").and_then(|sent| {
            let sent = base64url::decode("apv", sent).map_err(|_| "apv is not base64url".to_owned())?;
            if sent == expected || msal.is_some_and(|msal| msal == sent) {
                Ok(sent)
            } else {
                Err("apv does not name the registered encryption key and the nonce of this request".to_owned())
            }
        });
        let apv = self.trail.hold(Check::OuterApv, sent)?;
        Ok(Recipient { encryption: device.encryption.clone(), apv })
    }
}

/// What is wrong with the form of a signature: another length than that of the key, or DER where JOSE has `r‖s` (RFC 7518
/// section 3.4).
pub(crate) fn signature_form(token: &Jws, key: &PublicKey) -> Option<String> {
    let (signature, expected) = (
        token.signature(),
        match key.key_type() {
            KeyType::P256 => 64,
            KeyType::P384 => 96,
            KeyType::Rsa { bits } => bits.div_ceil(8),
            _ => return None,
        },
    );
    if signature.len() == expected {
        return None;
    }
    if !matches!(key.key_type(), KeyType::Rsa { .. }) && jose::ecdsa::der_to_raw(signature, expected / 2).is_ok() {
        return Some(format!("it is DER, and r and s of {} bytes each are expected", expected / 2));
    }
    Some(format!("it has {} bytes in the place of {expected}", signature.len()))
}

/// The log's copy of a claim that is text, cut short.
fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).map(|text| text.chars().take(256).collect())
}

/// The grant of RFC 7523 section 2.1, also the method of a smart card login.
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
