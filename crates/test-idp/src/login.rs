//! The login request, checked from the outside in: the device that signed it, then what it says, then the assertion in
//! it, or the password.
//!
//! Apple: "Creating and validating a login request". Three methods: the assertion is signed by a smart card (with the
//! card's certificate), by a key that was registered for the user (the Secure Enclave), or it is a password, in the
//! claim `password` or in an encrypted assertion.

mod assertion;
mod encrypted;
mod signed;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::certificate::Holder;
use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::device::Device;
use crate::examination::{Examination, JWT_BEARER, Stop};
use crate::granted::{Answer, Granted, Lineage, Tokens};
use crate::idp::Idp;
use crate::options::User;
use crate::refresh_token;
use crate::store::NewFamily;

/// Whom a login turned out to be, and how.
pub(super) struct Authenticated {
    pub(super) method: &'static str,
    pub(super) holder: Holder,
    /// DER of the card's certificate.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Checks a login request of a device.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn examine(x: &mut Examination<'_>, claims: Claims<'_>, device: Device) -> Result<Granted, Stop> {
    let idp = x.idp;
    let client_id = &idp.identifiers.client_id;
    x.trail.hold(Check::OuterIss, claims.equals("iss", client_id, "our client_id"))?;
    x.trail.hold(Check::OuterClientId, claims.equals("client_id", client_id, "ours"))?;
    let token_endpoint = &x.endpoints.token;
    x.trail.hold(Check::OuterAud, claims.equals("aud", token_endpoint, "the URL of our token endpoint"))?;
    x.lifetime(claims, Check::OuterIat, Check::OuterExp)?;
    let request_nonce = x.request_nonce(claims)?;
    let password = grant_type(x, claims)?;
    let nonce = x.client_nonce(claims)?;
    let scope = x.scope(claims)?;
    let recipient = x.recipient(claims, &device, nonce)?;
    let user = user(x, claims, &device)?;

    let authenticated = if password {
        x.seen.method = Some("password");
        let password = claims.text("password").map(|text| Zeroizing::new(text.to_owned()));
        check_password(x, user, password)?;
        Authenticated { method: "password", holder: Holder::default(), certificate: None }
    } else {
        let assertion = x.trail.hold(Check::AssertionFormat, claims.text("assertion"))?;
        let expected = assertion::Expected { user, device: &device.signing.kid, nonce, request_nonce, scope };
        // A JWE has five parts.
        if assertion.matches('.').count() == 4 {
            encrypted::verify(x, assertion, &expected)?
        } else {
            signed::verify(x, assertion, &expected)?
        }
    };
    let Authenticated { method, holder, certificate } = authenticated;
    let family = NewFamily {
        user: user.name().to_owned(),
        device: device.signing.kid.clone(),
        method,
        holder: holder.clone(),
        certificate,
    };
    Ok(Granted {
        user: user.name().to_owned(),
        device: device.signing.kid,
        recipient,
        session: None,
        answer: Answer::Tokens(Tokens {
            nonce: nonce.to_owned(),
            holder,
            groups: groups(idp, user.name(), claims),
            refresh_token: refresh_token::first()?,
            lineage: Lineage::Begin(family),
        }),
    })
}

/// The grant: whether the login is with a password in a claim. What belongs to the other grant must not be there.
fn grant_type(x: &mut Examination<'_>, claims: Claims<'_>) -> Result<bool, Refusal> {
    let password = claims.text("grant_type").and_then(|grant| match grant {
        JWT_BEARER => Ok(false),
        "password" if x.idp.passwords.is_some() => Ok(true),
        "password" => Err("nobody has a password here; grant_type is not the JWT bearer grant".to_owned()),
        _ => Err("grant_type is neither the JWT bearer grant nor password".to_owned()),
    });
    let password = password.and_then(|password| match password {
        true if claims.0.contains_key("assertion") => {
            Err("with grant_type password there is an assertion too".to_owned())
        }
        false if claims.0.contains_key("password") => {
            Err("with the JWT bearer grant there is a claim password too".to_owned())
        }
        _ => Ok(password),
    });
    x.trail.hold(Check::OuterGrantType, password)
}

/// The user, who must be known, and on a device registered for them.
fn user<'a>(x: &mut Examination<'a>, claims: Claims<'_>, device: &Device) -> Result<&'a User, Refusal> {
    let name = x.trail.hold(Check::OuterUsername, claims.text("username"))?;
    x.trail.hold(Check::OuterUsername, claims.equals("sub", name, "the same as username"))?;
    let user = x.idp.user(name).ok_or("username is not a user here");
    let user = x.trail.hold(Check::OuterUsername, user)?;
    let registered = device.users.iter().any(|registered| registered == name);
    let registered = registered.then_some(()).ok_or("the device is not registered for this user");
    x.trail.hold(Check::OuterDeviceUser, registered)?;
    Ok(user)
}

/// Compares a password, unless there were too many wrong ones. The nonce is used up before: a try is counted for it, and a
/// verdict is given, and neither without a nonce that counts.
pub(super) fn check_password(
    x: &mut Examination<'_>,
    user: &User,
    password: Result<Zeroizing<String>, String>,
) -> Result<(), Stop> {
    let passwords = x.idp.passwords.as_ref().ok_or("nobody has a password here");
    let passwords = x.trail.hold(Check::PasswordTries, passwords)?;
    x.use_nonce_up()?;
    let may_try = passwords.take_try(user.name(), x.now);
    let retry_after = may_try.err();
    let may_try = may_try.map_err(|seconds| format!("there were too many wrong passwords; wait {seconds} seconds"));
    x.trail.hold(Check::PasswordTries, may_try).map_err(|refusal| Refusal { retry_after, ..refusal })?;
    let right = password.and_then(|password| {
        let right = passwords.check(user.name(), &password);
        right.then_some(()).ok_or_else(|| "the password is wrong".to_owned())
    });
    x.trail.hold(Check::Password, right).map_err(Stop::from)
}

/// The groups of a user, when the request asks for groups: those that it names, or all when it names none.
pub(crate) fn groups(idp: &Idp, user: &str, claims: Claims<'_>) -> Option<Vec<String>> {
    let groups = claims.object("claims").ok()?.object("id_token").ok()?.0.get("groups")?;
    let named: Vec<&str> = match groups.get("values") {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let of_user = idp.groups.iter().filter(|group| group.user() == user).map(|group| group.name().to_owned());
    Some(of_user.filter(|group| named.is_empty() || named.contains(&group.as_str())).collect())
}
