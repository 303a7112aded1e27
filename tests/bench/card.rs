//! The virtual card, `pivkit-vcard`, in the bench's reader.

use std::fs;
use std::path::{Path, PathBuf};

use super::Bench;
use super::process::Service;

/// A virtual card; it leaves the reader when this value is dropped.
pub(crate) struct Card {
    service: Service,
    state: PathBuf,
}

impl Card {
    /// The card of alice: RSA-2048 in 9A, P-256 in 9D.
    pub(crate) fn alice(bench: &Bench) -> Self {
        Self::insert(bench, &["--preset", "alice"])
    }

    /// A card that is started with `args`; its state lies in the directory `card` of the bench.
    pub(crate) fn insert(bench: &Bench, args: &[&str]) -> Self {
        Self::insert_with_state(bench, "card", args)
    }

    /// A card that is started with `args`; `state` is the name of its state directory.
    pub(crate) fn insert_with_state(bench: &Bench, state: &str, args: &[&str]) -> Self {
        let state = bench.path(state);
        let address = bench.reader_address();
        let fixed = ["run", "--vpcd", &address, "--state", state.to_str().unwrap()];
        let binary = super::binary("pivkit-vcard");
        let service = bench.service(binary.to_str().unwrap(), &[&fixed[..], args].concat());
        if !bench.has_pcscd() {
            // The reader is there only while pivkit runs, which waits some seconds for a card: the keys may take longer.
            while !bench.pivkit(&["readers"]).output().success().stdout.contains(": card ") {}
        }
        service.wait_for("that it is in the reader", |line| line.starts_with("card in vpcd").then_some(()));
        if bench.has_pcscd() {
            bench.wait_for_card();
        }
        Self { service, state }
    }

    /// The certificate of the authority that issued a preset's certificates.
    pub(crate) fn authority(&self) -> PathBuf {
        authority(&self.state)
    }

    /// Waits until the card has left by itself.
    pub(crate) fn wait_for_end(&self) {
        self.service.wait_for_end();
    }
}

/// How many PIN tries a card has left, from the file in which it keeps them.
pub(crate) fn pin_tries(bench: &Bench, state: &str) -> u64 {
    tries(bench, state, "pin")
}

/// How many PUK tries a card has left, from the same file.
pub(crate) fn puk_tries(bench: &Bench, state: &str) -> u64 {
    tries(bench, state, "puk")
}

fn tries(bench: &Bench, state: &str, of: &str) -> u64 {
    let file = fs::read_to_string(bench.path(state).join("pin.json")).unwrap();
    let pins: serde_json::Value = serde_json::from_str(&file).unwrap();
    pins[of]["tries_left"].as_u64().unwrap_or_else(|| panic!("no tries in {pins}"))
}

/// Makes the certificate in a slot of a card that is not in the reader unreadable: an object as it should be, with nonsense
/// where the certificate belongs.
pub(crate) fn damage_certificate(bench: &Bench, state: &str, slot: &str) {
    let tag = match slot {
        "9a" => "5fc105",
        "9d" => "5fc10b",
        _ => panic!("no object is known for slot {slot}"),
    };
    let path = bench.path(state).join("card.json");
    let mut card: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let objects = card["objects"].as_object_mut().unwrap();
    let name = objects.keys().find(|name| name.eq_ignore_ascii_case(tag)).cloned().unwrap();
    let good = objects[&name].as_str().unwrap().to_owned();
    // 70: the certificate; 71: CertInfo; FE: the check code. With 53 around them if that is how the card keeps objects.
    let content = "7004deadbeef710100fe00";
    let damaged = if good.starts_with("53") { format!("530b{content}") } else { content.to_owned() };
    objects.insert(name, damaged.into());
    fs::write(path, card.to_string()).unwrap();
}

/// Gives a card that is not in the reader another private key (PKCS#8, PEM) in a slot, and leaves the certificate there: a card
/// that somebody made of another one's certificate.
pub(crate) fn replace_key(bench: &Bench, state: &str, slot: &str, key: &str) {
    let path = bench.path(state).join("card.json");
    let mut card: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let old = card["keys"].get_mut(slot).unwrap_or_else(|| panic!("there was no key in slot {slot}"));
    old["key"] = key.into();
    fs::write(path, card.to_string()).unwrap();
}

/// Where a card with this state writes the certificate of its authority.
pub(crate) fn authority(state: &Path) -> PathBuf {
    state.join("ca.pem")
}
