//! id(1): `id -u`, `id -u USER`, `id -un`.

use crate::Outcome;
use crate::context::Context;
use crate::mac::Mac;

pub(super) fn run(mac: &Mac, context: &Context, arguments: &[String]) -> Outcome {
    let options: String = arguments.iter().filter_map(|word| word.strip_prefix('-')).collect();
    let name = arguments.iter().find(|word| !word.starts_with('-')).unwrap_or(&context.user);
    let Some(user) = mac.any_user(name) else {
        return Outcome::fails(1, format!("id: {name}: no such user\n"));
    };
    let gid = user.values("PrimaryGroupID").first().map_or("20", String::as_str);
    // Its own numbers are unsigned.
    let uid = u32::try_from(user.uid()).unwrap_or(u32::MAX - 1);
    Outcome::says(match options.as_str() {
        "u" => format!("{uid}\n"),
        "un" | "nu" => format!("{}\n", user.name()),
        "g" => format!("{gid}\n"),
        _ => format!("uid={uid}({}) gid={gid} groups={gid}\n", user.name()),
    })
}
