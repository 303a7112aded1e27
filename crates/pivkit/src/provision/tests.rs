//! Cards in this process, from the factory, cut off, and exchanged for worse ones.

use std::time::Duration;

use piv::{LastTry, Pin, Puk};
use smartcard::StatusWord;
use smartcard::tlv::Tag;
use virtual_card::{CardOptions, Content, Fault, InProcess, Probe, Profile, VirtualCard};

use super::*;
use crate::{CardChoice, Ui, UiError};

mod contents;
mod cut_off;

/// A person who answers what is given here, and nothing else.
#[derive(Default)]
struct Answers {
    pin: Option<&'static str>,
    new_pin: Option<&'static str>,
    puk: Option<&'static str>,
    new_puk: Option<&'static str>,
}

/// What is needed for a card that does not tell its codes.
const ALL: Answers =
    Answers { pin: Some("123456"), new_pin: Some("843925"), puk: Some("12345678"), new_puk: Some("55554444") };

fn answer<T>(text: Option<&str>, flag: &'static str, parse: impl Fn(&str) -> T) -> Result<T, UiError> {
    text.map(parse).ok_or(UiError::Unanswered { question: flag.to_owned(), flag })
}

impl Ui for Answers {
    fn note(&mut self, _message: &str) {}

    fn confirm(&mut self, _plan: &[String], _question: &str) -> Result<bool, UiError> {
        Ok(true)
    }

    fn choose(&mut self, _question: &str, _options: &[String]) -> Result<usize, UiError> {
        Ok(0)
    }

    fn pin(&mut self, _reader: &str) -> Result<Pin, UiError> {
        answer(self.pin, "--pin-file", |text| Pin::new(text).unwrap())
    }

    fn new_pin(&mut self, _reader: &str) -> Result<Pin, UiError> {
        answer(self.new_pin, "--new-pin-file", |text| Pin::new(text).unwrap())
    }

    fn puk(&mut self, _reader: &str) -> Result<Puk, UiError> {
        answer(self.puk, "--puk-file", |text| Puk::new(text).unwrap())
    }

    fn new_puk(&mut self, _reader: &str) -> Result<Puk, UiError> {
        answer(self.new_puk, "--new-puk-file", |text| Puk::new(text).unwrap())
    }
}

impl ProvisionUi for Answers {
    fn new_pin_is_given(&self) -> bool {
        self.new_pin.is_some()
    }

    fn new_puk_is_given(&self) -> bool {
        self.new_puk.is_some()
    }

    fn card(&mut self, _name: &str) {}

    fn subject(&mut self) -> Result<String, UiError> {
        Ok("Alice".to_owned())
    }
}

fn inserted(content: Content) -> Probe {
    let options = CardOptions { profile: content.profile(), ..CardOptions::default() };
    InProcess::new(VirtualCard::new(content, options)).probe()
}

fn factory(profile: Profile) -> Content {
    Content::factory(profile).unwrap()
}

pub(super) fn request() -> ProvisionRequest {
    ProvisionRequest {
        card: CardChoice::default(),
        slots: KeySlot::ALL.to_vec(),
        authentication_algorithm: None,
        key_management_algorithm: None,
        pin_policy: PinPolicy::Default,
        touch_policy: TouchPolicy::Default,
        subject: Some("Alice".parse().unwrap()),
        upn: None,
        email: None,
        certificates: Certificates::SelfSigned { days: 10 },
        management_key: None,
        keep_management_key: false,
        attestation: None,
        replace: false,
        last_try: LastTry::Keep,
        dry_run: false,
    }
}

fn run(card: &Probe, request: &ProvisionRequest, mut answers: Answers) -> Result<ProvisionReport, Error> {
    provision(&mut CardReaders::in_process(card.clone()), request, &mut answers)
}

fn client(card: &Probe) -> piv::Card {
    piv::Card::new(Box::new(card.connect()))
}

/// How often each of the instructions was sent.
fn sent(card: &Probe, instructions: &[u8]) -> usize {
    card.headers().iter().filter(|header| instructions.contains(&header[1])).count()
}

/// CHANGE REFERENCE DATA, RESET RETRY COUNTER, GENERATE, PUT DATA, SET MANAGEMENT KEY.
const CHANGES: [u8; 5] = [0x24, 0x2c, 0x47, 0xdb, 0xff];
