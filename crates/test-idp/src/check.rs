//! The named checks of the token endpoint, in the order in which they are made.

use std::fmt;

/// One thing that a login request has to get right.
///
/// Its name stands in the `check` member of a refusal. A request is refused at the first check
/// that it fails, so the name says which one, and that all before it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The login request is a compact JWS (RFC 7515 section 7.1). Answered with 400.
    OuterFormat,
    /// `typ` is `platformsso-login-request+jwt`.
    OuterTyp,
    /// `alg` is ES256.
    OuterAlg,
    /// `kid` names a registered device.
    OuterKid,
    /// The registered device signed.
    OuterSignature,
    /// `iss` is our client_id.
    OuterIss,
    /// `client_id` is our client_id.
    OuterClientId,
    /// `aud` is the URL of our token endpoint.
    OuterAud,
    /// `iat` is a time that has come.
    OuterIat,
    /// `exp` is a time to come, at most five minutes after `iat`.
    OuterExp,
    /// `request_nonce` is ours, unused, five minutes old at most, and for this client-request-id.
    OuterRequestNonce,
    /// `grant_type` is the JWT bearer grant.
    OuterGrantType,
    /// `nonce` is an upper-case UUID.
    OuterNonce,
    /// `scope` contains `openid`.
    OuterScope,
    /// `jwe_crypto` asks for ECDH-ES and A256GCM.
    OuterJweCrypto,
    /// `jwe_crypto.apv` names the registered encryption key and the client's nonce.
    OuterApv,
    /// `username` is a user, and `sub` is the same.
    OuterUsername,
    /// The device is registered for this user.
    OuterDeviceUser,
    /// `assertion` is a compact JWS.
    AssertionFormat,
    /// `typ` is `platformsso-login-assertion+jwt`.
    AssertionTyp,
    /// `x5c` is one certificate, as a string or in an array.
    AssertionX5c,
    /// `alg` fits the key of the certificate.
    AssertionAlg,
    /// The key of the certificate signed.
    AssertionSignature,
    /// `kid` is the hash of the certificate's public point (elliptic curve keys only).
    AssertionKid,
    /// `iss` is the user of the login request.
    AssertionIss,
    /// `sub` is the user of the login request.
    AssertionSub,
    /// `aud` is our audience.
    AssertionAud,
    /// `iat` is a time that has come.
    AssertionIat,
    /// `exp` is a time to come, at most five minutes after `iat`.
    AssertionExp,
    /// `nonce` is the one of the login request.
    AssertionNonce,
    /// `request_nonce` is the one of the login request.
    AssertionRequestNonce,
    /// `scope` is the one of the login request.
    AssertionScope,
    /// A certification authority of the trust file issued the certificate.
    CertificateChain,
    /// The certificate is within its dates.
    CertificateValidity,
    /// Every critical extension of the certificate is understood.
    CertificateCriticalExtension,
    /// The extended key usage has client authentication.
    CertificateExtendedKeyUsage,
    /// The key usage, when there is one, has digital signature.
    CertificateKeyUsage,
    /// The certificate's user principal name belongs to the user.
    CertificateUpn,
}

impl Check {
    /// The name, as it stands in the `check` member of a refusal.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OuterFormat => "outer.format",
            Self::OuterTyp => "outer.typ",
            Self::OuterAlg => "outer.alg",
            Self::OuterKid => "outer.kid",
            Self::OuterSignature => "outer.signature",
            Self::OuterIss => "outer.iss",
            Self::OuterClientId => "outer.client_id",
            Self::OuterAud => "outer.aud",
            Self::OuterIat => "outer.iat",
            Self::OuterExp => "outer.exp",
            Self::OuterRequestNonce => "outer.request_nonce",
            Self::OuterGrantType => "outer.grant_type",
            Self::OuterNonce => "outer.nonce",
            Self::OuterScope => "outer.scope",
            Self::OuterJweCrypto => "outer.jwe_crypto",
            Self::OuterApv => "outer.apv",
            Self::OuterUsername => "outer.username",
            Self::OuterDeviceUser => "outer.device_user",
            Self::AssertionFormat => "assertion.format",
            Self::AssertionTyp => "assertion.typ",
            Self::AssertionX5c => "assertion.x5c",
            Self::AssertionAlg => "assertion.alg",
            Self::AssertionSignature => "assertion.signature",
            Self::AssertionKid => "assertion.kid",
            Self::AssertionIss => "assertion.iss",
            Self::AssertionSub => "assertion.sub",
            Self::AssertionAud => "assertion.aud",
            Self::AssertionIat => "assertion.iat",
            Self::AssertionExp => "assertion.exp",
            Self::AssertionNonce => "assertion.nonce",
            Self::AssertionRequestNonce => "assertion.request_nonce",
            Self::AssertionScope => "assertion.scope",
            Self::CertificateChain => "certificate.chain",
            Self::CertificateValidity => "certificate.validity",
            Self::CertificateCriticalExtension => "certificate.critical_extension",
            Self::CertificateExtendedKeyUsage => "certificate.extended_key_usage",
            Self::CertificateKeyUsage => "certificate.key_usage",
            Self::CertificateUpn => "certificate.upn",
        }
    }

    /// A refusal at this check.
    pub(crate) fn refuse(self, why: impl Into<String>) -> Refusal {
        Refusal { check: self, why: why.into() }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refused login: the check that failed, and why, in words that quote nothing of the request.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) check: Check,
    pub(crate) why: String,
}
