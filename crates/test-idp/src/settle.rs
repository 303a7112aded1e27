//! What a request changes, in one transaction: its nonce is used up, its tokens are kept or a session is revoked, and it
//! is written into the log.

use crate::check::{Check, Refusal};
use crate::error::Error;
use crate::examination::Examined;
use crate::fault::Delivery;
use crate::granted::{Answer, Granted, Lineage};
use crate::idp::Idp;
use crate::patience::Patience;
use crate::refresh;
use crate::store::refresh_tokens::Old;
use crate::store::{nonces, provided_keys, refresh_tokens, request_log, signing_keys};

/// A request that was answered as far as the database goes.
#[derive(Debug)]
pub(crate) struct Settled {
    /// What the request gets, or why nothing.
    pub(crate) verdict: Result<Granted, Refusal>,
    /// The key identifier that signs id_tokens now.
    pub(crate) signing_kid: Option<String>,
}

/// Settles an examined request. Nothing, and nothing has changed, when nobody waits for the answer any more.
///
/// # Errors
/// [`Error::Database`]; nothing has changed then, and the request may be sent again.
pub(crate) fn settle(
    idp: &Idp,
    examined: Examined,
    delivery: Delivery,
    patience: &Patience,
) -> Result<Option<Settled>, Error> {
    let Examined { now, mut trail, mut seen, request_nonce, ends, outcome: mut verdict } = examined;
    idp.store
        .change(|transaction| {
            if !patience.lasts() {
                return Ok(None);
            }
            if let Some(nonce) = &request_nonce {
                let taken = nonces::take(transaction, nonce, seen.request_id.as_deref(), now)?;
                if let Some(refusal) = taken.err().and_then(|problem| trail.overrule(&problem.to_string())) {
                    verdict = Err(refusal);
                }
            }
            match &verdict {
                Ok(granted) => {
                    if let Some(refusal) = grant(transaction, granted, now, idp.refresh_token_lifetime, delivery)? {
                        trail.refuse(refusal.check, &refusal.why);
                        verdict = Err(refusal);
                    }
                }
                Err(refusal) if ENDING.contains(&refusal.check) => {
                    if let Some(family) = ends {
                        refresh_tokens::revoke(transaction, family, now)?;
                    }
                }
                Err(_) => {}
            }
            seen.refused = verdict.as_ref().err().map(|refusal| (refusal.check.name(), refusal.why.clone()));
            seen.held = trail.held();
            request_log::insert(transaction, &seen, now)?;
            let signing_kid = signing_keys::current_kid(transaction)?;
            Ok(Some(signing_kid))
        })
        .map(|settled| settled.map(|signing_kid| Settled { verdict, signing_kid }))
}

/// The refusals that end the session of the token that was presented.
const ENDING: [Check; 2] = [Check::RefreshReuse, Check::CertificateRevoked];

/// Keeps what is granted, unless the session ended since the request was examined, or its token was used up: then why not.
fn grant(
    transaction: &rusqlite::Transaction<'_>,
    granted: &Granted,
    now: i64,
    lifetime: i64,
    delivery: Delivery,
) -> rusqlite::Result<Option<Refusal>> {
    if let Some(family) = granted.session
        && !refresh_tokens::is_live(transaction, family)?
    {
        return Ok(Some(Check::RefreshRevoked.refuse(refresh::REVOKED)));
    }
    // The client sees nothing of it, and goes on with what it had.
    if delivery == Delivery::Replaced {
        return Ok(None);
    }
    match &granted.answer {
        Answer::Tokens(tokens) => {
            let (token, expires) = (&tokens.refresh_token, now.saturating_add(lifetime));
            match &tokens.lineage {
                Lineage::Begin(family) => refresh_tokens::begin(transaction, family, token, now, expires)?,
                Lineage::Rotate { family, old } => {
                    let fate = if delivery == Delivery::Whole { Old::UsedUp } else { Old::StaysLive };
                    if !refresh_tokens::rotate(transaction, *family, (old, fate), token, now, expires)? {
                        // Two refreshes with one token at the same time: the second is a reuse as well.
                        refresh_tokens::revoke(transaction, *family, now)?;
                        return Ok(Some(Check::RefreshReuse.refuse(refresh::REUSED)));
                    }
                }
            }
        }
        Answer::Certificate(made) => {
            provided_keys::keep(transaction, &granted.user, &granted.device, &made.context, now)?;
        }
        Answer::Exchanged { .. } => {}
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
