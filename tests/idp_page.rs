//! The page of `pivkit-idp`, in a real browser: what an administrator sees who debugs a login.

use crate::bench::Bench;
use crate::bench::browser::Browser;
use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp};

/// A name that would be a script if it were not text.
const SCRIPT: &str = "<script>alert(1)</script><b>bold</b>";

#[test]
fn the_page_shows_logins_and_why_they_were_refused() {
    let bench = Bench::vpcd();
    let Some(browser) = Browser::start(&bench) else { return };
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &["--user", SCRIPT]);

    browser.open(&idp.url);
    assert_eq!(browser.text("h1"), "Nobody has been here yet");

    let device = Device::new(&bench, idp.configuration(&bench));
    device.login(&bench).exits_with(7);
    browser.open(&idp.url);
    assert_eq!(browser.text("h1"), "Login of alice was refused at outer.kid");
    assert!(browser.text(".latest").contains("pivkit psso register"), "{}", browser.text(".latest"));

    device.register(&bench).success();
    device.login(&bench).success();
    device.register_for(&bench, SCRIPT).success();
    device.login_as(&bench, SCRIPT).exits_with(7);

    browser.open(&idp.url);
    assert!(browser.text("h1").contains(SCRIPT), "{}", browser.text("h1"));
    assert!(browser.text("h1").ends_with("was refused at certificate.upn"), "{}", browser.text("h1"));
    assert_eq!(browser.count("script, img, iframe, form, object, style"), 0);
    assert_eq!(browser.evaluate("document.title"), "Logins · pivkit-idp");
    let users = browser.text(".columns section:first-child");
    assert!(users.contains("alice") && users.contains(SCRIPT), "{users}");
    let devices = browser.text(".columns section:last-child");
    assert!(devices.contains(device.keys(&bench)["device_signing_key"]["kid"].as_str().unwrap()), "{devices}");

    // The newest first, and the good one among them.
    let outcomes = browser.evaluate("[...document.querySelectorAll('.list .badge')].map(e => e.innerText)");
    let outcomes: Vec<_> = outcomes.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(outcomes.first(), Some(&"refused"));
    assert_eq!(outcomes.last(), Some(&"refused"));
    assert!(outcomes.contains(&"accepted"), "{outcomes:?}");

    browser.click("nav a:nth-child(3)");
    assert!(!browser.text(".list").contains("refused"), "{}", browser.text(".list"));
    browser.click("nav a:nth-child(2)");
    assert!(!browser.text(".list").contains("accepted"), "{}", browser.text(".list"));

    browser.click(".latest .button");
    let page = browser.text("main");
    for words in [
        "certificate.upn",
        "Look at:",
        "client-request-id",
        "✓ assertion.signature",
        "✗ certificate.upn",
        "platformsso-login-assertion+jwt",
        "alice@example.test",
        SCRIPT,
    ] {
        assert!(page.contains(words), "{words:?} is not on {page}");
    }
    assert_eq!(browser.count("script, img"), 0);
    assert_eq!(browser.count("tr.suspect"), 1);
    let suspect = browser.text("tr.suspect");
    assert!(
        suspect.contains("alice@example.test") && suspect.contains("expected: user principal name <script>"),
        "{suspect}"
    );
    // No more than a login: no token, nothing of a PIN.
    assert!(!page.contains("eyJ"), "{page}");
    browser.screenshot(&bench.path("login.png"));

    browser.open(&format!("{}/logins/999999", idp.url));
    assert_eq!(browser.text("h1"), "There is no such login");
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("/logins/999999") && line.contains("404")), "{complaints:?}");
}

#[test]
fn the_page_fits_narrow_screens_and_dark_rooms() {
    let bench = Bench::vpcd();
    let Some(browser) = Browser::start(&bench) else { return };
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    device.login(&bench).success();
    browser.open(&idp.url);
    browser.click(".list a");
    let login = browser.evaluate("location.href").as_str().unwrap().to_owned();
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for width in [320, 390, 800, 1400] {
            browser.resize(width, 900);
            for (name, url) in [("overview", &idp.url), ("login", &login)] {
                browser.open(url);
                let root = "document.documentElement";
                let [needed, there] = ["scrollWidth", "clientWidth"]
                    .map(|name| browser.evaluate(&format!("{root}.{name}")).as_u64().unwrap());
                assert!(needed <= there && there <= width.into(), "{url} needs {needed} of {there} of {width}");
                browser.screenshot(&bench.path(format!("{name}-{scheme}-{width}.png")));
            }
        }
        let colours = browser.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))");
        grounds.push(colours);
    }
    assert_eq!((grounds[0][0].clone(), grounds[0][1] == grounds[1][1]), ("rgb(246, 247, 249)".into(), false));
    assert_ne!(grounds[0][0], grounds[1][0]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_page_is_for_this_machine() {
    let bench = Bench::vpcd();
    let authority = crate::bench::oracle::authority(&bench, "ca");
    let status = |url: &str, header: &str| {
        let arguments = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--header", header, url];
        bench.command("curl", &arguments).output().success().stdout
    };
    {
        let idp = Idp::start(&bench, &authority.0, &[]);
        let port = idp.url.rsplit(':').next().unwrap().to_owned();
        for (header, expected) in [
            ("Accept: text/html", "200"),
            (&*format!("Host: localhost:{port}"), "200"),
            // A page from elsewhere whose name leads here, and a proxy that speaks for somebody.
            (&*format!("Host: rebound.example:{port}"), "403"),
            ("X-Forwarded-For: 192.0.2.7", "403"),
            ("Forwarded: for=192.0.2.7", "403"),
        ] {
            for path in ["/", "/logins/1", "/style.css"] {
                let found = status(&format!("{}{path}", idp.url), header);
                let expected = if expected == "200" && path == "/logins/1" { "404" } else { expected };
                assert_eq!(found, expected, "{header} {path}");
            }
            // What clients need is for all.
            assert_eq!(status(&format!("{}/psso.toml", idp.url), header), "200", "{header}");
        }
    }
    for (arguments, expected) in [
        (&["--url", "https://idp.example"][..], "404"),
        (&["--url", "https://idp.example", "--page", "everyone"], "200"),
        (&["--page", "nobody"], "404"),
    ] {
        let idp = Idp::start(&bench, &authority.0, arguments);
        assert_eq!(status(&format!("{}/", idp.url), "Host: idp.example"), expected, "{arguments:?}");
    }
}
