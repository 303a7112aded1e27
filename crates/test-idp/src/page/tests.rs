//! The pages as text: whatever a stranger sends, they say it and do nothing else.

use serde_json::{Map, Value, json};

use super::overview::Choice;
use super::view::{Device, Login, Message, Overview, Refusal, User, Verdict};
use super::{login, overview};

const NOW: i64 = 1_700_000_000;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

/// A refused login in which every text is `text`.
fn refused(text: &str) -> Login {
    let own = || text.to_owned();
    Login {
        id: 7,
        time: NOW - 60,
        kind: own(),
        user: Some(own()),
        device: Some(own()),
        request_id: Some(own()),
        refusal: Some(Refusal { check: own(), reason: own() }),
        checks: vec![Verdict { check: own(), held: true }, Verdict { check: own(), held: false }],
        messages: vec![Message {
            name: own(),
            header: object(json!({text: text})),
            claims: object(json!({text: [text, {text: text}], "exp": text, "x5c": text})),
        }],
        fault: Some(own()),
        expected: Some(own()),
        certificate: Some(object(json!({text: text}))),
    }
}

fn everything(text: &str) -> Overview {
    let own = || text.to_owned();
    Overview {
        issuer: own(),
        faults: vec![own()],
        users: vec![User { name: own(), binding: own(), devices: 1, registered: vec![own()] }],
        devices: vec![Device { kid: own(), encryption_kid: own(), users: vec![own()], registered: NOW }],
        more_devices: 2,
        logins: vec![refused(text)],
    }
}

#[test]
fn everything_is_escaped() {
    for text in [
        "<script>alert(1)</script>",
        "\" onmouseover=\"alert(1)",
        "'><img src=x>",
        "</td></table>",
        "&lt;b>",
        "</title>",
    ] {
        let choice = Choice { outcome: Some(text.to_owned()), user: None };
        let pages = [
            overview::render(&everything(text), &Choice::default(), NOW).into_string(),
            overview::render(&everything(text), &Choice { user: Some(text.to_owned()), ..Choice::default() }, NOW)
                .into_string(),
            overview::render(&everything(text), &choice, NOW).into_string(),
            login::render(&refused(text), text, NOW).into_string(),
        ];
        let harmless = everything("x");
        let tags = |page: &str| page.matches('<').count();
        for page in &pages {
            assert!(!page.contains(text) || text == "</td></table>" || text == "</title>", "{text} is in {page}");
        }
        // As many tags, quotes of attributes and all, as with a harmless text.
        let same = overview::render(&harmless, &Choice::default(), NOW).into_string();
        assert_eq!(tags(&pages[0]), tags(&same), "{text}");
        assert_eq!(pages[0].matches('"').count(), same.matches('"').count(), "{text}");
        assert_eq!(tags(&pages[3]), tags(&login::render(&refused("x"), "x", NOW).into_string()), "{text}");
    }
}

#[test]
fn the_choice_of_logins() {
    let good = Login { refusal: None, user: Some("bob".to_owned()), ..refused("alice") };
    let all = Overview { logins: vec![refused("alice"), good], ..Overview::default() };
    let listed = |outcome: Option<&str>, user: Option<&str>| {
        let choice = Choice { outcome: outcome.map(str::to_owned), user: user.map(str::to_owned) };
        let page = overview::render(&all, &choice, NOW).into_string();
        page.matches("<td data-label=\"when\">").count()
    };
    for (outcome, user, expected) in [
        (None, None, 2),
        (Some("refused"), None, 1),
        (Some("accepted"), None, 1),
        (Some("nonsense"), None, 2),
        (None, Some("bob"), 1),
        (Some("refused"), Some("bob"), 0),
        (None, Some("mallory"), 0),
    ] {
        assert_eq!(listed(outcome, user), expected, "{outcome:?} {user:?}");
    }
}

#[test]
fn a_refusal_is_explained_where_it_is_shown() {
    let mut refused = refused("x");
    refused.kind = "SmartCard login".to_owned();
    refused.user = Some("alice".to_owned());
    refused.refusal = Some(Refusal { check: "assertion.aud".to_owned(), reason: "aud is not our audience".to_owned() });
    refused.messages = vec![Message {
        name: "assertion".to_owned(),
        header: object(json!({"alg": "ES256"})),
        claims: object(json!({"aud": "urn:other", "iat": NOW})),
    }];
    refused.expected = Some("urn:ours".to_owned());
    let page = login::render(&refused, "http://127.0.0.1:1", NOW).into_string();
    for expected in [
        "SmartCard login of alice",
        "aud is not our audience.",
        "Compare audience in the client&apos;s configuration",
        "<tr class=\"suspect\"><th scope=\"row\">aud</th>",
        "2023-11-14 22:13:20 UTC, in 60 seconds",
    ] {
        let plain = expected.replace("&apos;", "'");
        assert!(page.contains(expected) || page.contains(&plain), "{expected} in {page}");
    }
    assert_eq!(page.matches("class=\"suspect\"").count(), 1);
    assert_eq!(page.matches("expected: <code>urn:ours</code>").count(), 1);
}
