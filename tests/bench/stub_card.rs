//! Cards that are no PIV cards (tests/python/stub_card.py).

use super::Bench;
use super::oracle::script;
use super::process::Service;

/// Puts a card of the given kind into the bench's reader.
pub(crate) fn insert(bench: &Bench, kind: &str) -> Service {
    insert_into(bench, kind, &bench.reader_address())
}

/// Puts a card of the given kind into the reader at `address`.
pub(crate) fn insert_into(bench: &Bench, kind: &str, address: &str) -> Service {
    let script = script("stub_card.py");
    let stub = bench.service("python3", &[script.to_str().unwrap(), address, kind]);
    if bench.has_pcscd() {
        stub.wait_for("that it is in the reader", |line| (line == "in the reader").then_some(()));
        bench.wait_for_card();
    }
    stub
}
