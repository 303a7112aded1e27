//! The named checks of the token endpoint, in the order in which they are made.

use std::fmt;

/// One thing that a request of the token endpoint or of the key service has to get right.
///
/// Its name stands in the `check` member of a refusal. A request is refused at the first check
/// that it fails, so the name says which one, and that all before it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The request is a compact JWS (RFC 7515 section 7.1). Answered with 400.
    OuterFormat,
    /// `typ` is `platformsso-login-request+jwt`, `platformsso-refresh-request+jwt` or `platformsso-key-request+jwt`.
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
    /// `aud` is the URL of our token endpoint; of a refresh also that of the refresh endpoint; of a key request our
    /// audience, when it is there.
    OuterAud,
    /// `iat` is a time that has come.
    OuterIat,
    /// `exp` is a time to come, at most five minutes after `iat`.
    OuterExp,
    /// `request_nonce` is ours, unused, five minutes old at most, and for this client-request-id.
    OuterRequestNonce,
    /// `grant_type` is the JWT bearer grant or `password`, of a refresh `refresh_token`; a login has no claim of the other
    /// grant beside it (`password`, `assertion`).
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
    /// `assertion` is a compact JWS, or a compact JWE for an encrypted password.
    AssertionFormat,
    /// `typ` is `platformsso-login-assertion+jwt`, of an encrypted one `platformsso-encrypted-login-assertion+jwt`.
    AssertionTyp,
    /// `x5c` is one certificate, as a string or in an array; it may be left out for a registered key.
    AssertionX5c,
    /// Without `x5c`: `kid` names a key that is registered for the user on this device.
    AssertionUserKey,
    /// `alg` fits the key of the certificate or the user.
    AssertionAlg,
    /// The key of the certificate or the user signed.
    AssertionSignature,
    /// `kid` is there, and the hash of the certificate's public point (compared for elliptic curve keys only); of an
    /// encrypted assertion that of our key.
    AssertionKid,
    /// Encrypted: `apu` is the prefix `APPLE` and the point of `epk`.
    AssertionApu,
    /// Encrypted: `apv` is the prefix `APPLEEMBEDDED`, our key and the `request_nonce`.
    AssertionApv,
    /// Encrypted: it decrypts.
    AssertionDecryption,
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
    /// There were not too many wrong passwords. Answered with 429.
    PasswordTries,
    /// The password is the user's.
    Password,
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
    /// There is a certificate revocation list of every issuer, signed by it and current (only with `--crl`).
    CertificateCrl,
    /// No certificate of the chain is revoked (only with `--crl`).
    CertificateRevoked,
    /// The certificate's user principal name belongs to the user.
    CertificateUpn,
    /// The certificate's e-mail address belongs to the user.
    CertificateEmail,
    /// The certificate's subject key identifier belongs to the user.
    CertificateSki,
    /// The certificate's issuer and serial number belong to the user.
    CertificateIssuerSerial,
    /// The certificate is one that is pinned to the user, when some are.
    CertificatePinned,
    /// The refresh token is one of ours.
    RefreshToken,
    /// It was not used before; its family is revoked when it was.
    RefreshReuse,
    /// Its family is not revoked.
    RefreshRevoked,
    /// It has not expired.
    RefreshExpired,
    /// It was given to the device that presents it.
    RefreshDevice,
    /// Its user is still known, and the one of the request; of a login with a password, has one still.
    RefreshUser,
    /// `version` is `1.0`.
    KeyVersion,
    /// `request_type` is `key_request` or `key_exchange`.
    KeyRequestType,
    /// `key_purpose` is `user_unlock`.
    KeyPurpose,
    /// `other_publickey` is an uncompressed point on P-256.
    KeyOtherPublicKey,
    /// `key_context` is one that we made for this user and device; without one, there is a key for them.
    KeyContext,
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
            Self::AssertionUserKey => "assertion.user_key",
            Self::AssertionAlg => "assertion.alg",
            Self::AssertionSignature => "assertion.signature",
            Self::AssertionKid => "assertion.kid",
            Self::AssertionApu => "assertion.apu",
            Self::AssertionApv => "assertion.apv",
            Self::AssertionDecryption => "assertion.decryption",
            Self::AssertionIss => "assertion.iss",
            Self::AssertionSub => "assertion.sub",
            Self::AssertionAud => "assertion.aud",
            Self::AssertionIat => "assertion.iat",
            Self::AssertionExp => "assertion.exp",
            Self::AssertionNonce => "assertion.nonce",
            Self::AssertionRequestNonce => "assertion.request_nonce",
            Self::AssertionScope => "assertion.scope",
            Self::PasswordTries => "password.tries",
            Self::Password => "password.match",
            Self::CertificateChain => "certificate.chain",
            Self::CertificateValidity => "certificate.validity",
            Self::CertificateCriticalExtension => "certificate.critical_extension",
            Self::CertificateExtendedKeyUsage => "certificate.extended_key_usage",
            Self::CertificateKeyUsage => "certificate.key_usage",
            Self::CertificateCrl => "certificate.crl",
            Self::CertificateRevoked => "certificate.revoked",
            Self::CertificateUpn => "certificate.upn",
            Self::CertificateEmail => "certificate.email",
            Self::CertificateSki => "certificate.ski",
            Self::CertificateIssuerSerial => "certificate.issuer_serial",
            Self::CertificatePinned => "certificate.pinned",
            Self::RefreshToken => "refresh.token",
            Self::RefreshReuse => "refresh.reuse",
            Self::RefreshRevoked => "refresh.revoked",
            Self::RefreshExpired => "refresh.expired",
            Self::RefreshDevice => "refresh.device",
            Self::RefreshUser => "refresh.user",
            Self::KeyVersion => "key.version",
            Self::KeyRequestType => "key.request_type",
            Self::KeyPurpose => "key.key_purpose",
            Self::KeyOtherPublicKey => "key.other_publickey",
            Self::KeyContext => "key.key_context",
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

/// A refused request: the check that failed, and why, in words that quote nothing of the request.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) check: Check,
    pub(crate) why: String,
}
