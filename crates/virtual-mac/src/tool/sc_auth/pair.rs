//! `sc_auth pair -u USER -h HASH`, and everything that stands in its way.
//!
//! ```text
//! no card has the key          CryptoTokenKit -7          (text unknown)
//! OpenSC's driver has the card TKAuthenticationHintsProvider -11
//! trust is checked and missing TKAuthenticationHintsProvider -13
//! not in the user's session    UI not enabled
//! the dialog is cancelled      OSStatus -128              (text unknown)
//! 9d cannot wrap a key         CryptoTokenKit -8
//! 9d is empty                  paired, but the keychain wants its password
//! ```

use super::Options;
use super::identities::{for_login, token_id};
use crate::Outcome;
use crate::certificate::{Certificate, Key};
use crate::context::Context;
use crate::language::PairingError;
use crate::mac::{Card, KeychainState, Mac};
use crate::misbehaviour::{UI_NOT_ENABLED, complaint};

pub(super) fn run(mac: &mut Mac, context: &Context, options: &Options<'_>) -> Outcome {
    let Some(hash) = options.hash else { return super::usage() };
    let Some(user) = mac.local_user(options.user) else { return super::no_user(mac, options.user) };
    let (name, uid) = (user.name().to_owned(), user.uid());
    if !context.is_root() && context.user != name {
        return refused(mac, hash, -60005);
    }
    let Some((card, certificate)) = find(mac, hash) else { return refused(mac, hash, -7) };
    if !token_id(mac, card).starts_with("com.apple.pivtoken:") {
        return refused(mac, hash, -11);
    }
    if mac.setting("checkCertificateTrust") > 0 && !(card.trusted && is_valid(&certificate)) {
        return refused(mac, hash, -13);
    }
    if context.session.is_none_or(|session| i64::from(session) != uid) {
        return complaint(mac, UI_NOT_ENABLED);
    }
    let wrap_key = card.certificates.get("9d").and_then(|der| Certificate::parse(der.as_ref())).map(|found| found.key);
    if wrap_key == Some(Key::Other) {
        return refused(mac, hash, -8);
    }
    if mac.keychain(&name).state == KeychainState::Cancelled {
        return refused(mac, hash, -128);
    }
    record(mac, &name, &certificate.hash, wrap_key.is_some());
    let mut text = mac.language.paired(&certificate.hash);
    if wrap_key.is_none() {
        text = mac.language.paired_without_keychain().to_owned();
    }
    Outcome::says(text)
}

fn find<'a>(mac: &'a Mac, hash: &str) -> Option<(&'a Card, Certificate)> {
    mac.cards.iter().find_map(|card| {
        let (_, certificate) = for_login(card).find(|(_, found)| found.hash.eq_ignore_ascii_case(hash))?;
        Some((card, certificate))
    })
}

fn is_valid(certificate: &Certificate) -> bool {
    (certificate.not_before..certificate.not_after).contains(&time::OffsetDateTime::now_utc())
}

/// A key that is paired already is not written twice.
fn record(mac: &mut Mac, name: &str, hash: &str, opens_keychain: bool) {
    if let Some(user) = mac.local_user_mut(name)
        && !user.hashes("tokenidentity").iter().any(|one| one == hash)
    {
        user.append("AuthenticationAuthority", &format!(";tokenidentity;{hash}"));
    }
    let keychain = mac.keychain(name);
    if opens_keychain && !keychain.unlocked_by.iter().any(|one| one == hash) {
        keychain.unlocked_by.push(hash.to_owned());
    }
}

fn refused(mac: &Mac, hash: &str, code: i64) -> Outcome {
    let mut error = PairingError::numbered(code);
    if code == -60005 {
        // errAuthorizationDenied
        error = PairingError { domain: "OSStatus", code, reason: None };
    }
    complaint(mac, &mac.language.cannot_pair(hash, &error))
}
