//! The fields of a configuration, each with the name that Apple gives to it.
//!
//! Source: ASAuthorizationProviderExtensionLoginConfiguration and ASAuthorizationProviderExtensionKerberosMapping in
//! Apple's developer documentation; the macOS version is the one from which it names the property.

/// A field of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Apple's name; nothing where the field is this project's own.
    pub(crate) apple: Option<&'static str>,
    /// The macOS version that has it first.
    pub(crate) since: u32,
}

/// A field of Apple's that is known and refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
}

const fn apple(name: &'static str, apple: &'static str, since: u32) -> Field {
    Field { name, apple: Some(apple), since }
}

const fn own(name: &'static str) -> Field {
    Field { name, apple: None, since: SMART_CARD }
}

/// The version that brought the SmartCard method; what came with it needs no remark.
pub(crate) const SMART_CARD: u32 = 14;

/// Every field that a configuration may have.
pub(crate) const FIELDS: &[Field] = &[
    apple("issuer", "issuer", 13),
    apple("client_id", "clientID", 13),
    apple("audience", "audience", 13),
    apple("account_display_name", "accountDisplayName", 13),
    apple("nonce_endpoint", "nonceEndpointURL", 13),
    apple("token_endpoint", "tokenEndpointURL", 13),
    apple("jwks_endpoint", "jwksEndpointURL", 13),
    apple("refresh_endpoint", "refreshEndpointURL", 14),
    apple("key_endpoint", "keyEndpointURL", 14),
    own("registration_endpoint"),
    apple("nonce_response_keypath", "nonceResponseKeypath", 13),
    apple("server_nonce_claim", "serverNonceClaimName", 13),
    apple("additional_scopes", "additionalScopes", 13),
    apple("jwt_parameter", "customRequestJWTParameterName", 14),
    own("x5c"),
    own("id_token_algorithms"),
    own("assertion_algorithms"),
    own("rsa_key_id"),
    own("amr"),
    apple("unique_identifier_claim", "uniqueIdentifierClaimName", 14),
    own("groups"),
    apple("group_request_claim", "groupRequestClaimName", 14),
    apple("group_response_claim", "groupResponseClaimName", 14),
    apple("include_previous_refresh_token", "includePreviousRefreshTokenInLoginRequest", 13),
    apple("previous_refresh_token_claim", "previousRefreshTokenClaimName", 13),
    apple("invalid_credential_predicate", "invalidCredentialPredicate", 13),
    apple("login_request_encryption_key", "loginRequestEncryptionPublicKey", 14),
    apple("login_request_encryption_apv_prefix", "loginRequestEncryptionAPVPrefix", 14),
    apple("login_request_encryption_algorithm", "loginRequestEncryptionAlgorithm", 15),
    apple("custom_nonce_request_values", "customNonceRequestValues", 13),
    apple("custom_login_request_values", "customLoginRequestValues", 13),
    apple("custom_login_request_header_claims", "setCustomLoginRequestHeaderClaims", 13),
    apple("custom_login_request_body_claims", "setCustomLoginRequestBodyClaims", 13),
    apple("custom_assertion_request_header_claims", "setCustomAssertionRequestHeaderClaims", 13),
    apple("custom_assertion_request_body_claims", "setCustomAssertionRequestBodyClaims", 13),
    apple("custom_refresh_request_values", "customRefreshRequestValues", 14),
    apple("custom_refresh_request_header_claims", "setCustomRefreshRequestHeaderClaims", 14),
    apple("custom_refresh_request_body_claims", "setCustomRefreshRequestBodyClaims", 14),
    apple("custom_key_request_values", "customKeyRequestValues", 14),
    apple("custom_key_request_header_claims", "setCustomKeyRequestHeaderClaims", 14),
    apple("custom_key_request_body_claims", "setCustomKeyRequestBodyClaims", 14),
    apple("custom_key_exchange_request_values", "customKeyExchangeRequestValues", 14),
    apple("custom_key_exchange_request_header_claims", "setCustomKeyExchangeRequestHeaderClaims", 14),
    apple("custom_key_exchange_request_body_claims", "setCustomKeyExchangeRequestBodyClaims", 14),
    apple("kerberos_ticket_mappings", "kerberosTicketMappings", 13),
];

/// Fields of Apple's that this client cannot honour.
const REFUSED: &[Refused] = &[
    Refused {
        name: "jwks_trusted_root_certificates",
        why: "certificates in a JWKS are not judged here, so the field would promise a check that nobody makes",
    },
    Refused {
        name: "additional_authorization_scopes",
        why: "it is for authorization prompts of macOS; this client makes none",
    },
    Refused { name: "device_context", why: "a Mac keeps it for its extension and never sends it" },
    Refused {
        name: "user_secure_enclave_key_biometric_policy",
        why: "it is about Touch ID on a Mac; the key of this client is a file",
    },
    Refused { name: "custom_federation_user_preauthentication_request_values", why: FEDERATION },
    Refused { name: "fallback_federation_type", why: FEDERATION },
    Refused { name: "authorization_url", why: WEB },
    Refused { name: "authorization_url_keypath", why: WEB },
    Refused { name: "login_request_hpke_pre_shared_key", why: HPKE },
    Refused { name: "login_request_hpke_pre_shared_key_id", why: HPKE },
];

const FEDERATION: &str = "federation (WS-Trust) is for passwords at another server, and not supported";
const HPKE: &str = "HPKE is not specified publicly for this protocol, and not supported";
const WEB: &str = "the web method of macOS 27 needs a browser, and is not supported";

/// Why a field that is none of [`FIELDS`] is refused, if Apple's documentation knows it.
pub(crate) fn refused(name: &str) -> Option<&'static str> {
    match name {
        _ if name.starts_with("federation_") => Some(FEDERATION),
        _ if name.starts_with("hpke_") => Some(HPKE),
        _ => REFUSED.iter().find(|refused| refused.name == name).map(|refused| refused.why),
    }
}

/// The field that Apple calls so, whatever case it is written in.
pub(crate) fn by_apple_name(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.apple.is_some_and(|apple| apple.eq_ignore_ascii_case(name)))
}

/// The version that has a field first.
pub(crate) fn since(name: &str) -> u32 {
    FIELDS.iter().find(|field| field.name == name).map_or(SMART_CARD, |field| field.since)
}
