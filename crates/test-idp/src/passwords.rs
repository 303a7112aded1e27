//! The passwords of users: read from a private file, kept as salted PBKDF2 hashes, compared in constant time.
//!
//! The file holds them in the clear, a line `user:password` each, so the hashes protect only the memory of this process;
//! 10,000 rounds of HMAC-SHA-256 do (NIST SP 800-132). After five wrong passwords for one user the next is looked at a
//! minute after the last. A try is counted before it is looked at, so that many at once are no more than five; the right
//! password forgets the count. The counting is in memory.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;

/// Who has which password, and who was wrong how often.
pub(crate) struct Passwords {
    salt: [u8; 16],
    hashes: HashMap<String, [u8; 32]>,
    /// For users of `hashes` and for no one else, so it is bounded.
    wrong: Mutex<HashMap<String, Wrong>>,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    tries: u32,
    /// Seconds since 1970.
    last: i64,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(..)")
    }
}

impl Passwords {
    /// Reads a file of passwords.
    ///
    /// # Errors
    /// [`Error::StateMode`] when others may read it; [`Error::SecretFile`] when it is larger than 1 MiB or has a line that
    /// is not `user:password`, or a user twice.
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let refuse = |why: &str| Error::SecretFile { path: path.to_owned(), why: why.to_owned() };
        let bytes = files::read_private(path, MAX_FILE)?.ok_or_else(|| refuse("there is no such file"))?;
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| refuse("it is not UTF-8"))?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(Error::Random)?;
        let mut hashes = HashMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let number = index + 1;
            let Some((user, password)) =
                line.split_once(':').filter(|(user, word)| !user.is_empty() && !word.is_empty())
            else {
                return Err(refuse(&format!("line {number} is not user:password")));
            };
            if hashes.insert(user.to_owned(), hash(&salt, user, password)).is_some() {
                return Err(refuse(&format!("the user of line {number} was there before")));
            }
        }
        Ok(Self { salt, hashes, wrong: Mutex::new(HashMap::new()) })
    }

    /// Whether the user has a password.
    pub(crate) fn has(&self, user: &str) -> bool {
        self.hashes.contains_key(user)
    }

    /// Takes one of the user's tries, for a password that is [checked](Self::check) next.
    ///
    /// # Errors
    /// In how many seconds there will be one, when there is none left.
    pub(crate) fn take_try(&self, user: &str, now: i64) -> Result<(), i64> {
        if !self.hashes.contains_key(user) {
            return Ok(());
        }
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = wrong.entry(user.to_owned()).or_insert(Wrong { tries: 0, last: now });
        if now - entry.last >= PAUSE {
            entry.tries = 0;
        }
        if entry.tries >= TRIES {
            // At least one: a clock may be set back.
            return Err((entry.last + PAUSE - now).clamp(1, PAUSE));
        }
        *entry = Wrong { tries: entry.tries + 1, last: now };
        Ok(())
    }

    /// Whether this is the user's password, for a try that was [taken](Self::take_try). The right one gives all tries back.
    pub(crate) fn check(&self, user: &str, password: &str) -> bool {
        let known = self.hashes.get(user);
        // As much work for a user without a password.
        let given = hash(&self.salt, user, password);
        let right: bool = given.ct_eq(known.unwrap_or(&[0; 32])).into();
        let right = right && known.is_some();
        if right {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(user);
        }
        right
    }
}

/// The user is part of the salt: the same password of two people has two hashes.
fn hash(salt: &[u8; 16], user: &str, password: &str) -> [u8; 32] {
    let salt = [salt, user.as_bytes()].concat();
    // HMAC pads short keys with zeros, so that a password and the same with a NUL behind it would be one (RFC 2104).
    let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password)));
    let mut out = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(digest.as_slice(), &salt, ROUNDS, &mut out);
    out
}

const ROUNDS: u32 = 10_000;

/// Wrong passwords in a row before there is a pause.
const TRIES: u32 = 5;

/// The pause, in seconds.
const PAUSE: i64 = 60;

/// Largest file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Passwords, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwords");
        files::replace(&path, text.as_bytes()).unwrap();
        Passwords::load(&path)
    }

    #[test]
    fn passwords_are_read_and_compared() {
        let passwords = load("# people\nalice:open:sesame\n\nbob: with spaces \n").unwrap();
        assert!(passwords.check("alice", "open:sesame"));
        assert!(passwords.check("bob", " with spaces "));
        for (user, password) in [
            ("alice", "open"),
            ("alice", ""),
            ("alice", "open:sesame\0"),
            ("bob", "with spaces"),
            ("carol", "x"),
            ("", ""),
        ] {
            assert!(!passwords.check(user, password), "{user}");
        }
        assert!(!format!("{passwords:?}").contains("sesame"));
    }

    #[test]
    fn bad_files_are_refused_without_being_quoted() {
        for bad in ["sesame", "alice:", ":sesame", "alice:a\nalice:sesame"] {
            let error = load(bad).unwrap_err().to_string();
            assert!(error.contains("line ") && !error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn after_five_wrong_ones_there_is_a_pause() {
        let passwords = load("alice:right\nbob:right").unwrap();
        for _ in 0..5 {
            assert_eq!(passwords.take_try("alice", 100), Ok(()));
            assert!(!passwords.check("alice", "wrong"));
        }
        assert_eq!((passwords.take_try("alice", 100), passwords.take_try("alice", 159)), (Err(60), Err(1)));
        assert_eq!(passwords.take_try("bob", 100), Ok(()));
        assert_eq!(passwords.take_try("alice", 160), Ok(()));
        assert!(passwords.check("alice", "right"));
        for _ in 0..5 {
            assert!(passwords.take_try("alice", 161).is_ok(), "the right one gave all tries back");
        }
        assert!(passwords.take_try("alice", 161).is_err());
    }

    #[test]
    fn of_forty_guesses_at_once_five_are_looked_at() {
        let passwords = load("alice:right").unwrap();
        let guess = || passwords.take_try("alice", 100).is_ok() && !passwords.check("alice", "wrong");
        let looked_at = std::thread::scope(|scope| {
            let guesses: Vec<_> = (0..40).map(|_| scope.spawn(guess)).collect();
            guesses.into_iter().map(|guess| usize::from(guess.join().unwrap())).sum::<usize>()
        });
        assert_eq!(looked_at, 5);
    }
}
