//! Everything that pivkit logs, at the highest level, holds no PIN, no token and no private key, however written.

use std::fs;

use crate::bench::card::Card;
use crate::bench::idp::{Device, Idp};
use crate::bench::oracle::{python, script};
use crate::bench::process::Output;
use crate::bench::secret::{Secret, TRACE, assert_silent, assert_silent_text, pin};
use crate::bench::{Bench, PIN};

#[test]
fn the_trace_of_a_login_holds_no_secret() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let idp = Idp::start(&bench, &card.authority(), &[]);
    let device = Device::new(&bench, idp.configuration(&bench));
    let mut secrets = pin();
    for entry in fs::read_dir(&device.state).unwrap() {
        let path = entry.unwrap().path();
        if fs::read_to_string(&path).is_ok_and(|text| text.contains("PRIVATE KEY")) {
            secrets.push(private_scalar(&bench, path.to_str().unwrap()));
        }
    }
    assert!(secrets.len() >= 4, "the PIN in two forms and the two device keys");

    let register =
        ["psso", "register", "--config", device.config(), "--state", device.state.to_str().unwrap(), "--user", "alice"];
    assert_silent(&traced(&bench, &register), &secrets);
    let login = traced(&bench, &[&device.login_arguments()[..], &["--show-token"]].concat());
    let tokens = login.json()["tokens"].clone();
    for name in ["id_token", "refresh_token"] {
        let token = tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {login}"));
        secrets.push(Secret::new(name, token.as_bytes()));
        // The signature alone would do for a forger who knows the claims.
        secrets.extend(token.rsplit('.').next().map(|part| Secret::new("part of a token", part.as_bytes())));
    }
    assert_silent(&login, &secrets);

    // Without --show-token the result is silent as well.
    let login = traced(&bench, &device.login_arguments());
    assert!(login.json().get("tokens").is_none(), "{login}");
    assert_silent(&login, &secrets);
    // The provider, too, is run by people who file its log.
    idp.wait_for_login();
    idp.wait_for_login();
    assert_silent_text(&idp.log(), &secrets);
}

#[test]
fn the_trace_of_what_goes_on_from_a_login_holds_no_secret() {
    let bench = Bench::vpcd();
    let card = Card::alice(&bench);
    let password = "correct horse battery";
    let passwords = bench.file("passwords", format!("alice:{password}\n"));
    let idp = Idp::start(&bench, &card.authority(), &["--passwords", passwords.to_str().unwrap()]);
    let device = Device::new(&bench, idp.configuration(&bench));
    device.register(&bench).success();
    let mut secrets = vec![Secret::new("the password", password.as_bytes())];
    let (state, file) = (device.state.to_str().unwrap(), bench.file("password", password));
    let login = ["psso", "login", "--config", device.config(), "--state", state, "--user", "alice"];
    let more = ["--method", "password", "--password-file", file.to_str().unwrap(), "--key-store", "file", "--json"];
    let signed_in = traced(&bench, &[&login[..], &more, &["--show-token"]].concat());
    let out = bench.path("agreed.key");
    let refresh = ["psso", "refresh", "--state", state, "--json", "--show-token"];
    let exchange = ["psso", "key-exchange", "--state", state, "--out", out.to_str().unwrap()];
    let refreshed = traced(&bench, &refresh);
    for output in [&signed_in, &refreshed] {
        for name in ["id_token", "refresh_token"] {
            let token = output.json()["tokens"][name].as_str().unwrap().to_owned();
            secrets.push(Secret::new(name, token.as_bytes()));
        }
    }
    let requested = traced(&bench, &["psso", "key-request", "--state", state]);
    let exchanged = traced(&bench, &exchange);
    secrets.push(Secret::new("the agreed key", &fs::read(&out).unwrap()));
    secrets.push(Secret::new("the key of the seal", &fs::read(device.state.join("sign-on-key")).unwrap()));
    let opened =
        bench.command(python(), &[script("open_sign_on.py").to_str().unwrap(), state]).output().success().json();
    let context = opened["unlock_key"]["key_context"].as_str().unwrap().to_owned();
    secrets.push(Secret::new("the key context", context.as_bytes()));
    let status = bench.pivkit_with(&["psso", "status", "--state", state], &TRACE).output().success();
    let logout = bench.pivkit_with(&["psso", "logout", "--state", state, "--yes"], &TRACE).output().success();
    for output in [&signed_in, &refreshed, &requested, &exchanged, &status, &logout] {
        assert_silent(output, &secrets);
    }
    for output in [&requested, &exchanged, &status, &logout] {
        assert_silent_text(&output.stdout, &secrets);
    }
    assert_silent_text(&idp.log(), &secrets);
}

#[test]
fn the_trace_of_a_pairing_holds_no_secret() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let pin_file = bench.file("pin", PIN);
    let with_pin = ["--user", "alice", "--pin-file", pin_file.to_str().unwrap()];
    assert_silent(&traced(&bench, &[&["pair"], &with_pin[..], &["--yes", "--slot", "9a"]].concat()), &pin());
    assert_silent(&traced(&bench, &[&["check"], &with_pin[..]].concat()), &pin());
}

#[test]
fn a_wrong_pin_is_not_shown_either() {
    let bench = Bench::vpcd();
    let _card = Card::alice(&bench);
    let wrong = "824917";
    let file = bench.file("pin", wrong);
    let args = ["pair", "--user", "alice", "--slot", "9a", "--pin-file", file.to_str().unwrap(), "--yes"];
    let output = bench.pivkit_with(&args, &TRACE).output().exits_with(4);
    assert_silent(&output, &[Secret::new("the wrong PIN", wrong.as_bytes())]);
}

/// A search that finds nothing proves nothing unless it finds what is there.
#[test]
fn the_search_finds_what_leaks() {
    let secrets = [Secret::new("PIN", b"123456"), Secret::new("block", b"123456\xff\xff")];
    for leak in [
        "pin=123456",
        "data=[49, 50, 51, 52, 53, 54]",
        "00200080083132333435 36FFFF",
        "31:32:33:34:35:36",
        "0x31, 0x32, 0x33, 0x34, 0x35, 0x36",
        "MTIzNDU2",
        "APDU ACAAgAgxMjM0NTb//w==",
        r"b\x22123456\xff\xff",
        "31 32 33 34 35 36 ff ff",
    ] {
        assert!(secrets.iter().any(|secret| secret.is_in(leak).is_some()), "{leak}");
    }
    for innocent in ["pin=1234", "length=8", "[49, 50, 51]", "2026-11-20T06:55:01Z"] {
        assert!(secrets.iter().all(|secret| secret.is_in(innocent).is_none()), "{innocent}");
    }
}

/// The private number of an EC key, as openssl reads it.
fn private_scalar(bench: &Bench, path: &str) -> Secret {
    let text = bench.openssl(&["pkey", "-in", path, "-noout", "-text"], &[]).stdout;
    let after = text.split("priv:").nth(1).and_then(|rest| rest.split("pub:").next()).unwrap();
    let digits: String = after.chars().filter(char::is_ascii_hexdigit).collect();
    Secret::new(path, &hex::decode(digits).unwrap())
}

/// Runs pivkit with everything logged, and expects success.
fn traced(bench: &Bench, args: &[&str]) -> Output {
    let output = bench.pivkit_with(args, &TRACE).output().success();
    // A log that is off would hold nothing either.
    assert!(output.stderr.contains("TRACE") || output.stderr.contains("DEBUG"), "nothing was logged: {output}");
    output
}
