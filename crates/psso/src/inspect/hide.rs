//! Hiding what must not be shown by accident.

use serde_json::{Map, Value};

use super::Kind;

const HIDDEN: &str = "(hidden)";

/// Claims, with passwords, tokens and keys replaced at every depth.
pub(super) fn hide(mut claims: Map<String, Value>, kind: Kind, show: bool) -> Map<String, Value> {
    if !show {
        hide_members(&mut claims, kind);
    }
    claims
}

fn hide_members(members: &mut Map<String, Value>, kind: Kind) {
    for (name, value) in members {
        if is_secret(name, kind) && !value.is_null() {
            *value = Value::String(HIDDEN.to_owned());
        } else {
            hide_value(value, kind);
        }
    }
}

fn hide_value(value: &mut Value, kind: Kind) {
    match value {
        Value::Object(members) => hide_members(members, kind),
        Value::Array(items) => items.iter_mut().for_each(|item| hide_value(item, kind)),
        _ => {}
    }
}

fn is_secret(name: &str, kind: Kind) -> bool {
    match name {
        // A credential of its own for five minutes; a login request shows it taken apart.
        "assertion" => kind == Kind::LoginRequest,
        // The agreed key of a key exchange.
        "key" | "key_context" => matches!(kind, Kind::KeyResponse | Kind::KeyRequest),
        "password" | "refresh_token" | "id_token" | "access_token" | "subject_token" | "session_key" => true,
        // Kerberos tickets and their keys.
        "sessionKey" | "messageBuffer" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_at_every_depth() {
        let Value::Object(claims) = json!({"password": "S1", "refresh_token": "S2", "id_token": null, "sub": "alice",
            "login_tgt": {"sessionKey": "S3", "messageBuffer": ["S4"], "realm": "R"}, "list": [{"password": "S5"}]})
        else {
            panic!()
        };
        let hidden = Value::Object(hide(claims.clone(), Kind::LoginResponse, false)).to_string();
        assert!(!hidden.contains("\"S"), "{hidden}");
        assert!(hidden.contains("alice") && hidden.contains("\"R\"") && hidden.contains("\"id_token\":null"));
        assert_eq!(hide(claims.clone(), Kind::LoginResponse, true), claims);
    }
}
