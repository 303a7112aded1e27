//! Tokens that are refused before anything in them is judged.

use super::*;

#[test]
fn refused_tokens_are_shown_all_the_same() {
    let header = json!({"alg": "HPKE-P256-SHA256-A256GCM", "enc": "dir", "typ": "platformsso-login-response+jwt"});
    let token = format!("{}..AAAA.AAAA.AAAA", jose::base64url::encode(header.to_string().as_bytes()));
    let seen = inspect(&token, &InspectOptions::default()).unwrap();
    assert_eq!((seen.kind, failed(&seen)), (Kind::LoginResponse, vec!["alg"]));
    assert_eq!(seen.header["enc"], "dir");
    assert!(detail(&seen, "alg").contains("HPKE"));

    let none = format!("{}.e30.", jose::base64url::encode(br#"{"alg":"none","typ":"platformsso-login-request+jwt"}"#));
    let key = EcPrivateKey::generate().unwrap();
    let seen = inspect(&none, &InspectOptions { verification_keys: given(&key, None), ..at(0) }).unwrap();
    assert!(failed(&seen).starts_with(&["alg", "signature", "kid", "claims"]), "{:?}", failed(&seen));

    let rsa = jose::base64url::encode(br#"{"alg":"RS256","typ":"platformsso-login-request+jwt"}"#);
    assert!(failed(&inspect(&format!("{rsa}.e30."), &at(0)).unwrap()).contains(&"alg"));
    let binary = format!("{}.AAAA.", jose::base64url::encode(br#"{"alg":"ES256"}"#));
    assert_eq!(failed(&inspect(&binary, &at(0)).unwrap()), ["signature", "claims"]);
}

/// Why JSON is refused stands in the line: which member occurs twice, what is no text, how deep it is.
#[test]
fn why_json_is_refused_is_told() {
    let deep = format!(r#"{{"nonce":"N1","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let device = EcPrivateKey::generate().unwrap();
    let options = InspectOptions { decryption_key: Some(device.clone()), ..at(5) };
    let mut key = EcPrivateKey::generate().unwrap();
    let header = json!({"alg": "ES256", "kid": "k"});
    for (claims, why) in [
        (&br#"{"nonce":"N1","sub":"a","sub":"b"}"#[..], "the member \"sub\" occurs twice"),
        (b"{\"nonce\":\"N1\",\"sub\":\"\xff\"}", "not UTF-8"),
        (deep.as_bytes(), "recursion limit"),
        (br#"{"nonce":"N1"} x"#, "trailing characters"),
        (br#"["nonce"]"#, "not a JSON object"),
    ] {
        // However the reader calls it.
        let told = |text: &str| text.replace("invalid unicode code point", "not UTF-8").matches(why).count() == 1;
        let id_token = jws::sign(header.as_object().unwrap(), claims, &mut key).unwrap();
        let seen = inspect(&response(&device, &device, "N1", &id_token), &options).unwrap();
        let inner = seen.id_token.as_ref().unwrap();
        assert!(told(detail(inner, "claims")), "{}", detail(inner, "claims"));
        // There may be a nonce in it, and nobody can say.
        assert_eq!(detail(&seen, "id_token.nonce"), "the claims of the id_token cannot be read");
        let header = jose::base64url::encode(claims);
        for rest in [".e30.AAAA", "..AAAA.AAAA.AAAA"] {
            match inspect(&format!("{header}{rest}"), &at(0)) {
                Ok(seen) => assert!(seen.checks.iter().any(|check| !check.ok && told(&check.detail)), "{why}"),
                Err(error) => assert!(told(&crate::error::with_causes(&error)), "{why}: {error}"),
            }
        }
        if let Ok(text) = std::str::from_utf8(claims).map(|text| text.replace("nonce", "Nonce"))
            && text.starts_with('{')
        {
            let error = inspect(&text, &at(0)).unwrap_err();
            assert!(told(&crate::error::with_causes(&error)), "{why}: {error}");
        }
    }
    assert!(inspect("{}", &at(0)).unwrap_err().to_string().contains("no Nonce"));
}

#[test]
fn malformed_tokens_are_shown_with_the_part_at_fault() {
    let encode = |text: &str| jose::base64url::encode(text.as_bytes());
    let header = encode(r#"{"alg":"ES256","typ":"platformsso-login-request+jwt"}"#);
    let claims = encode(r#"{"sub":"alice","assertion":"SECRET"}"#);
    let critical = encode(r#"{"alg":"ES256","crit":["x"],"typ":"platformsso-login-request+jwt"}"#);
    let twice = encode(r#"{"alg":"ES256","alg":"ES256","typ":"platformsso-login-request+jwt"}"#);
    for (token, part, readable) in [
        (format!("{critical}.{claims}.AAAA"), "crit", true),
        (format!("{header}=.{claims}.AAAA"), "header", true),
        (format!("{twice}.{claims}.AAAA"), "header", true),
        (format!("{header}.{claims}=.AAAA"), "payload", false),
        (format!("{header}.{claims}.AAAA="), "signature", true),
    ] {
        let seen = inspect(&token, &at(0)).unwrap();
        let expected = if part == "signature" { vec![part] } else { vec![part, "signature"] };
        assert_eq!((seen.kind, failed(&seen)), (Kind::LoginRequest, expected), "{token}");
        assert_eq!(seen.signature, Some(SignatureVerdict { valid: None, key: None }));
        assert_eq!(seen.claims.as_ref().map(|claims| claims["sub"] == "alice"), readable.then_some(true));
        assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET"));
    }
}
