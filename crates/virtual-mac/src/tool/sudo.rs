//! sudo(8), as far as scripts use it to become somebody: `sudo -iu USER COMMAND`.

use super::Deed;
use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;

pub(super) fn run(mac: &Mac, context: &Context, arguments: &[String]) -> Deed {
    let mut words = arguments.iter();
    let mut user = "root".to_owned();
    let mut program = None;
    while let Some(word) = words.next() {
        let Some(options) = word.strip_prefix('-').filter(|options| *options != "-") else {
            program = if word == "--" { words.next() } else { Some(word) };
            break;
        };
        // Options of one letter in a row; -u takes the rest, or the next word.
        if let Some((_, rest)) = options.split_once('u') {
            let name = if rest.is_empty() { words.next().map_or("", String::as_str) } else { rest };
            user = name.to_owned();
        }
    }
    let Some(program) = program else {
        return Deed::Answer(Outcome::fails(1, "usage: sudo -h | -K | -k | -V\n"));
    };
    // Passwords are nobody's here: only root becomes somebody.
    if !context.is_root() {
        return Deed::Answer(Outcome::fails(1, "sudo: a password is required\n"));
    }
    if mac.any_user(&user).is_none() {
        return Deed::Answer(Outcome::fails(1, format!("sudo: unknown user {user}\n")));
    }
    let context = Context { user, session: context.session };
    Deed::Become { program: program.clone(), arguments: words.cloned().collect(), context }
}
