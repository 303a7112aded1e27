use super::world::*;
use crate::check::Level;
use crate::config::X5cForm;
use crate::verify::*;
use crate::{key_id, party_info, x5c};
use jose::EcPrivateKey;
use serde_json::{Value, json};

#[test]
fn a_login_with_a_card() {
    let mut world = world();
    let token = world.login();
    let login = world.verifier().strict().login(&format!(" {token}\n"), &mut world).unwrap();
    assert_eq!((login.user.as_str(), login.method), ("alice", Method::SmartCard));
    assert_eq!((login.nonce.as_str(), login.scope.as_str()), (NONCE, SCOPE));
    assert_eq!(login.device, key_id(&world.signing.public()));
    assert_eq!(login.certificate.as_ref(), Some(&world.certificate));
    assert_eq!(login.claim("client_id"), Some(&json!("c1")));
    assert!(login.groups.is_empty());
    unique(&login.checks);
    assert!(login.checks.iter().all(|check| check.level == Level::Holds), "{:#?}", login.checks);
    for name in [
        "signature",
        "request_nonce",
        "aud",
        "jwe_crypto.key",
        "username",
        "assertion.signature",
        "assertion.nonce",
        "assertion.aud",
        "assertion.x5c.trust",
    ] {
        assert!(login.checks.iter().any(|check| check.name == name), "{name}");
    }
    assert!(!format!("{login:?}").contains("eyJ"));
    // Once is enough.
    assert_eq!(world.verifier().login(&token, &mut world).unwrap_err().check, "request_nonce");
    assert_eq!(world.verdict(&token), "SmartCard");
}

#[test]
fn every_claim_of_the_request_counts() {
    let mut world = world();
    let assertion = world.card_assertion();
    let other_key = jose::base64url::encode(&party_info::device_apv(&fresh(), NONCE));
    let other_nonce = jose::base64url::encode(&party_info::device_apv(&world.encryption.public(), "N2"));
    let crypto = |alg: &str, enc: &str, apv: &str| json!({"jwe_crypto": {"alg": alg, "enc": enc, "apv": apv}});
    for (change, expected) in [
        (json!({"iss": "c2"}), "iss"),
        (json!({"client_id": "c2", "iss": "c2"}), "client_id"),
        (json!({"client_id": null}), "claims"),
        (json!({"client_id": 7}), "iss"),
        (json!({"aud": "https://idp.example/token/"}), "aud"),
        (json!({"aud": ["https://idp.example/token"]}), "aud"),
        (json!({"aud": null}), "claims"),
        (json!({"iat": NOW + 61}), "iat"),
        (json!({"iat": null}), "iat"),
        (json!({"iat": "soon"}), "iat"),
        (json!({"exp": NOW - 60}), "exp"),
        (json!({"exp": null}), "exp"),
        (json!({"nbf": NOW + 61}), "nbf"),
        (json!({"nonce": "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"}), "jwe_crypto"),
        (json!({"nonce": null}), "claims"),
        (json!({"request_nonce": "R2"}), "request_nonce"),
        (json!({"request_nonce": null}), "request_nonce"),
        (json!({"request_nonce": ["R1"]}), "request_nonce"),
        (json!({"scope": "openid"}), "assertion.scope"),
        (json!({"scope": null}), "claims"),
        (json!({"sub": "bob"}), "sub"),
        (json!({"username": "bob", "sub": "bob"}), "username"),
        (json!({"username": null, "sub": null}), "username"),
        (json!({"username": null}), "username"),
        (json!({"username": 7, "sub": 7}), "username"),
        (json!({"grant_type": "password"}), "password"),
        (json!({"grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer"}), "grant_type"),
        (json!({"grant_type": "authorization_code"}), "grant_type"),
        (json!({"assertion": null}), "assertion"),
        (json!({"assertion": 7}), "assertion"),
        (json!({"assertion": "x"}), "assertion.JWS"),
        (json!({"jwe_crypto": null}), "claims"),
        (crypto("HPKE-P256-SHA256-A256GCM", "dir", ""), "jwe_crypto"),
        (crypto("ECDH-ES", "A128GCM", ""), "jwe_crypto"),
        (crypto("ECDH-ES", "A256GCM", "AAAA"), "jwe_crypto"),
        (crypto("ECDH-ES", "A256GCM", &other_nonce), "jwe_crypto"),
        (crypto("ECDH-ES", "A256GCM", &other_key), "jwe_crypto.key"),
    ] {
        let token = world.request(&assertion, &change);
        assert_eq!(world.verdict(&token), expected, "{change}");
    }
}

/// Why JSON is refused is told, here and in the assertion.
#[test]
fn a_claim_that_is_there_twice_is_named() {
    let mut world = world();
    let twice = |header: &Value, claims: &Value, key: &EcPrivateKey| {
        let text = claims.to_string();
        let text = format!("{},\"scope\":\"x\"}}", text.strip_suffix('}').unwrap());
        jose::jws::sign(header.as_object().unwrap(), text.as_bytes(), &mut key.clone()).unwrap()
    };
    let outer = world.outer(&world.card_assertion());
    let inner = twice(&world.card_header(), &world.inner(), &world.card);
    for (token, check) in [
        (twice(&world.device_header("platformsso-login-request+jwt"), &outer, &world.signing), "claims"),
        (world.request(&inner, &json!({})), "assertion.claims"),
    ] {
        let refusal = world.verifier().login(&token, &mut world).unwrap_err();
        assert_eq!(refusal.check, check);
        assert!(refusal.why.contains("the member \"scope\" occurs twice"), "{}", refusal.why);
        world.spent.clear();
    }
}

/// A request that is good for years is a password: whoever finds it has time.
#[test]
fn a_long_lifetime_is_refused_without_strict() {
    let mut world = world();
    let good = world.card_assertion();
    for (iat, exp, expected) in [
        (NOW, NOW + 300_000_000, "exp"),
        (NOW - 300_000_000, NOW + 1, "exp"),
        (i64::MIN, NOW + 1, "iat"),
        (0, NOW + 1, "exp"),
        (NOW, NOW + 601, "exp"),
        (NOW, NOW + 600, "SmartCard"),
    ] {
        let times = json!({"iat": iat, "exp": exp});
        let token = world.request(&good, &times);
        assert_eq!(world.verdict(&token), expected, "{times}");
        let inner = sign(&world.card_header(), &changed(&world.inner(), &times), &world.card);
        let token = world.request(&inner, &json!({}));
        assert_eq!(world.verdict(&token).trim_start_matches("assertion."), expected, "{times}");
    }
    world.spent.clear();
    let token = world.request(&good, &json!({"exp": NOW + 900}));
    assert!(world.verifier().max_lifetime(900).login(&token, &mut world).is_ok());
}

/// The first request that a registered device signs uses the nonce up, whatever else it says; nobody else can.
#[test]
fn a_nonce_is_spent_by_its_device_alone() {
    let mut world = world();
    let wrong = world.request(&world.card_assertion(), &json!({"aud": "https://other.example"}));
    assert_eq!(world.verdict(&wrong), "aud");
    assert_eq!(world.spent, ["R1"]);
    let stranger = EcPrivateKey::generate().unwrap();
    let claims = world.outer(&world.card_assertion());
    let forged = sign(&world.device_header("platformsso-login-request+jwt"), &claims, &stranger);
    assert_eq!(world.verdict(&forged), "signature");
    assert!(world.spent.is_empty());
}

#[test]
fn every_member_of_the_header_counts() {
    let mut world = world();
    let good = world.device_header("platformsso-login-request+jwt");
    let claims = world.outer(&world.card_assertion());
    let unpadded = key_id(&world.signing.public()).replace('=', "").replace('+', "-").replace('/', "_");
    for (change, expected) in [
        (json!({"typ": "platformsso-refresh-request+jwt"}), "typ"),
        (json!({"typ": "at+jwt"}), "typ"),
        (json!({"typ": null}), "typ"),
        (json!({"typ": "JWT"}), "SmartCard"),
        (json!({"typ": "platformsso-login-assertion+jwt"}), "SmartCard"),
        (json!({"kid": key_id(&fresh())}), "kid"),
        (json!({"kid": null}), "kid"),
        (json!({"kid": 7}), "kid"),
        (json!({"kid": "alice"}), "kid"),
        (json!({"kid": unpadded}), "SmartCard"),
        (json!({"x5c": "AAAA"}), "x5c"),
        (json!({"x5c": x5c::to_json(&world.certificate, X5cForm::Array)}), "x5c.key"),
    ] {
        let token = sign(&changed(&good, &change), &claims, &world.signing);
        assert_eq!(world.verdict(&token), expected, "{change}");
        let deviates = expected == "SmartCard";
        let strict = world.verifier().strict().login(&token, &mut world);
        assert!(strict.is_err_and(|refusal| !deviates || ["typ", "kid"].contains(&&*refusal.check)), "{change}");
    }
    for alg in ["none", "HS256", "RS256", "ES384"] {
        let header = changed(&good, &json!({"alg": alg}));
        let encode = |value: &Value| jose::base64url::encode(value.to_string().as_bytes());
        let signature = jose::base64url::encode(&[1; 64]);
        let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
        let expected = if alg == "ES384" { "signature" } else { "alg" };
        assert_eq!(world.verdict(&token), expected, "{alg}");
    }
    let token = world.login();
    for (broken, expected) in [("a.b", "JWS"), ("", "JWS"), ("e30.e30", "JWS"), (&token[1..], "header")] {
        assert_eq!(world.verdict(broken), expected, "{broken}");
    }
    let critical = changed(&good, &json!({"crit": ["exp"]}));
    let token = format!("{}.e30.AAAA", jose::base64url::encode(critical.to_string().as_bytes()));
    assert_eq!(world.verdict(&token), "crit");
}

#[test]
fn every_claim_of_the_assertion_counts() {
    let mut world = world();
    let inner = world.inner();
    for (change, expected) in [
        (json!({}), "SmartCard"),
        (json!({"iat": NOW.to_string(), "exp": (NOW + 300).to_string()}), "SmartCard"),
        (json!({"iss": "bob"}), "assertion.iss"),
        (json!({"iss": "bob", "sub": "bob"}), "assertion.sub"),
        (json!({"iss": null}), "assertion.claims"),
        (json!({"sub": null}), "assertion.claims"),
        (json!({"aud": "https://idp.example/token"}), "assertion.aud"),
        (json!({"aud": ["urn:a"]}), "assertion.aud"),
        (json!({"aud": null}), "assertion.claims"),
        (json!({"iat": NOW + 61}), "assertion.iat"),
        (json!({"exp": NOW - 60}), "assertion.exp"),
        (json!({"exp": null}), "assertion.exp"),
        (json!({"nonce": "N2"}), "assertion.nonce"),
        (json!({"nonce": null}), "assertion.claims"),
        (json!({"request_nonce": "R2"}), "assertion.request_nonce"),
        (json!({"request_nonce": null}), "assertion.request_nonce"),
        (json!({"scope": "openid"}), "assertion.scope"),
    ] {
        let assertion = sign(&world.card_header(), &changed(&inner, &change), &world.card);
        let token = world.request(&assertion, &json!({}));
        assert_eq!(world.verdict(&token), expected, "{change}");
    }
}

#[test]
fn an_assertion_is_good_by_the_users_key_alone() {
    let mut world = world();
    let (inner, header) = (world.inner(), world.card_header());
    let card = world.card.clone();
    let stranger = rcgen::KeyPair::generate().unwrap();
    let strangers = EcPrivateKey::from_pem(&stranger.serialize_pem()).unwrap();
    let x5c = |der: &[u8]| json!({"x5c": x5c::to_json(der, X5cForm::Array)});
    let other = self_signed(&stranger, 2090);
    let expired = self_signed(&stranger, 2020);
    let with_kid = |mut header: Value, key: &EcPrivateKey| {
        merge(&mut header, &json!({"kid": key_id(&key.public())}));
        header
    };
    for (name, header, key, expected) in [
        ("another key", header.clone(), &strangers, "assertion.signature"),
        ("another certificate", changed(&header, &x5c(&other)), &card, "assertion.signature"),
        ("another key and certificate", changed(&header, &x5c(&other)), &strangers, "assertion.kid"),
        (
            "another key, certificate and kid",
            with_kid(changed(&header, &x5c(&other)), &strangers),
            &strangers,
            "assertion.x5c.trust",
        ),
        (
            "an expired certificate",
            with_kid(changed(&header, &x5c(&expired)), &strangers),
            &strangers,
            "assertion.x5c.validity",
        ),
        ("no certificate", changed(&header, &json!({"x5c": null})), &card, "assertion.x5c"),
        ("a broken certificate", changed(&header, &x5c(&other[1..])), &card, "assertion.x5c"),
        ("an empty list", changed(&header, &json!({"x5c": []})), &card, "assertion.x5c"),
        ("another typ", changed(&header, &json!({"typ": "platformsso-login-request+jwt"})), &card, "assertion.typ"),
        ("no kid", changed(&header, &json!({"kid": null})), &card, "assertion.kid"),
        (
            "the certificate as a string",
            changed(&header, &json!({"x5c": x5c::to_json(&world.certificate, X5cForm::String)})),
            &card,
            "SmartCard",
        ),
    ] {
        let assertion = sign(&header, &inner, key);
        let token = world.request(&assertion, &json!({}));
        assert_eq!(world.verdict(&token), expected, "{name}");
    }
}

#[test]
fn keys_that_are_registered_need_no_certificate() {
    let mut world = world();
    let header = |key: &EcPrivateKey| json!({"typ": "platformsso-login-assertion+jwt", "alg": "ES256", "kid": key_id(&key.public())});
    let enclave = sign(&header(&world.enclave), &world.inner(), &world.enclave);
    let token = world.request(&enclave, &json!({}));
    assert_eq!(world.verdict(&token), "SecureEnclaveKey");
    let card = sign(&header(&world.card), &world.inner(), &world.card);
    let token = world.request(&card, &json!({}));
    assert_eq!(world.verdict(&token), "assertion.x5c");
    world.card_is_pinned = true;
    assert_eq!(world.verdict(&token), "SmartCard");
    // Somebody else's signature under the registered name, and somebody else's certificate beside it.
    let forged = sign(&header(&world.enclave), &world.inner(), &world.card);
    let token = world.request(&forged, &json!({}));
    assert_eq!(world.verdict(&token), "assertion.signature");
    let mixed = changed(&header(&world.enclave), &json!({"x5c": x5c::to_json(&world.certificate, X5cForm::Array)}));
    let mixed = sign(&mixed, &world.inner(), &world.enclave);
    let token = world.request(&mixed, &json!({}));
    assert_eq!(world.verdict(&token), "assertion.x5c.key");
}

#[test]
fn what_real_macs_send_is_noted_and_strictness_refuses_it() {
    let mut world = world();
    let string = changed(&world.card_header(), &json!({"x5c": x5c::to_json(&world.certificate, X5cForm::String)}));
    let assertion = sign(&string, &world.inner(), &world.card);
    let mut apv = world.apv();
    apv.splice(0..9, *b"\0\0\0\x0aMsalClient");
    let msal = json!({"alg": "ECDH-ES", "enc": "A256GCM", "apv": jose::base64url::encode(&apv)});
    for (assertion, change, name) in [
        (assertion.clone(), json!({}), "assertion.x5c"),
        (world.card_assertion(), json!({"iat": NOW.to_string()}), "iat"),
        (world.card_assertion(), json!({"exp": NOW + 60}), "exp"),
        (world.card_assertion(), json!({"aud": "https://idp.example/key"}), "aud"),
        (world.card_assertion(), json!({"jwe_crypto": msal}), "jwe_crypto"),
        (world.card_assertion(), json!({"iss": null}), "iss"),
        (world.card_assertion(), json!({"sub": null}), "sub"),
        (world.card_assertion(), json!({"password": "correct horse"}), "password"),
    ] {
        let token = world.request(&assertion, &change);
        world.spent.clear();
        let login = world.verifier().login(&token, &mut world).unwrap();
        let noted: Vec<_> = login.checks.iter().filter(|check| check.level == Level::Deviates).collect();
        assert_eq!(noted.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), [name]);
        assert!(noted[0].detail.contains("deviates from the documentation: "), "{}", noted[0].detail);
        world.spent.clear();
        assert_eq!(world.verifier().strict().login(&token, &mut world).unwrap_err().check, name);
    }
}

#[test]
fn clocks_may_differ_as_much_as_is_allowed() {
    let mut world = world();
    let token = world.login();
    for (verifier, expected) in [
        (world.verifier().at(NOW - 60), "ok"),
        (world.verifier().at(NOW - 61), "iat"),
        (world.verifier().at(NOW + 359), "ok"),
        (world.verifier().at(NOW + 360), "exp"),
        (world.verifier().at(NOW - 1).clock_skew(0), "iat"),
        (world.verifier().at(NOW + 300).clock_skew(0), "exp"),
    ] {
        world.spent.clear();
        let result = verifier.login(&token, &mut Anytime(&mut world)).map(|_| "ok".to_owned());
        assert_eq!(result.unwrap_or_else(|refusal| refusal.check), expected);
    }
}

/// The world, whose certificate is good at any time.
struct Anytime<'a>(&'a mut World);

impl Provider for Anytime<'_> {
    fn device(&mut self, kid: &str) -> Option<Device> {
        self.0.device(kid)
    }
    fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied> {
        self.0.use_nonce(nonce)
    }
    fn user(&mut self, user: &str, device_kid: &str) -> Result<(), Denied> {
        self.0.user(user, device_kid)
    }
    fn card(&mut self, _: &CardCertificate<'_>) -> Result<(), Denied> {
        Ok(())
    }
}

#[test]
fn groups_that_are_asked_for() {
    let mut world = world();
    let claims = json!({"claims": {"id_token": {"groups": {"values": ["admins", 7, "staff"]}}}});
    let token = world.request(&world.card_assertion(), &claims);
    assert_eq!(world.verifier().login(&token, &mut world).unwrap().groups, ["admins", "staff"]);
}

/// What a server does not want to do, it need not say.
#[test]
fn a_server_that_only_knows_devices_accepts_nobody() {
    struct Bare(World);
    impl Provider for Bare {
        fn device(&mut self, kid: &str) -> Option<Device> {
            self.0.device(kid)
        }
        fn use_nonce(&mut self, _: &str) -> Result<(), Denied> {
            Ok(())
        }
        fn user(&mut self, _: &str, _: &str) -> Result<(), Denied> {
            Ok(())
        }
    }
    let mut bare = Bare(world());
    let verifier = bare.0.verifier();
    let card = bare.0.login();
    let password =
        bare.0.request("", &json!({"assertion": null, "grant_type": "password", "password": "correct horse"}));
    assert_eq!(verifier.login(&card, &mut bare).unwrap_err().check, "assertion.x5c.trust");
    assert_eq!(verifier.login(&password, &mut bare).unwrap_err().check, "password");
}
