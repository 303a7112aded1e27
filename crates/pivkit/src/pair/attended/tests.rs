use std::os::unix::fs::MetadataExt;

use pairing::pam_p11::PamP11;
use pairing::{AccountPairings, Applied, Backend, Pairings, Plan, Request, System, Undo, Witness};
use virtual_card::{
    CardOptions, CertificateStorage, Content, InProcess, PrivateKey, Probe, Slot as CardSlot, VirtualCard,
};

use super::*;
use crate::CardChoice;
use crate::report::ReaderReport;

/// A backend that takes an identity in any slot.
struct AnySlot(PamP11);

impl Backend for AnySlot {
    fn name(&self) -> &'static str {
        "any slot"
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, pairing::Error> {
        self.0.pairings(account)
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, pairing::Error> {
        self.0.accounts_with_pairings()
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, pairing::Error> {
        self.0.plan(account, request)
    }

    fn check_access(&self, plan: &Plan) -> Result<(), pairing::Error> {
        self.0.check_access(plan)
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, pairing::Error> {
        self.0.apply_witnessed(plan, witness)
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), pairing::Error> {
        self.0.undo(account, undo)
    }
}

/// A person who takes this identity, and notes what happens.
struct Person {
    takes: usize,
    heard: Vec<String>,
}

impl Ui for Person {
    fn note(&mut self, message: &str) {
        self.heard.push(message.to_owned());
    }

    fn confirm(&mut self, _plan: &[String], question: &str) -> Result<bool, UiError> {
        self.heard.push(question.to_owned());
        Ok(true)
    }

    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, UiError> {
        self.heard.push(format!("{question}: {}", options.join(" | ")));
        Ok(self.takes)
    }

    fn is_attended(&self) -> bool {
        true
    }

    fn pin(&mut self, _reader: &str) -> Result<Pin, UiError> {
        Ok(Pin::new("123456").unwrap())
    }
}

/// A folder that stands for a system with alice, and its accounts.
fn alice(backend: impl FnOnce(System) -> Box<dyn Backend>) -> (tempfile::TempDir, Accounts) {
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("home/alice");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::create_dir(root.path().join("etc")).unwrap();
    let owner = std::fs::metadata(&home).unwrap();
    let line = format!("alice:x:{}:{}::/home/alice:/bin/sh\n", owner.uid(), owner.gid());
    std::fs::write(root.path().join("etc/passwd"), line).unwrap();
    let system = System::root(root.path());
    let backend = backend(system.clone());
    (root, Accounts::with_backend(system, backend))
}

/// A card with certificates for logging in, each with a key of its own, in these slots.
fn card(slots: &[CardSlot]) -> Probe {
    let mut content = Content::blank().unwrap();
    for slot in slots {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        let key = PrivateKey::from_der(&key.serialize_der()).unwrap();
        content.load(*slot, certificate.der(), key, CertificateStorage::Plain).unwrap();
    }
    InProcess::new(VirtualCard::new(content, CardOptions::default())).probe()
}

fn request() -> PairRequest {
    PairRequest {
        user: Some("alice".parse().unwrap()),
        card: CardChoice::default(),
        identity: IdentityChoice::default(),
        last_try: LastTry::Keep,
        replace: None,
        dry_run: false,
    }
}

#[test]
fn of_two_identities_the_person_takes_one() {
    let (_root, accounts) = alice(|system| Box::new(AnySlot(PamP11::new(system))));
    let card = card(&[CardSlot::AUTHENTICATION, CardSlot::SIGNATURE]);
    for takes in [1, 0] {
        let mut person = Person { takes, heard: Vec::new() };
        let readers = &mut CardReaders::in_process(card.clone());
        let report = pair(&accounts, readers, &request(), &mut person).unwrap();
        let question = person.heard.iter().find(|heard| heard.starts_with("Which identity: 9a ")).unwrap();
        let chosen = question.split([':', '|']).nth(takes + 1).unwrap();
        assert!(chosen.contains(&report.pairing_hashes[0]), "{chosen:?} is not {report:?}");
        assert!(report.changed && report.paired.contains(&report.pairing_hashes[0]), "{report:?}");
    }
}

#[test]
fn what_the_backend_cannot_use_is_not_asked_for() {
    let (_root, accounts) = alice(|system| Box::new(PamP11::new(system)));
    let card = card(&[CardSlot::AUTHENTICATION, CardSlot::SIGNATURE]);
    let mut person = Person { takes: 1, heard: Vec::new() };
    let report = pair(&accounts, &mut CardReaders::in_process(card), &request(), &mut person).unwrap();
    assert!(report.changed && person.heard.iter().all(|heard| !heard.contains("Which")), "{:?}", person.heard);
}

#[test]
fn a_reader_and_then_a_card_are_waited_for() {
    let (_root, accounts) = alice(|system| Box::new(PamP11::new(system)));
    let card = card(&[CardSlot::AUTHENTICATION]);
    let empty = ReaderReport { reader: "in process".into(), atr: None, exclusive: false, mute: false, events: 0 };
    let mut readers = CardReaders::in_process_after(card, vec![vec![], vec![], vec![empty.clone()], vec![empty]]);
    let mut person = Person { takes: 0, heard: Vec::new() };
    assert!(pair(&accounts, &mut readers, &request(), &mut person).unwrap().changed);
    let waited: Vec<_> = person.heard.iter().take(3).map(String::as_str).collect();
    let expected =
        ["connect a reader and insert your card", "insert your card", "1 identities on the card in in process"];
    assert_eq!(waited, expected);
}
