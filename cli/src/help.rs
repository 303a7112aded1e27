//! EXAMPLES and EXIT CODES at the end of each command's help. The examples are run as tests.

mod exit_codes;

use clap::Command;

/// One example: what it does, and the command.
struct Example(&'static str, &'static str);

const EXAMPLES: &[(&[&str], &[Example])] = &[
    (
        &[],
        &[Example("What is on the card", "pivkit identities"), Example("How a command is used", "pivkit pair --help")],
    ),
    (&["psso"], &[Example("How a login is made", "pivkit psso login --help")]),
    (
        &["readers"],
        &[Example("Readers and cards", "pivkit readers"), Example("The same for a program", "pivkit readers --json")],
    ),
    (
        &["identities"],
        &[
            Example("Everything on every card", "pivkit identities"),
            Example("One reader only, for a program", "pivkit identities --reader 'Virtual PCD 00 00' --json"),
            Example("Certificate files instead of cards", "pivkit identities --cert alice.pem"),
        ],
    ),
    (
        &["hash"],
        &[
            Example("The hash that `sc_auth pair -h` takes", "pivkit hash alice.pem"),
            Example("All certificates of a folder", "pivkit hash certificates/"),
            Example("The certificate in one slot of the card", "pivkit hash --slot 9a"),
        ],
    ),
    (
        &["pair"],
        &[
            Example("See what would change", "pivkit pair --user alice --dry-run"),
            Example(
                "Pair without questions; `pivkit pair` alone asks them",
                "pivkit pair --user alice --pin-file pin.txt --yes",
            ),
            Example(
                "A renewed card in place of the old one",
                "pivkit pair --user alice --replace --pin-file pin.txt --yes",
            ),
        ],
    ),
    (&["check"], &[Example("Does this card open the account?", "pivkit check --user alice --pin-file pin.txt")]),
    (
        &["list"],
        &[
            Example("Every account with a pairing", "pivkit list"),
            Example("One account, for a program", "pivkit list --user alice --json"),
        ],
    ),
    (
        &["unpair"],
        &[
            Example("See what would be removed", "pivkit unpair --user alice --dry-run"),
            Example("Remove all pairings of an account", "pivkit unpair --user alice --yes"),
        ],
    ),
    (&["bulk"], &[Example("How a manifest is checked", "pivkit bulk plan --help")]),
    (
        &["bulk", "plan"],
        &[
            Example("Check every row, and show what would change", "pivkit bulk plan people.csv"),
            Example("The plan file, for `pivkit bulk apply`", "pivkit bulk plan people.csv --json > plan.json"),
        ],
    ),
    (&["mapping"], &[Example("Whose account would a certificate open?", "pivkit mapping explain --help")]),
    (
        &["mapping", "new"],
        &[
            Example("The usual mapping, by user principal name", "pivkit mapping new"),
            Example(
                "Trust one authority only, and write the file",
                "pivkit mapping new --trusted-ca ca.pem --output SmartcardLogin.plist",
            ),
            Example(
                "Fields and format in so many words",
                "pivkit mapping new --fields 'Common Name,RFC 822 Name' --format '$2-$1' --attribute dsAttrTypeNative:longName",
            ),
        ],
    ),
    (
        &["mapping", "lint"],
        &[
            Example("A file before it is installed", "pivkit mapping lint SmartcardLogin.plist"),
            Example("The same for a program", "pivkit mapping lint SmartcardLogin.plist --json"),
        ],
    ),
    (
        &["mapping", "explain"],
        &[Example(
            "Which value must the account have for this certificate?",
            "pivkit mapping explain --cert alice.pem --file SmartcardLogin.plist",
        )],
    ),
    (
        &["bulk", "apply"],
        &[
            Example("See what would change", "pivkit bulk apply plan.json --journal journal.jsonl --dry-run"),
            Example("Carry it out without questions", "pivkit bulk apply plan.json --journal journal.jsonl --yes"),
            Example(
                "Go on after an interruption, and try again what failed",
                "pivkit bulk apply plan.json --journal journal.jsonl --resume --yes",
            ),
        ],
    ),
    (
        &["bulk", "finish-at-login"],
        &[
            Example("What waits for the person who runs this", "pivkit bulk finish-at-login --dry-run"),
            Example("As the LaunchAgent runs it", "pivkit bulk finish-at-login --yes"),
        ],
    ),
    (
        &["bulk", "undo"],
        &[
            Example("See what would be put back", "pivkit bulk undo journal.jsonl --dry-run"),
            Example("Put it back", "pivkit bulk undo journal.jsonl --yes"),
        ],
    ),
    (
        &["bulk", "station"],
        &[
            Example("A desk with a journal", "pivkit bulk station people.csv --journal desk.jsonl"),
            Example(
                "Cards whose keys the manifest names, without questions",
                "pivkit bulk station people.csv --journal desk.jsonl --no-pin-proof --yes",
            ),
        ],
    ),
    (
        &["bulk", "report"],
        &[
            Example("What failed, and what to do", "pivkit bulk report journal.jsonl"),
            Example("A page for the browser", "pivkit bulk report journal.jsonl --format html --output report.html"),
        ],
    ),
    (
        &["provision"],
        &[
            Example("See what would be done to the card", "pivkit provision --subject 'Alice Example' --dry-run"),
            Example(
                "Make a new card ready without questions",
                "pivkit provision --subject 'Alice Example' --upn alice@example.test --new-pin-file new-pin.txt --random-puk puk.txt --yes",
            ),
        ],
    ),
    (
        &["provision", "import"],
        &[Example(
            "The certificate that an authority issued for the key in slot 9a",
            "pivkit provision import --slot 9a 9a.pem --pin-file new-pin.txt --yes",
        )],
    ),
    (&["psso", "keys"], &[Example("Make the device's keys, or show them", "pivkit psso keys --state device")]),
    (
        &["psso", "register"],
        &[
            Example(
                "Register with the identity provider",
                "pivkit psso register --config psso.toml --state device --user alice",
            ),
            Example(
                "What to enter at an identity provider by hand",
                "pivkit psso register --config psso.toml --state device --user alice --print",
            ),
            Example(
                "For the Secure Enclave method; a key in a file stands in",
                "pivkit psso register --config psso.toml --state device --user alice --method secure-enclave-key",
            ),
        ],
    ),
    (
        &["psso", "login"],
        &[
            Example(
                "Sign in; the card signs with the key in slot 9a",
                "pivkit psso login --config psso.toml --state device --user alice --pin-file pin.txt",
            ),
            Example(
                "With a password, and the key of the tokens in a file",
                "pivkit psso login --config psso.toml --state device --user alice --method password --password-file password.txt --key-store file",
            ),
        ],
    ),
    (
        &["psso", "refresh"],
        &[
            Example("New tokens, without the card", "pivkit psso refresh --state device"),
            Example("The same for a program", "pivkit psso refresh --state device --json"),
        ],
    ),
    (
        &["psso", "key-request"],
        &[Example("A key that the identity provider holds", "pivkit psso key-request --state device")],
    ),
    (
        &["psso", "key-exchange"],
        &[
            Example("Does it have that key?", "pivkit psso key-exchange --state device"),
            Example("Keep the agreed key", "pivkit psso key-exchange --state device --out agreed.key"),
        ],
    ),
    (
        &["psso", "status"],
        &[
            Example("Who is signed in, and until when", "pivkit psso status --state device"),
            Example("The same for a program", "pivkit psso status --state device --json"),
        ],
    ),
    (
        &["psso", "logout"],
        &[
            Example("See what would be removed", "pivkit psso logout --state device --dry-run"),
            Example("Remove it without questions", "pivkit psso logout --state device --yes"),
        ],
    ),
    (&["psso", "config"], &[Example("How a configuration is checked", "pivkit psso config lint --help")]),
    (
        &["psso", "config", "lint"],
        &[
            Example("A file before it is used", "pivkit psso config lint psso.toml"),
            Example("The same for a program", "pivkit psso config lint psso.toml --json"),
        ],
    ),
    (
        &["psso", "config", "example"],
        &[Example("Every field, with what it means", "pivkit psso config example > all-fields.toml")],
    ),
    (
        &["psso", "config", "discover"],
        &[Example("What an issuer says of itself", "pivkit psso config discover https://idp.example")],
    ),
    (
        &["psso", "inspect"],
        &[
            Example(
                "Check a message at the time it was made",
                "pivkit psso inspect assertion.jwt --at 2023-06-02T20:18:44Z",
            ),
            Example("The same for a program", "pivkit psso inspect assertion.jwt --at 2023-06-02T20:18:44Z --json"),
            Example(
                "A login of one's own device, with what `pivkit psso keys --json` prints",
                "pivkit psso inspect login.jwt --verification-key device-key.json",
            ),
        ],
    ),
    (
        &["psso", "verify"],
        &[
            Example(
                "Would the identity provider accept this login?",
                "pivkit psso verify login.jwt --config psso.toml --device-key device-key.json --trust-ca ca.pem",
            ),
            Example(
                "Only as documented, and for this nonce",
                "pivkit psso verify login.jwt --config psso.toml --device-key device-key.json --trust-ca ca.pem \
                 --request-nonce R1 --strict",
            ),
        ],
    ),
    (&["card"], &[Example("How a card is described in a support ticket", "pivkit card info --help")]),
    (
        &["card", "info"],
        &[
            Example("Everything the card says of itself", "pivkit card info"),
            Example("The same for a program", "pivkit card info --json"),
        ],
    ),
    (&["card", "verify-pin"], &[Example("Is this the PIN?", "pivkit card verify-pin --pin-file pin.txt")]),
    (
        &["card", "change-pin"],
        &[
            Example("See what would change", "pivkit card change-pin --dry-run"),
            Example(
                "Change it without questions",
                "pivkit card change-pin --pin-file pin.txt --new-pin-file new-pin.txt --yes",
            ),
        ],
    ),
    (
        &["card", "unblock"],
        &[Example(
            "Give a blocked PIN a new value",
            "pivkit card unblock --puk-file puk.txt --new-pin-file new-pin.txt --yes",
        )],
    ),
    (
        &["card", "change-puk"],
        &[Example(
            "Change it without questions",
            "pivkit card change-puk --puk-file puk.txt --new-puk-file new-puk.txt --yes",
        )],
    ),
    (
        &["card", "set-retries"],
        &[Example(
            "Five tries for both, with a new PUK",
            "pivkit card set-retries --pin-tries 5 --puk-tries 5 --pin-file pin.txt --new-puk-file new-puk.txt --yes",
        )],
    ),
    (&["card", "attest"], &[Example("The card's statement about the key in slot 9a", "pivkit card attest --slot 9a")]),
    (&["card", "reset"], &[Example("See what would be lost", "pivkit card reset --dry-run")]),
    (
        &["card", "sign"],
        &[
            Example("Sign a file", "pivkit card sign --slot 9a --pin-file pin.txt --out letter.sig letter.txt"),
            Example(
                "The same with the fewest commands to the card, for a program",
                "pivkit card sign --slot 9a --algorithm RS256 --pin-file pin.txt --json letter.txt",
            ),
        ],
    ),
    (
        &["doctor"],
        &[
            Example("What speaks against logging in with a card here", "pivkit doctor"),
            Example(
                "What the login modules make of alice's certificate, for a program",
                "pivkit doctor --cert alice.pem --user alice --json",
            ),
        ],
    ),
    (&["completions"], &[Example("For bash", "pivkit completions bash")]),
    (&["man"], &[Example("Manual pages, one for each command", "pivkit man manual")]),
];

/// Adds both sections to every command.
pub(crate) fn extend(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (path, examples)| at(command, path, &section(path, examples)))
}

fn at(command: Command, path: &[&'static str], help: &str) -> Command {
    match path {
        [] => command.after_help(help.to_owned()),
        [name, rest @ ..] => command.mut_subcommand(name, |command| at(command, rest, help)),
    }
}

fn section(path: &[&str], examples: &[Example]) -> String {
    let examples: String =
        examples.iter().map(|Example(what, command)| format!("  {what}:\n    $ {command}\n")).collect();
    format!("EXAMPLES:\n{examples}\n{}", exit_codes::section(path))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn all(command: &Command, path: &[String]) -> Vec<(Vec<String>, Command)> {
        let below = command.get_subcommands().flat_map(|sub| all(sub, &[path, &[sub.get_name().to_owned()]].concat()));
        std::iter::once((path.to_vec(), command.clone())).chain(below).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        extend(Cli::command()).debug_assert();
    }

    #[test]
    fn wherever_a_pin_is_it_comes_from_a_file_or_standard_input_and_its_last_try_is_kept() {
        let commands = all(&extend(Cli::command()), &[]);
        let with_pin = |(path, command): &(Vec<String>, Command)| {
            let has = |flag| command.get_arguments().any(|argument| argument.get_long() == Some(flag));
            let sources = [has("pin-file"), has("pin-stdin")];
            assert!(sources == [true; 2] || sources == [false; 2], "{path:?}");
            assert!(!has("pin-file") && !has("puk-file") || has("use-last-try"), "{path:?}");
            has("pin-file")
        };
        assert!(commands.iter().filter(|command| with_pin(command)).count() >= 9);
    }

    #[test]
    fn every_command_has_examples_and_exit_codes() {
        for (path, command) in all(&extend(Cli::command()), &[]) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("EXAMPLES:\n") && help.contains("EXIT CODES:\n"), "{path:?}");
        }
    }
}
