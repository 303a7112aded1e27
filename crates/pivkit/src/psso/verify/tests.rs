use std::path::Path;

use super::*;

fn request(dir: &Path, device_key: &str, trust_ca: Option<&str>) -> VerifyRequest {
    let config = "issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\nnonce_endpoint = \"https://i/n\"\n\
                  token_endpoint = \"https://i/t\"\njwks_endpoint = \"https://i/j\"\n";
    let file = |name: &str, content: &str| {
        std::fs::write(dir.join(name), content).unwrap();
        dir.join(name)
    };
    VerifyRequest {
        message: file("message", "a.b.c"),
        config: Config::from_toml(config).unwrap(),
        device_key: file("device", device_key),
        user_key: None,
        trust_ca: trust_ca.map(|content| file("ca", content)),
        binding: Binding::default(),
        decryption_key: None,
        password: None,
        refresh_token: None,
        request_nonce: None,
        at: None,
        strict: false,
    }
}

/// What does not come from the request is an error; whatever is wrong with the request is a verdict.
#[test]
fn a_wrong_request_is_a_verdict_and_a_wrong_file_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let device = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let report = verify(&request(dir.path(), device, None)).unwrap();
    assert!(!report.accepted);
    assert_eq!(report.refused.unwrap().check, "header");
    assert!(matches!(verify(&request(dir.path(), "{}", None)), Err(Error::Psso(_))));
    assert!(matches!(verify(&request(dir.path(), device, Some("nothing"))), Err(Error::Input { .. })));
    let at = |at: &str| VerifyRequest { at: Some(at.to_owned()), ..request(dir.path(), device, None) };
    assert!(matches!(verify(&at("yesterday")), Err(Error::Input { .. })));
    let missing = VerifyRequest { device_key: dir.path().join("none"), ..request(dir.path(), device, None) };
    assert!(matches!(verify(&missing), Err(Error::File { .. })));
}
