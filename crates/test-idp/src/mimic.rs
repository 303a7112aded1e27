//! Deviations from the documentation that were seen in the field, one name each: what other servers and clients do, what
//! older samples show, and where the documentation contradicts itself.
//!
//! Without any, the server is strict. A deviation never loosens a check of keys, signatures, times, nonces or users.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// A deviation from the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mimic {
    /// The answer of the nonce endpoint has `nonce` in lower case.
    NonceLowerCase,
    /// A nonce is a UUID.
    NonceUuid,
    /// A nonce is 32 bytes in standard base64, with `+`, `/` and `=`.
    NonceBase64,
    /// A nonce lasts 60 seconds.
    NonceOneMinute,
    /// The prefix in `apu` of a response is `AAD`.
    ApuAad,
    /// A response has no `apv` in its header; the client has its own copy.
    NoApv,
    /// A response has no `typ` in its header.
    NoTyp,
    /// `typ` of a response is `JWT`.
    TypJwt,
    /// A response has no `kid` in its header.
    NoKid,
    /// `kid` of a response is that of the ephemeral key.
    KidEphemeral,
    /// `kid` of responses and id_tokens is in base64url without padding.
    KidBase64url,
    /// Media types of responses carry `; charset=utf-8`.
    ContentTypeCharset,
    /// `aud` of an id_token is a list, and there is an `azp`.
    AudList,
    /// `iat`, `nbf` and `exp` of an id_token are strings.
    TimesAsStrings,
    /// A response has no `refresh_token_expires_in`, only `expires_in`.
    NoRefreshExpiry,
    /// A response has `expires_on`.
    ExpiresOn,
    /// `token_type` is `pop`.
    TokenTypePop,
    /// A response has the further members of an Entra answer: `tgt_ad`, `tgt_cloud`, `client_info`.
    EntraMembers,
    /// A response has a Kerberos ticket in `login_tgt`, made up, and `psso.toml` a mapping for it.
    KerberosTicket,
    /// A wrong password is answered with 400 and a body as Entra's, which `invalid_credential_predicate` tells.
    InvalidCredential400,
    /// The certificate of a key request is in standard base64.
    CertificateBase64,
    /// A key request is answered without `key_context`; the server keeps the key.
    NoKeyContext,
    /// Requests as of macOS 13 are taken: `typ` `JWT`, and the JWT in the field `request`.
    Macos13,
    /// A login request whose `typ` is that of an assertion is taken, as in a published sample.
    SampleTyp,
    /// Requests as of MSAL are taken: a prefix `MsalClient` in `apv`, and a client nonce in lower case.
    MsalClient,
}

/// Each deviation with its name, where it was seen, and what it does.
const TABLE: [(&str, Mimic, &str); 25] = [
    ("nonce-lower-case", Mimic::NonceLowerCase, "the nonce endpoint answers {\"nonce\":..} (Keycloak extension)"),
    ("nonce-uuid", Mimic::NonceUuid, "a nonce is a UUID (Keycloak extension)"),
    ("nonce-base64", Mimic::NonceBase64, "a nonce is standard base64 with padding (twocanoes)"),
    ("nonce-one-minute", Mimic::NonceOneMinute, "a nonce lasts 60 seconds (Keycloak extension)"),
    ("apu-aad", Mimic::ApuAad, "the prefix in apu of a response is AAD (Entra)"),
    ("no-apv", Mimic::NoApv, "a response has no apv in its header (optional in the documentation)"),
    ("no-typ", Mimic::NoTyp, "a response has no typ in its header (optional in the documentation)"),
    ("typ-jwt", Mimic::TypJwt, "typ of a response is JWT (macOS 13)"),
    ("no-kid", Mimic::NoKid, "a response has no kid in its header (optional in the documentation)"),
    (
        "kid-ephemeral",
        Mimic::KidEphemeral,
        "kid of a response is that of the ephemeral key (text of the documentation)",
    ),
    (
        "kid-base64url",
        Mimic::KidBase64url,
        "kid of responses and id_tokens is base64url without padding (other servers)",
    ),
    ("content-type-charset", Mimic::ContentTypeCharset, "; charset=utf-8 behind media types (sample)"),
    ("aud-list", Mimic::AudList, "aud of an id_token is a list, with azp (OpenID Connect)"),
    ("times-as-strings", Mimic::TimesAsStrings, "iat, nbf and exp of an id_token are strings (samples of macOS 13)"),
    ("no-refresh-expiry", Mimic::NoRefreshExpiry, "expires_in only (recommended, not required)"),
    ("expires-on", Mimic::ExpiresOn, "a response has expires_on (samples)"),
    ("token-type-pop", Mimic::TokenTypePop, "token_type is pop (Entra)"),
    ("entra-members", Mimic::EntraMembers, "a response has tgt_ad, tgt_cloud and client_info (Entra)"),
    ("kerberos-ticket", Mimic::KerberosTicket, "a response has a made-up ticket in login_tgt (sample)"),
    (
        "invalid-credential-400",
        Mimic::InvalidCredential400,
        "a wrong password is answered with 400 and errorCode (Entra)",
    ),
    ("certificate-base64", Mimic::CertificateBase64, "certificate of a key request is standard base64 (authentik)"),
    ("no-key-context", Mimic::NoKeyContext, "a key request is answered without key_context (optional)"),
    ("macos-13", Mimic::Macos13, "takes typ JWT, and the JWT in the field request (macOS 13)"),
    ("sample-typ", Mimic::SampleTyp, "takes a login request with the typ of an assertion (sample)"),
    ("msal-client", Mimic::MsalClient, "takes apv with the prefix MsalClient and a nonce in lower case (MSAL)"),
];

impl Mimic {
    /// Every deviation there is.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(_, mimic, _)| *mimic)
    }

    /// The names of all deviations, separated by commas.
    #[must_use]
    pub fn names() -> String {
        TABLE.map(|(name, _, _)| name).join(", ")
    }

    /// What it does, and where it was seen.
    #[must_use]
    pub fn description(self) -> &'static str {
        TABLE.iter().find(|(_, mimic, _)| *mimic == self).map_or("", |(_, _, description)| description)
    }
}

impl fmt::Display for Mimic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = TABLE.iter().find(|(_, mimic, _)| mimic == self).map(|(name, _, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

impl FromStr for Mimic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        TABLE
            .iter()
            .find(|(name, _, _)| *name == text)
            .map(|(_, mimic, _)| *mimic)
            .ok_or_else(|| Error::UnknownMimic { name: text.to_owned(), known: Self::names() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deviation_has_its_own_name_and_is_described() {
        for mimic in Mimic::all() {
            assert_eq!(mimic.to_string().parse::<Mimic>().unwrap(), mimic);
            assert!(!mimic.description().is_empty());
        }
        let error = "wrong".parse::<Mimic>().unwrap_err().to_string();
        assert!(error.contains("`wrong`") && error.contains("apu-aad") && error.contains("msal-client"), "{error}");
    }
}
