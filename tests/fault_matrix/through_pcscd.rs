//! The faults at one command, VERIFY with the PIN, through pcscd and its driver, which have a say in what becomes of them.

use std::fs;

use crate::bench::card::{Card, pin_tries};
use crate::bench::{Bench, PIN};

#[test]
fn each_fault_ends_in_order_through_pcscd() {
    let Some(bench) = Bench::pcscd() else { return };
    let pin = bench.file("pin", PIN);
    let pair = ["pair", "--user", "alice", "--slot", "9a", "--pin-file", pin.to_str().unwrap(), "--yes"];
    let faults: [(&str, &[i32]); 8] = [
        ("remove", &[3]),
        ("remove-after", &[3]),
        ("sw=6F00", &[1]),
        ("truncate", &[1]),
        ("garbage", &[0]),
        ("hang=1.5", &[0]),
        ("endless-chain", &[1]),
        // The card leaves and is back a moment later. Whether pcscd notices depends on when it looks.
        ("reset", &[1, 3]),
    ];
    for (fault, codes) in faults {
        let _ = fs::remove_file(bench.authorized_certificates("alice"));
        let file = bench.file("fault", format!("at 2 of 20 {fault}\n"));
        let card = Card::insert(&bench, &["--preset", "alice", "--fault", file.to_str().unwrap()]);
        let output = bench.pivkit(&pair).output().never_panicked();
        let code = output.code.unwrap();
        assert!(codes.contains(&code), "{fault}: {output}");
        assert_eq!(bench.authorized_certificates("alice").exists(), code == 0, "{fault}: {output}");
        assert_eq!(pin_tries(&bench, "card"), 3, "{fault}: {output}");
        // Another card, if that one is gone; else the same, on which the fault has passed.
        let card = if fault.starts_with("remove") {
            card.wait_for_end();
            bench.wait_for_empty_reader();
            Card::insert(&bench, &["--preset", "alice"])
        } else {
            while !bench.pivkit(&["readers"]).output().success().stdout.contains(": card ") {}
            card
        };
        bench.pivkit(&pair).output().success();
        drop(card);
        if fault != "reset" {
            bench.wait_for_empty_reader();
        }
    }
}
