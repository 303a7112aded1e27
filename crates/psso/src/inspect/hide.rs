//! Hiding what must not be shown by accident.
//!
//! By name and by form, not by message: a token whose `typ` is misspelt is as live as any other.

use serde_json::{Map, Value};

const HIDDEN: &str = "(hidden)";

/// Claims, with passwords, tokens and keys replaced at every depth.
pub(super) fn hide(mut claims: Map<String, Value>, show: bool) -> Map<String, Value> {
    if !show {
        hide_members(&mut claims);
    }
    claims
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
        let hidden = Value::Object(hide(claims.clone(), false)).to_string();
        assert!(!hidden.contains("\"S") && !hidden.contains("eyJ"), "{hidden}");
        for shown in ["alice", "\"R\"", "\"id_token\":null", "Bearer", "\"P\"", "\"U\"", "_expires_in\":7"] {
            assert!(hidden.contains(shown), "{shown} in {hidden}");
        }
        assert_eq!(hide(claims.clone(), true), claims);
    }
}
