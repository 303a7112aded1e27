//! Cards in this process, and openssl.

use std::path::Path;
use std::process::{Command, Output};

use piv::{Administration, Card, LastTry, ManagementKey, Pin, Puk, VerifiedSession};
use virtual_card::{CardOptions, Content, InProcess, Probe, Profile, Quirks, VirtualCard};

/// A card as its maker sends it out, with these quirks.
pub(crate) fn factory(profile: Profile, quirks: &str) -> (Card, Probe) {
    insert(Content::factory(profile).unwrap(), profile, quirks)
}

pub(crate) fn insert(content: Content, profile: Profile, quirks: &str) -> (Card, Probe) {
    let quirks: Quirks = if quirks.is_empty() { Quirks::default() } else { quirks.parse().unwrap() };
    let options = CardOptions { profile, quirks, ..CardOptions::default() };
    let reader = InProcess::new(VirtualCard::new(content, options));
    let probe = reader.probe();
    (Card::new(Box::new(reader)), probe)
}

pub(crate) fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

pub(crate) fn puk(text: &str) -> Puk {
    Puk::new(text).unwrap()
}

/// The factory's PIN and management key, both opened.
pub(crate) fn administration(card: &mut Card) -> Administration<VerifiedSession<'_>> {
    let session = card.session().unwrap().verify_pin(&pin("123456"), LastTry::Keep).unwrap();
    session.authenticate_management(&ManagementKey::factory_default()).unwrap()
}

pub(crate) fn openssl(directory: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output();
    output.expect("openssl is needed for this test; scripts/setup installs it")
}

/// Runs openssl, which has to be content.
pub(crate) fn openssl_agrees(directory: &Path, arguments: &[&str]) {
    let output = openssl(directory, arguments);
    assert!(output.status.success(), "openssl {arguments:?}: {output:?}");
}
