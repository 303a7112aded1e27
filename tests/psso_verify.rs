//! `pivkit psso verify`: requests that an outsider made (tests/python/make_requests.py, on jwcrypto and cryptography), judged
//! as an identity provider would.

use std::path::Path;

use serde_json::Value;

use crate::bench::Bench;
use crate::bench::oracle::{python, script};
use crate::bench::process::Output;

/// Makes the requests in the bench's directory, and returns what is to be thought of each.
pub(crate) fn make_requests(bench: &Bench, config: &Path) -> Vec<Value> {
    let arguments = [script("make_requests.py"), config.to_path_buf(), bench.path("")];
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.to_str().unwrap()).collect();
    let made = bench.command(python(), &arguments).output().success();
    serde_json::from_str(&made.stdout).unwrap()
}

fn configuration(bench: &Bench) -> std::path::PathBuf {
    let endpoint = |name: &str| format!("{name}_endpoint = \"https://idp.example/psso/{name}\"\n");
    let endpoints = ["nonce", "token", "jwks", "key"].map(endpoint).concat();
    let names = "issuer = \"https://idp.example\"\nclient_id = \"9b0f\"\naudience = \"urn:example:psso\"\n";
    bench.file("psso.toml", format!("{names}{endpoints}"))
}

/// Runs the command on a request of the bench, with files of the bench among its arguments.
fn verify(bench: &Bench, case: &Value, more: &[&str]) -> Output {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut arguments = vec!["psso".to_owned(), "verify".to_owned(), text(&case["file"])];
    arguments.extend(["--config", "psso.toml", "--device-key", "device-key.json"].map(str::to_owned));
    arguments.extend(case["args"].as_array().unwrap().iter().map(text));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|argument| match bench.path(&argument) {
            path if path.is_file() => path.to_str().unwrap().to_owned(),
            _ => argument,
        })
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    bench.pivkit(&arguments).output().never_panicked()
}

#[test]
fn requests_of_an_outsider_are_judged_as_they_deserve() {
    let bench = Bench::vpcd();
    let cases = make_requests(&bench, &configuration(&bench));
    let mut counts = (0, 0, 0);
    for case in &cases {
        let judged = verify(&bench, case, &["--json"]);
        let found = judged.json();
        assert_eq!(found["schema_version"], 1, "{judged}");
        match case["verdict"].as_str() {
            Some("accepted") => {
                let judged = judged.success();
                assert_eq!((&found["accepted"], &found["refused"]), (&true.into(), &Value::Null), "{case} {judged}");
                counts.0 += 1;
            }
            Some(check) => {
                judged.exits_with(5);
                assert_eq!(found["refused"]["check"], check, "{case} {found:#}");
                assert_eq!(found["accepted"], false, "{found:#}");
                counts.1 += 1;
            }
            None => {
                judged.exits_with(5);
                assert_eq!((&found["accepted"], &found["refused"]), (&false.into(), &Value::Null), "{case} {found:#}");
                assert!(!found["not_checked"].as_array().unwrap().is_empty(), "{found:#}");
                counts.2 += 1;
            }
        }
        for secret in ["correct horse", "\"T1\""] {
            assert!(!found.to_string().contains(secret), "{case}: a secret is shown: {found:#}");
        }
    }
    println!("verify: {} accepted, {} refused, {} without a verdict, of {}", counts.0, counts.1, counts.2, cases.len());
    assert!(counts.0 >= 16 && counts.1 >= 25 && counts.2 >= 2, "{counts:?}");
}

#[test]
fn the_verdict_is_told_to_people() {
    let bench = Bench::vpcd();
    let cases = make_requests(&bench, &configuration(&bench));
    let of = |name: &str| cases.iter().find(|case| case["file"] == format!("{name}.jwt")).unwrap();
    let good = verify(&bench, of("login"), &[]).success();
    assert!(good.stdout.starts_with("login request: accepted, user alice, smart card\n"), "{good}");
    assert!(good.stdout.ends_with("not checked: request_nonce, username\n"), "{good}");
    let string = verify(&bench, of("x5c-string"), &[]).success();
    assert!(string.stdout.contains("ok, but  assertion.x5c: "), "{string}");
    assert!(string.stdout.contains("deviates from the documentation: a bare string"), "{string}");
    let wrong = verify(&bench, of("bobs-certificate"), &[]);
    assert!(
        wrong.stdout.starts_with("refused by assertion.x5c.trust: its user principal name is bob, not the user\n"),
        "{wrong}"
    );
    let late = verify(&bench, of("login"), &["--at", "2090-01-01T00:00:00Z"]);
    assert!(late.stdout.starts_with("refused by exp: "), "{late}");
    assert!(late.stdout.contains("(It must still be good.)") && !late.stdout.contains("(It is still"), "{late}");
    late.exits_with(5);
    let other = verify(&bench, of("login"), &["--request-nonce", "-7begins-with-a-hyphen"]);
    assert!(other.stdout.starts_with("refused by request_nonce: another nonce than the one given\n"), "{other}");
    let same = verify(&bench, of("login"), &["--request-nonce", "R1"]).success();
    assert!(same.stdout.contains("ok       request_nonce: the one given\n"), "{same}");
    assert!([&good, &other, &same].iter().all(|output| !output.stdout.contains("used up")), "{same}");
    let stranger = verify(&bench, of("nobody-vouches"), &[]);
    assert!(stranger.stdout.starts_with("login request: no verdict, because nothing says who"), "{stranger}");
    assert!(stranger.stdout.contains("unknown  assertion.x5c.trust: nobody vouches for it: give "), "{stranger}");
    let undecided = verify(&bench, of("unknown-refresh"), &[]);
    assert!(undecided.stdout.starts_with("refresh request: no verdict"), "{undecided}");
}

/// Several messages come one after the other, each under its name.
#[test]
fn several_messages_are_inspected_in_one_run() {
    let bench = Bench::vpcd();
    make_requests(&bench, &configuration(&bench));
    let files = ["login.jwt", "refresh.jwt", "expired.jwt"].map(|name| bench.path(name).to_str().unwrap().to_owned());
    let run = |more: &[&str]| {
        let arguments = [&["psso", "inspect"], files.each_ref().map(String::as_str).as_slice(), more].concat();
        bench.pivkit(&arguments).output().never_panicked()
    };
    let lines = run(&["--json"]);
    let lines: Vec<Value> = lines.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), files);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["login_request", "refresh_request", "login_request"]);
    let expired = |line: &Value| {
        line["checks"].as_array().unwrap().iter().any(|check| check["name"] == "exp" && check["ok"] == false)
    };
    assert_eq!(lines.iter().map(expired).collect::<Vec<_>>(), [false, false, true]);
    let text = run(&[]);
    for file in &files {
        assert_eq!(text.stdout.matches(&format!("{file}:\n")).count(), 1, "{text}");
    }
    text.exits_with(5);
    // One alone is one document, without its name; what is no message is named.
    let alone = bench.pivkit(&["psso", "inspect", &files[1], "--json"]).output().json();
    assert_eq!((&alone["kind"], alone.get("file")), (&Value::from("refresh_request"), None));
    let bad = bench.file("bad.jwt", "a.b");
    let stopped = bench.pivkit(&["psso", "inspect", bad.to_str().unwrap(), "--json"]).output();
    assert!(stopped.stderr.contains("bad.jwt: ") && stopped.stdout.is_empty(), "{stopped}");
    stopped.exits_with(2);
}

/// One that is no message, or is not there, does not hide the others; the exit code is the worst.
#[test]
fn what_cannot_be_inspected_does_not_hide_the_others() {
    let bench = Bench::vpcd();
    make_requests(&bench, &configuration(&bench));
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let (good, expired, key) = (path("login.jwt"), path("expired.jwt"), path("device-key.json"));
    let bad = bench.file("bad.jwt", "a.b").to_str().unwrap().to_owned();
    let none = path("none.jwt");
    let run = |files: &[&String], more: &[&str]| {
        let files: Vec<&str> = files.iter().map(|file| file.as_str()).collect();
        let arguments = [&["psso", "inspect", "--verification-key", &key], &files[..], more].concat();
        bench.pivkit(&arguments).output().never_panicked()
    };
    run(&[&good, &good], &[]).success();
    run(&[&good, &expired], &[]).exits_with(5);
    for (files, code, why) in [
        ([&good, &bad, &expired], 2, "not 2"),
        ([&bad, &expired, &good], 2, "not 2"),
        ([&none, &good, &bad], 1, "No such file"),
        ([&good, &bad, &none], 1, "No such file"),
    ] {
        let output = run(&files, &["--json"]);
        let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), files, "{output}");
        for (line, text) in lines.iter().zip(output.stdout.lines()) {
            let is_message = line["file"] == good.as_str() || line["file"] == expired.as_str();
            assert_eq!((line["kind"].is_string(), line["error"].is_string()), (is_message, !is_message), "{output}");
            assert!(text.starts_with("{\"schema_version\":1,\"file\":"), "{output}");
        }
        assert!(lines.iter().any(|line| line["error"].as_str().is_some_and(|error| error.contains(why))), "{output}");
        output.exits_with(code);
        let text = run(&files, &[]);
        assert_eq!(text.stdout.matches("\n  cannot be inspected: ").count(), lines.len() - kinds(&lines), "{text}");
        assert_eq!(text.stdout.matches(&format!("{good}:\n  login request\n")).count(), 1, "{text}");
        text.exits_with(code);
    }
}

/// How many lines are of messages.
fn kinds(lines: &[Value]) -> usize {
    lines.iter().filter(|line| line["kind"].is_string()).count()
}

/// A message may come on standard input.
#[test]
fn a_hyphen_is_standard_input() {
    let bench = Bench::vpcd();
    make_requests(&bench, &configuration(&bench));
    let key = bench.path("device-key.json").to_str().unwrap().to_owned();
    let message = std::fs::read_to_string(bench.path("login.jwt")).unwrap();
    let arguments = ["psso", "inspect", "-", "--verification-key", &key];
    let alone = bench.pivkit(&arguments).stdin(message).output().success();
    assert!(alone.stdout.starts_with("login request\n"), "{alone}");
}

/// A secret comes from a file that nobody else may read, as everywhere.
#[test]
fn secrets_of_others_files_are_not_taken() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::vpcd();
    let cases = make_requests(&bench, &configuration(&bench));
    for (case, file) in
        [("login-password", "password.txt"), ("login-encrypted", "password-key.pem"), ("refresh", "refresh-token.txt")]
    {
        let case = cases.iter().find(|found| found["file"] == format!("{case}.jwt")).unwrap();
        verify(&bench, case, &[]).success();
        std::fs::set_permissions(bench.path(file), std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = verify(&bench, case, &[]);
        assert!(
            refused.stderr.contains(file) && refused.stderr.contains("others than its owner may read it"),
            "{refused}"
        );
        assert!(refused.stdout.is_empty(), "{refused}");
        std::fs::set_permissions(bench.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// inspect and verify say the same about the same request.
#[test]
fn inspect_understands_what_verify_accepts() {
    let bench = Bench::vpcd();
    let cases = make_requests(&bench, &configuration(&bench));
    let (kinds, mut seen) = (["login", "refresh", "key-request", "key-exchange"], 0);
    for case in cases.iter().filter(|case| case["verdict"] == "accepted") {
        let file = bench.path(case["file"].as_str().unwrap());
        let inspected =
            bench.pivkit(&["psso", "inspect", file.to_str().unwrap(), "--json"]).output().never_panicked().json();
        let failed: Vec<&str> = inspected["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|check| check["level"] == "fails")
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        assert!(failed.is_empty(), "{case}: {failed:?}");
        seen += usize::from(kinds.iter().any(|kind| case["file"] == format!("{kind}.jwt")));
    }
    assert_eq!(seen, kinds.len());
}
