use super::*;

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
    // JSON of another shape, and text that claims to be JSON.
    for body in [&b"[]"[..], b"{\"error\":7}", b"{", b"{\"error\":\"\"}"] {
        let error = refusal("nonce endpoint", &response(400, Some("application/json"), body));
        assert!(matches!(error, Error::Endpoint { status: 400, oauth_error: None, .. }));
    }
}

#[test]
fn nothing_of_a_body_is_in_debug() {
    let url = Url::parse("https://idp.example/token").unwrap();
    let request = HttpRequest::post(&url, "a/b", "c/d", b"assertion=SECRET".to_vec());
    assert!(!format!("{request:?}").contains("SECRET"));
    assert!(!format!("{:?}", response(200, None, b"SECRET")).contains("SECRET"));
}
