//! Nothing secret is logged by a login over a real socket, whatever the level.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../data/capture.rs"]
mod capture;
#[path = "../login/card.rs"]
#[allow(dead_code, reason = "shared with the login tests")]
mod card;
#[path = "../login/idp.rs"]
#[allow(dead_code, reason = "shared with the login tests")]
mod idp;
mod server;

use capture::Capture;
use psso::{Client, DeviceKeys, RegistrationRequest, UreqClient};
use secrecy::ExposeSecret as _;

#[test]
fn a_login_logs_no_token_and_no_request() {
    let capture = Capture::default();
    // Sets the bridge from the `log` crate as well, which ureq writes to.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(capture.clone())
        .init();

    let idp = idp::Idp::new(idp::Faults::default());
    let base = server::serve(idp.clone());

    // The capture works, and the libraries do log what they receive: bytes in hex at level trace.
    ureq::post(format!("{base}/nonce"))
        .header("content-type", "application/x-www-form-urlencoded")
        .send(&b"grant_type=srv_challenge"[..])
        .and_then(|mut response| response.body_mut().read_to_vec())
        .unwrap();
    let plain = capture.take();
    assert!(plain.contains("ureq_proto"), "{plain}");
    assert!(plain.contains("7b22 4e6f 6e63 6522"), "the answer in hex: {plain}");

    let dir = tempfile::tempdir().unwrap();
    let keys = DeviceKeys::open_or_create(&dir.path().join("state")).unwrap();
    let client = Client::new(idp::config(&base, ""), Box::new(UreqClient::default()));
    client.register(&keys, &RegistrationRequest::new("alice")).unwrap();
    let outcome = card::login(&client, &keys, &mut card::Card::p256()).unwrap();
    let logged = capture.take();

    assert!(
        logged.contains("login_accepted") && logged.contains("token endpoint"),
        "our own events are there: {logged}"
    );
    assert!(!logged.contains("ureq"), "the libraries are silent: {logged}");
    let id_token = outcome.tokens.id_token.expose_secret();
    let requests = idp.seen.lock().unwrap();
    let login = requests.iter().find(|request| request.url.path().ends_with("token")).unwrap();
    let login_request = idp::form(login)[2].1.clone();
    for secret in [id_token, &login_request, idp::REFRESH_TOKEN] {
        for part in secret.split('.') {
            let start = &part[..part.len().min(24)];
            for form in [start.to_owned(), hex::encode(start), hex::encode_upper(start)] {
                assert!(!logged.contains(&form), "{form} was logged");
            }
        }
    }
}
