use super::*;
use serde_json::json;

fn response(status: u16, content_type: Option<&str>, body: &[u8]) -> HttpResponse {
    HttpResponse { status, content_type: content_type.map(str::to_owned), body: Zeroizing::new(body.to_vec()) }
}

#[test]
fn media_types_are_parsed() {
    for (field, expected) in [
        ("application/json", Some("application/json")),
        ("Application/JSON; charset=utf-8", Some("application/json")),
        ("  text/html ;x", Some("text/html")),
        (
            "application/platformsso-login-response+jwt;charset=utf-8",
            Some("application/platformsso-login-response+jwt"),
        ),
        ("json", None),
        ("a b/c", None),
        ("a/", None),
        ("", None),
        ("a/b/c", None),
    ] {
        assert_eq!(response(200, Some(field), b"").media_type().as_deref(), expected, "{field}");
    }
    assert!(response(200, Some("application/problem+json"), b"").is_json());
    assert!(!response(200, Some("text/json"), b"").is_json());
    assert!(!response(200, None, b"{}").is_json());
}

#[test]
fn only_https_and_loopback() {
    for (url, allowed) in [
        ("https://idp.example/x", true),
        ("http://127.0.0.1:8080/x", true),
        ("http://127.9.9.9/x", true),
        ("http://[::1]:1/x", true),
        ("http://localhost/x", true),
        ("http://LOCALHOST/x", true),
        ("http://idp.example/x", false),
        ("http://localhost.example/x", false),
        ("http://128.0.0.1/x", false),
        ("http://[::2]/x", false),
        ("http://10.0.0.1/x", false),
        ("ftp://127.0.0.1/x", false),
        ("file:///etc/passwd", false),
    ] {
        assert_eq!(is_allowed_url(&Url::parse(url).unwrap()), allowed, "{url}");
    }
}

#[test]
fn refusals_explain_themselves() {
    let error = refusal(
        "token endpoint",
        &response(
            401,
            Some("application/json"),
            br#"{"error":"invalid_grant","error_description":"No \u001b[2J","check":"upn"}"#,
        ),
    );
    assert_eq!(error.to_string(), "the token endpoint answered 401 (invalid_grant): No \\u{1b}[2J [upn]");
    assert!(matches!(error, Error::Endpoint { status: 401, check: Some(check), .. } if check == "upn"));

    let error = refusal("token endpoint", &response(500, Some("text/html; charset=utf-8"), b"<html>secret</html>"));
    assert_eq!(error.to_string(), "the token endpoint answered 500: text/html (19 bytes) came, not JSON");
    let error = refusal("nonce endpoint", &response(302, None, b""));
    assert!(error.to_string().contains("redirects are not followed"));
    let error = refusal("nonce endpoint", &response(503, None, b""));
    assert_eq!(error.to_string(), "the nonce endpoint answered 503");
    for (content_type, body, why) in [
        ("application/json", "[1,2]", "JSON came, but not an object"),
        ("text/plain", "[1,2]", "JSON came, but not an object"),
        ("text/plain", r#"{"error":"a","error":"b"}"#, "the member \"error\" occurs twice"),
        ("application/json", r#"{"error":"a"}xx"#, "its JSON is malformed (trailing characters"),
        ("text/html", "<p>\u{e9}", "text/html (5 bytes) came, not JSON"),
        ("text/plain", "card not known", "text/plain (14 bytes) came, not JSON"),
    ] {
        let response = response(400, Some(content_type), body.as_bytes());
        let told = [
            refusal("token endpoint", &response).to_string(),
            json_object("token endpoint", &response).unwrap_err().to_string(),
        ];
        assert!(told.iter().all(|told| told.contains(why)), "{told:?}");
    }
    // Neither is a page in another encoding JSON that is malformed.
    let page = refusal("token endpoint", &response(400, Some("text/html"), b"<p>\xe9"));
    assert!(page.to_string().ends_with("text/html (4 bytes) came, not JSON"), "{page}");
    // JSON of another shape, and text that claims to be JSON.
    for body in [&b"[]"[..], b"{\"error\":7}", b"{", b"{\"error\":\"\"}"] {
        let error = refusal("nonce endpoint", &response(400, Some("application/json"), body));
        assert!(matches!(error, Error::Endpoint { status: 400, oauth_error: None, .. }));
    }
}

#[test]
fn a_server_with_words_of_its_own_is_told_in_part() {
    let told = |body: serde_json::Value| {
        let body = body.to_string();
        refusal("token endpoint", &response(400, Some("application/json"), body.as_bytes())).to_string()
    };
    let begin = "the token endpoint answered 400";
    let entra = json!({"error": "invalid_grant", "error_description": "No.", "error_codes": [50034],
        "suberror": "invalid_password", "errorCode": "C0000006", "trace_id": "T"});
    assert_eq!(told(entra), format!("{begin} (invalid_grant): No. (suberror invalid_password, errorCode C0000006)"));
    assert_eq!(told(json!({"error": "e", "errorCode": 7})), format!("{begin} (e): errorCode 7"));
    assert_eq!(
        told(json!({"message": "fo\no", "code": 7, "x": {"y": 1}, "z": null, "t": true})),
        format!("{begin}: message fo\\no, code 7, t true")
    );
    assert_eq!(told(json!({"error": 5, "error_description": {"a": 1}})), format!("{begin}: error 5"));
    // What could be a token is not shown, wherever it is; and nothing is as long as a server likes.
    let token = "eyJhbGciOiJFUzI1NiJ9.".repeat(5);
    let hidden =
        told(json!({"message": token, "code": 7, token.clone(): 1, "error_description": format!("Bad {token} here")}));
    assert!(!hidden.contains("eyJ") && hidden.contains("code 7") && hidden.contains("Bad … here"), "{hidden}");
    let hidden = told(json!({"error": token, "suberror": token, "check": token}));
    assert!(!hidden.contains("eyJ"), "{hidden}");
    let hidden = told(json!({"refresh_token": "short", "Nonce": "n", "passwordHint": "p", "code": 7}));
    assert_eq!(hidden, format!("{begin}: code 7"));
    let elsewhere = refusal("nonce endpoint", &response(302, Some("application/json"), br#"{"code":7}"#)).to_string();
    assert!(!elsewhere.contains("code"), "{elsewhere}");
    let many: serde_json::Map<_, _> = (0..5000).map(|at| (format!("m{at}"), json!("a b ".repeat(99)))).collect();
    assert!(told(json!(many)).len() < 1000);
    assert_eq!(told(json!({})), begin);
}

#[test]
fn nothing_of_a_body_is_in_debug() {
    let url = Url::parse("https://idp.example/token").unwrap();
    let request = HttpRequest::post(&url, "a/b", "c/d", b"assertion=SECRET".to_vec());
    assert!(!format!("{request:?}").contains("SECRET"));
    assert!(!format!("{:?}", response(200, None, b"SECRET")).contains("SECRET"));
}
