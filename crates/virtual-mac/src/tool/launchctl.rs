//! launchctl(1): `asuser UID COMMAND`, `print gui/UID`, `managername`, `manageruid`.
//!
//! What `asuser` does for somebody who is not logged in is unknown: here the command runs, outside of any GUI session.

use super::Deed;
use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;

pub(super) fn run(mac: &Mac, context: &Context, arguments: &[String]) -> Deed {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["asuser", uid, program, ..] => as_user(mac, context, uid, program, arguments.get(3..).unwrap_or_default()),
        ["asuser", ..] => Deed::Answer(Outcome::fails(64, "Usage: launchctl asuser <UID> <command> [arguments...]\n")),
        ["print", domain] => Deed::Answer(print(mac, domain)),
        ["managername"] => {
            Deed::Answer(Outcome::says(if context.session.is_some() { "Aqua\n" } else { "Background\n" }))
        }
        ["manageruid"] => Deed::Answer(Outcome::says(format!("{}\n", context.session.unwrap_or(0)))),
        [verb, ..] => Deed::Answer(Outcome::fails(64, format!("Unrecognized subcommand: {verb}\n"))),
        [] => Deed::Answer(Outcome::fails(64, "Usage: launchctl <subcommand> ... | help [subcommand]\n")),
    }
}

fn as_user(mac: &Mac, context: &Context, uid: &str, program: &str, arguments: &[String]) -> Deed {
    let Ok(uid) = uid.parse::<u32>() else {
        return Deed::Answer(Outcome::fails(64, "Usage: launchctl asuser <UID> <command> [arguments...]\n"));
    };
    if !context.is_root() {
        let text = "Could not switch to audit session 0x187c1: 1: Operation not permitted\n";
        return Deed::Answer(Outcome::fails(1, text));
    }
    let session = Some(uid).filter(|uid| mac.sessions.contains(uid));
    let context = Context { user: context.user.clone(), session };
    Deed::Become { program: program.to_owned(), arguments: arguments.to_vec(), context }
}

fn print(mac: &Mac, domain: &str) -> Outcome {
    match domain.split_once('/') {
        Some(("gui", uid)) => match uid.parse::<u32>() {
            Ok(uid) if mac.sessions.contains(&uid) => Outcome::says(format!(
                "gui/{uid} = {{\n\ttype = login\n\thandle = 100013\n\tactive count = 400\n\tsession = Aqua\n}}\n"
            )),
            _ => Outcome::fails(112, format!("Bad request.\nCould not find domain for user gui: {uid}\n")),
        },
        _ => Outcome::fails(112, "Bad request.\n"),
    }
}
