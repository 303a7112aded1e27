//! Secrets, and the search for them in what a program says, however they are written there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::PIN;
use super::process::Output;

/// Something that must not be shown.
pub(crate) struct Secret {
    pub(crate) name: String,
    bytes: Vec<u8>,
}

impl Secret {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.to_owned(), bytes: bytes.to_vec() }
    }

    /// The form in which the secret occurs in a text, if it does.
    pub(crate) fn is_in(&self, text: &str) -> Option<&'static str> {
        let lower = text.to_lowercase();
        // "31 32", "31:32", "0x31, 0x32" and "[49, 50]" without what separates the bytes.
        let joined: String = lower.replace("0x", "").chars().filter(|c| c.is_ascii_hexdigit()).collect();
        let numbers = self.bytes.iter().map(u8::to_string).collect::<Vec<_>>();
        let forms = [
            ("plain text", text.contains(&*String::from_utf8_lossy(&self.bytes))),
            ("escaped", text.contains(&self.bytes.escape_ascii().to_string())),
            ("hexadecimal", joined.contains(&hex::encode(&self.bytes))),
            ("numbers", text.contains(&numbers.join(", ")) || text.contains(&numbers.join(","))),
            (
                "base64",
                base64_forms(&self.bytes).iter().any(|form| text.contains(form) || text.contains(&url_safe(form))),
            ),
        ];
        forms.iter().find(|(_, found)| *found).map(|(form, _)| *form)
    }
}

/// How base64 writes the bytes at each of the three places in a longer text: the characters that depend on them alone.
fn base64_forms(bytes: &[u8]) -> Vec<String> {
    let form = |before: usize| {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; before][..], bytes].concat());
        let first = (before * 8).div_ceil(6);
        let whole = (before + bytes.len()) * 8 / 6;
        encoded[first..whole].to_owned()
    };
    (0..3).map(form).filter(|form| form.len() >= 6).collect()
}

fn url_safe(base64: &str) -> String {
    base64.replace('+', "-").replace('/', "_")
}

/// The PIN as people write it, and as the card gets it.
pub(crate) fn pin() -> Vec<Secret> {
    let block = [PIN.as_bytes(), &[0xff; 8][PIN.len()..]].concat();
    vec![Secret::new("the PIN", PIN.as_bytes()), Secret::new("the PIN's block", &block)]
}

/// Asserts that what a program wrote to its standard error holds none of the secrets.
#[track_caller]
pub(crate) fn assert_silent(output: &Output, secrets: &[Secret]) {
    assert_silent_text(&output.stderr, secrets);
}

/// Asserts that no line of a log holds one of the secrets.
#[track_caller]
pub(crate) fn assert_silent_text(log: &str, secrets: &[Secret]) {
    for line in log.lines() {
        // The time of day has six digits behind the second.
        let line = line.split_once("Z ").map_or(line, |(_, rest)| rest);
        for secret in secrets {
            if let Some(form) = secret.is_in(line) {
                panic!("{} is in the log as {form}: {line}", secret.name);
            }
        }
    }
}

/// Makes a program say everything it can.
pub(crate) const TRACE: [(&str, &str); 1] = [("RUST_LOG", "trace")];
