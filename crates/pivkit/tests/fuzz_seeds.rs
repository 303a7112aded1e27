//! Every seed of the fuzz targets in fuzz/, through the very functions that are fuzzed. What a fuzzer finds is added to the
//! seeds, and stays found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Each seed as it is, cut short at every length up to 64, and with each of its first 64 bytes changed.
#[test]
fn no_seed_makes_a_target_panic() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let mut count = 0;
    for (name, target) in targets::TARGETS {
        let mut found = 0;
        for entry in fs::read_dir(seeds.join(name)).unwrap_or_else(|error| panic!("{name} has no seeds: {error}")) {
            let seed = fs::read(entry.unwrap().path()).unwrap();
            target(&seed);
            let near = seed.len().min(if is_slow(name) { 4 } else { 64 });
            for index in 0..near {
                target(&seed[..index]);
                let mut changed = seed.clone();
                changed[index] ^= 0x20;
                target(&changed);
            }
            found += 1;
        }
        assert!(found >= 2, "{name} has {found} seeds");
        count += found;
    }
    let folders = fs::read_dir(seeds).unwrap().count();
    assert_eq!(folders, targets::TARGETS.len(), "a target without seeds, or seeds without a target");
    println!("{count} seeds were replayed");
}

/// These encrypt and sign at every turn.
fn is_slow(name: &str) -> bool {
    ["jwe_parse", "login_response", "psso_inspect", "psso_verify"].contains(&name)
}

/// Every target has its file, and is declared to cargo-fuzz.
#[test]
fn every_target_is_declared() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let file = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("pivkit_fuzz::{name}(data)")), "{name}");
    }
}
