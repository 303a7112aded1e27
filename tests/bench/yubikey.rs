//! A virtual YubiKey in a reader whose name says that it is one, and Yubico's own tools: ykman, yubico-piv-tool.

use std::fs;
use std::path::PathBuf;

use super::card::Card;
use super::oracle::python;
use super::process::Run;
use super::{Bench, not_run};

/// The management key that a YubiKey has to begin with, in hex: 3DES up to firmware 5.6, AES-192 from 5.7 on.
pub(crate) const MANAGEMENT_KEY: &str = "010203040506070801020304050607080102030405060708";

/// The PUK that a YubiKey has to begin with.
pub(crate) const PUK: &str = "12345678";

/// A virtual YubiKey, as it comes from the factory.
pub(crate) struct YubiKey {
    // Dropped in this order.
    _card: Card,
    pub(crate) bench: Bench,
}

impl YubiKey {
    /// Puts a card with a profile of pivkit-vcard into the reader of a new bench. `None`, said aloud, where that cannot be.
    pub(crate) fn insert(profile: &str) -> Option<Self> {
        let bench = Bench::pcscd_with_reader("Yubico YubiKey CCID")?;
        not_run::unless_installed("yubico-piv-tool")?;
        let card = Card::insert(&bench, &["--profile", profile]);
        Some(Self { _card: card, bench })
    }

    /// ykman, on this card. Not through its script, which knows the path of its interpreter from the day it was installed.
    pub(crate) fn ykman(&self, args: &[&str]) -> Run {
        ykman(&self.bench, args)
    }

    /// ykman, with the management key that the card has to begin with.
    pub(crate) fn ykman_as_admin(&self, args: &[&str]) -> Run {
        self.ykman(args).args(["--management-key", MANAGEMENT_KEY])
    }

    /// yubico-piv-tool, on this card.
    pub(crate) fn yubico_piv_tool(&self, args: &[&str]) -> Run {
        self.bench.command("yubico-piv-tool", args)
    }

    /// A file of the scenario, as an argument.
    pub(crate) fn file(&self, name: &str) -> String {
        self.bench.path(name).to_str().unwrap().to_owned()
    }

    /// The certificate that stands above all attestations of this card.
    pub(crate) fn attestation_root(&self) -> PathBuf {
        self.bench.path("card").join("attestation-root.pem")
    }

    /// Asserts that the chain of an attestation is good up to the root, and that it is one for the public key in `public_key`.
    #[track_caller]
    pub(crate) fn assert_attested(&self, attestation: &str, intermediate: &str, public_key: &str) {
        let root = self.attestation_root();
        let verify = ["verify", "-CAfile", root.to_str().unwrap(), "-untrusted", intermediate, attestation];
        self.bench.openssl(&verify, &[]).prints(&[": OK"]);
        let attested = self.bench.openssl(&["x509", "-in", attestation, "-noout", "-pubkey"], &[]);
        assert_eq!(attested.stdout, fs::read_to_string(public_key).unwrap(), "the attestation is for another key");
    }

    /// Asserts that `pivkit identities` shows the certificate of the file in a slot, with openssl's hash.
    #[track_caller]
    pub(crate) fn assert_pivkit_lists(&self, slot: &str, certificate: &str) {
        let bench = &self.bench;
        // Yubico's tools write no key history, which would say that there is something in a retired slot.
        let all: &[&str] = if ["9a", "9c", "9d", "9e"].contains(&slot) { &[] } else { &["--all-slots"] };
        let output = bench.pivkit(&[&["identities", "--json"][..], all].concat()).output().success();
        let report = output.json();
        let identities = report["cards"][0]["identities"].as_array().unwrap();
        let identity = identities.iter().find(|identity| identity["slot"] == slot);
        let identity = identity.unwrap_or_else(|| panic!("slot {slot} is missing: {output}"));
        let expected = super::oracle::der_of(bench, certificate.as_ref());
        assert_eq!(super::from_base64(&identity["certificate"]), expected, "{output}");
        assert_eq!(identity["pairing_hash"], super::oracle::pairing_hash(bench, &expected), "{output}");
    }
}

/// `ykman piv`, on the YubiKey in the bench's reader.
pub(crate) fn ykman(bench: &Bench, args: &[&str]) -> Run {
    // vpcd has a second reader, which is empty.
    let fixed = ["-m", "ykman._cli", "--reader", "Yubico YubiKey CCID 00 00", "piv"];
    bench.command(python(), &fixed).args(args)
}
