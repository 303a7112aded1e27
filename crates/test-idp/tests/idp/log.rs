//! What the server writes into its log at the finest level: events, and nothing that opens a door.

use std::io::{self, Write};
use std::sync::Mutex;

use jose::Algorithm;
use serde_json::{Value, json};
use tracing::Level;

use crate::login::open;
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
