//! sc_auth(8): `identities`, `list`, `pair`, `unpair`, `pairing_ui`, `filevault`.
//!
//! Unknown, and so the plainest thing here: the exit code of a failure (1), what `unpair` says (nothing), and what it does with
//! a hash that is not paired (nothing, with success), without `-u` (the caller is meant), and with `;pubkeyhash;` (nothing).

mod filevault;
mod identities;
mod pair;

pub(super) use identities::token_id;

use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;
use crate::misbehaviour::complaint;

pub(super) fn run(mac: &mut Mac, context: &Context, arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((verb, options)) = words.split_first() else { return usage() };
    let Some(options) = Options::parse(options, context) else { return usage() };
    match *verb {
        "identities" => identities::run(mac),
        "list" => list(mac, &options),
        "pair" => pair::run(mac, context, &options),
        "unpair" => unpair(mac, context, &options),
        "pairing_ui" => pairing_ui(mac, &options),
        "filevault" => filevault::run(mac, &options),
        _ => usage(),
    }
}

/// The options of all verbs.
struct Options<'a> {
    user: &'a str,
    hash: Option<&'a str>,
    /// `-s` of pairing_ui, `-o` of filevault.
    operation: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(words: &[&'a str], context: &'a Context) -> Option<Self> {
        let mut options = Self { user: &context.user, hash: None, operation: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-v" | "-f" => {}
                "-u" => options.user = words.next()?,
                "-h" => options.hash = Some(words.next()?),
                "-s" | "-o" => options.operation = Some(words.next()?),
                "-d" => drop(words.next()?),
                _ => return None,
            }
        }
        Some(options)
    }
}

fn list(mac: &Mac, options: &Options<'_>) -> Outcome {
    let Some(user) = mac.local_user(options.user) else { return no_user(mac, options.user) };
    Outcome::says(user.hashes("tokenidentity").iter().map(|hash| format!("Hash: {hash}\n")).collect::<String>())
}

/// Removes the pairing with a hash, or all; in the user's session also what opens the keychain, which is not reached from
/// elsewhere. Of `;amidentity;` values one goes with each call: scripts repeat it.
fn unpair(mac: &mut Mac, context: &Context, options: &Options<'_>) -> Outcome {
    if !context.is_root() && context.user != options.user {
        return complaint(mac, "Operation not permitted\n");
    }
    let Some(user) = mac.local_user_mut(options.user) else { return no_user(mac, options.user) };
    let meant = |hash: &String| options.hash.is_none_or(|wanted| wanted.eq_ignore_ascii_case(hash));
    let paired: Vec<String> = user.hashes("tokenidentity").into_iter().filter(meant).collect();
    for hash in &paired {
        user.remove("AuthenticationAuthority", &format!(";tokenidentity;{hash}"));
    }
    if let Some(hash) = user.hashes("amidentity").into_iter().find(meant) {
        user.remove("AuthenticationAuthority", &format!(";amidentity;{hash}"));
    }
    let (name, uid) = (user.name().to_owned(), user.uid());
    if context.session.is_some_and(|session| i64::from(session) == uid) {
        mac.keychain(&name).unlocked_by.retain(|hash| !paired.contains(hash));
    }
    Outcome::default()
}

fn pairing_ui(mac: &mut Mac, options: &Options<'_>) -> Outcome {
    match options.operation {
        Some("enable") => mac.pairing_dialog = true,
        Some("disable") => mac.pairing_dialog = false,
        Some("status") => {
            let state = if mac.pairing_dialog { "enabled" } else { "disabled" };
            return Outcome::says(format!("SmartCard Pairing dialog is {state}.\n"));
        }
        _ => return usage(),
    }
    Outcome::default()
}

fn no_user(mac: &Mac, user: &str) -> Outcome {
    complaint(mac, &format!("Cannot find user {user}\n"))
}

fn usage() -> Outcome {
    Outcome::fails(1, "Usage: sc_auth pair|unpair|pairing_ui|identities|list|filevault ...\n")
}
