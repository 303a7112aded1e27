//! The name on a certificate.

use std::fmt;
use std::str::FromStr;

use der::Decode;
use x509_cert::name::Name;

use crate::Error;

/// The subject of a certificate: a distinguished name after RFC 4514, or one common name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Name);

impl Subject {
    /// Whether a certificate (DER) has this subject; false if it cannot be read.
    #[must_use]
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        x509_cert::Certificate::from_der(certificate)
            .is_ok_and(|certificate| *certificate.tbs_certificate().subject() == self.0)
    }

    pub(crate) fn name(&self) -> &Name {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = Error;

    /// `CN=Alice,O=Example` is a distinguished name, `Alice` without `=` is a common name.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let unfit = |why: &str| Error::input("the subject", why);
        if text.is_empty() {
            return Err(unfit("it is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(unfit("it has control characters"));
        }
        let name = if text.contains('=') { text.to_owned() } else { format!("CN={}", escaped(text)) };
        let name = Name::from_str(&name).map_err(|_| unfit("it is not a name such as CN=Alice,O=Example"))?;
        if name.is_empty() { Err(unfit("it is empty")) } else { Ok(Self(name)) }
    }
}

impl fmt::Display for Subject {
    /// In the form of RFC 4514.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// RFC 4514, 2.4: what has a meaning in a distinguished name.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, character| {
        if matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '#') {
            out.push('\\');
        }
        out.push(character);
        out
    })
}
