use super::world::*;
use crate::{key_id, party_info};
use jose::EcPrivateKey;
use jose::jwe::{self, Recipient};
use serde_json::{Value, json};

#[test]
fn a_password_in_the_clear() {
    let mut world = world();
    for (password, expected) in [
        (json!("correct horse"), "Password"),
        (json!("wrong"), "password"),
        (json!(null), "password"),
        (json!(7), "password"),
    ] {
        let change = json!({"assertion": null, "grant_type": "password", "password": password});
        let token = world.request("", &change);
        assert_eq!(world.verdict(&token), expected, "{password}");
    }
    let token = world.request("", &json!({"assertion": null, "grant_type": "password", "password": "correct horse"}));
    world.spent.clear();
    let login = world.verifier().login(&token, &mut world).unwrap();
    assert!(!format!("{login:?} {:?}", login.checks).contains("horse"));
    // The grant decides, not what else is there.
    let both = world.request(&world.card_assertion(), &json!({"password": "wrong"}));
    assert_eq!(world.verdict(&both), "SmartCard");
}

/// An encrypted assertion: to this key, with this kid, for this nonce of the server.
struct Sealed<'a> {
    to: &'a EcPrivateKey,
    named: &'a EcPrivateKey,
    nonce: &'a str,
    typ: &'a str,
    kid: Option<&'a str>,
    apv_in_header: bool,
    content: Value,
}

impl Sealed<'_> {
    fn token(&self) -> String {
        let apv = party_info::password_apv("APPLEEMBEDDED", &self.named.public(), self.nonce);
        let recipient = Recipient {
            public: &self.to.public(),
            apu: &party_info::sender_apu,
            apv: &apv,
            apv_in_header: self.apv_in_header,
            typ: Some(self.typ),
            kid: self.kid,
        };
        jwe::encrypt(&recipient, self.content.to_string().as_bytes()).unwrap()
    }
}

#[test]
fn an_encrypted_password() {
    let mut world = world();
    let key = world.password_key.clone();
    let kid = key_id(&key.public());
    let content = changed(&world.inner(), &json!({"password": "correct horse"}));
    let good = || Sealed {
        to: &key,
        named: &key,
        nonce: "R1",
        typ: "platformsso-encrypted-login-assertion+jwt",
        kid: Some(&kid),
        apv_in_header: true,
        content: content.clone(),
    };
    let with = |change: Value| Sealed { content: changed(&content, &change), ..good() };
    let other = EcPrivateKey::generate().unwrap();
    for (name, sealed, expected) in [
        ("good", good(), "EncryptedPassword"),
        ("the form of macOS 13", Sealed { typ: "JWT", ..good() }, "EncryptedPassword"),
        ("another message", Sealed { typ: "platformsso-login-response+jwt", ..good() }, "assertion.typ"),
        ("no kid", Sealed { kid: None, ..good() }, "assertion.kid"),
        ("another kid", Sealed { kid: Some("AAAA"), ..good() }, "assertion.kid"),
        ("no apv", Sealed { apv_in_header: false, ..good() }, "assertion.apv"),
        ("the client's nonce", Sealed { nonce: NONCE, ..good() }, "assertion.apv"),
        ("another key in apv", Sealed { named: &other, ..good() }, "assertion.apv.key"),
        ("to another key", Sealed { to: &other, ..good() }, "assertion.decryption"),
        ("a wrong password", with(json!({"password": "wrong"})), "assertion.password"),
        ("a number for a password", with(json!({"password": 7})), "assertion.password"),
        ("no password", with(json!({"password": null})), "assertion.claims"),
        ("another user", with(json!({"sub": "bob", "iss": "bob"})), "assertion.sub"),
        ("another audience", with(json!({"aud": "urn:b"})), "assertion.aud"),
        ("another nonce", with(json!({"nonce": "N2"})), "assertion.nonce"),
        ("an old nonce of the server", with(json!({"request_nonce": "R0"})), "assertion.request_nonce"),
        ("expired", with(json!({"exp": NOW - 60})), "assertion.exp"),
        ("no object", Sealed { content: json!([]), ..good() }, "assertion.claims"),
    ] {
        let token = world.request(&sealed.token(), &json!({}));
        assert_eq!(world.verdict(&token), expected, "{name}");
    }
    let token = good().token();
    let (head, rest) = token.split_once('.').unwrap();
    for (broken, expected) in [
        (format!("{head}A.{rest}"), "assertion."),
        (token.replace("..", ".A."), "assertion."),
        ("e30....".to_owned(), "assertion.alg"),
    ] {
        let token = world.request(&broken, &json!({}));
        assert!(world.verdict(&token).starts_with(expected), "{broken}");
    }
}
