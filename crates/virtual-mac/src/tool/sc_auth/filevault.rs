//! `sc_auth filevault -o status|enable|disable -u USER -h HASH`.
//!
//! Only the two texts of `status` were seen, both for a SecureToken; what the brackets hold is unknown.

use super::{Options, no_user, usage};
use crate::Outcome;
use crate::mac::Mac;

pub(super) fn run(mac: &mut Mac, options: &Options<'_>) -> Outcome {
    let Some(user) = mac.local_user(options.user) else { return no_user(mac, options.user) };
    let name = user.name().to_owned();
    let has_token = user.values("AuthenticationAuthority").iter().any(|value| value.starts_with(";SecureToken;"));
    match (options.operation, options.hash) {
        (Some("status"), _) => {
            let state = if has_token { format!("present as <{name}>") } else { "not present".to_owned() };
            return Outcome::says(format!("SecureToken for user {name} is needed and is {state}\n"));
        }
        (Some("enable"), Some(hash)) => {
            let hashes = mac.filevault.entry(name).or_default();
            if !hashes.iter().any(|one| one.eq_ignore_ascii_case(hash)) {
                hashes.push(hash.to_uppercase());
            }
        }
        (Some("disable"), hash) => {
            let hashes = mac.filevault.entry(name).or_default();
            hashes.retain(|one| hash.is_some_and(|hash| !one.eq_ignore_ascii_case(hash)));
        }
        _ => return usage(),
    }
    Outcome::default()
}
