//! EXIT CODES: those that a command can end with, and no others.

use crate::failure::{ACCOUNT, BULK, FAILED, LOGIN, NO_CARD, NO_IDENTITY, PIN, USAGE};
use crate::interrupt::INTERRUPTED;

/// Every code and what it means. 0, 1, 2 and 130 are for all commands.
const MEANINGS: &[(u8, &str)] = &[
    (0, "done"),
    (FAILED, "failed"),
    (USAGE, "usage: the command line is wrong, or lacks an answer"),
    (NO_CARD, "no reader or no card"),
    (PIN, "PIN wrong or blocked"),
    (NO_IDENTITY, "no usable identity, or refused by a policy or a check"),
    (ACCOUNT, "privilege or account backend"),
    (LOGIN, "identity provider or network"),
    (BULK, "bulk: some rows cannot be carried out, or failed"),
    (INTERRUPTED, "interrupted"),
];

const FOR_ALL: &[u8] = &[0, FAILED, USAGE, INTERRUPTED];

/// A card is read.
const CARD: &[u8] = &[NO_CARD, NO_IDENTITY];
/// A PIN or PUK is sent to a card.
const SECRET: &[u8] = &[NO_CARD, PIN, NO_IDENTITY];
/// A card is to open an account.
const PAIRING: &[u8] = &[NO_CARD, PIN, NO_IDENTITY, ACCOUNT];

/// What each command can end with beside the codes for all. A command that has others below it shows theirs.
const OF_COMMANDS: &[(&[&str], &[u8])] = &[
    (&["readers"], &[NO_CARD]),
    (&["identities"], CARD),
    (&["hash"], CARD),
    (&["pair"], PAIRING),
    (&["check"], PAIRING),
    (&["list"], &[ACCOUNT]),
    (&["unpair"], &[NO_IDENTITY, ACCOUNT]),
    (&["bulk", "plan"], &[ACCOUNT, BULK]),
    (&["mapping", "new"], &[ACCOUNT]),
    (&["mapping", "lint"], &[NO_IDENTITY]),
    (&["mapping", "explain"], &[NO_IDENTITY, ACCOUNT]),
    (&["bulk", "apply"], &[NO_IDENTITY, ACCOUNT, BULK]),
    (&["bulk", "finish-at-login"], &[NO_IDENTITY, ACCOUNT, BULK]),
    (&["bulk", "undo"], &[NO_IDENTITY, ACCOUNT, BULK]),
    (&["bulk", "report"], &[]),
    (&["bulk", "station"], &[NO_CARD, NO_IDENTITY, ACCOUNT, BULK]),
    (&["provision"], SECRET),
    (&["provision", "import"], SECRET),
    (&["psso", "keys"], &[]),
    (&["psso", "register"], &[NO_IDENTITY, LOGIN]),
    (&["psso", "login"], &[NO_CARD, PIN, NO_IDENTITY, LOGIN]),
    (&["psso", "refresh"], &[NO_IDENTITY, LOGIN]),
    (&["psso", "key-request"], &[NO_IDENTITY, LOGIN]),
    (&["psso", "key-exchange"], &[NO_IDENTITY, LOGIN]),
    (&["psso", "status"], &[NO_IDENTITY]),
    (&["psso", "logout"], &[NO_IDENTITY]),
    (&["psso", "config", "lint"], &[NO_IDENTITY]),
    (&["psso", "config", "example"], &[]),
    (&["psso", "config", "discover"], &[LOGIN]),
    (&["psso", "inspect"], &[NO_IDENTITY]),
    (&["psso", "verify"], &[NO_IDENTITY]),
    (&["card", "info"], CARD),
    (&["card", "verify-pin"], SECRET),
    (&["card", "change-pin"], SECRET),
    (&["card", "unblock"], SECRET),
    (&["card", "change-puk"], SECRET),
    (&["card", "set-retries"], SECRET),
    (&["card", "attest"], CARD),
    (&["card", "reset"], CARD),
    (&["card", "sign"], SECRET),
    (&["doctor"], &[NO_IDENTITY, ACCOUNT]),
    (&["completions"], &[]),
    (&["man"], &[]),
];

/// The section for the command at `path`.
pub(super) fn section(path: &[&str]) -> String {
    let meant: Vec<_> = of(path).collect();
    let line = |(code, meaning): &(u8, &str)| format!("\n  {code:<5}{meaning}");
    let lines: String = MEANINGS.iter().filter(|(code, _)| meant.contains(code)).map(line).collect();
    format!("EXIT CODES:{lines}")
}

fn of(path: &[&str]) -> impl Iterator<Item = u8> {
    let below = OF_COMMANDS.iter().filter(move |(command, _)| command.starts_with(path));
    below.flat_map(|(_, codes)| codes.iter()).chain(FOR_ALL).copied()
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;
    use crate::args::Cli;

    fn leaves(command: &Command, path: &[String]) -> Vec<Vec<String>> {
        let below =
            command.get_subcommands().flat_map(|sub| leaves(sub, &[path, &[sub.get_name().to_owned()]].concat()));
        let below: Vec<_> = below.collect();
        if below.is_empty() { vec![path.to_vec()] } else { below }
    }

    #[test]
    fn every_command_says_which_codes_it_can_end_with() {
        for leaf in leaves(&Cli::command(), &[]) {
            assert!(OF_COMMANDS.iter().any(|(path, _)| *path == leaf), "{leaf:?}");
        }
    }

    #[test]
    fn no_command_lists_a_code_that_it_never_ends_with() {
        let codes = |path: &[&str]| -> Vec<u8> {
            let section = section(path);
            section.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
        };
        assert_eq!(codes(&["hash"]), [0, 1, 2, 3, 5, 130]);
        assert_eq!(codes(&["card"]), [0, 1, 2, 3, 4, 5, 130]);
        assert_eq!(codes(&["card", "info"]), [0, 1, 2, 3, 5, 130]);
        assert_eq!(codes(&["psso", "login"]), [0, 1, 2, 3, 4, 5, 7, 130]);
        assert_eq!(codes(&["completions"]), [0, 1, 2, 130]);
        assert_eq!(codes(&[]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 130]);
    }
}
