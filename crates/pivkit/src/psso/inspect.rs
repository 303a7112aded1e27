//! `pivkit psso inspect`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use psso::inspect::{InspectOptions, Inspection, decryption_key, verification_keys};
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Error;

/// What `pivkit psso inspect` was asked.
#[derive(Clone, Debug)]
pub struct InspectRequest {
    /// The private key that opens a JWE, JWK or PEM.
    pub decryption_key: Option<SecretString>,
    /// The file with the public key that verifies a JWS.
    pub verification_key: Option<PathBuf>,
    /// The PartyVInfo that was sent, base64url.
    pub apv: Option<String>,
    /// The moment at which times are judged, RFC 3339.
    pub at: Option<String>,
    /// Show secrets that the message holds.
    pub show_tokens: bool,
}

/// Takes messages apart, each with the same keys and at the same moment.
#[derive(Debug)]
pub struct Inspector {
    options: InspectOptions,
}

impl Inspector {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Input`] if a time or base64url cannot be understood; [`Error::Psso`] with
    /// [`psso::Error::Unreadable`] if a key is none.
    pub fn new(request: &InspectRequest) -> Result<Self, Error> {
        let opening = request.decryption_key.as_ref().map(|key| decryption_key(key.expose_secret()));
        let verifying = request.verification_key.as_deref().map(read_text).transpose()?;
        let at = request.at.as_deref().map(time).transpose()?.unwrap_or_else(OffsetDateTime::now_utc);
        let options = InspectOptions {
            decryption_key: opening.transpose()?,
            verification_keys: verifying.map(|text| verification_keys(&text)).transpose()?.unwrap_or_default(),
            apv: request.apv.as_deref().map(base64url).transpose()?,
            at: Some(at.unix_timestamp()),
            show_secrets: request.show_tokens,
        };
        Ok(Self { options })
    }

    /// Takes the message in a file apart and checks it; `-` is standard input. A check that fails is part of the result.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Psso`] with [`psso::Error::Unreadable`], which names the file, if the message is neither a
    /// JWS nor a JWE.
    pub fn inspect(&self, message: &Path) -> Result<Inspection, Error> {
        let inspection = psso::inspect::inspect(&read_text(message)?, &self.options);
        inspection.map_err(|error| match error {
            psso::Error::Unreadable { what, source } => {
                psso::Error::Unreadable { what: format!("{}: {what}", message.display()), source }.into()
            }
            other => other.into(),
        })
    }
}

fn base64url(text: &str) -> Result<Vec<u8>, Error> {
    jose::base64url::decode("apv", text).map_err(|error| Error::Input { what: error.to_string() })
}

pub(super) fn time(text: &str) -> Result<OffsetDateTime, Error> {
    let unlike = |_| Error::Input { what: format!("{text:?} is no time in RFC 3339, such as 2026-01-31T12:00:00Z") };
    OffsetDateTime::parse(text, &Rfc3339).map_err(unlike)
}

/// A text file of at most 1 MiB; `-` is standard input.
pub(super) fn read_text(path: &Path) -> Result<String, Error> {
    let input: Result<Box<dyn Read>, _> = match path.to_str() {
        Some("-") => Ok(Box::new(std::io::stdin())),
        _ => std::fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let text = input.and_then(|input| {
        let mut bytes = Vec::new();
        input.take(MAX_TEXT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
        }
        String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text"))
    });
    text.map_err(|source| Error::File { path: path.to_owned(), source })
}

const MAX_TEXT: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_refused_and_not_cut() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a".repeat(1 << 20)).unwrap();
        assert_eq!(read_text(file.path()).unwrap().len(), 1 << 20);
        std::fs::write(file.path(), "a".repeat((1 << 20) + 1)).unwrap();
        match read_text(file.path()) {
            Err(Error::File { source, .. }) => assert!(source.to_string().contains("larger than 1 MiB")),
            other => panic!("{other:?}"),
        }
    }
}
