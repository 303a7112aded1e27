//! What the crate `yubikey` sees of a card, printed as lines `NAME: VALUE`: is it a YubiKey to other people's software?
//!
//! `cargo run -p provision --example yubikey_tour -- PIN-FILE` opens the only YubiKey there is, lists its certificates, reads
//! the metadata of slot 9A, and has that key sign, which takes the PIN.
#![forbid(unsafe_code)]

use std::error::Error;

use sha2::{Digest, Sha256};
use yubikey::YubiKey;
use yubikey::piv::{self, AlgorithmId, SlotAlgorithmId, SlotId};

fn main() -> Result<(), Box<dyn Error>> {
    let pin_file = std::env::args().nth(1).ok_or("give the file with the PIN")?;
    let pin = std::fs::read_to_string(pin_file)?;
    let mut card = YubiKey::open()?;
    println!("version: {}", card.version());
    println!("serial: {}", card.serial());
    println!("chuid: {}", card.chuid()?);
    for key in piv::Key::list(&mut card)? {
        println!("key: {:02x} {}", u8::from(key.slot()), key.certificate().subject());
    }
    let metadata = piv::metadata(&mut card, SlotId::Authentication)?;
    println!("origin: {:?}", metadata.origin);
    println!("policy: {:?}", metadata.policy);
    let SlotAlgorithmId::Asymmetric(algorithm) = metadata.algorithm else { return Err("no key in 9a".into()) };
    println!("algorithm: {algorithm:?}");
    if algorithm == AlgorithmId::EccP256 {
        card.verify_pin(pin.trim().as_bytes())?;
        let signature = piv::sign_data(&mut card, &Sha256::digest(b"tour"), algorithm, SlotId::Authentication)?;
        println!("signature: {}", hex::encode(&*signature));
    }
    Ok(())
}
