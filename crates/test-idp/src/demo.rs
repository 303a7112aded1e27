//! `pivkit-idp serve --demo`: everything that a first login needs, in the folder `demo` of the state directory.
//!
//! ```text
//! ca.pem, ca.key          a certification authority of its own, which the server trusts
//! alice.pem, alice.key    the card of alice, for pivkit-vcard --load: P-256, alice@example.test, client authentication
//! pin                     of that card: 123456
//! passwords, password     alice and her password, for the server and for the client
//! ```
//! Made once, and kept: a second start finds them, and makes them anew a day before the certificates end. All of mode 0600, keys in PKCS#8. They open nothing but this server.

mod authority;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::options::Options;
use authority::Authority;

/// A prepared demonstration.
#[derive(Debug)]
pub struct Demo {
    folder: PathBuf,
}

impl Demo {
    /// Finds the files in a state directory, or makes them.
    ///
    /// # Errors
    /// [`Error::StateMode`] and [`Error::StateIo`] as the directory is; [`Error::Issue`] and [`Error::Random`] when a key,
    /// a certificate or a password cannot be made.
    pub fn prepare(state: &Path) -> Result<Self, Error> {
        Self::prepare_at(state, OffsetDateTime::now_utc())
    }

    fn prepare_at(state: &Path, now: OffsetDateTime) -> Result<Self, Error> {
        let folder = state.join("demo");
        files::private_directory(state)?;
        files::private_directory(&folder)?;
        // The commands are typed in other terminals, which are in other directories.
        let folder = folder.canonicalize().map_err(|source| Error::StateIo { path: folder.clone(), source })?;
        let demo = Self { folder };
        if !demo.lasts(now + Duration::DAY)? {
            demo.make(now)?;
        }
        Ok(demo)
    }

    /// Whether everything is there, and both certificates are still valid then.
    ///
    /// # Errors
    /// [`Error::StateMode`] when others may read or write one of the files.
    fn lasts(&self, then: OffsetDateTime) -> Result<bool, Error> {
        for name in FILES {
            files::read_private(&self.path(name), LARGEST)?.map(Zeroizing::new);
        }
        // The authority's is the last file that is made: with it, all are there.
        for name in ["alice.pem", "ca.pem"] {
            let Some(pem) = files::read_private(&self.path(name), LARGEST)? else { return Ok(false) };
            let ends = parse_x509_pem(&pem)
                .ok()
                .and_then(|(_, pem)| Some(pem.parse_x509().ok()?.validity().not_after.timestamp()));
            if ends.is_none_or(|ends| ends < then.unix_timestamp()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the server is started with: alice, her password, and the authority of her card.
    ///
    /// # Errors
    /// [`Error::User`], which this name does not bring about.
    pub fn apply(&self, options: &mut Options) -> Result<(), Error> {
        if !options.users.iter().any(|user| user.name() == USER) {
            options.users.push(USER.parse()?);
        }
        options.more_trust.push(self.path("ca.pem"));
        options.passwords.get_or_insert(self.path("passwords"));
        Ok(())
    }

    /// The commands that come next, for the server at `url`, as they are typed into a shell.
    #[must_use]
    pub fn commands(&self, url: &str) -> String {
        let path = |name: &str| shell(&self.path(name).to_string_lossy());
        let device = format!("--state {} --user {USER}", path("device"));
        let card = format!("--transport vpcd:{READER} --pin-file {}", path("pin"));
        let (config, fault) = (path("psso.toml"), path("wrong-nonce.toml"));
        format!(
            "\
# What happens, in a browser: {url}/

# In a second terminal, the card of {USER}. It waits for the reader, which is there while pivkit runs. PIN 123456.
pivkit-vcard run --vpcd {READER} --state {vcard} --load 9a={certificate},{key}

# In a third terminal: this device is registered, and {USER} logs in with the card.
curl --silent --output {config} {url}/psso.toml
pivkit psso register --config {config} {device}
pivkit psso login --config {config} {device} {card}

# Without the card: new tokens for the session that has begun, and a login with her password.
pivkit psso refresh --state {state}
pivkit psso login --config {config} {device} --method password --password-file {password}

# What a client must refuse; `pivkit-idp faults` lists the rest. Ends with exit code 7.
curl --silent --output {fault} {url}/fault/wrong-nonce/psso.toml
pivkit psso login --config {fault} {device} {card}

# That is all. Ctrl-C ends the server; the same command starts it again with the same users, devices and keys.
",
            state = path("device"),
            password = path("password"),
            vcard = path("card"),
            certificate = path("alice.pem"),
            key = path("alice.key"),
        )
    }

    fn make(&self, now: OffsetDateTime) -> Result<(), Error> {
        let authority = Authority::generate("pivkit-idp demo CA", now)?;
        let (certificate, key) = authority.issue(USER, UPN)?;
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        let password = BASE64_URL_SAFE_NO_PAD.encode(random);
        for (name, contents) in [
            ("alice.pem", certificate.as_str()),
            ("alice.key", key.as_str()),
            ("pin", "123456"),
            ("password", &password),
            ("passwords", &format!("{USER}:{password}\n")),
            ("ca.key", authority.key_pem().as_str()),
            ("ca.pem", authority.certificate_pem().as_str()),
        ] {
            files::replace(&self.path(name), contents.as_bytes())?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

const FILES: [&str; 7] = ["ca.pem", "ca.key", "alice.pem", "alice.key", "pin", "password", "passwords"];

const USER: &str = "alice";
const UPN: &str = "alice@example.test";

/// Where pivkit plays the reader, and the card connects.
const READER: &str = "127.0.0.1:35963";

/// Larger than any of the files, in bytes.
const LARGEST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_what_the_first_one_made() {
        let state = tempfile::tempdir().unwrap();
        let read = || {
            Demo::prepare(state.path()).unwrap();
            let entries = std::fs::read_dir(state.path().join("demo")).unwrap();
            let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            files.sort();
            files.into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
        };
        let first = read();
        assert_eq!(first.len(), 7);
        assert_eq!(read(), first);
        use std::os::unix::fs::PermissionsExt;
        for (_, path) in &first {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }

    #[test]
    fn the_authority_of_the_demo_is_trusted_besides_another() {
        let state = tempfile::tempdir().unwrap();
        let mut options = Options::new(state.path());
        options.trust = Some("other.pem".into());
        let demo = Demo::prepare(state.path()).unwrap();
        demo.apply(&mut options).unwrap();
        assert_eq!((options.trust, options.more_trust), (Some("other.pem".into()), vec![demo.path("ca.pem")]));
    }

    #[test]
    fn files_that_others_may_read_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let state = tempfile::tempdir().unwrap();
        let demo = Demo::prepare(state.path()).unwrap();
        for name in FILES {
            let mode = |mode| std::fs::set_permissions(demo.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
            mode(0o644);
            assert!(matches!(Demo::prepare(state.path()), Err(Error::StateMode { mode: 0o644, .. })), "{name}");
            mode(0o600);
        }
        assert!(Demo::prepare(state.path()).is_ok());
    }

    #[test]
    fn certificates_that_end_are_made_anew() {
        let state = tempfile::tempdir().unwrap();
        let start = OffsetDateTime::now_utc();
        let at = |days: i64| {
            let demo = Demo::prepare_at(state.path(), start + Duration::days(days)).unwrap();
            ["ca.pem", "alice.pem"].map(|name| std::fs::read(demo.path(name)).unwrap())
        };
        let first = at(0);
        assert_eq!(at(363), first);
        let second = at(365);
        assert!(second[0] != first[0] && second[1] != first[1]);
        assert_eq!(at(700), second);
        std::fs::remove_file(state.path().join("demo/alice.pem")).unwrap();
        assert_ne!(at(700), second);
    }

    #[test]
    fn openssl_takes_the_card_for_one_of_the_authority() {
        let state = tempfile::tempdir().unwrap();
        let demo = Demo::prepare(state.path()).unwrap();
        let openssl = |arguments: &str| {
            let output =
                std::process::Command::new("openssl").args(arguments.split(' ')).current_dir(&demo.folder).output();
            let output = output.unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{arguments}: {text}");
            text
        };
        openssl("verify -x509_strict -purpose sslclient -CAfile ca.pem alice.pem");
        let text = openssl("x509 -in alice.pem -noout -text");
        for expected in ["othername: UPN::alice@example.test", "TLS Web Client Authentication", "Digital Signature"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        for name in ["alice", "ca"] {
            let of_key = openssl(&format!("pkey -in {name}.key -pubout"));
            assert_eq!(openssl(&format!("x509 -in {name}.pem -noout -pubkey")), of_key, "{name}");
        }
    }

    #[test]
    fn paths_are_written_for_a_shell() {
        for (word, expected) in
            [("/tmp/a_b-1", "/tmp/a_b-1"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(shell(word), expected);
        }
    }
}
