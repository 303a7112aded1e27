//! What the log of requests drops, and what pushes nothing out of it.

use serde_json::json;

use super::*;
use crate::store::request_log::insert;

/// Writes a request `times` times.
fn log(opened: &Opened, request: &NewRequest, times: usize) {
    let all = opened.store.change(|transaction| (0..times).try_for_each(|_| insert(transaction, request, 7)));
    all.unwrap();
}

#[test]
fn the_last_ones_are_kept_and_strangers_push_none_of_them_out() {
    let opened = Opened::new();
    let signed = NewRequest { kind: "login", signed: true, ..NewRequest::default() };
    let stranger =
        NewRequest { kind: "unknown", refused: Some(("outer.kid", "no".to_owned())), ..NewRequest::default() };
    log(&opened, &signed, 100);
    log(&opened, &stranger, 12_000);
    let count = |condition: &str| opened.count(&format!("requests WHERE {condition}"));
    assert_eq!(count("signed"), 100);
    assert!((1000..1064).contains(&count("NOT signed")), "{}", count("NOT signed"));
    log(&opened, &signed, 10_200);
    assert!((10_000..10_064).contains(&count("signed")), "{}", count("signed"));
    assert_eq!(count("id <= 100"), 0, "the oldest went");
}

#[test]
fn the_log_has_a_limit_in_bytes() {
    let opened = Opened::new();
    let large = Some(json!({"x": "x".repeat(16_000)}));
    let request = NewRequest {
        kind: "login",
        signed: true,
        header: large.clone(),
        claims: large.clone(),
        assertion_header: large.clone(),
        assertion_claims: large,
        ..NewRequest::default()
    };
    log(&opened, &request, 1200);
    let sql = "SELECT sum(length(header) + length(claims) + length(assertion_header) + length(assertion_claims)) FROM requests";
    let bytes: i64 = opened.store.read(|connection| connection.query_row(sql, [], |row| row.get(0))).unwrap();
    assert!((56 << 20..68 << 20).contains(&bytes), "{bytes}");
    assert_eq!(opened.store.recent(1).unwrap()[0].id, 1200, "the newest is there");
}
