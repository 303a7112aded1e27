//! The card on which tools are compared: certificates in 9A (RSA-2048), 9C (P-256), 9D (RSA-2048), 9E (P-256) and one retired
//! slot (RSA-2048), in a reader that counts.

use std::path::PathBuf;

use super::oracle::{self, P256, RSA2048};
use super::process::Service;
use super::{Bench, PIN};
use crate::foreign_clients::load;

/// The card in its reader; it leaves when this value is dropped.
pub(crate) struct ReferenceCard {
    _service: Service,
    log: PathBuf,
}

/// Certificates and keys for the card, as `--load` of pivkit-vcard takes them.
pub(crate) struct Keys(Vec<String>);

impl Keys {
    /// Makes them; those of 9A for alice.
    pub(crate) fn make(bench: &Bench) -> Self {
        let authority = oracle::authority(bench, "reference-ca");
        let slots: [(&str, &[&str]); 5] =
            [("9a", &RSA2048), ("9c", &P256), ("9d", &RSA2048), ("9e", &P256), ("82", &RSA2048)];
        let loads = slots.map(|(slot, key)| {
            let (certificate, key) =
                oracle::issue(bench, &format!("alice-{slot}"), "alice@example.test", key, &authority);
            load(slot, &certificate, &key)
        });
        Self(loads.to_vec())
    }
}

impl ReferenceCard {
    /// Puts the card into the reader at `address`. `options` are those of `pivkit-vcard run`.
    pub(crate) fn insert(bench: &Bench, address: &str, keys: &Keys, options: &[&str]) -> Self {
        let binary = super::binary("pivkit-vcard");
        // Into a file: what the card has done stands there before anybody has its answer.
        let log = bench.path(format!("commands-{}.log", address.replace(':', "-")));
        let logging = format!("NO_COLOR=1 RUST_LOG=virtual_card=debug exec \"$0\" \"$@\" 2>'{}'", log.display());
        let logging = ["-c", &logging, binary.to_str().unwrap(), "run", "--vpcd", address];
        let loads = keys.0.iter().flat_map(|load| ["--load", load]);
        let args: Vec<&str> = logging.into_iter().chain(loads).chain(options.iter().copied()).collect();
        let service = bench.service("sh", &args);
        service.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
        Self { _service: service, log }
    }

    /// How many commands the card got while `work` went on.
    pub(crate) fn count<T>(&self, work: impl FnOnce() -> T) -> (usize, T) {
        let log = || std::fs::read_to_string(&self.log).unwrap();
        let commands = || log().lines().filter(|line| line.contains("command header=")).count();
        let before = commands();
        let result = work();
        let count = commands() - before;
        assert!(count > 0, "no command was logged: {}", log());
        (count, result)
    }
}

/// The PIN in a file that only its owner may read.
pub(crate) fn pin_file(bench: &Bench) -> String {
    bench.file("pin", PIN).to_str().unwrap().to_owned()
}
