//! Every operation with a card, every command of it, every fault: what pivkit makes of it.
//!
//! ```text
//! for each operation            of `operations`, on one kind of card after the other
//!   without a fault             which commands there are, and how it ends
//!   for each command, fault     the same with the fault at that command   -> judge::faulted
//!                               and once more without it                  -> judge::again
//! ```
//!
//! In the matrix a card that hangs answers late and in time. One that hangs for longer than pivkit waits, 30 s, is met at
//! chosen commands only, in tests of their own.

mod cards;
mod claims;
mod judge;
mod operations;
mod through_pcscd;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use cards::Kind;
use virtual_card::{CommandRecord, FaultPlan, InitialPin, Slot, VirtualCard};

use crate::bench::hosted_card::{HostedCard, full, yubikey};
use crate::bench::idp::{Device, Idp};
use crate::bench::process::Output;
use crate::bench::{Bench, PIN, not_run};
use operations::{AFTER_PIN, Effect, FAULTS, OPERATIONS, Operation, VERIFY_NEW, VERIFY_OLD};

#[test]
fn every_operation_every_command_every_fault() {
    let start = Instant::now();
    let home = Home::new();
    let cases: Vec<_> = OPERATIONS
        .iter()
        .flat_map(|operation| operation.cards.iter().map(move |kind| Case { operation, kind: *kind }))
        .collect();
    let surveys = on_all_places(&home.shared, &cases, |place, case| (*case, place.survey(case)));
    let mut points = Vec::new();
    for (case, survey) in &surveys {
        let commands = survey.record.len();
        assert!(commands > 0, "{}: no command was seen", case.operation.name);
        let faults = case.operation.faults;
        points.extend((1..=commands).flat_map(|at| faults.iter().map(move |fault| Point { case, survey, at, fault })));
    }
    let results = on_all_places(&home.shared, &points, |place, point| place.meet(point));
    report(&surveys, &results, start);
    home.assert_logins(&surveys, &results);
}

/// An operation on a kind of card.
#[derive(Clone, Copy)]
struct Case {
    operation: &'static Operation,
    kind: Kind,
}

/// How an operation goes without a fault.
struct Survey {
    output: Output,
    record: Vec<CommandRecord>,
    /// The file with the pairings of alice afterwards.
    account: Option<Vec<u8>>,
}

/// A fault at a command.
struct Point<'a> {
    case: &'a Case,
    survey: &'a Survey,
    at: usize,
    fault: &'static str,
}

/// How that ended.
struct Met {
    fault: &'static str,
    /// The exit code, and that of the operation afterwards.
    codes: (Option<i32>, Option<i32>),
    login: bool,
    complaint: Option<String>,
}

/// What all places share.
#[derive(Clone)]
struct Shared {
    login_arguments: Vec<String>,
}

/// The identity provider, and what was registered there.
struct Home {
    shared: Shared,
    idp: Idp,
    _bench: Bench,
}

impl Home {
    fn new() -> Self {
        let bench = Bench::vpcd();
        let authority = bench.openssl(&["x509", "-inform", "DER"], &full().ca_certificate).bytes;
        let idp = Idp::start(&bench, &bench.file("ca.pem", authority), &[]);
        let device = Device::new(&bench, idp.configuration(&bench));
        device.register(&bench).success();
        let login_arguments = device.login_arguments().into_iter().map(str::to_owned).collect();
        Self { shared: Shared { login_arguments }, idp, _bench: bench }
    }

    /// The provider accepted the logins that ended well, and no other one but such whose answer pivkit refused.
    fn assert_logins(&self, surveys: &[(Case, Survey)], results: &[Met]) {
        let codes = results.iter().filter(|met| met.login).flat_map(|met| [met.codes.0, met.codes.1]);
        let surveyed = surveys.iter().filter(|(case, _)| case.operation.effect == Effect::LogsIn);
        let ended_well = codes.filter(|code| *code == Some(0)).count() + surveyed.count();
        let accepted = self.idp.log().matches("login accepted").count();
        assert_eq!(accepted, ended_well, "a login without a proof was accepted, or the other way round");
    }
}

/// Works on `jobs` at several places at once. The results have the order of the jobs.
fn on_all_places<J: Sync, R: Send>(shared: &Shared, jobs: &[J], work: impl Fn(&Place, &J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..PLACES {
            scope.spawn(|| {
                let place = Place::new(shared);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { break };
                    let result = work(&place, job);
                    results.lock().unwrap().insert(number, result);
                }
            });
        }
    });
    results.into_inner().unwrap().into_values().collect()
}

const PLACES: usize = 6;

/// A reader, and people with accounts.
pub(crate) struct Place {
    bench: Bench,
    shared: Shared,
    pin: PathBuf,
    other_pin: PathBuf,
    new_pin: PathBuf,
    puk: PathBuf,
    new_puk: PathBuf,
    message: PathBuf,
    certificate: PathBuf,
    requests: PathBuf,
    attestation_root: PathBuf,
}

impl Place {
    fn new(shared: &Shared) -> Self {
        let bench = Bench::vpcd();
        let factory = Kind::Factory.card();
        let root = factory.content().attestation_root().unwrap();
        let place = Self {
            requests: bench.path("requests"),
            attestation_root: bench
                .file("attestation-root.pem", bench.openssl(&["x509", "-inform", "DER"], root).bytes),
            pin: bench.file("pin", PIN),
            other_pin: bench.file("other-pin", "654321"),
            new_pin: bench.file("new-pin", "843925"),
            puk: bench.file("puk", "12345678"),
            new_puk: bench.file("new-puk", "86427531"),
            message: bench.file("message", "what the card is asked to sign"),
            certificate: bench.file("9a.der", &yubikey().certificates[&Slot::AUTHENTICATION]),
            shared: shared.clone(),
            bench,
        };
        // Bob stays paired with the card.
        let pair = ["pair", "--user", "bob", "--slot", "9a", "--pin-file", place.pin.to_str().unwrap(), "--yes"];
        let host = HostedCard::insert(&place.bench.reader_address(), Kind::Full.card(), FaultPlan::default());
        place.bench.pivkit(&pair).output().success();
        host.end();
        place
    }

    /// Runs an operation on a card to which happens what is planned. Alice is paired with nothing before.
    fn run(&self, operation: &Operation, card: VirtualCard, plan: FaultPlan) -> (Output, VirtualCard, FaultPlan) {
        self.run_with(&(operation.arguments)(self), card, plan)
    }

    fn run_with(&self, arguments: &[String], card: VirtualCard, plan: FaultPlan) -> (Output, VirtualCard, FaultPlan) {
        let _ = fs::remove_dir_all(self.bench.authorized_certificates("alice").parent().unwrap());
        let _ = fs::remove_dir_all(&self.requests);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let host = HostedCard::insert(&self.bench.reader_address(), card, plan.recording());
        let output = self.bench.pivkit(&arguments).output();
        let (card, plan) = host.end();
        (output, card, plan)
    }

    fn account(&self) -> Option<Vec<u8>> {
        fs::read(self.bench.authorized_certificates("alice")).ok()
    }

    fn survey(&self, case: &Case) -> Survey {
        let (output, _, plan) = self.run(case.operation, case.kind.card(), FaultPlan::default());
        let output = output.exits_with(case.operation.code);
        Survey { output: self.neutral(output), record: plan.record().to_vec(), account: self.account() }
    }

    fn meet(&self, point: &Point<'_>) -> Met {
        let operation = point.case.operation;
        let plan: FaultPlan = format!("at {} {}", point.at, point.fault).parse().unwrap();
        let (output, card, plan) = self.run(operation, point.case.kind.card(), plan);
        let (output, account) = (self.neutral(output), self.account());
        let first = judge::faulted(point, &output, account.as_deref(), &card, &plan);
        let told = first
            .and_then(|()| judge::codes_are_as_told(point, &output, self.has_new_pin(&card), self.has_new_puk(&card)));
        let told = told.and_then(|()| claims::hold(self, point, &output, plan.record()));
        let (next, again) = self.again(point, card);
        let complaint = match (told, again) {
            (Ok(()), Ok(())) => None,
            (Err(why), _) => Some(format!("{why}: {output}")),
            (_, Err(why)) => Some(format!("afterwards, {why}: {next}\nafter {output}")),
        };
        let what = format!("{} at {} of {} on a {}", point.fault, point.at, operation.name, point.case.kind);
        Met {
            fault: point.fault,
            codes: (output.code, next.code),
            login: operation.effect == Effect::LogsIn,
            complaint: complaint.map(|why| format!("{what}: {why}")),
        }
    }

    /// Runs the operation once more, with the PIN that the card has now, or looks what has become of the PIN if it would not
    /// take the same one any more.
    fn again(&self, point: &Point<'_>, card: VirtualCard) -> (Output, Result<(), String>) {
        let operation = point.case.operation;
        let next = match operation.effect {
            Effect::ChangesPin if self.has_new_pin(&card) => &VERIFY_NEW,
            Effect::ChangesPin | Effect::ChangesPuk => &VERIFY_OLD,
            Effect::Provisions if point.case.kind == Kind::Plain && self.has_new_pin(&card) => &AFTER_PIN,
            _ => operation,
        };
        let mut arguments = (next.arguments)(self);
        if operation.effect == Effect::Provisions {
            if self.has_new_pin(&card) && !arguments.iter().any(|argument| argument == "--pin-file") {
                arguments.extend(["--pin-file".to_owned(), self.new_pin.display().to_string()]);
            }
            // Such a card does not tell of a key whose certificate it did not get any more.
            if point.case.kind == Kind::Plain && card.content().object(Slot::AUTHENTICATION.certificate_tag()).is_none()
            {
                arguments.push("--replace".to_owned());
            }
        }
        let (next, card, _) = self.run_with(&arguments, card, FaultPlan::default());
        let next = self.neutral(next);
        let verdict = judge::again(point, &next, self.account().as_deref(), &card);
        let verdict = verdict.and_then(|()| claims::hold_again(self, point, &next));
        (next, verdict)
    }

    fn has_new_pin(&self, card: &VirtualCard) -> bool {
        card.content().has_pin(&InitialPin::from_file(&self.new_pin).unwrap())
    }

    fn has_new_puk(&self, card: &VirtualCard) -> bool {
        card.content().has_puk(&InitialPin::from_file(&self.new_puk).unwrap())
    }

    /// The same text wherever the reader is.
    fn neutral(&self, mut output: Output) -> Output {
        output.stdout = output.stdout.replace(&self.bench.reader_address(), "READER");
        output
    }
}

/// Says how many combinations there were and how they ended; fails with what did not hold.
fn report(surveys: &[(Case, Survey)], results: &[Met], start: Instant) {
    let say = |line: &str| not_run::to_terminal(&format!("{}: {line}", not_run::test_name()));
    for (case, survey) in surveys {
        say(&format!("{} on a {}: {} commands", case.operation.name, case.kind, survey.record.len()));
    }
    for fault in FAULTS {
        let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
        for met in results.iter().filter(|met| met.fault == *fault) {
            *codes.entry(met.codes.0.unwrap_or(-1)).or_default() += 1;
        }
        let codes: Vec<_> = codes.iter().map(|(code, count)| format!("{code} x {count}")).collect();
        say(&format!("{fault}: exit codes {}", codes.join(", ")));
    }
    say(&format!("{} combinations, each with a run afterwards, in {:.0?}", results.len(), start.elapsed()));
    let complaints: Vec<_> = results.iter().filter_map(|met| met.complaint.as_deref()).collect();
    let shown = complaints.iter().take(MOST_SHOWN).copied().collect::<Vec<_>>().join("\n\n");
    assert!(complaints.is_empty(), "{} of {} combinations:\n{shown}", complaints.len(), results.len());
}

const MOST_SHOWN: usize = 30;

/// It looks at the reader only: no command, so nothing can go wrong with one.
#[test]
fn readers_are_listed_without_a_word_to_the_card() {
    const READERS: Operation =
        Operation { name: "readers", arguments: |_| vec!["readers".to_owned(), "--json".to_owned()], ..VERIFY_OLD };
    let place = Place::new(&Shared { login_arguments: Vec::new() });
    let (output, _, plan) = place.run(&READERS, Kind::Full.card(), "at 1 remove".parse().unwrap());
    assert_eq!(plan.record(), []);
    assert!(output.success().json()["readers"][0]["atr"].is_string());
}

/// SELECT, whatever it is for.
#[test]
fn a_card_that_hangs_is_given_up_before_anything_was_read() {
    assert_given_up("identities", "at 1 of A4 hang=3600");
}

/// VERIFY: the answer to the PIN does not come.
#[test]
fn a_card_that_hangs_is_given_up_while_the_pin_is_verified() {
    assert_given_up("pair", "at 2 of 20 hang=3600");
}

/// GENERAL AUTHENTICATE: perhaps somebody should touch the card.
#[test]
fn a_card_that_hangs_is_given_up_while_it_signs() {
    assert_given_up("check", "at 1 of 87 hang=3600");
}

fn assert_given_up(operation: &str, fault: &str) {
    let place = Place::new(&Shared { login_arguments: Vec::new() });
    let operation = OPERATIONS.iter().find(|known| known.name == operation).unwrap();
    let plan: FaultPlan = fault.parse().unwrap();
    let (output, card, plan) = place.run(operation, Kind::Full.card(), plan);
    assert_eq!(plan.pending(), 0, "the fault never came: {output}");
    let output = output.exits_with(3);
    assert!(output.stderr.contains("no answer from reader") && output.stdout.is_empty(), "{output}");
    assert_eq!((card.tries_left(), place.account()), (3, None), "{output}");
    place.run(operation, card, FaultPlan::default()).0.success();
}
