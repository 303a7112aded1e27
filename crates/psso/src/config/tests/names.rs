//! One set of fields: those of the table, of the parser and of the example.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::EcPrivateKey;

use crate::config::field::FIELDS;
use crate::config::{Config, Level, kerberos, raw};

/// The example with every field that may be left out.
fn everything() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    Config::example().lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

fn fields() -> BTreeSet<&'static str> {
    FIELDS.iter().map(|field| field.name).collect()
}

#[test]
fn the_example_can_be_used_and_has_nothing_to_look_at() {
    assert_eq!(Config::lint(Config::example()), []);
    let config = Config::from_toml(Config::example()).unwrap();
    assert!(config.key_endpoint().is_none() && config.kerberos_ticket_mappings().is_empty());
}

#[test]
fn the_example_has_every_field_and_no_other() {
    let text = everything();
    let (config, findings, asked) = raw::read(&text);
    let errors: Vec<_> = findings.iter().filter(|finding| finding.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let config = config.unwrap();
    assert_eq!(asked.iter().copied().collect::<BTreeSet<_>>(), fields(), "the parser asks for what the table lists");
    assert_eq!(asked.len(), fields().len(), "and for each once");
    let written: toml::Table = text.parse().unwrap();
    assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), fields(), "so does the example");

    // What the example calls defaults are the defaults.
    let plain = Config::from_toml(Config::example()).unwrap();
    assert_eq!(config.nonce_response_keypath(), plain.nonce_response_keypath());
    assert_eq!(config.server_nonce_claim(), plain.server_nonce_claim());
    assert_eq!(config.scope(), plain.scope());
    assert_eq!(config.jwt_parameter(), plain.jwt_parameter());
    assert_eq!(config.x5c(), plain.x5c());
    assert_eq!(config.rsa_key_id(), plain.rsa_key_id());
    assert_eq!(config.id_token_algorithms(), plain.id_token_algorithms());
    assert_eq!(config.unique_identifier_claim(), plain.unique_identifier_claim());
    assert_eq!(config.group_request_claim(), plain.group_request_claim());
    assert_eq!(config.group_response_claim(), plain.group_response_claim());
    assert_eq!(config.refresh_endpoint(), plain.refresh_endpoint());
    assert_eq!(config.login_request_encryption().unwrap().apv_prefix(), "APPLEEMBEDDED");
    assert_eq!(config.previous_refresh_token_claim(), Some("previous_refresh_token"));
    assert_eq!(config.kerberos_ticket_mappings()[0].name(), "login_tgt");
}

#[test]
fn the_example_says_what_apple_calls_each_field() {
    for field in FIELDS {
        let line = Config::example()
            .lines()
            .find(|line| {
                let line = line.trim_start_matches(['#', '[']);
                line.strip_prefix(field.name).is_some_and(|rest| rest.starts_with([' ', ']']))
            })
            .unwrap_or_else(|| panic!("{} is not in the example", field.name));
        if let Some(apple) = field.apple {
            let above = Config::example().split(line).next().unwrap().lines().next_back().unwrap_or_default();
            assert!(line.contains(apple) || above.contains(apple), "{line}");
        }
    }
    let mapping = Config::example().split("#[[kerberos_ticket_mappings]]").nth(1).unwrap();
    for (name, _) in kerberos::MEMBERS {
        assert!(mapping.contains(&format!("#{name} = ")), "{name}");
    }
}

#[test]
fn every_field_does_something() {
    let everything = Config::from_toml(&everything()).unwrap();
    assert_eq!(everything.account_display_name(), Some("Example Inc."));
    assert_eq!(everything.amr(), ["sc"]);
    assert_eq!(everything.requested_groups(), ["com.example.admins"]);
    assert!(everything.invalid_credential_predicate().is_some());
    assert!(everything.requires_unique_identifier());
    let custom = everything.custom();
    assert_eq!(custom.nonce, [("tenant".to_owned(), "example".to_owned())]);
    assert_eq!(
        (&custom.login.claims["signKeyId"], &custom.login.claims["encKeyId"]),
        (&"key-1".into(), &"key-2".into())
    );
    for custom in [&custom.login, &custom.refresh, &custom.key_request, &custom.key_exchange] {
        assert_eq!(custom.form, [("tenant".to_owned(), "example".to_owned())]);
        assert_eq!(custom.header["x-tenant"], "example");
        assert!(!custom.claims.is_empty());
    }
    assert_eq!(
        (&custom.assertion.header["x-tenant"], &custom.assertion.claims["tenant"]),
        (&"example".into(), &"example".into())
    );
}

#[test]
fn a_key_for_passwords_as_a_point_or_as_pem() {
    let key = EcPrivateKey::generate().unwrap().public();
    let point = STANDARD.encode(key.x963().unwrap());
    let pem = format!(
        "\"\"\"\n-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n\"\"\"",
        STANDARD.encode(key.spki_der().unwrap())
    );
    for text in [format!("\"{point}\""), pem] {
        let text = format!("{}login_request_encryption_key = {text}\n", super::MINIMAL);
        assert_eq!(*Config::from_toml(&text).unwrap().login_request_encryption().unwrap().key(), key);
    }
}
