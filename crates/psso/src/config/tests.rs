use super::*;

mod lint;
mod names;

const MINIMAL: &str = r#"
issuer = "https://idp.example"
client_id = "9b0f"
audience = "urn:example:psso"
nonce_endpoint = "https://idp.example/psso/nonce"
token_endpoint = "https://idp.example/psso/token?tenant=1"
jwks_endpoint  = "http://127.0.0.1:8080/psso/jwks"
"#;

fn why(text: &str) -> String {
    match Config::from_toml(text) {
        Err(Error::Config { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = Config::from_toml(MINIMAL).unwrap();
    assert_eq!(config.issuer(), "https://idp.example");
    assert_eq!(config.client_id(), "9b0f");
    assert_eq!(config.audience(), "urn:example:psso");
    assert_eq!(config.refresh_endpoint(), config.token_endpoint());
    assert_eq!(config.token_endpoint().url().as_str(), "https://idp.example/psso/token?tenant=1");
    assert_eq!(config.token_endpoint().audience(), "https://idp.example/psso/token");
    assert!(config.key_endpoint().is_none() && config.registration_endpoint().is_none());
    assert_eq!(config.nonce_response_keypath(), ["Nonce"]);
    assert_eq!(config.server_nonce_claim(), "request_nonce");
    assert_eq!(config.scope(), "openid offline_access urn:apple:platformsso");
    assert_eq!(config.jwt_parameter(), "assertion");
    assert_eq!(config.x5c(), X5cForm::Array);
    assert_eq!(config.id_token_algorithms(), [Algorithm::Es256, Algorithm::Rs256]);
}

#[test]
fn every_option_is_read() {
    let text = format!(
        "{MINIMAL}{}",
        r#"
refresh_endpoint = "https://idp.example/refresh"
key_endpoint = "https://idp.example/key"
registration_endpoint = "https://idp.example/register"
nonce_response_keypath = "data.nonce"
server_nonce_claim = "srv"
additional_scopes = ["a", "b:c"]
jwt_parameter = "request"
x5c = "string"
id_token_algorithms = ["ES384"]
"#
    );
    let config = Config::from_toml(&text).unwrap();
    assert_eq!(config.refresh_endpoint().url().path(), "/refresh");
    assert_eq!(config.key_endpoint().unwrap().url().path(), "/key");
    assert_eq!(config.registration_endpoint().unwrap().url().path(), "/register");
    assert_eq!(config.nonce_response_keypath(), ["data", "nonce"]);
    assert_eq!(config.server_nonce_claim(), "srv");
    assert_eq!(config.scope(), "openid offline_access a b:c");
    assert_eq!(config.jwt_parameter(), "request");
    assert_eq!(config.x5c(), X5cForm::String);
    assert_eq!(config.id_token_algorithms(), [Algorithm::Es384]);
}

#[test]
fn mistakes_are_named() {
    let unknown = why(&format!("{MINIMAL}token_url = \"x\"\n"));
    assert!(unknown.contains("line 8: token_url"), "{unknown}");
    assert!(unknown.contains("token_endpoint"), "the known fields are listed: {unknown}");
    assert!(why(&MINIMAL.replace("issuer", "#")).contains("issuer: it is missing"));
    assert!(why(&MINIMAL.replace("\"9b0f\"", "7")).contains("line 3: client_id: a text is expected, not a number"));
    assert!(why("issuer = ").contains("line 1"));
    assert!(why(&"#".repeat(70_000)).contains("larger"));
    for (line, part) in [
        ("nonce_endpoint = \"http://idp.example/n\"", "https"),
        ("nonce_endpoint = \"idp.example/n\"", "not a URL"),
        ("nonce_endpoint = \"https://alice:pw@idp.example/n\"", "user"),
        ("nonce_endpoint = \"https://idp.example/n#x\"", "fragment"),
        ("nonce_endpoint = \"ftp://127.0.0.1/n\"", "https"),
        ("nonce_endpoint = \"https://idp.example/n \"", "white space"),
        ("nonce_endpoint = \" https://idp.example/n\"", "white space"),
        ("nonce_endpoint = \"https://idp.example/\\tn\"", "control"),
        ("nonce_endpoint = \"https://idp.example/\\nn\"", "control"),
        ("nonce_endpoint = \"https://idp.example/\\u0001n\"", "control"),
        ("nonce_endpoint = [\"https://idp.example/n\"]", "a list"),
    ] {
        let text = MINIMAL.replace("nonce_endpoint = \"https://idp.example/psso/nonce\"", line);
        assert!(why(&text).contains("line 5: nonce_endpoint") && why(&text).contains(part), "{line}: {}", why(&text));
    }
    for (line, part) in [
        ("id_token_algorithms = []", "empty"),
        ("id_token_algorithms = [\"none\"]", "none"),
        ("id_token_algorithms = [\"HS256\"]", "HS256"),
        ("x5c = \"both\"", "both"),
        ("rsa_key_id = \"md5\"", "md5"),
        ("server_nonce_claim = \"nonce\"", "server_nonce_claim"),
        ("server_nonce_claim = \"jti\"", "server_nonce_claim"),
        ("server_nonce_claim = \"\"", "server_nonce_claim"),
        ("previous_refresh_token_claim = \"refresh_token\"", "previous_refresh_token_claim"),
        ("previous_refresh_token_claim = \"request_nonce\"", "previous_refresh_token_claim"),
        ("include_previous_refresh_token = 1", "true or false"),
        ("jwt_parameter = \"grant_type\"", "jwt_parameter"),
        ("nonce_response_keypath = \"a..b\"", "nonce_response_keypath"),
        ("additional_scopes = [\"a b\"]", "additional_scopes"),
        ("additional_scopes = \"a\"", "a list of texts"),
        ("groups = [7]", "a list of texts"),
        ("invalid_credential_predicate = \"a LIKE 'b'\"", "LIKE"),
        ("[assertion_algorithms]\nrsa1024 = \"RS256\"", "assertion_algorithms.rsa1024"),
        ("[assertion_algorithms]\np256 = \"RS256\"", "RS256"),
        ("[assertion_algorithms]\nrsa2048 = \"PS256\"", "PS256"),
        ("login_request_encryption_key = \"AAAA\"", "point"),
        (
            "login_request_encryption_key = \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\"",
            "PRIVATE",
        ),
        ("login_request_encryption_algorithm = \"HPKE-P256-SHA256-A256GCM\"", "HPKE"),
        ("login_request_encryption_algorithm = \"RSA-OAEP\"", "RSA-OAEP"),
        ("federation_type = \"ws-trust\"", "federation"),
        ("hpke_pre_shared_key = \"x\"", "HPKE"),
        ("login_request_hpke_pre_shared_key = \"x\"", "HPKE"),
        ("jwks_trusted_root_certificates = []", "JWKS"),
        ("authorization_url = \"https://x.example\"", "web method"),
        ("loginRequestEncryptionAPVPrefix = \"x\"", "it is called login_request_encryption_apv_prefix here"),
        ("kerberos_ticket_mappings = [1]", "a table"),
        ("[[kerberos_ticket_mappings]]\nrealm_key = \"r\"", "ticket_key_path"),
        ("[[kerberos_ticket_mappings]]\nticket_key_path = \"t\"\nrealm = \"r\"", "kerberos_ticket_mappings.realm"),
        (
            "[[kerberos_ticket_mappings]]\nticket_key_path = \"t\"\n[[kerberos_ticket_mappings]]\nticket_key_path = \"t\"",
            "two",
        ),
        ("[custom_login_request_values]\na = 1", "custom_login_request_values.a"),
        ("[custom_login_request_body_claims]\na = 2026-01-31", "a date"),
        ("[custom_login_request_body_claims]\na = inf", "JSON"),
    ] {
        let seen = why(&format!("{MINIMAL}{line}\n"));
        assert!(seen.contains(part), "{line}: {seen}");
    }
    assert!(why(&MINIMAL.replace("\"9b0f\"", "\" \"")).contains("client_id"));
}

#[test]
fn the_cards_algorithm_is_wanted_then_configured_then_usual() {
    let key = |certificate: &str| crate::x5c::public_key(&crate::testing::der(certificate)).unwrap();
    let rsa = key(include_str!("../../tests/data/rsa2048.crt"));
    let larger = key(include_str!("../../tests/data/rsa3072.crt"));
    let config = Config::from_toml(&format!("{MINIMAL}[assertion_algorithms]\nrsa2048 = \"RS512\"\n")).unwrap();
    assert_eq!(config.card_algorithm(&rsa, None).unwrap(), Algorithm::Rs512);
    assert_eq!(config.card_algorithm(&rsa, Some(Algorithm::Rs384)).unwrap(), Algorithm::Rs384);
    assert_eq!(config.card_algorithm(&larger, None).unwrap(), Algorithm::Rs384, "another kind of key");
    assert!(config.card_algorithm(&rsa, Some(Algorithm::Es256)).is_err());
    assert_eq!(Config::from_toml(MINIMAL).unwrap().card_algorithm(&rsa, None).unwrap(), Algorithm::Rs256);
}

#[test]
fn files_are_named_in_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("psso.toml");
    let missing = Config::load(&path).unwrap_err();
    assert!(missing.to_string().contains("psso.toml") && std::error::Error::source(&missing).is_some());
    std::fs::write(&path, MINIMAL).unwrap();
    assert_eq!(Config::load(&path).unwrap(), Config::from_toml(MINIMAL).unwrap());
    assert!(Config::lint_file(&path).unwrap().iter().all(|finding| finding.level == Level::Warning));
    std::fs::write(&path, "x = 1").unwrap();
    assert_eq!(Config::lint_file(&path).unwrap()[0].line, Some(1));
    assert!(Config::load(&path).unwrap_err().to_string().contains("psso.toml"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Config::load(&path).is_err() && Config::lint_file(&path).is_err());
    std::fs::write(&path, "#".repeat(70_000)).unwrap();
    assert!(Config::lint_file(&path).unwrap()[0].message.contains("larger"));
}
