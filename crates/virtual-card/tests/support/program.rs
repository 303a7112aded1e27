//! A running `pivkit-vcard`, and the reader that it looks for.
// Each test takes what it needs.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use smartcard::vpcd::{Listener, VpcdCard};
use smartcard::{CardTransport, Command as CardCommand, Error, Exchange, Link, Response, StatusWord};
use zeroize::Zeroizing;

/// Longer than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A virtual reader of this test.
pub(crate) struct Reader(Listener);

impl Reader {
    pub(crate) fn new() -> Self {
        Self(Listener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> String {
        self.0.address().to_string()
    }

    /// Held until the program has ended: without it, the program would connect again, and the next one's place is taken.
    pub(crate) fn accept(&self) -> VpcdCard {
        self.0.accept(LIMIT, LIMIT).unwrap()
    }
}

pub(crate) fn select() -> CardCommand {
    CardCommand::new(0, 0xa4, 4, 0).with_data([0xa0, 0, 0, 3, 8]).expecting_answer()
}

pub(crate) fn get_data(last: u8) -> CardCommand {
    CardCommand::new(0, 0xcb, 0x3f, 0xff).with_data([0x5c, 3, 0x5f, 0xc1, last]).expecting_answer()
}

pub(crate) fn pin(digits: &str) -> CardCommand {
    let mut data = Zeroizing::new(digits.as_bytes().to_vec());
    if !data.is_empty() {
        data.resize(8, 0xff);
    }
    CardCommand::new(0, 0x20, 0, 0x80).with_secret(data)
}

/// SELECT, then `command`.
pub(crate) fn send(card: &mut VpcdCard, command: &CardCommand) -> Result<Response, Error> {
    let mut link = Link::SHORT;
    let mut exchange = Exchange::new(card.transaction()?, &mut link);
    assert!(exchange.send(&select())?.status.is_ok());
    exchange.send(command)
}

/// `command` alone, to a card that was selected before.
pub(crate) fn send_on(card: &mut VpcdCard, command: &CardCommand) -> Result<Response, Error> {
    let mut link = Link::default();
    Exchange::new(card.transaction()?, &mut link).send(command)
}

/// Proves the factory management key of older YubiKeys.
pub(crate) fn authenticate_with_3des(card: &mut VpcdCard) {
    let key = "0102030405060708".repeat(3);
    assert_eq!(authenticate(card, (0x03, 8, "-des-ede3", &key)), StatusWord::OK);
}

/// Proves a management key: its algorithm, the bytes of a block, openssl's name of it, and the key in hexadecimal. openssl
/// encrypts the card's challenge. Says 6A80 for a key of another algorithm than the card's.
pub(crate) fn authenticate(card: &mut VpcdCard, (algorithm, block, cipher, key): (u8, u8, &str, &str)) -> StatusWord {
    let command = |data: &[u8]| CardCommand::new(0, 0x87, algorithm, 0x9b).with_data(data.to_vec()).expecting_answer();
    let challenge = send(card, &command(&[0x7c, 2, 0x81, 0])).unwrap();
    if !challenge.status.is_ok() {
        return challenge.status;
    }
    let mut openssl = Command::new("openssl")
        .args(["enc", "-e", cipher, "-nopad", "-K", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    openssl.stdin.take().unwrap().write_all(challenge.data.get(4..).unwrap()).unwrap();
    let response = openssl.wait_with_output().unwrap().stdout;
    let proof = [&[0x7c, block + 2, 0x82, block][..], &response].concat();
    send_on(card, &command(&proof)).unwrap().status
}

pub(crate) fn verify(card: &mut VpcdCard, digits: &str) -> StatusWord {
    send(card, &pin(digits)).unwrap().status
}

pub(crate) fn openssl(directory: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A running `pivkit-vcard`, killed if the test fails.
pub(crate) struct Program {
    pub(crate) child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pivkit-vcard"))
            .arg("run")
            .args(arguments)
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.strip_suffix('\n').expect("a whole line").to_owned()
    }

    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        rest
    }

    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(self.pid(), signal).unwrap();
        self.exit()
    }

    /// Waits for the end; a program that does not end is killed, and the test fails.
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let pid = self.pid();
        let (ended, end) = mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            let late = end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                kill(pid, Signal::SIGKILL).unwrap();
            }
            late
        });
        let status = self.child.wait().unwrap();
        drop(ended);
        assert!(!watchdog.join().unwrap(), "it did not end by itself");
        status
    }

    pub(crate) fn errors(&mut self) -> String {
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        errors
    }

    pub(crate) fn fail(mut self) -> String {
        assert_eq!(self.exit().code(), Some(1));
        self.errors()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::io::stdout().flush();
    }
}
