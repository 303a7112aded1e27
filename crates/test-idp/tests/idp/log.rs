//! What the server writes into its logs, that of the process and that of the database: events, and nothing that opens a
//! door.

use std::io::{self, Write};
use std::sync::Mutex;

use jose::Algorithm;
use serde_json::{Value, json};
use tracing::Level;

use crate::http::post_form;
use crate::login::open;
use crate::methods::secret_file;
use crate::world::World;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_has_reasons_and_no_tokens() {
    // For the whole process: the server runs in another thread. Other tests only add to the log.
    tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(|| Log).init();
    let world = World::new();

    let login = world.login(Algorithm::Es256);
    let answer = login.send();
    let tokens = open(&answer, &world.alices, &login);
    let mut refused = world.login(Algorithm::Es256);
    refused.assertion_claims.insert("aud".into(), json!("x"));
    assert_eq!(refused.send().check(), "assertion.aud");

    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    assert!(log.contains("login accepted") && log.contains("login refused"), "{log}");
    assert!(log.contains("assertion.aud"), "{log}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = [
        answer.body.rsplit('.').next().unwrap().to_owned(),
        text(&tokens["id_token"]).rsplit('.').next().unwrap().to_owned(),
        text(&tokens["refresh_token"]),
        text(&login.claims["request_nonce"]),
        text(&login.claims["nonce"]),
        text(&refused.claims["request_nonce"]),
        text(&login.assertion_header["x5c"][0]).chars().skip(80).take(40).collect(),
    ];
    for secret in secrets {
        assert!(secret.len() > 20 && !log.contains(&secret), "{secret}");
    }
}

/// A row of the request log: kind, method, user, outcome, check and the texts of the rest.
type Row = (String, Option<String>, Option<String>, String, Option<String>, String);

/// The rows of the request log, newest first.
fn rows(world: &World) -> Vec<Row> {
    let database = world.database();
    let sql =
        "SELECT kind, method, user, outcome, \"check\", coalesce(reason, '') || ' ' || coalesce(header, '') || ' ' ||
        coalesce(claims, '') || ' ' || coalesce(assertion_header, '') || ' ' || coalesce(assertion_claims, '') || ' ' ||
        coalesce(certificate, '') || ' ' || held FROM requests ORDER BY id DESC";
    let mut statement = database.prepare(sql).unwrap();
    let row =
        |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?));
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_request_is_in_the_database_with_its_checks() {
    let world = World::with_directory(|options, directory| {
        options.passwords = Some(secret_file(directory, "passwords", "alice:open sesame\n"));
    });
    let login = world.login(Algorithm::Es256);
    let tokens = open(&login.send(), &world.alices, &login);
    let (kind, method, user, outcome, check, text) = rows(&world).remove(0);
    assert_eq!((kind.as_str(), method.as_deref(), user.as_deref()), ("login", Some("smart-card"), Some("alice")));
    assert_eq!((outcome.as_str(), check), ("accepted", None));
    for expected in [
        " outer.format outer.typ outer.alg ",
        " outer.exp outer.request_nonce outer.grant_type ",
        " assertion.signature ",
        " certificate.key_usage certificate.upn",
        "CN=Alice Example",
        "CN=Test CA",
        "\"typ\":\"platformsso-login-assertion+jwt\"",
        login.claims["nonce"].as_str().unwrap(),
        &world.audience,
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }

    let mut refused = world.login(Algorithm::Es256);
    refused.assertion_claims.insert("aud".into(), json!("https://idp.example/somebody/else"));
    refused.send();
    let (_, _, _, outcome, check, text) = rows(&world).remove(0);
    assert_eq!((outcome.as_str(), check.as_deref()), ("refused", Some("assertion.aud")));
    assert!(text.starts_with("aud is not our audience "), "{text}");
    assert!(text.contains("https://idp.example/somebody/else"), "what it said is there to be seen: {text}");
    assert!(text.ends_with(" assertion.kid assertion.iss assertion.sub"), "{text}");

    // A replay: the nonce is the check that refuses, and what came after it is not in the list.
    login.send();
    let (_, _, _, _, check, text) = rows(&world).remove(0);
    assert_eq!(check.as_deref(), Some("outer.request_nonce"));
    assert!(!text.contains("outer.grant_type"), "{text}");

    let mut password = world.login(Algorithm::Es256);
    password.claims.insert("grant_type".into(), json!("password"));
    password.claims.insert("password".into(), json!("open sesame"));
    password.assertion = Some(Value::Null);
    let by_password = open(&password.send(), &world.alices, &password);
    assert_eq!(rows(&world)[0].1.as_deref(), Some("password"));
    let refresh = world.refresh(&world.alices, tokens["refresh_token"].as_str().unwrap());
    let refreshed = refresh.open(&refresh.send(), &world.alices);
    let (kind, method, user, ..) = rows(&world).remove(0);
    assert_eq!((kind.as_str(), method.as_deref(), user.as_deref()), ("refresh", Some("smart-card"), Some("alice")));
    let request = world.key_request(&world.alices, refreshed["refresh_token"].as_str().unwrap());
    let provided = request.open(&request.send(), &world.alices);
    assert_eq!(rows(&world)[0].0, "key_request");
    post_form(&format!("{}/psso/token", world.url), &[], &[("grant_type", "x")]);
    assert_eq!(rows(&world)[0].4.as_deref(), Some("form"));
    assert_eq!(rows(&world).iter().filter(|row| row.0 == "registration").count(), 2);

    let all = rows(&world).into_iter().map(|row| row.5).collect::<String>();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = [
        "open sesame".to_owned(),
        text(&tokens["refresh_token"]),
        text(&refreshed["refresh_token"]),
        text(&by_password["refresh_token"]),
        text(&provided["key_context"]),
        text(&login.claims["request_nonce"]),
        login.request().rsplit('.').next().unwrap().to_owned(),
        login.assertion().rsplit('.').next().unwrap().to_owned(),
        text(&login.assertion_header["x5c"][0]),
    ];
    for secret in secrets {
        assert!(!all.contains(&secret), "{secret}");
    }
}

#[test]
fn what_nobody_known_has_signed_takes_little_room_in_the_log() {
    let world = World::new();
    let mut login = world.login(Algorithm::Es256);
    for name in ["pin", "passwd", "prev"] {
        login.claims.insert(name.into(), json!("opensesame.opensesame"));
    }
    login.send();
    let text = rows(&world).remove(0).5;
    assert!(text.contains("\"prev\":\"(text, 21 characters)\"") && !text.contains("opensesame"), "{text}");

    login.claims.insert("more".into(), json!("x".repeat(40_000)));
    login.header.insert("more".into(), json!("x".repeat(4000)));
    for (signed_by, check) in [("the device", "outer.request_nonce"), ("a stranger", "outer.signature")] {
        if signed_by == "a stranger" {
            login.signing = jose::EcPrivateKey::generate().unwrap();
        }
        assert_eq!(login.send().check(), check);
        let (_, _, user, _, found, text) = rows(&world).remove(0);
        assert_eq!(found.as_deref(), Some(check));
        let of_device = signed_by == "the device";
        assert_eq!(user.as_deref(), Some("alice"));
        assert_eq!((text.contains("client_id"), text.contains("\"more\"")), (of_device, of_device));
        assert!(text.contains("\"kid\"") && text.len() < 4000, "{text}");
    }
}
