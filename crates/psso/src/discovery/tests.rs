use super::*;
use crate::Config;
use crate::http::{HttpError, HttpResponse, Method};
use serde_json::json;

/// One document at one address.
struct Document(&'static str, Value);

impl HttpClient for Document {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        assert_eq!(request.method, Method::Get);
        let there = request.url.as_str() == self.0;
        let body = if there { self.1.to_string() } else { "{}".to_owned() };
        let status = if there { 200 } else { 404 };
        Ok(HttpResponse { status, content_type: Some("application/json".into()), body: body.into_bytes().into() })
    }
}

const AT: &str = "https://idp.example/.well-known/openid-configuration";

fn standard() -> Value {
    json!({"issuer": "https://idp.example", "token_endpoint": "https://idp.example/token",
        "jwks_uri": "https://idp.example/jwks", "id_token_signing_alg_values_supported": ["none", "RS256", "PS256", 7]})
}

#[test]
fn an_issuer_that_knows_nothing_of_platform_sso() {
    for issuer in ["https://idp.example", "https://idp.example/"] {
        let found = discover(issuer, &Document(AT, standard())).unwrap();
        assert_eq!(found.missing(), ["client_id", "audience", "nonce_endpoint"]);
        assert_eq!(found.id_token_algorithms, [Algorithm::Rs256]);
        let text = found.to_string();
        assert!(text.contains("token_endpoint = \"https://idp.example/token\"\n"), "{text}");
        assert!(text.contains("# missing, to be added by hand: nonce_endpoint"), "{text}");
        let completed =
            format!("{text}client_id = \"c\"\naudience = \"a\"\nnonce_endpoint = \"https://idp.example/n\"\n");
        let config = Config::from_toml(&completed).unwrap();
        assert_eq!(config.id_token_algorithms(), [Algorithm::Rs256]);
    }
}

#[test]
fn an_issuer_that_says_it_all() {
    let mut document = standard();
    for (name, value) in [
        ("platform_sso_nonce_endpoint", "https://idp.example/psso/nonce"),
        ("platform_sso_refresh_endpoint", "https://idp.example/psso/refresh"),
        ("platform_sso_key_endpoint", "https://idp.example/psso/key"),
        ("platform_sso_registration_endpoint", "https://idp.example/psso/register"),
        ("platform_sso_client_id", "a \"quoted\" \\ id"),
        ("platform_sso_audience", "urn:example:psso"),
    ] {
        document[name] = json!(value);
    }
    let found = discover("https://idp.example", &Document(AT, document)).unwrap();
    assert!(found.missing().is_empty());
    let config = Config::from_toml(&found.to_string()).unwrap();
    assert_eq!(config.client_id(), "a \"quoted\" \\ id");
    assert_eq!(config.key_endpoint().unwrap().as_str(), "https://idp.example/psso/key");
    assert_eq!(config.refresh_endpoint().as_str(), "https://idp.example/psso/refresh");
}

#[test]
fn an_issuer_with_a_path() {
    let mut document = standard();
    document["issuer"] = json!("https://idp.example/tenant/v2.0");
    let at = "https://idp.example/tenant/v2.0/.well-known/openid-configuration";
    assert!(discover("https://idp.example/tenant/v2.0", &Document(at, document)).is_ok());
}

#[test]
fn documents_that_cannot_be_believed() {
    let claim = |name: &str, value: Value| {
        let mut document = standard();
        document[name] = value;
        match discover("https://idp.example", &Document(AT, document)) {
            Err(Error::Rejected { claim, .. }) => claim,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(claim("issuer", json!("https://other.example")), "issuer");
    assert_eq!(claim("issuer", json!(null)), "issuer");
    assert_eq!(claim("token_endpoint", json!("http://idp.example/token")), "token_endpoint");
    assert_eq!(claim("jwks_uri", json!(7)), "jwks_uri");
    assert_eq!(claim("platform_sso_audience", json!("a\nissuer = \"x\"")), "platform_sso_audience");
    assert_eq!(claim("platform_sso_client_id", json!("x".repeat(3000))), "platform_sso_client_id");
    for issuer in ["http://idp.example", "idp.example", "https://idp.example?x", "https://a:b@idp.example", ""] {
        assert!(matches!(discover(issuer, &Document(AT, standard())), Err(Error::Config { .. })), "{issuer}");
    }
    let elsewhere = discover("https://other.example", &Document(AT, standard()));
    assert!(matches!(elsewhere, Err(Error::Endpoint { status: 404, .. })));
}
