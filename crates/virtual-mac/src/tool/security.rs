//! security(1): `list-smartcards`, `smartcards token -l`.

use super::sc_auth::token_id;
use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;

pub(super) fn run(mac: &Mac, _context: &Context, arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["list-smartcards", ..] if mac.cards.is_empty() => {
            Outcome { stderr: b"No smartcards found.\n".to_vec(), ..Outcome::default() }
        }
        ["list-smartcards", ..] => {
            Outcome::says(mac.cards.iter().map(|card| format!("{}\n", token_id(mac, card))).collect::<String>())
        }
        ["smartcards", "token", "-l"] => match mac.settings.get("DisabledTokens") {
            Some(plist::Value::Array(tokens)) => Outcome::says(
                tokens.iter().filter_map(plist::Value::as_string).map(|id| format!("{id}\n")).collect::<String>(),
            ),
            _ => Outcome::says(""),
        },
        [verb, ..] => Outcome::fails(1, format!("security: unknown command \"{verb}\"\n")),
        [] => Outcome::fails(2, "Usage: security [-h] [-i] [-l] [-p prompt] [-q] [-v] [command] [opt ...]\n"),
    }
}
