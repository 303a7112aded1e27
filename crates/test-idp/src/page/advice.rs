//! Where to look after a refusal, by the check that refused.

/// A sentence or two for an administrator.
pub(super) fn for_check(check: &str) -> &'static str {
    let exact = TABLE.iter().find(|(name, _)| *name == check);
    let family = || FAMILIES.iter().find(|(prefix, _)| check.starts_with(prefix));
    exact.or_else(family).map_or(OTHERWISE, |(_, advice)| advice)
}

const TABLE: [(&str, &str); 56] = [
    (
        "outer.format",
        "What came is not a compact JWS of a JSON object, or names a claim twice. Look at it with `pivkit psso inspect`.",
    ),
    (
        "outer.typ",
        "Another kind of request reached this endpoint, or the client speaks the protocol of macOS 13, which writes JWT.",
    ),
    ("outer.alg", "The login request is signed by the device key, with ES256 and nothing else."),
    (
        "outer.kid",
        "This device is not registered here, or has new keys since: `pivkit psso register`. A server that was started with another --state knows other devices.",
    ),
    (
        "outer.signature",
        "The kid is that of a registered device, but another key signed: the device has new keys under an old name, or somebody pretends.",
    ),
    (
        "outer.iss",
        "Compare client_id in the client's configuration with the one in /psso.toml; `iss` of the outer token is the client, not the user.",
    ),
    ("outer.client_id", "Compare client_id in the client's configuration with the one in /psso.toml."),
    (
        "outer.aud",
        "Compare token_endpoint in the client's configuration with the one in /psso.toml, character by character: scheme, host, port, path. Behind a proxy, --url names what clients see.",
    ),
    ("outer.iat", "The clock of the client is ahead of this one. Compare `iat` with the time of the request above."),
    (
        "outer.exp",
        "The clock of the client is behind this one, the request took minutes to arrive, or it lives longer than five minutes.",
    ),
    (
        "outer.request_nonce",
        "The server's nonce was used before, is older than five minutes, is not from here, or was fetched under another client-request-id. A login that is sent twice ends here.",
    ),
    (
        "outer.grant_type",
        "The claim `grant_type` says which method is meant; a card or a Secure Enclave key is the JWT bearer grant.",
    ),
    ("outer.nonce", "The client's nonce is a UUID in upper case with hyphens."),
    ("outer.scope", "The scope has to contain openid."),
    ("outer.jwe_crypto", "The answer is encrypted with ECDH-ES and A256GCM; HPKE of macOS 27 is not published."),
    (
        "outer.apv",
        "PartyVInfo names the device encryption key and the client's nonce. A device with new keys has to be registered again.",
    ),
    (
        "outer.username",
        "Nobody here has this name: compare with the users below, also in upper and lower case, or start with --user. `sub` and `username` are the same.",
    ),
    (
        "outer.device_user",
        "The device is registered, but for somebody else: `pivkit psso register --user` for this one.",
    ),
    ("assertion.format", "The claim `assertion` is not a compact JWS of a JSON object, or names a claim twice."),
    (
        "assertion.typ",
        "The embedded token is not an assertion, or the client speaks the protocol of macOS 13, which writes JWT.",
    ),
    (
        "assertion.x5c",
        "The card's certificate is one element in standard base64. Without it the client does not say which certificate signed.",
    ),
    (
        "assertion.alg",
        "The algorithm does not fit the key of the certificate: P-256 with ES256, P-384 with ES384, RSA with RS256, RS384 or RS512.",
    ),
    (
        "assertion.signature",
        "Another key than that of the certificate signed. On an EC card, look at the conversion from DER to r and s with left padding; on an RSA card at the DigestInfo.",
    ),
    (
        "assertion.kid",
        "For an EC key, kid is the base64 of SHA-256 over the uncompressed point, not over the certificate or the SubjectPublicKeyInfo.",
    ),
    (
        "assertion.iss",
        "The assertion speaks for another user than the login request: `iss` and `sub` are the user in both.",
    ),
    (
        "assertion.sub",
        "The assertion speaks for another user than the login request: `iss` and `sub` are the user in both.",
    ),
    (
        "assertion.aud",
        "Compare audience in the client's configuration with the one in /psso.toml. It is a name, not the URL of the endpoint.",
    ),
    (
        "assertion.iat",
        "The clock of the client is ahead of this one. Compare `iat` with the time of the request above.",
    ),
    (
        "assertion.exp",
        "The assertion is old: the PIN was typed minutes after it was made, or the clock of the client is behind this one.",
    ),
    ("assertion.nonce", "The assertion belongs to another login: its nonce differs from that of the request."),
    (
        "assertion.request_nonce",
        "The assertion was signed for another nonce of the server: an assertion is being used again, or two logins are mixed up.",
    ),
    ("assertion.scope", "The scope of the assertion and that of the request are the same text, in the same order."),
    (
        "certificate.chain",
        "No authority of --trust-ca issued this certificate. Compare the issuer below with the subjects in that file, intermediate ones included.",
    ),
    (
        "certificate.validity",
        "The certificate has expired, or is not valid yet. Compare its dates below with the clock of this machine.",
    ),
    (
        "certificate.critical_extension",
        "The certificate demands that something is understood which is not understood here.",
    ),
    (
        "certificate.extended_key_usage",
        "The certificate has to be issued for client authentication (1.3.6.1.5.5.7.3.2). On a PIV card that is the one in slot 9a.",
    ),
    (
        "certificate.upn",
        "The user principal name in the certificate does not belong to this user. Compare it, below, with the binding of the user.",
    ),
    (
        "certificate.key_usage",
        "The certificate has to be issued for digital signatures: that of slot 9a, not that of 9d.",
    ),
    ("certificate.crl", "There is no CRL of this issuer that is current. Look at its nextUpdate, and at --crl."),
    ("certificate.revoked", "The certificate is in the CRL of its issuer: the card was revoked."),
    ("certificate.email", "The e-mail address in the certificate is not the one that --user binds to this user."),
    (
        "certificate.ski",
        "The subject key identifier of the certificate is not the one that --user binds to this user: another key, perhaps a renewed card.",
    ),
    (
        "certificate.issuer_serial",
        "Issuer and serial number are not those that --user binds to this user: another certificate, perhaps a renewed one.",
    ),
    (
        "certificate.pinned",
        "Another certificate is pinned to this user, by --user or by a registration: a renewed card has to be registered again.",
    ),
    (
        "assertion.user_key",
        "This key was not registered for this user on this device: `pivkit psso register --method secure-enclave-key`.",
    ),
    ("assertion.apu", "PartyUInfo of the encrypted assertion names another key than its epk."),
    (
        "assertion.apv",
        "PartyVInfo of the encrypted assertion names our key and the server's nonce of this request, which is not the client's.",
    ),
    (
        "assertion.decryption",
        "The encrypted assertion is for another key: compare login_request_encryption_key with the one in /psso.toml.",
    ),
    ("password.match", "The password is wrong: compare with the file of --passwords, also in upper and lower case."),
    (
        "password.tries",
        "There were too many wrong passwords in a minute, or nobody has a password here. See --passwords.",
    ),
    ("refresh.token", "This refresh token is not from here, or was forgotten. A login with the card gives a new one."),
    (
        "refresh.reuse",
        "This refresh token was used before: a copy is about, or an answer was lost on its way. The session has ended; a login begins a new one.",
    ),
    ("refresh.revoked", "The session of this refresh token was ended, because one of its tokens was used twice."),
    ("refresh.expired", "The refresh token is too old. A login with the card gives a new one."),
    ("refresh.device", "The refresh token was given to another device."),
    ("refresh.user", "The refresh token was given to another user, or its user is gone."),
];

const FAMILIES: [(&str, &str); 8] = [
    (
        "registration",
        "The reason says it: the user has to be known here, client_id is the one in /psso.toml, and keys come with their kid.",
    ),
    (
        "form",
        "What came is not a form with the fields of the protocol: platform_sso_version, grant_type, assertion, each once.",
    ),
    (
        "certificate.",
        "The card's certificate is not accepted for this user. Compare it, below, with the authorities and with the binding of the user.",
    ),
    (
        "outer.",
        "The login request, which the device signs, is not as it has to be. Compare its claims below with /psso.toml.",
    ),
    (
        "assertion.",
        "The embedded assertion is not as it has to be. Compare its claims below with those of the login request.",
    ),
    ("password", "The password is wrong, or too many were. See --passwords."),
    (
        "refresh",
        "The refresh token does not count: used before, too old, of another device or user. A login with the card gives a new one.",
    ),
    ("key", "The request to the key service is not as it has to be. Compare its claims below with /psso.toml."),
];

const OTHERWISE: &str =
    "Compare what the client sent, below, with /psso.toml; `pivkit psso inspect` says more about each message.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_where_to_look() {
        for (check, word) in [
            ("assertion.aud", "audience"),
            ("outer.kid", "register"),
            ("certificate.upn", "principal name"),
            ("certificate.key_usage", "9a"),
            ("certificate.something_new", "binding"),
            ("outer.something_new", "device signs"),
            ("?", "inspect"),
        ] {
            assert!(for_check(check).contains(word), "{check}: {}", for_check(check));
        }
        for (_, advice) in TABLE.iter().chain(&FAMILIES) {
            assert!(advice.ends_with('.'), "{advice}");
        }
    }
}
