//! One test per check of the encrypted response.

use serde_json::{Map, Value, json};

use crate::idp::{Faults, lp};
use crate::{login_with, rejected};

fn with_header(edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Faults {
    Faults { jwe_header: Box::new(edit), ..Faults::default() }
}

fn with_body(edit: impl Fn(&mut String) + Send + Sync + 'static) -> Faults {
    Faults {
        answer: Box::new(move |path, response| {
            if path.ends_with("token") {
                let mut body = String::from_utf8(response.body.to_vec()).unwrap();
                edit(&mut body);
                response.body = body.into_bytes().into();
            }
        }),
        ..Faults::default()
    }
}

#[test]
fn apu() {
    let apu = |make: fn(&[u8]) -> Vec<u8>| rejected(Faults { apu: Box::new(make), ..Faults::default() });
    assert_eq!(
        apu(|_| [lp(b"APPLE"), lp(&jose::EcPrivateKey::generate().unwrap().public().x963().unwrap())].concat()),
        "apu"
    );
    assert_eq!(apu(|epk| [lp(b"APPLE"), lp(&epk[1..])].concat()), "apu");
    assert_eq!(apu(|epk| [lp(b"APPLE"), lp(epk), lp(b"nonce")].concat()), "apu");
    assert_eq!(apu(|epk| [lp(b"APPLE"), lp(epk), vec![0]].concat()), "apu");
    assert_eq!(apu(|epk| epk.to_vec()), "apu");
    assert_eq!(apu(|_| Vec::new()), "apu");
    assert_eq!(rejected(with_header(|header| header["apu"] = json!("="))), "apu");
}

#[test]
fn apv() {
    // Made for another nonce: said so in the header, or only used for the key.
    let other = |in_header| Faults {
        apv: Box::new(|apv| *apv.last_mut().unwrap() ^= 1),
        apv_in_header: in_header,
        ..Faults::default()
    };
    assert_eq!(rejected(other(true)), "apv");
    assert_eq!(rejected(other(false)), "decryption");
    assert_eq!(rejected(with_header(|header| drop(header.insert("apv".into(), json!(7))))), "apv");
}

#[test]
fn epk() {
    let p384 = json!({"kty": "EC", "crv": "P-384",
        "x": "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
        "y": "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f"});
    assert_eq!(rejected(with_header(move |header| header["epk"] = p384.clone())), "epk");
    assert_eq!(rejected(with_header(|header| header["epk"]["x"] = json!("AA"))), "epk");
    assert_eq!(rejected(with_header(|header| header["epk"]["y"] = header["epk"]["x"].clone())), "epk");
    assert_eq!(rejected(with_header(|header| drop(header.remove("epk")))), "epk");
}

#[test]
fn algorithms() {
    for alg in ["HPKE-P256-SHA256-A256GCM", "ECDH-ES+A256KW", "dir", "none"] {
        assert_eq!(rejected(with_header(move |header| header["alg"] = json!(alg))), "alg", "{alg}");
    }
    for enc in ["A128GCM", "dir", "A256CBC-HS512"] {
        assert_eq!(rejected(with_header(move |header| header["enc"] = json!(enc))), "enc", "{enc}");
    }
    assert_eq!(rejected(with_header(|header| drop(header.insert("zip".into(), json!("DEF"))))), "zip");
    assert_eq!(rejected(with_header(|header| drop(header.insert("crit".into(), json!(["x"]))))), "crit");
    assert_eq!(rejected(with_header(|header| header["typ"] = json!("platformsso-key-response+jwt"))), "typ");
}

#[test]
fn damage() {
    for cut in [1, 20, 24, 100] {
        let name = rejected(with_body(move |body| body.truncate(body.len() - cut)));
        assert!(["login_response", "decryption"].contains(&name.as_str()), "{cut}: {name}");
    }
    assert_eq!(rejected(with_body(|body| body.clear())), "login_response");
    assert_eq!(rejected(with_body(|body| *body = body.replacen("..", ".AAAA.", 1))), "login_response");
    assert_eq!(rejected(with_header(|header| drop(header.insert("more".into(), json!(1))))), "decryption");
    // White space around the token is no damage.
    login_with(with_body(|body| body.push_str("\r\n"))).unwrap();
}

#[test]
fn content() {
    let content = |edit: fn(&mut Map<String, Value>)| rejected(Faults { content: Box::new(edit), ..Faults::default() });
    assert_eq!(content(|content| drop(content.remove("id_token"))), "id_token");
    assert_eq!(content(|content| content["id_token"] = json!({"a": 1})), "id_token");
    let number =
        login_with(Faults { content: Box::new(|content| content["id_token"] = json!(5)), ..Faults::default() });
    let told = number.unwrap_err().to_string();
    assert_eq!(told, "the check of id_token failed: it is not a text with something in it");
    assert_eq!(content(|content| drop(content.remove("refresh_token_expires_in"))), "refresh_token_expires_in");
    assert_eq!(content(|content| content["refresh_token_expires_in"] = json!(-1)), "refresh_token_expires_in");
    assert_eq!(content(|content| content["refresh_token_expires_in"] = json!("soon")), "refresh_token_expires_in");
}

#[test]
fn json_that_is_refused_says_why() {
    let why = |faults: Faults| match login_with(faults) {
        Err(psso::Error::Rejected { claim, why }) => (claim, why),
        other => panic!("{other:?}"),
    };
    // What serde_json writes has no duplicates; a raw value does.
    for (raw, reason) in [
        (&br#"{"id_token":"SECRET","id_token":"SECRET"}"#[..], "the member \"id_token\" occurs twice"),
        (br#"{"id_token":"SECRET"}x"#, "trailing characters"),
        (b"{\"id_token\":\"SECRET\xff\"}", "it is not UTF-8"),
        (br#"{"id_token":NaN}"#, "NaN"),
        (br#"["SECRET"]"#, "not a JSON object"),
        (b"", "EOF"),
    ] {
        let (claim, told) = why(Faults { raw_content: Some(raw.to_vec()), ..Faults::default() });
        assert_eq!(claim, "login_response");
        assert!(told.contains(reason) && !told.contains("SECRET"), "{told}");
        let (claim, told) = why(Faults { raw_claims: Some(raw.to_vec()), ..Faults::default() });
        assert_eq!(claim, "id_token");
        assert!(told.contains(reason) && !told.contains("SECRET"), "{told}");
    }
}
