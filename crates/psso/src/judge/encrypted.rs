//! The header of a JWE: what is agreed on for the key derivation.

use jose::PublicKey;
use jose::jwe::Jwe;

use super::kind::Kind;
use crate::check::Verdict;
use crate::error::shown;
use crate::party_info::PartyInfo;
use crate::{Error, login_response};

/// `apu`: it must name the ephemeral key of this very message. Its prefix is the sender's own.
pub(crate) fn sender(jwe: &Jwe) -> Verdict {
    match login_response::check_apu(jwe) {
        Ok(()) => {
            let prefix =
                jwe.apu().and_then(|apu| PartyInfo::parse(apu).ok()).map(|info| info.prefix).unwrap_or_default();
            let written = shown(&String::from_utf8_lossy(&prefix), 40);
            let how = match prefix.as_slice() {
                b"APPLE" => None,
                b"AAD" => Some("the prefix is \"AAD\", as Entra writes it; the documentation has \"APPLE\"".to_owned()),
                _ => Some(format!("the prefix is \"{written}\"; the documentation has \"APPLE\"")),
            };
            Verdict::holds("names the ephemeral key").noting(how.as_deref())
        }
        Err(Error::Rejected { why, .. }) => Verdict::fails(why),
        Err(other) => Verdict::fails(other.to_string()),
    }
}

/// `apv`: the one that was expected, and in this protocol's form. `expected` is what the recipient knows already.
pub(crate) fn recipient(kind: Kind, jwe: &Jwe, expected: Option<&[u8]>) -> Option<Verdict> {
    let apv = expected.or_else(|| jwe.apv())?;
    Some(match (jwe.apv(), PartyInfo::parse(apv)) {
        (Some(in_header), _) if in_header != apv => Verdict::fails("the one in the header is not the given one"),
        (_, Err(why)) if kind != Kind::UnknownJwe => Verdict::fails(why),
        (in_header, info) => {
            let where_from = if in_header.is_some() { "in the header" } else { "the given one" };
            let how = info.ok().and_then(|info| other_prefix(kind, &info.prefix));
            Verdict::holds(where_from).noting(how.as_deref())
        }
    })
}

/// What a Mac begins an `apv` with: `Apple` for a response; for a password it is configuration.
fn other_prefix(kind: Kind, prefix: &[u8]) -> Option<String> {
    let written = shown(&String::from_utf8_lossy(prefix), 40);
    let response = matches!(kind, Kind::LoginResponse | Kind::KeyResponse);
    (response && prefix != b"Apple").then(|| format!("the prefix is \"{written}\"; a Mac writes \"Apple\""))
}

/// The key in an `apv` must be the recipient's.
pub(crate) fn names_recipient(apv: &PartyInfo, key: &PublicKey) -> Verdict {
    let same = key.x963().as_ref() == Some(&apv.point);
    Verdict::of(same, "names the recipient's key", "names another key than the given one")
}
