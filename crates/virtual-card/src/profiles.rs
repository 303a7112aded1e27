//! The command `pivkit-vcard profiles`: what a virtual card can be.

use std::io::Write;

use virtual_card::{Preset, Profile, Quirk};

/// Prints three lists to the standard output. Nobody may be reading: that is no reason to fail.
pub(crate) fn print() {
    let profiles = Profile::ALL.map(|profile| (profile.name().to_owned(), profile.description()));
    let presets = Preset::ALL.map(|preset| (preset.name().to_owned(), preset.description()));
    let quirks: Vec<_> = Quirk::catalogue().collect();
    let mut text = section("Profiles, --profile NAME", &profiles);
    text.push_str(&section("Presets, --preset NAME, on a card of any profile", &presets));
    text.push_str(&section("Quirks, --quirk NAME[=VALUE],..., on top of a profile", &quirks));
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn section(title: &str, rows: &[(String, &str)]) -> String {
    let rows: Vec<_> = rows.iter().map(|(name, what)| format!("  {name:WIDTH$}  {what}\n")).collect();
    format!("{title}:\n{}\n", rows.concat())
}

const WIDTH: usize = 21;
