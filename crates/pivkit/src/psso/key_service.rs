//! `pivkit psso key-request` and `key-exchange`: a key that the identity provider holds for unlocking.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::Certificate;
use jose::{EcPrivateKey, PublicKey};
use psso::inspect::verification_keys;
use psso::{KeyChoice, UnlockKey};
use zeroize::Zeroizing;

use super::config::moment;
use super::inspect::read_text;
use super::refresh::{SignedIn, SignedInRequest};
use crate::Error;
use crate::report::{KeyExchangeReport, KeyRequestReport, SCHEMA_VERSION};

/// Has the identity provider make a key for unlocking, and keeps its certificate and context with the tokens.
///
/// # Errors
///
/// [`Error::Psso`], as [`refresh`](super::refresh), and when the configuration has no `key_endpoint`.
pub fn key_request(request: &SignedInRequest) -> Result<KeyRequestReport, Error> {
    let place = SignedIn::place(request)?;
    let locked = place.store.lock()?;
    let mut signed_in = SignedIn::load(request, &locked)?;
    signed_in.token()?;
    locked.reserve()?;
    let user = signed_in.sign_on.user.clone();
    let provided = signed_in.client.key_request(&user, signed_in.token()?, &place.keys)?;
    let certificate = Certificate::from_der(&provided.certificate_der).ok();
    let report = KeyRequestReport {
        schema_version: SCHEMA_VERSION,
        user,
        certificate: STANDARD.encode(&provided.certificate_der),
        certificate_pem: certificate.as_ref().map(Certificate::to_pem).unwrap_or_default(),
        subject: certificate.map(|certificate| certificate.subject().to_owned()),
        issued_at: moment(provided.issued_at),
        expires_at: moment(provided.expires_at),
        key_context_kept: provided.key_context.is_some(),
    };
    signed_in.sign_on.unlock_key = Some(UnlockKey {
        certificate_der: provided.certificate_der,
        key_context: provided.key_context,
        expires_at: Some(provided.expires_at),
    });
    locked.save(&signed_in.sign_on, KeyChoice::Automatic)?;
    Ok(report)
}

/// What `pivkit psso key-exchange` was asked beside the rest.
#[derive(Debug, Default)]
pub struct KeyExchangeRequest {
    /// The file with the public key to agree with (JWK or PEM, P-256); without it, a key is made for this once.
    pub other_key: Option<PathBuf>,
    /// The file for the agreed key, which is a secret: 32 bytes. Without it the key is wiped.
    pub out: Option<PathBuf>,
}

/// Has the identity provider agree on a key with its private key and a public key of ours. With a key of our own the answer is
/// compared with what the certificate of the key request gives: the identity provider has the key that it said it has.
///
/// # Errors
///
/// [`Error::Psso`], as [`key_request`]; [`psso::Error::Rejected`] with `key` when the agreed key is another;
/// [`Error::NotWritten`] when the file is there already or cannot be made.
pub fn key_exchange(request: &SignedInRequest, exchange: &KeyExchangeRequest) -> Result<KeyExchangeReport, Error> {
    let other = exchange.other_key.as_deref().map(public_key).transpose()?;
    let place = SignedIn::place(request)?;
    let locked = place.store.lock()?;
    let mut signed_in = SignedIn::load(request, &locked)?;
    let own = if other.is_none() { Some(EcPrivateKey::generate().map_err(no_key)?) } else { None };
    let public = match (&other, &own) {
        (Some(other), _) => other.clone(),
        (None, Some(own)) => own.public(),
        (None, None) => return Err(Error::Input { what: "there is no key to agree with".to_owned() }),
    };
    signed_in.token()?;
    // Before the request: a key that cannot be put anywhere need not be asked for.
    locked.reserve()?;
    let file = exchange.out.as_deref().map(SecretFile::create).transpose()?;
    let context = signed_in.sign_on.unlock_key.as_ref().and_then(|key| key.key_context.as_ref());
    let user = &signed_in.sign_on.user;
    let exchanged = signed_in.client.key_exchange(user, signed_in.token()?, &public, context, &place.keys)?;
    let verified = match (&own, &signed_in.sign_on.unlock_key) {
        (Some(own), Some(known)) => Some(is_agreed(own, &known.certificate_der, &exchanged.key)?),
        _ => None,
    };
    if verified == Some(false) {
        let why = "the key is not the one that the certificate of the key request gives".to_owned();
        return Err(psso::Error::Rejected { claim: "key", why }.into());
    }
    let written = file.map(|file| file.write(&exchanged.key)).transpose()?;
    if let (Some(key), Some(context)) = (&mut signed_in.sign_on.unlock_key, exchanged.key_context) {
        key.key_context = Some(context);
        locked.save(&signed_in.sign_on, KeyChoice::Automatic)?;
    }
    Ok(KeyExchangeReport {
        schema_version: SCHEMA_VERSION,
        user: signed_in.sign_on.user,
        issued_at: moment(exchanged.issued_at),
        expires_at: moment(exchanged.expires_at),
        verified,
        written_to: written.map(|path| path.display().to_string()),
    })
}

/// Whether the key is what both private keys with the other's public key give (ECDH).
fn is_agreed(own: &EcPrivateKey, certificate_der: &[u8], key: &[u8; 32]) -> Result<bool, Error> {
    let unusable =
        |source| psso::Error::Crypto { why: "the certificate of the key request has no P-256 key".into(), source };
    let certificate = Certificate::from_der(certificate_der).map_err(|_| unusable(None))?;
    let theirs = PublicKey::from_spki_der(certificate.spki_der()).map_err(|error| unusable(Some(error)))?;
    let expected = own.diffie_hellman(&theirs).map_err(|error| unusable(Some(error)))?;
    Ok(*expected == *key)
}

fn no_key(source: jose::Error) -> psso::Error {
    psso::Error::Crypto { why: "no key could be made".to_owned(), source: Some(source) }
}

/// The public key in a file.
fn public_key(path: &Path) -> Result<PublicKey, Error> {
    let mut keys = verification_keys(&read_text(path)?)?;
    match (keys.pop(), keys.is_empty()) {
        (Some(found), true) if found.key.x963().is_some_and(|point| point.len() == 65) => Ok(found.key),
        _ => Err(Error::Input { what: format!("{} does not hold one P-256 public key", path.display()) }),
    }
}

/// A new file for a secret, mode 0600. It gets its name when the secret is in it and on the disk; until then it has another
/// one beside it, `.NAME.` and random digits, which goes whatever happens.
struct SecretFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: File,
}

impl SecretFile {
    fn create(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::NotWritten { path: path.to_owned(), source };
        if path.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::IsADirectory.into()))?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| failed(error.into()))?;
        let unfinished = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), hex::encode(random)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(failed)?;
        Ok(Self { path: path.to_owned(), unfinished, file })
    }

    fn write(mut self, key: &Zeroizing<[u8; 32]>) -> Result<PathBuf, Error> {
        let written = self.file.write_all(key.as_slice()).and_then(|()| self.file.sync_all());
        // Unlike a rename this replaces nothing.
        written
            .and_then(|()| fs::hard_link(&self.unfinished, &self.path))
            .map_err(|source| Error::NotWritten { path: self.path.clone(), source })?;
        Ok(self.path.clone())
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.unfinished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_there_only_with_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let names = || fs::read_dir(dir.path()).unwrap().count();
        // Killed: nothing is dropped.
        std::mem::forget(SecretFile::create(&path).unwrap());
        assert!(!path.exists());
        let file = SecretFile::create(&path).unwrap();
        assert!(!path.exists());
        file.write(&Zeroizing::new([7; 32])).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [7; 32]);
        assert_eq!(names(), 2, "the key, and what was killed");
        assert!(matches!(SecretFile::create(&path), Err(Error::NotWritten { .. })));

        let late = dir.path().join("late");
        let file = SecretFile::create(&late).unwrap();
        fs::write(&late, "somebody else's").unwrap();
        file.write(&Zeroizing::new([7; 32])).unwrap_err();
        assert_eq!(fs::read(&late).unwrap(), b"somebody else's");
        assert_eq!(names(), 3);
    }
}
