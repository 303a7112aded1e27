//! The password method, in the clear and encrypted (ENCPW).

use secrecy::SecretString;
use serde_json::Value;

use super::Verifier;
use super::login::inner_claims;
use super::outer::Outer;
use super::provider::Provider;
use super::trail::{Refusal, Trail};
use crate::check::Verdict;
use crate::error::{shown, with_causes};
use crate::inspect::Kind;
use crate::judge::{encrypted, header};
use crate::kid::{key_id, same_key_id};
use crate::party_info::PartyInfo;
use crate::secret_json::SecretMap;
use crate::{Error, login_response};

/// Asks the server about a password.
pub(super) fn judge(
    user: &str,
    password: &SecretString,
    name: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let judged = provider.password(user, password).map(|()| "the user's").map_err(|denied| denied.why);
    trail.check(name, judged)
}

/// Opens an encrypted assertion, and checks it as one that a key has signed: only the identity provider can read it, and it
/// is for this nonce of the server.
pub(super) fn encrypted(
    verifier: &Verifier,
    outer: &Outer,
    user: &str,
    token: &str,
    provider: &mut dyn Provider,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let jwe = match login_response::parse(token) {
        Ok(jwe) => jwe,
        Err(Error::Rejected { claim, why }) => return trail.refuse(format!("assertion.{claim}"), why),
        Err(other) => return trail.refuse("assertion.JWE", other.to_string()),
    };
    let kind = Kind::EncryptedPasswordAssertion;
    if let Some(verdict) = header::typ(kind, jwe.header().get("typ")) {
        trail.check("assertion.typ", verdict)?;
    }
    let kid = jwe.header_text("kid");
    let Some(key) = provider.password_key(kid) else {
        let why = format!("\"{}\" names no key that passwords are encrypted to", shown(kid.unwrap_or("nothing"), 80));
        return trail.refuse("assertion.kid", why);
    };
    let computed = key_id(&key.public());
    let names = kid.is_some_and(|kid| same_key_id(kid, &computed));
    let how = kid.and_then(|kid| header::spelling(kid, &computed));
    let verdict = Verdict::of(names, "names the key for passwords", "does not name the key for passwords").noting(how);
    trail.check("assertion.kid", verdict)?;
    trail.check("assertion.apu", encrypted::sender(&jwe))?;
    let apv = trail.need("assertion.apv", jwe.apv().ok_or("it is missing"))?;
    let info = trail.need("assertion.apv", PartyInfo::parse(apv))?;
    trail.check("assertion.apv", party_info(&info, outer.text(&verifier.expected.server_nonce_claim)))?;
    trail.check("assertion.apv.key", encrypted::names_recipient(&info, &key.public()))?;
    let opened = jwe.decrypt(&key, apv).map_err(|error| error.to_string());
    let plaintext = trail.need("assertion.decryption", opened)?;
    let parsed = jose::json::parse_object("claims", &plaintext).map_err(|error| with_causes(&error));
    let claims = SecretMap::from(Value::Object(trail.need("assertion.claims", parsed)?));
    trail.checks(inner_claims(verifier, kind, outer, &claims))?;
    let password = claims.get("password").and_then(Value::as_str).map(SecretString::from);
    let password = trail.need("assertion.password", password.ok_or("missing, or not a string"))?;
    judge(user, &password, "assertion.password", provider, trail)
}

fn party_info(info: &PartyInfo, request_nonce: Option<&str>) -> Verdict {
    let same = info.nonce.is_some() && info.nonce.as_deref() == request_nonce.map(str::as_bytes);
    Verdict::of(same, "for the server's nonce of this request", "not for the server's nonce of this request")
}
