//! What docs/virtual-mac.md shows is what happens.

use std::fs;

use crate::bench::oracle::{self, P256, RSA2048};
use crate::bench::{Bench, project};
use crate::documented::shell;

#[test]
fn the_example_of_the_virtual_mac_pairs_a_card() {
    let bench = Bench::vpcd();
    let page = fs::read_to_string(project().join("docs/virtual-mac.md")).unwrap();
    let authority = oracle::authority(&bench, "ca");
    for (name, key) in [("9a", &RSA2048[..]), ("9d", &P256)] {
        oracle::issue(&bench, name, "alice@example.test", key, &authority);
    }
    let hash = oracle::pairing_hash(&bench, &oracle::der_of(&bench, &bench.path("9a.pem")));
    let example = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let lines = example.replace("\\\n", " ").replace("HASH", &hash);
    let mut printed = Vec::new();
    for line in lines.lines() {
        printed.push(shell(&bench, line.split('#').next().unwrap()).stdout);
    }
    let [.., identities, paired, state] = printed.as_slice() else { panic!("{printed:?}") };
    assert!(identities.contains(&format!("Unpaired identities:\n{hash}\t")), "{identities}");
    assert_eq!(*paired, format!("User was successfully paired (public key hash: {hash})\n"));
    assert!(state.contains(&format!(";tokenidentity;{hash}")), "{state}");
}
