use super::*;

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
    let unknown = why(&format!("{MINIMAL}tokenEndpointURL = \"x\"\n"));
    assert!(unknown.contains("line 8") && unknown.contains("tokenEndpointURL"), "{unknown}");
    assert!(unknown.contains("token_endpoint"), "the known fields are listed: {unknown}");
    assert!(why(&MINIMAL.replace("issuer", "#")).contains("issuer"));
    assert!(why(&MINIMAL.replace("\"9b0f\"", "7")).contains("line 3"));
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
        ("nonce_endpoint = \"https://idp.example/\\tn\"", "white space"),
        ("nonce_endpoint = \"https://idp.example/\\nn\"", "white space"),
        ("nonce_endpoint = \"https://idp.example/\\u0001n\"", "control"),
    ] {
        let text = MINIMAL.replace("nonce_endpoint = \"https://idp.example/psso/nonce\"", line);
        assert!(why(&text).contains("nonce_endpoint") && why(&text).contains(part), "{line}");
    }
    for (line, part) in [
        ("id_token_algorithms = []", "empty"),
        ("id_token_algorithms = [\"none\"]", "none"),
        ("id_token_algorithms = [\"HS256\"]", "HS256"),
        ("x5c = \"both\"", "both"),
        ("server_nonce_claim = \"nonce\"", "server_nonce_claim"),
        ("server_nonce_claim = \"\"", "server_nonce_claim"),
        ("jwt_parameter = \"grant_type\"", "jwt_parameter"),
        ("nonce_response_keypath = \"a..b\"", "nonce_response_keypath"),
        ("additional_scopes = [\"a b\"]", "additional_scopes"),
    ] {
        assert!(why(&format!("{MINIMAL}{line}\n")).contains(part), "{line}");
    }
    assert!(why(&MINIMAL.replace("\"9b0f\"", "\" \"")).contains("client_id"));
}

#[test]
fn files_are_named_in_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("psso.toml");
    let missing = Config::load(&path).unwrap_err();
    assert!(missing.to_string().contains("psso.toml") && std::error::Error::source(&missing).is_some());
    std::fs::write(&path, MINIMAL).unwrap();
    assert_eq!(Config::load(&path).unwrap(), Config::from_toml(MINIMAL).unwrap());
    std::fs::write(&path, "x = 1").unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("psso.toml"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Config::load(&path).is_err());
}
