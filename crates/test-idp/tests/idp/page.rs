//! The page over HTTP: its headers, to whom it is shown, and that it has the checks and no token.

use jose::Algorithm;
use serde_json::json;
use test_idp::PageFor;

use crate::http::{get, send};
use crate::login::open;
use crate::world::World;

#[test]
fn nothing_but_our_own_text_and_style() {
    let world = World::new();
    for (path, kind) in [("/", "text/html"), ("/logins/1", "text/html"), ("/style.css", "text/css")] {
        let answer = get(&format!("{}{path}", world.url));
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with(kind), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        for missing in ["script", "unsafe", "http", "*", "data:"] {
            assert!(!policy.contains(missing), "{policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        for of_elsewhere in ["src=\"http", "href=\"http", "url(", "@import", "<script", "style=\""] {
            assert!(!answer.body.contains(of_elsewhere), "{of_elsewhere} in {path}");
        }
    }
    for (path, status) in
        [("/logins/0", 404), ("/logins/99999999999999999999", 404), ("/logins/a", 404), ("/logins/", 404)]
    {
        assert_eq!(get(&format!("{}{path}", world.url)).status, status, "{path}");
    }
    for (path, status) in [("/?outcome=a&outcome=b", 400), ("/logins/%ff", 404)] {
        let answer = get(&format!("{}{path}", world.url));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("text/html; charset=utf-8")),
            "{path}"
        );
    }
    let answer = get(&format!("{}/fault/%ff/psso.toml", world.url));
    assert_eq!((answer.status, answer.json()["error"].as_str()), (404, Some("not_found")));
    assert_eq!(send(&format!("{}/", world.url), "POST", &[], "").status, 405);
}

#[test]
fn a_login_is_shown_with_its_checks_and_without_its_tokens() {
    let world = World::new();
    let login = world.login(Algorithm::Es256);
    let answer = login.send();
    let tokens = open(&answer, &world.alices, &login);
    let mut refused = world.login(Algorithm::Es256);
    refused.assertion_claims.insert("aud".into(), json!("urn:another"));
    assert_eq!(refused.send().check(), "assertion.aud");

    let page = get(&format!("{}/", world.url)).body;
    assert!(page.contains("SmartCard login of alice was refused at <code>assertion.aud</code>"), "{page}");
    let mut pages = vec![page.clone()];
    let links: Vec<_> = page.split("href=\"/logins/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links.first(), links.get(1), "the newest is above the list and the first in it");
    for id in &links {
        let one = get(&format!("{}/logins/{id}", world.url));
        assert_eq!(one.status, 200, "{id}");
        pages.push(one.body);
    }
    let newest = &pages[1];
    for expected in
        ["urn:another", &format!("expected: <code>{}</code>", world.audience), "certificate", "Alice Example"]
    {
        assert!(newest.contains(expected), "{expected} in {newest}");
    }
    assert!(newest.contains("class=\"failed\"") && newest.contains("class=\"held\""), "{newest}");
    let secrets = ["id_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap().to_owned());
    let more =
        [answer.body, login.request(), login.assertion(), login.claims["request_nonce"].as_str().unwrap().to_owned()];
    for page in &pages {
        for secret in secrets.iter().chain(&more) {
            // The beginning of a token is its header, which is the same for all; the end is what counts.
            let end = &secret[secret.len() - 30..];
            assert!(!page.contains(end), "{end} in {page}");
        }
    }
}

#[test]
fn whom_it_is_for() {
    let with = |page, url: Option<&str>| {
        World::with(|options| {
            options.page = page;
            options.url = url.map(|url| url.parse().unwrap());
        })
    };
    let remote = |page, url: &str| {
        World::with(|options| {
            options.page = page;
            options.url = Some(url.parse().unwrap());
            options.listen = "0.0.0.0:0".parse().unwrap();
            options.allow_remote = true;
        })
    };
    let status = |world: &World, headers: &[(&str, &str)]| send(&format!("{}/", world.url), "GET", headers, "").status;
    let local = with(PageFor::Loopback, None);
    assert_eq!(status(&local, &[]), 200);
    assert_eq!(status(&local, &[("X-Forwarded-For", "192.0.2.7")]), 403);
    assert_eq!(status(&with(PageFor::Loopback, Some("https://idp.example")), &[]), 404);
    assert_eq!(status(&with(PageFor::Everyone, Some("https://idp.example")), &[("X-Forwarded-For", "192.0.2.7")]), 200);
    assert_eq!(status(&with(PageFor::Nobody, None), &[]), 404);
    let (named, other) = (("Host", "127.0.0.1:8642"), ("Host", "attacker.example:8642"));
    let published = remote(PageFor::Published, "http://127.0.0.1:8642");
    assert_eq!((status(&published, &[named]), status(&published, &[other])), (200, 403));
    assert_eq!(status(&remote(PageFor::Published, "https://idp.example"), &[named]), 404);
    assert_eq!(status(&remote(PageFor::Loopback, "http://127.0.0.1:8642"), &[named]), 404);
    let forwarded = with(PageFor::Loopback, Some("http://127.0.0.1:8642"));
    assert_eq!((status(&forwarded, &[named]), status(&forwarded, &[other])), (200, 403));
}

#[test]
fn what_could_deceive_is_seen_on_the_page_and_in_the_log() {
    let world = World::new();
    let name = "ali\u{202e}ce\u{1b}[31m\u{200b}\u{7f}";
    let seen = "ali\\u{202e}ce\\u{1b}[31m\\u{200b}\\u{7f}";
    let mut login = world.login(Algorithm::Es256);
    login.claims.insert("username".into(), json!(name));
    assert_eq!(login.send().check(), "outer.username");
    let mut login = world.login(Algorithm::Es256);
    login.assertion_claims.insert("aud".into(), json!(format!("{name}\n")));
    assert_eq!(login.send().check(), "assertion.aud");
    let filter: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    for (path, expected) in [
        ("/".to_owned(), seen.to_owned()),
        (format!("/?user={filter}"), format!("<strong>{seen}</strong>")),
        (format!("/?user={filter}"), format!("<td data-label=\"user\">{seen}</td>")),
        ("/logins/3".to_owned(), format!("<title>Login of {seen} ")),
        ("/logins/4".to_owned(), format!("{seen}\\u{{a}}")),
    ] {
        let page = get(&format!("{}{path}", world.url)).body;
        assert!(page.contains(&expected), "{path} has no {expected}: {page}");
        let raw = page.chars().find(|c| (c.is_control() && *c != '\n') || ['\u{202e}', '\u{200b}'].contains(c));
        assert_eq!(raw, None, "{path}");
    }
    let database = world.database();
    let user = database.query_row("SELECT user FROM requests WHERE id = 3", [], |row| row.get::<_, String>(0));
    assert_eq!(user.unwrap(), seen);
}

#[test]
fn of_many_devices_the_newest_are_shown() {
    let world = World::new();
    let path = world.directory.path().join("state/idp.sqlite");
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 4000)
             INSERT INTO devices (kid, signing, encryption, registered)
             SELECT 'device ' || i, (SELECT signing FROM devices LIMIT 1), (SELECT encryption FROM devices LIMIT 1), i FROM n;
             INSERT INTO device_users (device, user, registered) SELECT kid, 'alice', 1 FROM devices WHERE kid LIKE 'device %';",
        )
        .unwrap();
    let page = get(&format!("{}/", world.url)).body;
    assert_eq!(page.matches("signs with ").count(), 100);
    assert!(page.contains("And 3902 more that were registered before.") && page.contains("4001 devices"), "{page}");
}
