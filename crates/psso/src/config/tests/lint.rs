//! Every finding at once, with its line.

use super::MINIMAL;
use crate::config::{Config, Level};

fn lint(more: &str) -> Vec<(Level, Option<usize>, String)> {
    let text = format!("{}{more}", MINIMAL.replace("http://127.0.0.1:8080", "https://idp.example"));
    let found = Config::lint(&text);
    assert_eq!(found.iter().all(|finding| finding.level == Level::Warning), Config::from_toml(&text).is_ok(), "{more}");
    found.into_iter().map(|finding| (finding.level, finding.line, finding.to_string())).collect()
}

#[test]
fn all_mistakes_at_once_in_the_order_of_the_file() {
    let text = "issuer = 7\nclient_id = \"\"\ntoken_endpoint = \"ftp://x\"\nnonsense = 1\n";
    let found: Vec<String> = Config::lint(text).iter().map(ToString::to_string).collect();
    let starts = [
        "line 1: issuer: a text",
        "line 2: client_id: it is empty",
        "line 3: token_endpoint: \"ftp://x\"",
        "line 4: nonsense: no such field",
        "audience: it is missing",
        "nonce_endpoint: it is missing",
        "jwks_endpoint: it is missing",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    let first = Config::from_toml(text).unwrap_err().to_string();
    assert!(first.contains("line 1: issuer") && first.contains("(and 6 more)"), "{first}");
}

#[test]
fn malformed_toml_has_its_lines_too() {
    let found = Config::lint("issuer = \"a\"\nclient_id = \n\naudience = \"b\" c\n");
    let lines: Vec<_> = found.iter().map(|finding| finding.line).collect();
    assert!(lines.contains(&Some(2)) && lines.contains(&Some(4)), "{found:?}");
    let twice = Config::lint("issuer = \"a\"\nissuer = \"b\"\n");
    assert_eq!((twice.len(), twice[0].line), (1, Some(2)), "{twice:?}");
    assert!(!Config::lint(&"[".repeat(5000)).is_empty());
    assert!(!Config::lint(&"a=[".repeat(5000)).is_empty());
}

#[test]
fn an_endpoint_is_where_it_is_written() {
    for (url, part) in [
        ("https:///psso/nonce", "has no host"),
        ("https:idp.example/psso", "has no host"),
        ("https:/idp.example/psso", "has no host"),
        ("https:////idp.example/psso", "has no host"),
        ("http:///127.0.0.1/psso", "has no host"),
        ("https://idp.example:0/psso", "port 0"),
        ("http://127.0.0.1:0/psso", "port 0"),
        ("https:\\\\idp.example/psso", "backslash"),
        ("https://idp.example\\\\evil.example/psso", "backslash"),
        ("https://idp.example/ps\\\\so", "backslash"),
    ] {
        let found = lint(&format!("key_endpoint = \"{url}\""));
        assert_eq!((found.len(), found[0].0, found[0].1), (1, Level::Error, Some(8)), "{url}: {found:?}");
        assert!(found[0].2.contains("key_endpoint") && found[0].2.contains(part), "{url}: {found:?}");
    }
    for url in
        ["https://idp.example", "https://idp.example:8443/a//b?c=d", "HTTPS://idp.example/", "https://[2001:db8::1]/x"]
    {
        assert!(lint(&format!("key_endpoint = \"{url}\"")).is_empty(), "{url}");
    }
}

#[test]
fn what_works_and_deserves_a_look() {
    assert!(lint("").is_empty());
    for (more, line, part) in [
        ("refresh_endpoint = \"http://[::1]:1/r\"", 8, "http: nothing is encrypted"),
        ("nonce_response_keypath = \"nonce\"", 8, "Apple's default is \"Nonce\""),
        ("server_nonce_claim = \"srv\"", 8, "Apple's default is \"request_nonce\""),
        ("jwt_parameter = \"request\"", 8, "Apple's default is \"assertion\""),
        ("additional_scopes = []", 8, "urn:apple:platformsso"),
        ("x5c = \"string\"", 8, "RFC 7515"),
        ("id_token_algorithms = [\"ES384\"]", 8, "ES256 and RS256 only"),
        ("[assertion_algorithms]\np384 = \"ES384\"", 9, "does not list ES384"),
        ("login_request_encryption_apv_prefix = \"X\"", 8, "means nothing without login_request_encryption_key"),
        ("previous_refresh_token_claim = \"previous_refresh_token\"", 8, "include_previous_refresh_token = true"),
        ("\n\n[custom_login_request_body_claims]\njti = \"x\"", 11, "custom_login_request_body_claims.jti: it shadows"),
        ("[custom_assertion_request_body_claims]\na = 1\nnbf = 1", 10, "not valid"),
        ("[custom_refresh_request_header_claims]\n\"x5t#S256\" = \"x\"", 9, "the SHA-256 of a certificate"),
    ] {
        let found = lint(more);
        let (level, at, text) = found.first().unwrap_or_else(|| panic!("nothing is found in {more}"));
        assert_eq!((*level, *at), (Level::Warning, Some(line)), "{more}: {text}");
        assert!(found.iter().any(|(_, _, text)| text.contains(part)), "{more}: {found:?}");
    }
    let newer = lint("login_request_encryption_algorithm = \"ECDH-ES\"");
    assert!(newer.iter().any(|(_, _, text)| text.contains("macOS 15")), "{newer:?}");
}

#[test]
fn members_of_tables_have_lines_of_their_own() {
    let more = "[[kerberos_ticket_mappings]]\nticket_key_path = \"a\"\n\n[[kerberos_ticket_mappings]]\n\
                ticket_key_path = \"b\"\nrealm_key = 7\nrealmKeyName = \"r\"\n\n[custom_key_request_values]\na = \"b\"\nc = 1\n";
    let found = lint(more);
    let lines: Vec<_> = found.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [Some(13), Some(14), Some(18)], "{found:?}");
    assert!(found[0].2.contains("mappings.realm_key") && found[1].2.contains("realmKeyName: no such member"));
}

#[test]
fn claims_of_the_protocol_cannot_be_given_values() {
    for table in ["login_request", "assertion_request", "refresh_request", "key_request", "key_exchange_request"] {
        for (part, names) in [
            ("header", &["typ", "alg", "kid", "x5c", "crit"][..]),
            ("body", &["iss", "aud", "exp", "nonce", "request_nonce"][..]),
        ] {
            for name in names {
                let found = lint(&format!("[custom_{table}_{part}_claims]\n{name} = \"x\"\n"));
                let (level, _, text) = &found[0];
                assert_eq!(*level, Level::Error, "{table} {name}");
                assert!(text.contains(&format!("_claims.{name}: the protocol uses this name")), "{text}");
            }
        }
        if table != "assertion_request" {
            for name in ["platform_sso_version", "grant_type", "assertion"] {
                let found = lint(&format!("[custom_{table}_values]\n{name} = \"x\"\n"));
                assert_eq!(found[0].0, Level::Error, "{table} {name}");
            }
        }
    }
    assert_eq!(lint("[custom_nonce_request_values]\ngrant_type = \"x\"")[0].0, Level::Error);
    // The server's nonce is in requests of every kind.
    for name in ["version", "request_type", "key_purpose", "other_publickey", "key_context", "scope", "password"] {
        let found = lint(&format!("server_nonce_claim = \"{name}\""));
        assert!(found.iter().any(|(level, ..)| *level == Level::Error), "{name}: {found:?}");
    }
    // Names that the configuration chooses are the protocol's as well.
    let chosen = lint("server_nonce_claim = \"srv\"\n[custom_login_request_body_claims]\nsrv = \"x\"\n");
    assert!(chosen.iter().any(|(level, ..)| *level == Level::Error), "{chosen:?}");
    let free = lint("server_nonce_claim = \"srv\"\n[custom_login_request_body_claims]\nrequest_nonce = \"x\"\n");
    assert!(free.iter().all(|(level, ..)| *level == Level::Warning), "{free:?}");
}

#[test]
fn a_file_full_of_mistakes_is_not_answered_with_more() {
    let unknown: String = (0..5000).map(|number| format!("x{number} = 1\n")).collect();
    let members: String = (0..5000).map(|number| format!("m{number} = 1\n")).collect();
    for text in [unknown, format!("[custom_login_request_values]\n{members}")] {
        let found = Config::lint(&text);
        let length: usize = found.iter().map(|finding| finding.to_string().len()).sum();
        assert!(length < text.len() && found.len() < 50, "{length} bytes for {}", text.len());
        let last = found.iter().rfind(|finding| finding.line.is_none() && finding.field.is_none()).unwrap();
        assert!(last.message.ends_with("more mistakes"), "{last}");
        assert!(Config::from_toml(&text).is_err());
    }
    let lines: Vec<_> = Config::lint("a = 1\n\nb = 1\n").iter().filter_map(|finding| finding.line).collect();
    assert_eq!(lines, [1, 3]);
}

#[test]
fn a_file_that_is_nested_deeply_is_refused_and_no_more() {
    let deep = |open: &str, close: &str, len: usize| format!("a = {}{}", open.repeat(len), close.repeat(len));
    for text in [
        deep("[", "]", 30_000),
        deep("{a=", "}", 15_000),
        format!("{}a = 1", "a.".repeat(30_000)),
        format!("[{}a]\nb = 1", "a.".repeat(30_000)),
        format!("[custom_login_request_body_claims]\n{}a = 1", "a.".repeat(30_000)),
        format!("[custom_login_request_body_claims]\na = {}1{}", "[".repeat(30), "]".repeat(30)),
    ] {
        let found = Config::lint(&text);
        assert!(found.iter().any(|finding| finding.level == Level::Error), "{}", &text[..60]);
    }
}
