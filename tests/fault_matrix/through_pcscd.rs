//! The faults at VERIFY with the PIN, and at the commands that change a YubiKey's secrets, through pcscd and its driver, which
//! have a say in what becomes of them.

use std::fs;

use super::operations::FAULTS;
use crate::bench::card::{Card, pin_tries, puk_tries};
use crate::bench::{Bench, PIN};
use crate::provision::provision;

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

/// CHANGE REFERENCE DATA comes for the PUK, then for the PIN; SET MANAGEMENT KEY once.
#[test]
fn a_yubikey_meets_each_fault_while_its_puk_is_changed() {
    meets_each_fault("1 of 24");
}

#[test]
fn a_yubikey_meets_each_fault_while_its_pin_is_changed() {
    meets_each_fault("2 of 24");
}

#[test]
fn a_yubikey_meets_each_fault_while_its_management_key_is_changed() {
    meets_each_fault("1 of FF");
}

/// Through pcscd and the crate `yubikey`: whatever comes of a command that changes a secret, `provision` ends in order, and the
/// same command brings the card to its end, with all its tries.
fn meets_each_fault(command: &str) {
    let Some(bench) = Bench::pcscd_with_reader("Yubico YubiKey CCID") else { return };
    // The crate `yubikey` fetches an endless answer without end, so it takes pivkit's whole patience: once will do.
    let patient = |fault: &&&str| **fault != "endless-chain" || command == "1 of FF";
    for (number, fault) in FAULTS.iter().filter(patient).enumerate() {
        let _ = fs::remove_file(bench.path("puk.txt"));
        let file = bench.file("fault", format!("at {command} {fault}\n"));
        let state = format!("card-{number}");
        let faulty = ["--profile", "yubikey-5.4", "--fault", file.to_str().unwrap()];
        let card = Card::insert_with_state(&bench, &state, &faulty);
        let faulted = provision(&bench, "P256", &["--slot", "9a"]);
        let code = faulted.code.unwrap();
        assert!((0..=5).contains(&code), "{fault}: {faulted}");
        assert!(code == 0 || faulted.stderr.lines().any(|line| line.starts_with("pivkit: ")), "{fault}: {faulted}");
        let harmless = fault.starts_with("hang=");
        assert!(code == 0 || !harmless, "{fault}: {faulted}");
        let refused = fault.starts_with("sw=") && *fault != "sw=9000";
        assert!(code != 0 || !refused, "{fault}: {faulted}");
        drop(card);
        bench.wait_for_empty_reader();

        let card = Card::insert_with_state(&bench, &state, &[]);
        let again = provision(&bench, "P256", &["--slot", "9a"]).success();
        let report = again.json();
        let context = format!("{fault}: {faulted}\nafterwards: {again}");
        assert_eq!(report["management_key"], "protected", "{context}");
        assert_eq!((&report["pin_is_factory"], &report["puk_is_factory"]), (&false.into(), &false.into()), "{context}");
        assert!(report["slots"][0]["certificate"].is_string(), "{context}");
        // A card that says it has changed its PIN, and has not, sees a wrong one next; the right one brings the tries back.
        assert_eq!((pin_tries(&bench, &state), puk_tries(&bench, &state)), (3, 3), "{context}");
        drop(card);
        bench.wait_for_empty_reader();
    }
}
