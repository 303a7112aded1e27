//! The named checks of the token endpoint, in the order in which they are made.

use std::fmt;

/// The enumeration, its names, and what is said of each, from one list.
macro_rules! checks {
    ($($(#[doc = $says:literal])+ $check:ident = $name:literal,)+) => {
        /// One thing that a request of the token endpoint or of the key service has to get right.
        ///
        /// Its name stands in the `check` member of a refusal. A request is refused at the first check
        /// that it fails, so the name says which one, and that all before it held.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[doc = $says])+ $check,)+
        }

        impl Check {
            /// All of them, in the order in which they are made.
            pub const ALL: &[Self] = &[$(Self::$check),+];

            /// The name, as it stands in the `check` member of a refusal.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$check => $name,)+
                }
            }

            /// What holds when the check does: a sentence or two.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self {
                    $(Self::$check => concat!($($says),+).trim_ascii_start(),)+
                }
            }
        }
    };
}

checks! {
    /// The request is a compact JWS (RFC 7515 section 7.1). Answered with 400.
    OuterFormat = "outer.format",
    /// `typ` is `platformsso-login-request+jwt`, `platformsso-refresh-request+jwt` or `platformsso-key-request+jwt`.
    OuterTyp = "outer.typ",
    /// `alg` is ES256.
    OuterAlg = "outer.alg",
    /// `kid` names a registered device.
    OuterKid = "outer.kid",
    /// The registered device signed.
    OuterSignature = "outer.signature",
    /// `iss` is our client_id.
    OuterIss = "outer.iss",
    /// `client_id` is our client_id.
    OuterClientId = "outer.client_id",
    /// `aud` is the URL of our token endpoint; of a refresh also that of the refresh endpoint; of a key request our
    /// audience, when it is there.
    OuterAud = "outer.aud",
    /// `iat` is a time that has come.
    OuterIat = "outer.iat",
    /// `exp` is a time to come, at most five minutes after `iat`.
    OuterExp = "outer.exp",
    /// `request_nonce` is ours, unused, five minutes old at most, and for this client-request-id.
    OuterRequestNonce = "outer.request_nonce",
    /// `grant_type` is the JWT bearer grant or `password`, of a refresh `refresh_token`; a login has no claim of the other
    /// grant beside it (`password`, `assertion`).
    OuterGrantType = "outer.grant_type",
    /// `nonce` is an upper-case UUID.
    OuterNonce = "outer.nonce",
    /// `scope` contains `openid`.
    OuterScope = "outer.scope",
    /// `jwe_crypto` asks for ECDH-ES and A256GCM.
    OuterJweCrypto = "outer.jwe_crypto",
    /// `jwe_crypto.apv` names the registered encryption key and the client's nonce.
    OuterApv = "outer.apv",
    /// `username` is a user, and `sub` is the same.
    OuterUsername = "outer.username",
    /// The device is registered for this user.
    OuterDeviceUser = "outer.device_user",
    /// `assertion` is a compact JWS, or a compact JWE for an encrypted password.
    AssertionFormat = "assertion.format",
    /// `typ` is `platformsso-login-assertion+jwt`, of an encrypted one `platformsso-encrypted-login-assertion+jwt`.
    AssertionTyp = "assertion.typ",
    /// `x5c` is one certificate, as a string or in an array; it may be left out for a registered key.
    AssertionX5c = "assertion.x5c",
    /// Without `x5c`: `kid` names a key that is registered for the user on this device.
    AssertionUserKey = "assertion.user_key",
    /// `alg` fits the key of the certificate or the user.
    AssertionAlg = "assertion.alg",
    /// The key of the certificate or the user signed.
    AssertionSignature = "assertion.signature",
    /// `kid` is there, and the hash of the certificate's public point (compared for elliptic curve keys only); of an
    /// encrypted assertion that of our key.
    AssertionKid = "assertion.kid",
    /// Encrypted: `apu` is the prefix `APPLE` and the point of `epk`.
    AssertionApu = "assertion.apu",
    /// Encrypted: `apv` is the prefix `APPLEEMBEDDED`, our key and the `request_nonce`.
    AssertionApv = "assertion.apv",
    /// Encrypted: it decrypts.
    AssertionDecryption = "assertion.decryption",
    /// `iss` is the user of the login request.
    AssertionIss = "assertion.iss",
    /// `sub` is the user of the login request.
    AssertionSub = "assertion.sub",
    /// `aud` is our audience.
    AssertionAud = "assertion.aud",
    /// `iat` is a time that has come.
    AssertionIat = "assertion.iat",
    /// `exp` is a time to come, at most five minutes after `iat`.
    AssertionExp = "assertion.exp",
    /// `nonce` is the one of the login request.
    AssertionNonce = "assertion.nonce",
    /// `request_nonce` is the one of the login request.
    AssertionRequestNonce = "assertion.request_nonce",
    /// `scope` is the one of the login request.
    AssertionScope = "assertion.scope",
    /// There were not too many wrong passwords. Answered with 429.
    PasswordTries = "password.tries",
    /// The password is the user's.
    Password = "password.match",
    /// A certification authority of the trust file issued the certificate.
    CertificateChain = "certificate.chain",
    /// The certificate is within its dates.
    CertificateValidity = "certificate.validity",
    /// Every critical extension of the certificate is understood.
    CertificateCriticalExtension = "certificate.critical_extension",
    /// The extended key usage has client authentication.
    CertificateExtendedKeyUsage = "certificate.extended_key_usage",
    /// The key usage, when there is one, has digital signature.
    CertificateKeyUsage = "certificate.key_usage",
    /// There is a certificate revocation list of every issuer, signed by it and current (only with `--crl`).
    CertificateCrl = "certificate.crl",
    /// No certificate of the chain is revoked (only with `--crl`).
    CertificateRevoked = "certificate.revoked",
    /// The certificate's user principal name belongs to the user.
    CertificateUpn = "certificate.upn",
    /// The certificate's e-mail address belongs to the user.
    CertificateEmail = "certificate.email",
    /// The certificate's subject key identifier belongs to the user.
    CertificateSki = "certificate.ski",
    /// The certificate's issuer and serial number belong to the user.
    CertificateIssuerSerial = "certificate.issuer_serial",
    /// The certificate is one that is pinned to the user, when some are.
    CertificatePinned = "certificate.pinned",
    /// The refresh token is one of ours.
    RefreshToken = "refresh.token",
    /// It was not used before; its family is revoked when it was.
    RefreshReuse = "refresh.reuse",
    /// Its family is not revoked.
    RefreshRevoked = "refresh.revoked",
    /// It has not expired.
    RefreshExpired = "refresh.expired",
    /// It was given to the device that presents it.
    RefreshDevice = "refresh.device",
    /// Its user is still known, and the one of the request; of a login with a password, has one still.
    RefreshUser = "refresh.user",
    /// `version` is `1.0`.
    KeyVersion = "key.version",
    /// `request_type` is `key_request` or `key_exchange`.
    KeyRequestType = "key.request_type",
    /// `key_purpose` is `user_unlock`.
    KeyPurpose = "key.key_purpose",
    /// `other_publickey` is an uncompressed point on P-256.
    KeyOtherPublicKey = "key.other_publickey",
    /// `key_context` is one that we made for this user and device; without one, there is a key for them.
    KeyContext = "key.key_context",
}

impl Check {
    /// A refusal at this check.
    pub(crate) fn refuse(self, why: impl Into<String>) -> Refusal {
        Refusal { check: self, why: why.into(), retry_after: None }
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
    /// Seconds, when the same may be right later.
    pub(crate) retry_after: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_check_in_its_order() {
        let text = include_str!("../../../docs/idp.md");
        let table = text.split_once("| check | what holds |\n|---|---|\n").unwrap().1;
        let table = table.split_once("\n\n").unwrap().0;
        let expected: Vec<_> = Check::ALL.iter().map(|check| format!("| `{check}` | {} |", check.says())).collect();
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }
}
