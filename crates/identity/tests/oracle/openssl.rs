//! The `openssl` command as an oracle.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `openssl` with words separated by blanks and gives back what it wrote.
pub(crate) fn run(words: &str, input: &[u8]) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut child = Command::new("openssl")
        .args(&words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command is needed for this test");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// As [`run`], for one line of text.
pub(crate) fn line(words: &str, input: &[u8]) -> String {
    String::from_utf8(run(words, input)).unwrap().trim_end().to_owned()
}

/// The pairing hash after the recipes in Apple's world: RSAPublicKey, or the last 65 or 97 bytes
/// of the SubjectPublicKeyInfo.
pub(crate) fn pairing_hash(pem: &[u8]) -> String {
    let spki_pem = run("x509 -noout -pubkey", pem);
    let about = String::from_utf8(run("pkey -pubin -noout -text", &spki_pem)).unwrap();
    let key = if about.contains("Modulus") {
        run("rsa -pubin -RSAPublicKey_out -outform DER", &spki_pem)
    } else {
        let spki = run("pkey -pubin -outform DER", &spki_pem);
        let length = if about.contains("P-384") { 97 } else { 65 };
        spki[spki.len() - length..].to_vec()
    };
    sha1(&key)
}

/// SHA-1 in upper-case hexadecimal digits.
pub(crate) fn sha1(bytes: &[u8]) -> String {
    hex::encode_upper(run("dgst -sha1 -binary", bytes))
}

/// The seconds since 1970 of a line such as `notBefore=2017-12-02 00:00:00Z`.
pub(crate) fn timestamp(line: &str) -> i64 {
    let text = line.split_once('=').unwrap().1.replace(' ', "T");
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(&text, format).unwrap().unix_timestamp()
}

/// A new key in a PEM file.
pub(crate) fn new_key(algorithm: &str, file: &Path) {
    run(&format!("genpkey {algorithm} -out {}", file.display()), b"");
}

/// A self-signed certificate in PEM for a key file.
pub(crate) fn new_certificate(key: &Path, more: &str) -> Vec<u8> {
    run(&format!("req -x509 -new -key {} -days 30 -subj /CN=test{more}", key.display()), b"")
}
