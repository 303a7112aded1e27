//! Groups, identifiers and Kerberos tickets in the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use psso::{Error, LoginOutcome};
use serde_json::{Value, json};

use crate::{idp, keys, secret};

/// A login whose answer carries this.
fn login(more: &str, id_token: Value, content: Value) -> Result<LoginOutcome, Error> {
    let (_dir, keys) = keys();
    let idp = idp(&keys);
    idp.answers(move |_, answer| {
        answer.id_token.extend(crate::idp::object(id_token.clone()));
        answer.content.extend(crate::idp::object(content.clone()));
    });
    let client = idp.client(more);
    client.submit(client.with_password(client.begin_login("alice").unwrap(), &secret("p")).unwrap(), &keys)
}

fn rejected(result: Result<LoginOutcome, Error>) -> (&'static str, String) {
    match result {
        Err(Error::Rejected { claim, why }) => (claim, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn groups_are_where_the_configuration_says() {
    let asked = "groups = [\"a\"]";
    let outcome = login(asked, json!({"groups": ["a", "b"], "roles": ["c"]}), json!({})).unwrap();
    assert_eq!(outcome.groups, ["a", "b"]);
    let outcome = login("group_response_claim = \"roles\"", json!({"groups": 7, "roles": ["c"]}), json!({})).unwrap();
    assert_eq!(outcome.groups, ["c"]);
    assert!(login(asked, json!({}), json!({})).unwrap().groups.is_empty(), "a member of none");
    for wrong in [json!("a"), json!([7]), json!([""]), json!({"a": 1}), json!([["a"]])] {
        assert_eq!(rejected(login(asked, json!({"groups": wrong}), json!({}))).0, "groups");
        // Who does not ask is not told, and need not care what the claim is.
        let outcome = login("", json!({"groups": wrong}), json!({})).unwrap();
        assert!(outcome.groups.is_empty() && outcome.id_token_claims["groups"] == wrong);
    }
}

#[test]
fn the_unique_identifier_is_where_the_configuration_says() {
    let named = "unique_identifier_claim = \"oid\"";
    let outcome = login(named, json!({"oid": "o-1"}), json!({})).unwrap();
    assert_eq!(outcome.unique_identifier.as_deref(), Some("o-1"));
    let (claim, why) = rejected(login(named, json!({}), json!({})));
    assert_eq!(claim, "unique_identifier");
    assert!(why.contains("oid"), "{why}");
    assert_eq!(rejected(login("", json!({"sub": 7}), json!({}))).0, "unique_identifier");
}

#[test]
fn what_says_how_long_a_token_is_good_is_well_formed_or_refused() {
    let with = |content: Value| login("", json!({}), content);
    for (content, member) in [
        (json!({"refresh_token": 5}), "refresh_token"),
        (json!({"refresh_token": ""}), "refresh_token"),
        (json!({"refresh_token": ["r"]}), "refresh_token"),
        (json!({"refresh_token_expires_in": -5}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": true}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": 1.5}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": "soon", "expires_in": 9}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": "+9"}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": " 9"}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": 1_000_000_000_000u64}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": u64::MAX}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": 1e30}), "refresh_token_expires_in"),
        (json!({"refresh_token_expires_in": "9".repeat(30)}), "refresh_token_expires_in"),
        // Of two, the one that does not count must be well-formed as well; and without a token both must.
        (json!({"expires_in": "soon"}), "expires_in"),
        (json!({"refresh_token": null, "expires_in": {}}), "expires_in"),
        (json!({"refresh_token_expires_in": null, "expires_in": null}), "refresh_token_expires_in"),
    ] {
        match with(content.clone()) {
            Err(Error::Rejected { claim, .. }) => assert_eq!(claim, member, "{content}"),
            other => panic!("{content}: {other:?}"),
        }
    }
    let ends = rejected(with(json!({"refresh_token_expires_in": u64::MAX}))).1;
    assert!(ends.contains("9999"), "{ends}");
    for (content, seconds) in [
        (json!({"refresh_token_expires_in": 0}), Some(0)),
        (json!({"refresh_token_expires_in": "0090"}), Some(90)),
        (json!({"refresh_token_expires_in": 90.0, "expires_in": null}), Some(90)),
        (json!({"refresh_token_expires_in": null, "expires_in": 7}), Some(7)),
        (json!({"refresh_token": null}), None),
    ] {
        let outcome = with(content.clone()).unwrap();
        assert_eq!(outcome.refresh_token_expires_in, seconds, "{content}");
        assert_eq!(outcome.tokens.refresh_token.is_some(), seconds.is_some(), "{content}");
    }
}

#[test]
fn kerberos_tickets_are_told_and_not_shown() {
    let session_key = STANDARD.encode([0xa7; 32]);
    let message = STANDARD.encode([0x6b; 900]);
    let ticket = json!({"clientName": "alice", "encryptionKeyType": 18, "messageBuffer": message, "realm": "EXAMPLE.COM",
        "serviceName": "krbtgt/EXAMPLE.COM", "sessionKey": session_key});
    let more = "[[kerberos_ticket_mappings]]\nticket_key_path = \"login_tgt\"\n\
                [[kerberos_ticket_mappings]]\nticket_key_path = \"cloud.tgt\"\n";
    let outcome = login(more, json!({}), json!({"login_tgt": ticket})).unwrap();
    assert_eq!(outcome.kerberos.len(), 1);
    assert_eq!((outcome.kerberos[0].realm.as_str(), outcome.kerberos[0].message_len), ("EXAMPLE.COM", 900));
    let shown = format!("{outcome:?}");
    assert!(!shown.contains(&session_key) && !shown.contains(&message), "{shown}");

    let (claim, why) = rejected(login(more, json!({}), json!({"cloud": {"tgt": {"realm": "R"}}})));
    assert_eq!(claim, "kerberos_ticket");
    assert!(why.contains("cloud.tgt"), "{why}");
}
