//! Hiding what must not be shown by accident.
//!
//! By name and by form, not by message: a token whose `typ` is misspelt is as live as any other. What an identity provider
//! chooses the name of (Kerberos tickets, an earlier refresh token) no list of secrets knows, so where such things stand, in
//! what was decrypted and among the claims of a device's request, what is known to be none is shown, and nothing else.

use serde_json::{Map, Value};

use super::Kind;
use crate::config;

const HIDDEN: &str = "(hidden)";

/// The claims of a JWS, with passwords, tokens and keys replaced at every depth; in a device's request also what the
/// protocol has no name for.
pub(super) fn claims(kind: Kind, mut claims: Map<String, Value>, show: bool) -> Map<String, Value> {
    if show {
        return claims;
    }
    for (name, value) in claims.iter_mut().filter(|_| kind.is_of_a_device()) {
        let harmless = config::is_claim_of_a_request(name) || value.is_null();
        if !harmless {
            *value = Value::String(HIDDEN.to_owned());
        }
    }
    hide_members(&mut claims);
    claims
}

/// What was decrypted, with everything replaced at every depth but what is known to be no secret.
pub(super) fn content(kind: Kind, mut content: Map<String, Value>, show: bool) -> Map<String, Value> {
    if !show {
        keep_known(kind, &mut content);
    }
    content
}

fn keep_known(kind: Kind, members: &mut Map<String, Value>) {
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Object(members) => keep_known(kind, members),
            Value::Array(items) => items.iter_mut().for_each(|item| match item {
                Value::Object(members) => keep_known(kind, members),
                other => *other = Value::String(HIDDEN.to_owned()),
            }),
            other if is_known(kind, name, other) => hide_value(other),
            other => *other = Value::String(HIDDEN.to_owned()),
        }
    }
}

/// Whether a member is known to be no secret, by its name in any spelling.
fn is_known(kind: Kind, name: &str, value: &Value) -> bool {
    let name = name.replace(['_', '-'], "").to_ascii_lowercase();
    let is_number = value.is_number() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok());
    match name.as_str() {
        "iat" | "exp" | "nbf" | "etype" | "encryptionkeytype" => is_number,
        name if name.ends_with("expiresin") || name.ends_with("expireson") => is_number,
        "tokentype" | "realm" | "client" | "clientname" | "service" | "servicename" => true,
        "iss" | "sub" | "aud" | "nonce" | "requestnonce" | "scope" => kind == Kind::EncryptedPasswordAssertion,
        "certificate" => kind == Kind::KeyResponse,
        _ => false,
    }
}

fn hide_members(members: &mut Map<String, Value>) {
    for (name, value) in members {
        if is_secret_name(name) && !value.is_null() {
            *value = Value::String(HIDDEN.to_owned());
        } else {
            hide_value(value);
        }
    }
}

fn hide_value(value: &mut Value) {
    match value {
        Value::Object(members) => hide_members(members),
        Value::Array(items) => items.iter_mut().for_each(hide_value),
        Value::String(text) if is_token(text) => HIDDEN.clone_into(text),
        _ => {}
    }
}

/// Whether a member of this name holds a secret, in any spelling: `session_key`, `sessionKey`, `clientKey`.
///
/// What an assertion, a token or the key of a key exchange is good for does not end with the message it came in.
fn is_secret_name(name: &str) -> bool {
    let name = name.replace(['_', '-'], "").to_ascii_lowercase();
    // The public half of a key exchange.
    if name.ends_with("publickey") {
        return false;
    }
    let ends = ["password", "token", "assertion", "key", "secret"];
    // The key service's context, Kerberos tickets, the session key of a primary refresh token.
    let others = ["keycontext", "messagebuffer", "sessionkeyjwe"];
    ends.iter().any(|end| name.ends_with(end)) || others.contains(&name.as_str())
}

/// Whether a text is a compact JWS or JWE, whatever it is called: both begin with `{"` in base64url.
fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && matches!(text.matches('.').count(), 2 | 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_at_every_depth() {
        let Value::Object(claims) = json!({"password": "S1", "refresh_token": "S2", "id_token": null, "sub": "alice",
            "login_tgt": {"sessionKey": "S3", "messageBuffer": ["S4"], "realm": "R", "clientKey": "S6"},
            "list": [{"password": "S5"}], "key": "S7", "key_context": "S8", "assertion": "S9", "session_key_jwe": "Sa",
            "previous": "eyJTIjp9.SS.SS", "more": ["eyJTIjp9..S.S.S"],
            "token_type": "Bearer", "other_publickey": "P", "key_purpose": "U", "refresh_token_expires_in": 7})
        else {
            panic!()
        };
        let hidden = Value::Object(super::claims(Kind::UnknownJws, claims.clone(), false)).to_string();
        assert!(!hidden.contains("\"S") && !hidden.contains("eyJ"), "{hidden}");
        for shown in ["alice", "\"R\"", "\"id_token\":null", "Bearer", "\"P\"", "\"U\"", "_expires_in\":7"] {
            assert!(hidden.contains(shown), "{shown} in {hidden}");
        }
        assert_eq!(super::claims(Kind::UnknownJws, claims.clone(), true), claims);
    }

    /// The names of Kerberos members and of an earlier refresh token are configuration.
    #[test]
    fn what_is_secret_under_a_name_of_the_providers_own_is_hidden() {
        let Value::Object(response) = json!({"prt": "S1", "id_token": "S2", "token_type": "Bearer", "expires_in": 7,
            "refresh_token_expires_in": "8", "krb": {"asRep": "S3", "ticket": ["S4", {"keyMaterial": "S5"}], "realm": "R",
            "clientName": "C", "service": "V", "etype": 18, "session_key_b64": "S6", "kdc": {"pin": 51}}, "exp": "S7",
            "certificate": "S8", "sub": "S9", "iat": 1, "error": null})
        else {
            panic!()
        };
        let hidden = Value::Object(content(Kind::LoginResponse, response.clone(), false)).to_string();
        assert!(!hidden.contains("\"S") && !hidden.contains("51"), "{hidden}");
        for shown in ["Bearer", ":7", "\"8\"", "\"R\"", "\"C\"", "\"V\"", ":18", "\"iat\":1", "\"error\":null"] {
            assert!(hidden.contains(shown), "{shown} in {hidden}");
        }
        assert_eq!(content(Kind::LoginResponse, response.clone(), true), response);

        let Value::Object(request) = json!({"prt": "S1", "mine": {"pin": 51}, "sub": "alice", "nonce": "N",
            "request_nonce": "R", "claims": {"id_token": {"groups": {"values": ["staff"]}}}, "refresh_token": "S2"})
        else {
            panic!()
        };
        let hidden = Value::Object(super::claims(Kind::LoginRequest, request, false)).to_string();
        assert!(!hidden.contains("\"S") && !hidden.contains("51"), "{hidden}");
        for shown in ["alice", "\"N\"", "\"R\""] {
            assert!(hidden.contains(shown), "{shown} in {hidden}");
        }
    }
}
