//! A login: the request of the device, and in it how the user proves who they are.

use jose::jws::Jws;
use jose::{Algorithm, PublicKey};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::answer::{Answer, Return, Tokens};
use super::outer::{self, Outer};
use super::provider::{CardCertificate, Provider, UserKey};
use super::trail::{Refusal, Trail};
use super::{Verifier, password};
use crate::check::{Check, Record as _, Verdict};
use crate::error::{shown, with_causes};
use crate::inspect::Kind;
use crate::judge::{agreement, claims, header};
use crate::kid::canonical_key_id;
use crate::login_request::JWT_BEARER;
use crate::secret_json::SecretMap;
use crate::{Error, card_algorithm};

/// How a user has proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// The key of a card signed the assertion.
    SmartCard,
    /// The user's key in the Secure Enclave signed the assertion.
    SecureEnclaveKey,
    /// The password, in the clear inside the request that the device signed.
    Password,
    /// The password, encrypted to the identity provider.
    EncryptedPassword,
}

/// A login that may be answered: every check of it held.
pub struct VerifiedLogin {
    /// Who logs in.
    pub user: String,
    /// How.
    pub method: Method,
    /// The key id of the device's signing key, in the documented form.
    pub device: String,
    /// The client's nonce, which the id_token must carry.
    pub nonce: String,
    /// What is asked for, words between blanks.
    pub scope: String,
    /// The groups that the client asks about.
    pub groups: Vec<String>,
    /// The card's certificate, DER, where one signed the assertion.
    pub certificate: Option<Vec<u8>>,
    /// Every check, in its order.
    pub checks: Vec<Check>,
    claims: SecretMap,
    to: Return,
}

impl VerifiedLogin {
    /// A claim of the login request, such as one of the client's own.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// The answer, encrypted to the device.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the device has no encryption key, or without random bytes.
    pub fn answer(&self, tokens: &Tokens<'_>) -> Result<Answer, Error> {
        self.to.tokens(tokens)
    }
}

impl std::fmt::Debug for VerifiedLogin {
    /// Without the claims, which may hold a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("VerifiedLogin")
            .field("user", &self.user)
            .field("method", &self.method)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

pub(super) fn verify(
    verifier: &Verifier,
    token: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<VerifiedLogin, Refusal> {
    let outer = outer::verify(verifier, token, Kind::LoginRequest, provider, trail)?;
    let user = trail.need("username", outer.user().map(str::to_owned).ok_or("missing, or not a string"))?;
    let known = provider.user(&user, &outer.device).map(|()| "may log in on this device");
    trail.check("username", known.map_err(|denied| denied.why))?;
    let (method, certificate) = match (outer.text("grant_type"), outer.text("assertion"), outer.text("password")) {
        (Some("password"), _, Some(secret)) => {
            password::judge(&user, &SecretString::from(secret), "password", provider, trail)?;
            (Method::Password, None)
        }
        (Some(JWT_BEARER), Some(token), _) if token.split('.').take(6).count() == 5 => {
            password::encrypted(verifier, &outer, &user, token, provider, trail)?;
            (Method::EncryptedPassword, None)
        }
        (Some(JWT_BEARER), Some(token), _) => assertion(verifier, &outer, &user, token, provider, trail)?,
        (grant, ..) => {
            let why = format!("\"{}\" is not handled here", shown(grant.unwrap_or_default(), 80));
            return trail.refuse("grant_type", why);
        }
    };
    Ok(VerifiedLogin {
        user,
        method,
        scope: outer.text("scope").unwrap_or_default().to_owned(),
        groups: groups(&outer.claims, &verifier.expected.group_request_claim),
        certificate,
        checks: std::mem::take(&mut trail.checks),
        device: outer.device,
        nonce: outer.nonce,
        claims: outer.claims,
        to: outer.to,
    })
}

/// Verifies the assertion of a card or of a Secure Enclave key: the method, and the card's certificate.
fn assertion(
    verifier: &Verifier,
    outer: &Outer,
    user: &str,
    token: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<(Method, Option<Vec<u8>>), Refusal> {
    let jws = match Jws::parse(token) {
        Ok(jws) => jws,
        Err(error) => {
            return trail.refuse(format!("assertion.{}", header::part_at_fault(&error)), with_causes(&error));
        }
    };
    let inner = trail.need("assertion.claims", jws.claims().map_err(|error| with_causes(&error)))?;
    let kind = Kind::EmbeddedAssertion;
    if let Some(verdict) = header::typ(kind, jws.header().get("typ")) {
        trail.check("assertion.typ", verdict)?;
    }
    let signed_by = signer(verifier, &jws, user, provider, trail)?;
    trail.check("assertion.alg", algorithm(&jws, &signed_by))?;
    let verified = jws.verify(&signed_by.key, &Algorithm::ALL);
    trail.check(
        "assertion.signature",
        verified.map(|()| "the user's key signed it").map_err(|error| error.to_string()),
    )?;
    if let Some((_, verdict)) = header::kid(kind, jws.header_text("kid"), &signed_by.key, None) {
        trail.check("assertion.kid", verdict)?;
    }
    trail.checks(inner_claims(verifier, kind, outer, &inner))?;
    let Some(der) = signed_by.certificate else {
        return Ok((signed_by.method, None));
    };
    let now = verifier.clock().now;
    let card = CardCertificate { der: &der, key: &signed_by.key, user, now };
    let judged = provider.card(&card).map(|()| "the identity provider accepts the certificate for this user");
    trail.check("assertion.x5c.trust", judged.map_err(|denied| denied.why))?;
    Ok((signed_by.method, Some(der)))
}

/// Claims of what is inside a login request: by themselves, against the request, and for this audience.
pub(super) fn inner_claims(verifier: &Verifier, kind: Kind, outer: &Outer, inner: &Map<String, Value>) -> Vec<Check> {
    let claim = &verifier.expected.server_nonce_claim;
    // That it is equal to the request's says more than that it is there.
    let own = claims::judge(kind, inner, claim, verifier.clock());
    let own = own.into_iter().filter(|check| check.name != "request_nonce").map(|check| check.inside("assertion"));
    let mut checks: Vec<Check> = own.collect();
    checks.extend(agreement::judge(&outer.claims, inner, claim));
    let expected = &verifier.expected.audience;
    checks.record(
        "assertion.aud",
        match inner.get("aud").and_then(Value::as_str) {
            Some(aud) if aud == expected => Verdict::holds("the audience"),
            Some(aud) => Verdict::fails(format!("\"{}\" is not the audience, \"{expected}\"", shown(aud, 120))),
            None => Verdict::fails("missing, or not a string"),
        },
    );
    checks
}

/// Whose key must have signed an assertion.
struct SignedBy {
    key: PublicKey,
    method: Method,
    /// Only where the key is known from nowhere else; then it is for the server to judge.
    certificate: Option<Vec<u8>>,
}

/// The key that the server has registered under `kid`, or else that of the certificate in `x5c`.
fn signer(
    verifier: &Verifier,
    jws: &Jws,
    user: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<SignedBy, Refusal> {
    let kid = jws.header_text("kid");
    let documented = kid.and_then(canonical_key_id).or_else(|| kid.map(str::to_owned));
    let known = documented.and_then(|kid| provider.user_key(user, &kid));
    let sent = header::certificate(jws.header(), verifier.clock().now).and_then(|(checks, certificate)| {
        let checks = checks.into_iter().map(|check| check.inside("assertion"));
        // A registered key is good without its certificate, so also with one that has expired.
        let wanted = |check: &Check| known.is_none() || check.name == "assertion.x5c";
        trail.checks.extend(checks.filter(wanted));
        certificate
    });
    trail.checks([])?;
    let (method, key) = match known {
        Some(UserKey::SecureEnclave(key)) => (Method::SecureEnclaveKey, key),
        Some(UserKey::SmartCard(key)) => (Method::SmartCard, key),
        None => {
            let why = "there is none, and kid names no key that is registered for the user";
            let sent = trail.need("assertion.x5c", sent.ok_or(why))?;
            return Ok(SignedBy { key: sent.leaf.key, method: Method::SmartCard, certificate: Some(sent.der) });
        }
    };
    if let Some(sent) = sent {
        let same = Verdict::of(sent.leaf.key == key, "is the registered key", "is not the registered key");
        trail.check("assertion.x5c.key", same)?;
    }
    Ok(SignedBy { key, method, certificate: None })
}

/// `alg` must be one of this message, and fit the key: the header is not to choose how a key is used.
fn algorithm(jws: &Jws, signed_by: &SignedBy) -> Verdict {
    let verdict = header::algorithm(Kind::EmbeddedAssertion, jws);
    let Ok(algorithm) = jws.algorithm() else {
        return verdict;
    };
    if signed_by.method == Method::SecureEnclaveKey && algorithm != Algorithm::Es256 {
        return Verdict::fails(format!("{algorithm}, where a Secure Enclave key signs ES256"));
    }
    match card_algorithm(&signed_by.key, Some(algorithm)) {
        Ok(_) => verdict,
        Err(_) => Verdict::fails(format!("{algorithm} is not one of the user's key")),
    }
}

/// `claims` is `{"id_token":{"groups":{"values":[..]}}}`, as LOGIN has it; the name in the middle is configuration.
fn groups(claims: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = || claims.get("claims")?.get("id_token")?.get(name)?.get("values")?.as_array();
    values().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
