//! `pivkit provision import`: a certificate that an authority issued comes to the key that asked for it.
//!
//! The card's own word says which key is in the slot (metadata), or else a signature over a fresh challenge does. A
//! certificate for another key is never written.

use std::collections::BTreeMap;

use identity::proof::Challenge;
use identity::{Certificate, Hash, PublicKey, Usage};
use piv::LastTry;
use provision::{AdministeredCard, KeyAlgorithm, KeySlot, Object};
use time::OffsetDateTime;

use super::driver::{on_connection, with_card};
use super::plan::{self, Plan, Step};
use super::report::report;
use super::request::{Certificates, ProvisionRequest};
use super::run::{Done, Run};
use super::secrets::{LastTries, ProvisionUi, Secrets, current_pin, guard};
use super::state::{CardState, KeyState};
use super::{PinPolicy, ProvisionError, TouchPolicy};
use crate::choice::connect_one;
use crate::report::ProvisionReport;
use crate::transport::CardReaders;
use crate::{CardChoice, Error};

/// What `pivkit provision import` was asked.
#[derive(Debug)]
pub struct ImportRequest {
    /// Which card.
    pub card: CardChoice,
    /// Which slot.
    pub slot: KeySlot,
    /// The file: one certificate, or a chain with it in it; PEM, DER or PKCS#7.
    pub file: Vec<u8>,
    /// The card's management key, if it is neither the factory's nor on the card under the PIN.
    pub management_key: Option<piv::ManagementKey>,
    /// Whether a certificate that is there may be overwritten.
    pub replace: bool,
    /// Whether the last PIN try may be used.
    pub last_try: LastTry,
    /// Only say what would change.
    pub dry_run: bool,
}

/// Writes the certificate of the file that is for the key in the slot.
///
/// # Errors
///
/// [`Error::Provision`] with [`ProvisionError::OtherKey`], [`ProvisionError::NoKey`] or [`ProvisionError::SlotInUse`] before
/// anything is written, and else as [`provision`](super::provision()).
pub fn import(
    readers: &mut CardReaders,
    request: ImportRequest,
    ui: &mut dyn ProvisionUi,
) -> Result<ProvisionReport, Error> {
    let slot = request.slot;
    let mut card = connect_one(readers, &request.card, ui)?;
    let reader = card.reader().to_owned();
    let in_reader = |source| Error::Card { reader: reader.clone(), source };
    let state = CardState::read(&mut card).map_err(in_reader)?;
    let candidates = candidates(&state, slot, &request.file)?;
    let as_provision = request.into_provision();
    let access = plan::access(&state, &as_provision)?;
    let mut plan = Plan { steps: Vec::new(), notes: Vec::new(), access, keys: BTreeMap::new() };
    let present = state.slot(slot).certificate.present();
    if let [only] = candidates.as_slice()
        && present.is_some_and(|present| present == only)
    {
        return Ok(report(&reader, &state, &plan, &Done::default(), false));
    }
    let there = &state.slot(slot).certificate;
    if !there.is_absent() && !as_provision.replace {
        let holds = match present {
            Some(_) => "another certificate is there".to_owned(),
            None => "its certificate cannot be read".to_owned(),
        };
        return Err(ProvisionError::SlotInUse { slot, holds }.into());
    }
    plan.steps.push(Step::Import { slot });
    if let [only] = candidates.as_slice() {
        plan.notes = shortcomings(slot, only);
    }
    if as_provision.dry_run {
        return Ok(report(&reader, &state, &plan, &Done::default(), false));
    }
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    plan.notes.iter().for_each(|note| ui.note(&format!("note: {note}")));
    if !ui.confirm(&lines, "Do this to the card")? {
        return Err(Error::Declined);
    }
    guard(state.pin, as_provision.last_try, &reader)?;
    let last_tries = LastTries { pin: as_provision.last_try, ..LastTries::default() };
    let secrets = Secrets { pin: Some(current_pin(&state, &reader, ui)?), last_tries, ..Secrets::default() };
    let done = Done { steps: lines, changed: true, ..Done::default() };
    let proves = !matches!(state.slot(slot).key, KeyState::Present(_));
    let work = |device: &mut dyn AdministeredCard| {
        let mut run = Run::new(device, &state, &as_provision, secrets, OffsetDateTime::now_utc());
        run.open(access)?;
        let certificate = owned(&mut run, slot, candidates, ui)?;
        let contents = piv::CertificateObject::encode(certificate.der());
        Ok(run.write(access, Object::Certificate(slot), &contents)?)
    };
    let ((), mut card) = match proves {
        true => on_connection(card, last_tries, work)?,
        false => with_card(readers, card, &state, last_tries, work)?,
    };
    let state = CardState::read(&mut card).map_err(in_reader)?;
    Ok(report(&reader, &state, &plan, &done, true))
}

impl ImportRequest {
    /// The same, as far as opening the card goes: no slot is to be filled.
    fn into_provision(self) -> ProvisionRequest {
        ProvisionRequest {
            card: self.card,
            slots: Vec::new(),
            authentication_algorithm: None,
            key_management_algorithm: None,
            pin_policy: PinPolicy::Default,
            touch_policy: TouchPolicy::Default,
            subject: None,
            upn: None,
            email: None,
            certificates: Certificates::SelfSigned { days: 0 },
            management_key: self.management_key,
            keep_management_key: true,
            attestation: None,
            replace: self.replace,
            last_try: self.last_try,
            dry_run: self.dry_run,
        }
    }
}

/// The certificates of the file that may be for the key in the slot; exactly one if the card tells which key that is.
fn candidates(state: &CardState, slot: KeySlot, file: &[u8]) -> Result<Vec<Certificate>, Error> {
    let mut read = Vec::new();
    let mut broken = None;
    for certificate in identity::load::certificates(file) {
        match certificate {
            Ok(certificate) => read.push(certificate),
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    if let (true, Some(source)) = (read.is_empty(), broken) {
        return Err(Error::UnreadableCertificate { slot: super::state::piv_slot(slot), source });
    }
    let content = state.slot(slot);
    match &content.key {
        KeyState::Absent => return Err(ProvisionError::NoKey { slot }.into()),
        KeyState::Present(_) => {
            let key = content.public_key().and_then(|key| PublicKey::from_spki_der(&key).ok());
            read.retain(|certificate| key.as_ref() == Some(certificate.public_key()));
            read.truncate(1);
        }
        KeyState::Unknown => {
            read.retain(|certificate| KeyAlgorithm::of(certificate.spki_der()).is_ok());
            read.truncate(MOST_TRIED);
        }
    }
    if read.is_empty() { Err(ProvisionError::OtherKey { slot }.into()) } else { Ok(read) }
}

/// What speaks against the certificate in this slot, each a phrase. It is written all the same: the authority may know why.
fn shortcomings(slot: KeySlot, certificate: &Certificate) -> Vec<String> {
    let usage = match slot {
        KeySlot::Authentication => Usage::Authentication,
        KeySlot::KeyManagement => Usage::KeyManagement,
    };
    let problems = certificate.problems_at(OffsetDateTime::now_utc());
    problems
        .iter()
        .chain(&certificate.problems_for(usage))
        .map(|problem| format!("the certificate: {problem}"))
        .collect()
}

/// The candidate whose key signs a fresh challenge.
fn owned(
    run: &mut Run<'_>,
    slot: KeySlot,
    candidates: Vec<Certificate>,
    ui: &mut dyn ProvisionUi,
) -> Result<Certificate, Error> {
    if matches!(run.state.slot(slot).key, KeyState::Present(_)) {
        return candidates.into_iter().next().ok_or_else(|| ProvisionError::OtherKey { slot }.into());
    }
    for certificate in candidates {
        let Ok(algorithm) = KeyAlgorithm::of(certificate.spki_der()) else { continue };
        let challenge = Challenge::fresh().map_err(Error::Challenge)?;
        let hash = if algorithm == KeyAlgorithm::P384 { Hash::Sha384 } else { Hash::Sha256 };
        // The card does not tell what its key wants. It may be the PIN each time: the PIN is known to be right by now.
        if let Some(pin) = &run.secrets.pin {
            run.card.verify_pin(pin).map_err(ProvisionError::from)?;
        }
        ui.note("the key is to prove itself; touch the card, should it blink");
        match run.card.sign(slot, algorithm, challenge.message()) {
            Ok(signature) if challenge.verify(&certificate, hash, &signature).is_ok() => return Ok(certificate),
            Ok(_) | Err(provision::Error::NoSuchKey { .. }) => {}
            Err(error) => return Err(ProvisionError::Card(error).into()),
        }
    }
    Err(ProvisionError::OtherKey { slot }.into())
}

/// How many certificates of a file are tried on a card that does not tell its keys.
const MOST_TRIED: usize = 4;
