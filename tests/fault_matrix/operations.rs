//! The operations of the matrix.

use super::Place;
use super::cards::Kind;

/// What is run, and what of it is known beforehand.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) arguments: fn(&Place) -> Vec<String>,
    /// The cards on which it is run.
    pub(super) cards: &'static [Kind],
    /// The exit code without a fault.
    pub(super) code: i32,
    pub(super) effect: Effect,
    pub(super) faults: &'static [&'static str],
}

/// What an operation does beyond telling its result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it prints the same every time.
    Nothing,
    /// Nothing: it prints another signature with the key in 9C every time.
    Signs,
    /// Nothing: it prints another attestation of the key in 9C every time.
    Attests,
    /// Nothing: it lists certificates, and what it could not read.
    Lists,
    /// It signs in at the identity provider.
    LogsIn,
    /// It sends the global PIN. To the card's own PIN it would be wrong.
    UsesGlobalPin,
    /// It spends a try, because the PIN is wrong.
    SpendsTry,
    /// It changes the card's PIN. Afterwards the card has the old or the new one, and takes it.
    ChangesPin,
    /// It changes the PUK. The PIN stays.
    ChangesPuk,
    /// It changes the card in a way that is done again without harm.
    Repeatable,
    /// It goes on where it was cut off, when it is done again.
    Provisions,
    /// It blocks PIN and PUK on purpose, on its way.
    Resets,
}

/// What may go wrong with a command.
pub(super) const FAULTS: &[&str] = &[
    "remove",
    "reset",
    "remove-after",
    "reset-after",
    "sw=6F00",
    "sw=6982",
    "sw=6983",
    "sw=63C1",
    "sw=63C0",
    "sw=9000",
    "sw=6100",
    "sw=6CFF",
    "truncate",
    "truncate=2",
    "truncate=20",
    "garbage",
    "hang=0.05",
    "endless-chain",
    "gzip-bomb",
];
/// One of each kind, where another operation meets all of them at the same commands.
const SOME_FAULTS: &[&str] = &["remove", "reset", "sw=6F00", "sw=9000", "truncate", "garbage"];
const BOTH: &[Kind] = &[Kind::Full, Kind::Short];

/// An operation that changes nothing.
const READING: Operation =
    Operation { name: "", arguments: |_| Vec::new(), cards: BOTH, code: 0, effect: Effect::Nothing, faults: FAULTS };

pub(super) const OPERATIONS: &[Operation] = &[
    Operation { name: "identities", arguments: |_| words("identities --json"), effect: Effect::Lists, ..READING },
    Operation {
        name: "identities of all slots",
        arguments: |_| words("identities --all-slots --json"),
        cards: &[Kind::Full],
        faults: SOME_FAULTS,
        effect: Effect::Lists,
        ..READING
    },
    Operation { name: "hash of a slot", arguments: |_| words("hash --slot 9d"), ..READING },
    Operation {
        name: "pair",
        arguments: |place| with("pair --user alice --slot 9a --yes", &[("--pin-file", &place.pin)]),
        ..READING
    },
    Operation { name: "check", arguments: |place| with("check --user bob", &[("--pin-file", &place.pin)]), ..READING },
    Operation {
        name: "check with a wrong PIN",
        arguments: |place| with("check --user bob", &[("--pin-file", &place.other_pin)]),
        cards: &[Kind::Full],
        code: 4,
        effect: Effect::SpendsTry,
        ..READING
    },
    Operation {
        name: "check with the global PIN",
        // Which is the one that is wrong elsewhere.
        arguments: |place| with("check --user bob", &[("--pin-file", &place.other_pin)]),
        cards: &[Kind::GlobalPin],
        effect: Effect::UsesGlobalPin,
        ..READING
    },
    Operation {
        name: "psso login",
        arguments: |place| place.shared.login_arguments.clone(),
        effect: Effect::LogsIn,
        ..READING
    },
    Operation {
        name: "card info",
        arguments: |_| words("card info --json"),
        cards: &[Kind::Full, Kind::YubiKey],
        effect: Effect::Lists,
        ..READING
    },
    Operation {
        name: "card info",
        arguments: |_| words("card info --json"),
        cards: &[Kind::Short],
        effect: Effect::Lists,
        faults: SOME_FAULTS,
        ..READING
    },
    Operation {
        name: "card verify-pin",
        arguments: |place| with("card verify-pin", &[("--pin-file", &place.pin)]),
        cards: &[Kind::Full, Kind::YubiKey, Kind::Short],
        ..READING
    },
    Operation {
        name: "card sign",
        arguments: |place| {
            let file = place.message.to_str().unwrap().to_owned();
            let sign = "card sign --slot 9a --algorithm RS256";
            [with(sign, &[("--pin-file", &place.pin)]), vec![file]].concat()
        },
        ..READING
    },
    Operation {
        name: "card sign with a key that wants the PIN each time",
        arguments: |place| {
            let file = place.message.to_str().unwrap().to_owned();
            [with("card sign --slot 9c", &[("--pin-file", &place.pin)]), vec![file]].concat()
        },
        cards: &[Kind::YubiKey],
        effect: Effect::Signs,
        ..READING
    },
    Operation {
        name: "card attest",
        arguments: |_| words("card attest --slot 9c"),
        cards: &[Kind::YubiKey],
        effect: Effect::Attests,
        ..READING
    },
    Operation {
        name: "card change-pin",
        arguments: |place| {
            with("card change-pin --yes", &[("--pin-file", &place.pin), ("--new-pin-file", &place.new_pin)])
        },
        cards: &[Kind::YubiKey, Kind::Short],
        effect: Effect::ChangesPin,
        ..READING
    },
    Operation {
        name: "card unblock",
        arguments: |place| {
            with("card unblock --yes", &[("--puk-file", &place.puk), ("--new-pin-file", &place.new_pin)])
        },
        cards: &[Kind::YubiKey],
        effect: Effect::ChangesPin,
        ..READING
    },
    Operation {
        name: "card change-puk",
        arguments: |place| {
            with("card change-puk --yes", &[("--puk-file", &place.puk), ("--new-puk-file", &place.new_puk)])
        },
        cards: &[Kind::YubiKey],
        effect: Effect::ChangesPuk,
        ..READING
    },
    Operation {
        name: "card set-retries",
        arguments: |place| {
            let files = [("--pin-file", &place.pin), ("--new-puk-file", &place.new_puk)];
            with("card set-retries --pin-tries 5 --puk-tries 4 --yes", &files)
        },
        cards: &[Kind::YubiKey],
        effect: Effect::Repeatable,
        ..READING
    },
    Operation {
        name: "card reset",
        arguments: |_| {
            let serial = crate::bench::hosted_card::yubikey().content.serial().unwrap();
            words(&format!("card reset --confirm {serial}"))
        },
        cards: &[Kind::YubiKey],
        effect: Effect::Resets,
        ..READING
    },
    Operation {
        name: "provision",
        arguments: |place| {
            // The card says itself that PIN and PUK are the factory's.
            let files = [("--new-pin-file", &place.new_pin), ("--new-puk-file", &place.new_puk)];
            with("provision --subject CN=alice --slot 9a --yes", &files)
        },
        cards: &[Kind::Factory],
        effect: Effect::Provisions,
        ..READING
    },
    Operation {
        name: "provision with standard commands",
        arguments: |place| {
            let codes = [("--pin-file", &place.pin), ("--puk-file", &place.puk)];
            let new = [("--new-pin-file", &place.new_pin), ("--new-puk-file", &place.new_puk)];
            with("provision --subject CN=alice --slot 9a --use-last-try --yes", &[codes, new].concat())
        },
        cards: &[Kind::Plain],
        effect: Effect::Provisions,
        faults: SOME_FAULTS,
        ..READING
    },
    Operation {
        name: "provision with requests and attestation",
        arguments: |place| {
            let files = [("--new-pin-file", &place.new_pin), ("--new-puk-file", &place.new_puk)];
            let roots = [("--csr-dir", &place.requests), ("--attestation-root", &place.attestation_root)];
            with("provision --subject CN=alice --slot 9a --require-attestation --yes", &[files, roots].concat())
        },
        cards: &[Kind::Factory],
        effect: Effect::Provisions,
        faults: SOME_FAULTS,
        ..READING
    },
    Operation {
        name: "provision in place of what is there",
        arguments: |place| {
            let files = [("--new-pin-file", &place.new_pin), ("--new-puk-file", &place.new_puk)];
            with("provision --subject CN=alice --slot 9d --replace --yes", &files)
        },
        cards: &[Kind::YubiKey],
        effect: Effect::Provisions,
        faults: SOME_FAULTS,
        ..READING
    },
    Operation {
        name: "provision import",
        arguments: |place| {
            let file = place.certificate.to_str().unwrap().to_owned();
            let import = "provision import --slot 9a --replace --yes";
            [with(import, &[("--pin-file", &place.pin)]), vec![file]].concat()
        },
        cards: &[Kind::YubiKey],
        effect: Effect::Repeatable,
        ..READING
    },
];

/// Goes on with a card that does not tell whether PIN and PUK are the factory's: who has replaced the PIN gives the new one.
pub(super) const AFTER_PIN: Operation = Operation {
    name: "provision with standard commands",
    arguments: |place| {
        with("provision --subject CN=alice --slot 9a --use-last-try --yes", &[("--pin-file", &place.new_pin)])
    },
    effect: Effect::Provisions,
    ..READING
};
/// Shows that a card takes its old PIN.
pub(super) const VERIFY_OLD: Operation = Operation {
    name: "card verify-pin",
    arguments: |place| with("card verify-pin", &[("--pin-file", &place.pin)]),
    ..READING
};
/// Shows that a card takes its new PIN.
pub(super) const VERIFY_NEW: Operation = Operation {
    name: "card verify-pin",
    arguments: |place| with("card verify-pin", &[("--pin-file", &place.new_pin)]),
    ..READING
};

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn with(line: &str, files: &[(&str, &std::path::PathBuf)]) -> Vec<String> {
    let files = files.iter().flat_map(|(flag, file)| [(*flag).to_owned(), file.to_str().unwrap().to_owned()]);
    words(line).into_iter().chain(files).collect()
}
