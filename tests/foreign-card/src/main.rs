//! `foreign-card`: Nitrokey's PIV firmware in a virtual reader.
//!
//! ```text
//! foreign-card --vpcd HOST:PORT --state DIR
//! ```
//!
//! Prints one line when the card is in the reader, and ends with the reader. What the card keeps lies in DIR. It is a test
//! double: its random numbers are the same each time.

mod backends;
mod card;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use piv_authenticator::{Authenticator, Options};
use trussed::virt::{StorageConfig, StoreConfig, with_platform};

use crate::backends::Backends;
use crate::card::Card;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("foreign-card: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (address, state) = arguments()?;
    std::fs::create_dir_all(&state)?;
    let mut reader = vpicc::connect_socket(address.as_str())?;
    println!("card in vpcd {address}");
    loop {
        power_on(&state, &mut reader)?;
    }
}

fn arguments() -> Result<(String, PathBuf), Box<dyn Error>> {
    let (mut address, mut state) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--vpcd" => address = Some(value),
            "--state" => state = Some(PathBuf::from(value)),
            _ => return Err(format!("there is no option {name}").into()),
        }
    }
    Ok((address.ok_or("--vpcd HOST:PORT is missing")?, state.ok_or("--state DIR is missing")?))
}

/// The life of the card until the power is gone again.
fn power_on(state: &Path, reader: &mut vpicc::Connection) -> std::io::Result<()> {
    let store = StoreConfig {
        internal: StorageConfig::filesystem(state.join("internal")),
        external: StorageConfig::filesystem(state.join("external")),
        volatile: StorageConfig::ram(),
    };
    with_platform(store, |platform| {
        platform.run_client_with_backends("piv", Backends::new(), backends::ALL, |client| {
            let mut card = Card::new(Authenticator::new(client, Options::default()));
            while card.is_powered() {
                reader.poll(&mut card)?;
            }
            Ok(())
        })
    })
}
