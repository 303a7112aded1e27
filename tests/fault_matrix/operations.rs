//! The operations of the matrix, a line each.

use virtual_card::ExtendedLength;

use super::Place;

/// What is run, and what of it is known beforehand.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) arguments: fn(&Place) -> Vec<String>,
    /// The cards on which it is run.
    pub(super) lengths: &'static [ExtendedLength],
    /// The exit code without a fault.
    pub(super) code: i32,
    /// How many tries of the PIN it costs without a fault.
    pub(super) tries: u8,
    /// It prints the same every time.
    pub(super) steady: bool,
}

impl Operation {
    pub(super) fn is_login(&self) -> bool {
        self.name == "psso login"
    }

    pub(super) fn is_list(&self) -> bool {
        self.name.starts_with("identities")
    }
}

const BOTH: &[ExtendedLength] = &[ExtendedLength::Honoured, ExtendedLength::Refused];
const HONOURED: &[ExtendedLength] = &[ExtendedLength::Honoured];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "identities",
        arguments: |_| words("identities --json"),
        lengths: BOTH,
        code: 0,
        tries: 0,
        steady: true,
    },
    Operation {
        name: "identities of all slots",
        arguments: |_| words("identities --all-slots --json"),
        lengths: HONOURED,
        code: 0,
        tries: 0,
        steady: true,
    },
    Operation {
        name: "hash of a slot",
        arguments: |_| words("hash --slot 9d"),
        lengths: BOTH,
        code: 0,
        tries: 0,
        steady: true,
    },
    Operation {
        name: "pair",
        arguments: |place| with_pin("pair --user alice --slot 9a --yes", &place.pin),
        lengths: BOTH,
        code: 0,
        tries: 0,
        steady: true,
    },
    Operation {
        name: "check",
        arguments: |place| with_pin("check --user bob", &place.pin),
        lengths: BOTH,
        code: 0,
        tries: 0,
        steady: true,
    },
    Operation {
        name: "check with a wrong PIN",
        arguments: |place| with_pin("check --user bob", &place.wrong_pin),
        lengths: HONOURED,
        code: 4,
        tries: 1,
        steady: true,
    },
    Operation {
        name: "psso login",
        arguments: |place| place.shared.login_arguments.clone(),
        lengths: BOTH,
        code: 0,
        tries: 0,
        steady: false,
    },
];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn with_pin(line: &str, pin: &std::path::Path) -> Vec<String> {
    let mut arguments = words(line);
    arguments.extend(["--pin-file".to_owned(), pin.to_str().unwrap().to_owned()]);
    arguments
}
