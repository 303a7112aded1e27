//! The refresh request: the device's signature and the refresh token, and no card.
//!
//! Apple: "Creating a refresh request". It names no user; where one is named, it must be the token's. What was checked of
//! the card's certificate at the login is checked again wherever the token is presented, here and at the key service, so
//! that a card that was revoked since ends the session.

use zeroize::Zeroizing;

use crate::certificate;
use crate::check::{Check, Refusal};
use crate::claims::Claims;
use crate::device::Device;
use crate::examination::{Examination, Stop};
use crate::granted::{Answer, Granted, Lineage, Tokens};
use crate::login::groups;
use crate::options::User;
use crate::refresh_token;
use crate::store::{Family, Presented};

/// Checks a refresh request of a device.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn examine(x: &mut Examination<'_>, claims: Claims<'_>, device: Device) -> Result<Granted, Stop> {
    let (idp, endpoints) = (x.idp, x.endpoints);
    let client_id = &idp.identifiers.client_id;
    x.trail.hold(Check::OuterIss, claims.equals("iss", client_id, "our client_id"))?;
    x.trail.hold(Check::OuterClientId, claims.equals("client_id", client_id, "ours"))?;
    let aud = claims.text("aud").and_then(|aud| {
        let ours = [&endpoints.refresh, &endpoints.token].into_iter().any(|url| url == aud);
        ours.then_some(()).ok_or_else(|| "aud is not the URL of our refresh or token endpoint".to_owned())
    });
    x.trail.hold(Check::OuterAud, aud)?;
    x.lifetime(claims, Check::OuterIat, Check::OuterExp)?;
    x.request_nonce(claims)?;
    x.trail.hold(Check::OuterGrantType, claims.equals("grant_type", "refresh_token", "refresh_token"))?;
    let nonce = x.client_nonce(claims)?;
    x.scope(claims)?;
    let recipient = x.recipient(claims, &device, nonce)?;
    let (family, token) = token(x, claims, &device)?;
    x.seen.method = method(&family.method);
    Ok(Granted {
        user: family.user.clone(),
        device: device.signing.kid,
        recipient,
        session: Some(family.id),
        answer: Answer::Tokens(Tokens {
            nonce: nonce.to_owned(),
            groups: groups(idp, &family.user, claims),
            holder: family.holder,
            refresh_token: refresh_token::next(&token)?,
            lineage: Lineage::Rotate { family: family.id, old: token },
        }),
    })
}

/// The refresh token of a request, live, of this device, and of a card that may still log in: its family and itself.
///
/// # Errors
/// The first check that does not hold.
pub(crate) fn token(
    x: &mut Examination<'_>,
    claims: Claims<'_>,
    device: &Device,
) -> Result<(Family, Zeroizing<String>), Stop> {
    let token = x.trail.hold(Check::RefreshToken, claims.text("refresh_token"))?;
    let presented = x.idp.store.presented(token, x.now)?;
    let family = family(x, presented)?;
    x.seen.user = Some(family.user.clone());
    let same = family.device == device.signing.kid;
    let same = same.then_some(()).ok_or("the refresh token was given to another device");
    x.trail.hold(Check::RefreshDevice, same)?;
    for name in ["username", "sub"] {
        let named = claims.optional_text(name).and_then(|named| {
            let same = named.is_none_or(|named| named == family.user);
            same.then_some(()).ok_or_else(|| format!("{name} is not the user of the refresh token"))
        });
        x.trail.hold(Check::RefreshUser, named)?;
    }
    let user = x.idp.user(&family.user).filter(|user| device.users.iter().any(|known| known == user.name()));
    let user =
        x.trail.hold(Check::RefreshUser, user.ok_or("the user of the refresh token is not known here any more"))?;
    let by_password = ["password", "encrypted-password"].contains(&family.method.as_str());
    let has_one = !by_password || x.idp.passwords.as_ref().is_some_and(|passwords| passwords.has(user.name()));
    x.trail
        .hold(Check::RefreshUser, has_one.then_some(()).ok_or("the user of the session has no password any more"))?;
    card(x, &family, user)?;
    Ok((family, Zeroizing::new(token.to_owned())))
}

/// The policy of certificates once more, for a session that a card began. A revoked card ends it: should the certificate
/// leave the list again, the card has to log in.
fn card(x: &mut Examination<'_>, family: &Family, user: &User) -> Result<(), Stop> {
    let Some(der) = &family.certificate else { return Ok(()) };
    let leaf = x.trail.hold(Check::CertificateChain, certificate::parse(der))?;
    let pinned = x.idp.store.user_certificates(user.name())?;
    let checked = certificate::check(&mut x.trail, &leaf, der, &x.idp.policy, user, &pinned, x.now);
    if checked.as_ref().is_err_and(|refusal| refusal.check == Check::CertificateRevoked) {
        x.ends = Some(family.id);
    }
    checked.map(drop).map_err(Stop::from)
}

/// The family of a token that is live.
fn family(x: &mut Examination<'_>, presented: Presented) -> Result<Family, Refusal> {
    let (known, family) = match presented {
        Presented::Unknown => (Err("the refresh token is not one of ours"), None),
        Presented::Used(family) => (Ok((Check::RefreshReuse, REUSED)), Some(family)),
        Presented::Revoked(family) => (Ok((Check::RefreshRevoked, REVOKED)), Some(family)),
        Presented::Expired(family) => (Ok((Check::RefreshExpired, "the refresh token has expired")), Some(family)),
        Presented::Live(family) => {
            for check in [Check::RefreshToken, Check::RefreshReuse, Check::RefreshRevoked, Check::RefreshExpired] {
                x.trail.hold(check, Ok::<_, String>(()))?;
            }
            return Ok(family);
        }
    };
    let (check, why) = x.trail.hold(Check::RefreshToken, known)?;
    if check == Check::RefreshReuse {
        x.ends = family.map(|family| family.id);
    }
    x.trail.hold(check, Err(why))
}

/// The log's name of the method of a family.
fn method(stored: &str) -> Option<&'static str> {
    ["smart-card", "secure-enclave-key", "password", "encrypted-password"].into_iter().find(|name| *name == stored)
}

/// Why the token of a revoked family is refused.
pub(crate) const REVOKED: &str = "the session was revoked";

/// Why a used token is refused.
pub(crate) const REUSED: &str = "the refresh token was used before; the whole session is revoked now";
