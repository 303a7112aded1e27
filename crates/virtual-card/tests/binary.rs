//! The program `pivkit-vcard`, with this test in the reader's place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use nix::sys::signal::Signal;
use smartcard::{CardTransport, Command as CardCommand, Error, Exchange, Link, StatusWord};
use tempfile::TempDir;
use zeroize::Zeroizing;

use self::program::{LIMIT, Program, Reader, get_data, openssl, pin, select, send, verify};

#[test]
fn says_one_line_when_the_card_is_in_and_ends_on_sigterm_and_sigint() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let reader = Reader::new();
        let mut program = Program::start(&["--vpcd", &reader.address(), "--preset", "alice"]);
        let mut card = reader.accept();
        let line = program.line();
        let start = format!("card in vpcd {}: GUID ", reader.address());
        let guid = line.strip_prefix(&start).and_then(|rest| rest.strip_suffix(", slots 9a RSA2048, 9d P256"));
        let guid = guid.unwrap_or_else(|| panic!("{line}"));
        assert!(guid.len() == 32 && guid.chars().all(|c| matches!(c, '0'..='9' | 'A'..='F')), "{guid}");
        let chuid = send(&mut card, &get_data(0x02)).unwrap().data;
        assert!(hex::encode_upper(chuid).contains(guid), "the line says what the card says");
        assert_eq!(program.end(signal).code(), Some(0), "{signal} while the card waits for its reader");
        assert_eq!(program.rest(), "", "one line");
    }
}

#[test]
fn ends_on_sigterm_while_there_is_no_reader() {
    let reader = Reader::new();
    let mut program = Program::start(&["--vpcd", &reader.address()]);
    drop(reader.accept());
    assert!(program.line().ends_with(", slots none"));
    drop(reader);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_kept_card_is_the_same_after_a_restart_and_has_its_certificates_beside_it() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    let arguments = ["--vpcd", &reader.address(), "--preset", "alice", "--state", state.to_str().unwrap()];
    let mut program = Program::start(&arguments);
    let mut card = reader.accept();
    let certificate = send(&mut card, &get_data(0x05)).unwrap().data;
    let first = program.line();
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));

    let mut program = Program::start(&arguments);
    assert_eq!(send(&mut reader.accept(), &get_data(0x05)).unwrap().data, certificate);
    assert_eq!(program.line(), first);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));

    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["9a", "9d"] {
        let verified = Command::new("openssl")
            .args(["verify", "-CAfile", "ca.pem", &format!("{name}.pem")])
            .current_dir(&state)
            .output()
            .unwrap();
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn a_kept_card_that_is_not_the_preset_is_an_error_that_says_what_to_do() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state").display().to_string();
    let mut blank = Program::start(&["--vpcd", &reader.address(), "--state", &state]);
    let _card = reader.accept();
    assert!(blank.line().ends_with(", slots none"));
    assert_eq!(blank.end(Signal::SIGTERM).code(), Some(0));

    let refused = Program::start(&["--preset", "alice", "--state", &state]).fail();
    let expected = format!("the card kept in {state} is another one than alice: it has no key in 9a, 9d. Use another ");
    assert!(refused.contains(&expected), "{refused}");
    assert!(!Path::new(&state).join("ca.pem").exists());
    fs::remove_dir_all(&state).unwrap();
    let mut made = Program::start(&["--vpcd", &reader.address(), "--preset", "alice", "--state", &state]);
    drop(reader.accept());
    assert!(made.line().ends_with(", slots 9a RSA2048, 9d P256"), "as it said: delete the directory");
    assert_eq!(made.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_pin_file_gives_a_new_card_its_pin_and_a_kept_card_no_other() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let (state, file) = (directory.path().join("state"), directory.path().join("pin"));
    let write = |pin: &str| {
        fs::write(&file, pin).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let (state, file) = (state.to_str().unwrap(), file.to_str().unwrap());
    let arguments = ["--vpcd", &reader.address(), "--state", state, "--pin-file", file];
    write("24681357\n");
    for _ in ["new", "kept"] {
        let mut program = Program::start(&arguments);
        let mut card = reader.accept();
        assert_eq!(verify(&mut card, "123456"), StatusWord(0x63c2));
        assert_eq!(verify(&mut card, "24681357"), StatusWord::OK);
        assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    }
    write("975319\n");
    let other = Program::start(&arguments).fail();
    assert!(other.contains("has another PIN, and keeps it") && !other.contains("975319"), "{other}");
}

#[test]
fn a_blocked_pin_is_told_at_the_start_and_unblocked_with_the_puk() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state").display().to_string();
    let arguments = ["--vpcd", &reader.address(), "--state", &state];
    let mut program = Program::start(&arguments);
    let mut card = reader.accept();
    for left in [2, 1, 0] {
        assert_eq!(verify(&mut card, "000000"), StatusWord(0x63c0 + left));
    }
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    assert!(!program.errors().contains("blocked"));

    let mut program = Program::start(&arguments);
    let unblock = Zeroizing::new(b"12345678123456\xff\xff".to_vec());
    let unblock = CardCommand::new(0, 0x2c, 0, 0x80).with_secret(unblock);
    let mut card = reader.accept();
    assert_eq!(send(&mut card, &unblock).unwrap().status, StatusWord::OK);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    let errors = program.errors();
    assert!(errors.contains("the kept card's PIN is blocked; its PUK unblocks it"), "{errors}");
    assert!(!errors.contains("3132333435363738") && !errors.contains("12345678"), "{errors}");

    let mut program = Program::start(&arguments);
    assert_eq!(verify(&mut reader.accept(), "123456"), StatusWord::OK);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    assert!(!program.errors().contains("blocked"));
}

#[test]
fn a_reader_that_is_not_there_is_told_once_and_one_that_is_there_is_not() {
    let reader = Reader::new();
    let address = reader.address();
    let mut with_reader = Program::start(&["--vpcd", &address]);
    let card = reader.accept();
    assert!(with_reader.line().starts_with("card in "));
    drop((card, reader));
    // Nobody listens there any more.
    let mut without = Program::start(&["--vpcd", &address]);
    let errors = BufReader::new(without.child.stderr.take().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let waiting = format!("pivkit-vcard: waiting for a reader at {address}");
    while told.recv_timeout(LIMIT).expect("it says that it waits") != waiting {}
    assert_eq!(without.end(Signal::SIGTERM).code(), Some(0));
    assert_eq!(told.iter().filter(|line| line.contains("waiting")).count(), 0, "once");
    assert_eq!(with_reader.end(Signal::SIGTERM).code(), Some(0));
    assert!(!with_reader.errors().contains("waiting"), "it had a reader, and may be without one now and then");
}

#[test]
fn spent_pin_tries_survive_kill_9() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    let arguments = ["--vpcd", &reader.address(), "--state", state.to_str().unwrap()];
    for left in [2, 1, 0] {
        let mut program = Program::start(&arguments);
        let mut card = reader.accept();
        assert_eq!(verify(&mut card, "000000"), StatusWord(0x63c0 + left));
        assert_eq!(program.end(Signal::SIGKILL).code(), None);
    }
    let mut program = Program::start(&arguments);
    assert_eq!(verify(&mut reader.accept(), "123456"), StatusWord::AUTHENTICATION_METHOD_BLOCKED);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn loads_certificates_with_their_keys() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    for (name, key) in [("a", "rsa:2048"), ("b", "ec:p384.parameters")] {
        if name == "b" {
            openssl(
                directory.path(),
                "genpkey -genparam -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.parameters",
            );
        }
        openssl(
            directory.path(),
            &format!("req -x509 -newkey {key} -nodes -keyout {name}.key -subj /CN={name} -out {name}.pem"),
        );
    }
    let load = |slot, certificate, key| {
        let path = |name: &str| directory.path().join(name).display().to_string();
        format!("{slot}={},{}", path(certificate), path(key))
    };
    let address = reader.address();
    let (one, two) = (load("9c", "b.pem", "b.key"), load("82", "a.pem", "a.key"));
    let mut program = Program::start(&["--vpcd", &address, "--load", &two, "--load", &one]);
    let mut card = reader.accept();
    assert!(program.line().ends_with(", slots 9c P384, 82 RSA2048"));
    let certificate = openssl(directory.path(), "x509 -in b.pem -outform DER");
    let object = send(&mut card, &get_data(0x0a)).unwrap().data;
    assert!(hex::encode(object).contains(&hex::encode(certificate)));
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));

    let mismatch = Program::start(&["--load", &load("9a", "a.pem", "b.key")]).fail();
    assert!(mismatch.contains("the private key for slot 9a does not belong to its certificate"), "{mismatch}");
    let absent = Program::start(&["--load", &load("9a", "absent.pem", "b.key")]).fail();
    assert!(absent.contains("cannot read") && absent.contains("absent.pem"), "{absent}");
}

#[test]
fn what_is_loaded_onto_a_kept_card_stays_and_what_it_replaces_is_told() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    for name in ["a", "b"] {
        let key = format!("req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -subj /CN={name} -out {name}.pem");
        openssl(directory.path(), &key);
    }
    let path = |name: &str| directory.path().join(name).display().to_string();
    let load = |name: &str| format!("9a={},{}", path(&format!("{name}.pem")), path(&format!("{name}.key")));
    let run = |load: Option<String>| {
        let mut arguments = vec!["--vpcd".to_owned(), reader.address(), "--state".to_owned(), path("state")];
        arguments.extend(load.into_iter().flat_map(|load| ["--load".to_owned(), load]));
        let mut program = Program::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut card = reader.accept();
        let object = hex::encode(send(&mut card, &get_data(0x05)).unwrap().data);
        assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
        let name = ["a", "b"].into_iter().find(|name| {
            let certificate = openssl(directory.path(), &format!("x509 -in {name}.pem -outform DER"));
            let beside = openssl(&state, "x509 -in 9a.pem -outform DER");
            object.contains(&hex::encode(&certificate)) && beside == certificate
        });
        (name.unwrap(), program.errors().contains("slot 9a of the kept card now has "))
    };
    assert_eq!(run(Some(load("a"))), ("a", false), "a new card");
    assert_eq!(run(None), ("a", false), "what was loaded stays");
    assert_eq!(run(Some(load("a"))), ("a", false), "the same again");
    assert_eq!(run(Some(load("b"))), ("b", true), "another one takes its place");
    assert_eq!(run(None), ("b", false));
}

#[test]
fn a_fault_file_pulls_the_card_and_the_state_is_kept() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let (state, faults) = (directory.path().join("state"), directory.path().join("faults"));
    fs::write(&faults, "# a bad day\nat 2 sw=6F00\nat 4 remove\n").unwrap();
    let arguments = ["--vpcd", &reader.address(), "--state", state.to_str().unwrap()];
    let with_faults = [&arguments[..], &["--fault", faults.to_str().unwrap()]].concat();
    let mut program = Program::start(&with_faults);
    let mut card = reader.accept();
    let mut send_alone = |command: &CardCommand| {
        let mut link = Link::SHORT;
        Exchange::new(card.transaction()?, &mut link).send(command).map(|response| response.status)
    };
    assert_eq!(send_alone(&select()).unwrap(), StatusWord::OK);
    assert_eq!(send_alone(&pin("123456")).unwrap(), StatusWord::NO_DIAGNOSIS);
    assert_eq!(send_alone(&pin("000000")).unwrap(), StatusWord(0x63c2));
    assert!(matches!(send_alone(&pin("123456")), Err(Error::Removed { .. })));
    assert!(program.line().starts_with("card in "));
    assert_eq!(program.line(), "card removed at command 4");
    assert_eq!(program.exit().code(), Some(0));

    let mut program = Program::start(&arguments);
    let mut card = reader.accept();
    assert_eq!(verify(&mut card, ""), StatusWord(0x63c2));
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn bad_input_is_refused_with_a_sentence() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("faults"), "at 1 hang\n").unwrap();
    fs::create_dir_all(path("open/another's")).unwrap();
    fs::set_permissions(path("open"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(path("pin"), "12345\n").unwrap();
    fs::set_permissions(path("pin"), fs::Permissions::from_mode(0o600)).unwrap();
    let cases: [(&[&str], i32, &str); 9] = [
        (
            &["--fault", &path("faults")],
            1,
            "line 1 of the fault file: there is no fault \"hang\": use remove, reset, remove-after, reset-after, sw=HEX4,",
        ),
        (&["--fault", &path("absent")], 1, "absent"),
        (&["--state", &path("open")], 1, "open to other users, and would hold private keys: run chmod 700"),
        (&["--pin-file", &path("pin")], 1, "its first line is not a PIN of six to eight digits"),
        (&["--vpcd", "nowhere"], 1, "\"nowhere\" is not a reader's address (HOST:PORT)"),
        (&["--preset", "bob"], 2, "there is no preset \"bob\": use alice or reference"),
        (&["--load", "9a"], 2, "\"9a\" is not of the form SLOT=CERTIFICATE,KEY"),
        (&["--load", "9b=c,k"], 2, "\"9b\" is not a PIV slot"),
        (&["--pin", "123456"], 2, "unexpected argument '--pin'"),
    ];
    for (arguments, code, message) in cases {
        let mut program = Program::start(arguments);
        assert_eq!(program.exit().code(), Some(code), "{arguments:?}");
        let errors = program.errors();
        assert!(errors.contains(message) && !errors.contains("panicked"), "{arguments:?}: {errors}");
    }
}

#[test]
fn two_programs_cannot_share_a_state() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state").display().to_string();
    let mut first = Program::start(&["--vpcd", &reader.address(), "--state", &state]);
    drop(reader.accept());
    let second = Program::start(&["--state", &state]).fail();
    assert!(second.contains("another virtual card is running with the state in"), "{second}");
    assert_eq!(first.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn without_extended_length_the_form_is_refused() {
    let reader = Reader::new();
    let mut program = Program::start(&["--vpcd", &reader.address(), "--preset", "alice", "--no-extended"]);
    let (mut card, mut link) = (reader.accept(), Link::default());
    let mut exchange = Exchange::new(card.transaction().unwrap(), &mut link);
    assert!(exchange.send(&select()).unwrap().status.is_ok());
    assert!(exchange.send(&get_data(0x05)).unwrap().data.len() > 256, "the client falls back");
    drop(exchange);
    assert!(!link.extended_length());
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn the_log_at_trace_has_no_pin_and_no_key() {
    let (directory, reader) = (TempDir::new().unwrap(), Reader::new());
    let state = directory.path().join("state");
    let mut program =
        Program::start(&["--vpcd", &reader.address(), "--preset", "alice", "--state", state.to_str().unwrap()]);
    let mut card = reader.accept();
    assert_eq!(verify(&mut card, "987654"), StatusWord(0x63c2));
    assert_eq!(verify(&mut card, "123456"), StatusWord::OK);
    assert_eq!(program.end(Signal::SIGTERM).code(), Some(0));
    let log = program.errors();
    assert_eq!(log.matches("00200080").count(), 2, "{log}");
    for secret in ["987654", "123456", "393837363534", "313233343536", "57, 56, 55, 54", "PRIVATE KEY"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
