//! Somebody else's PIV card in the bench's reader: Nitrokey's firmware (tests/foreign-card).

use std::path::PathBuf;

use super::oracle::{python, script};
use super::process::Service;
use super::{Bench, not_run};

/// The card; it leaves the reader when this value is dropped, and keeps what is on it.
pub(crate) struct ForeignCard {
    _service: Service,
}

impl ForeignCard {
    /// Puts the card into the reader, as it comes from the factory unless it was there before. `None`, said aloud, where it was
    /// not built.
    pub(crate) fn insert(bench: &Bench) -> Option<Self> {
        let Some(binary) = binary() else {
            return not_run::report("needs tests/foreign-card; scripts/test builds it");
        };
        let state = bench.path("foreign-card");
        let address = bench.reader_address();
        let args = ["--vpcd", &address, "--state", state.to_str().unwrap()];
        let service = bench.service(binary.to_str().unwrap(), &args);
        service.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
        bench.wait_for_card();
        Some(Self { _service: service })
    }

    /// Lets the card make keys, `SLOT=ALGORITHM` each, and gives it certificates for them; they lie in the returned directory
    /// as well.
    pub(crate) fn personalise(&self, bench: &Bench, keys: &[impl AsRef<str>]) -> PathBuf {
        let directory = bench.path("certificates");
        let script = script("personalise_card.py");
        let fixed = [script.to_str().unwrap(), directory.to_str().unwrap()];
        let keys = keys.iter().map(AsRef::as_ref);
        bench.command(python(), &fixed).args(keys).output().success();
        directory
    }
}

/// scripts/test builds it into the directory `foreign-card` of the target directory.
fn binary() -> Option<PathBuf> {
    let pivkit = super::binary("pivkit");
    pivkit.ancestors().map(|path| path.join("foreign-card/debug/foreign-card")).find(|path| path.exists())
}
