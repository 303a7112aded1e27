use super::*;
use crate::config::Config;
use serde_json::json;

fn mappings(more: &str) -> Vec<KerberosMapping> {
    let text = format!(
        "issuer = \"i\"\nclient_id = \"c\"\naudience = \"a\"\nnonce_endpoint = \"https://i.example/n\"\n\
         token_endpoint = \"https://i.example/t\"\njwks_endpoint = \"https://i.example/j\"\n{more}"
    );
    Config::from_toml(&text).unwrap().kerberos_ticket_mappings().to_vec()
}

fn read(content: &Value, more: &str) -> Result<Vec<KerberosTicket>, Error> {
    tickets(content.as_object().unwrap(), &mappings(more))
}

/// As in Apple's sample.
fn sample() -> Value {
    json!({"clientName": "foo", "encryptionKeyType": 18, "messageBuffer": "a4IFnjCC", "realm": "EXAMPLE.COM",
        "serviceName": "krbtgt", "sessionKey": STANDARD.encode([7; 32])})
}

const LOGIN_TGT: &str = "[[kerberos_ticket_mappings]]\nticket_key_path = \"login_tgt\"\n";

#[test]
fn a_ticket_is_read_and_its_key_is_not_kept() {
    let found = read(&json!({"id_token": "x", "login_tgt": sample()}), LOGIN_TGT).unwrap();
    assert_eq!(found.len(), 1);
    let ticket = &found[0];
    assert_eq!((ticket.mapping.as_str(), ticket.realm.as_str()), ("login_tgt", "EXAMPLE.COM"));
    assert_eq!((ticket.service.as_str(), ticket.client.as_str()), ("krbtgt", "foo"));
    assert_eq!((ticket.encryption_key_type, ticket.message_len), (18, 6));
    let shown = format!("{ticket:?}");
    assert!(!shown.contains("a4IF") && !shown.contains(&STANDARD.encode([7; 32])), "{shown}");
}

#[test]
fn names_and_paths_follow_the_mapping() {
    // As a Mac with Entra prints its mappings.
    let entra = "[[kerberos_ticket_mappings]]\nticket_key_path = \"more.tgt_ad\"\nrealm_key = \"realm\"\n\
                 service_name_key = \"sn\"\nclient_name_key = \"cn\"\nencryption_key_type_key = \"keyType\"\n\
                 session_key_key = \"clientKey\"\nmessage_buffer_key = \"messageBuffer\"\n";
    let ticket =
        json!({"cn": "c", "keyType": 18, "messageBuffer": "AAAA", "realm": "R", "sn": "s", "clientKey": "AAAA"});
    let found = read(&json!({"more": {"tgt_ad": ticket}}), &format!("{entra}{LOGIN_TGT}")).unwrap();
    assert_eq!(found.len(), 1, "a path that leads nowhere is no error");
    assert_eq!((found[0].mapping.as_str(), found[0].client.as_str()), ("more.tgt_ad", "c"));
    assert!(read(&json!({"login_tgt": sample()}), "").unwrap().is_empty(), "without a mapping there is no ticket");
    assert!(read(&json!({"login_tgt": null}), LOGIN_TGT).unwrap().is_empty());
}

#[test]
fn dictionaries_that_are_none() {
    let refused = |content: Value| match read(&json!({"login_tgt": content}), LOGIN_TGT) {
        Err(Error::Rejected { claim: "kerberos_ticket", why }) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(json!("text")).contains("not a dictionary"));
    for (member, value, part) in [
        ("realm", json!(null), "not a text"),
        ("realm", json!(""), "not a text"),
        ("realm", json!("A\u{1b}[2J"), "not a text"),
        ("serviceName", json!("x".repeat(513)), "512"),
        ("clientName", json!(7), "not a text"),
        ("encryptionKeyType", json!("18"), "whole number"),
        ("encryptionKeyType", json!(18.5), "whole number"),
        ("messageBuffer", json!("%"), "not base64"),
        ("messageBuffer", json!(""), "0 bytes"),
        ("messageBuffer", json!(STANDARD.encode(vec![0; 128 * 1024 + 1])), "131073 bytes"),
        ("sessionKey", json!(STANDARD.encode([0; 65])), "65 bytes"),
        ("sessionKey", json!(true), "not a text"),
    ] {
        let mut ticket = sample();
        ticket[member] = value;
        let why = refused(ticket);
        assert!(why.contains(part) && why.contains(member) && why.contains("login_tgt"), "{member}: {why}");
    }
    for member in ["realm", "serviceName", "clientName", "encryptionKeyType", "messageBuffer", "sessionKey"] {
        let mut ticket = sample();
        ticket.as_object_mut().unwrap().remove(member);
        assert!(refused(ticket).contains(member));
    }
}
