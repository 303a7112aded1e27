//! How a card stands, as a report.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::attestation::Attestation;
use identity::{PublicKey, TokenId};
use provision::KeySlot;
use time::format_description::well_known::Rfc3339;

use super::plan::Plan;
use super::run::Done;
use super::state::CardState;
use crate::report::{AttestedKey, ProvisionReport, ProvisionedSlot, SCHEMA_VERSION};

/// What was planned, and how the card stands: `state`.
pub(super) fn report(reader: &str, state: &CardState, plan: &Plan, done: &Done, carried_out: bool) -> ProvisionReport {
    let management_key = match state.management_key.is_factory {
        true => "factory",
        false if state.admin_data.management_key_stored => "protected",
        false => "other",
    };
    let token_id = state.guid().and_then(|guid| TokenId::from_guid(&guid).ok());
    ProvisionReport {
        schema_version: SCHEMA_VERSION,
        reader: reader.to_owned(),
        serial: state.serial,
        firmware: state.version.map(|version| version.to_string()),
        guid: state.guid().map(hex::encode_upper),
        token_id: token_id.map(|token| token.to_string()),
        plan: if carried_out { done.steps.clone() } else { plan.steps.iter().map(ToString::to_string).collect() },
        notes: plan.notes.clone(),
        changed: done.changed,
        management_key,
        pin_is_factory: state.pin.is_factory,
        puk_is_factory: state.puk.is_factory,
        slots: KeySlot::ALL.into_iter().map(|slot| slot_report(slot, state, plan, done)).collect(),
    }
}

fn slot_report(slot: KeySlot, state: &CardState, plan: &Plan, done: &Done) -> ProvisionedSlot {
    let content = state.slot(slot);
    let key = content.public_key().or_else(|| done.keys.get(&slot).or_else(|| plan.keys.get(&slot)).cloned());
    let key = key.and_then(|key| PublicKey::from_spki_der(&key).ok());
    let certificate = content.certificate.present().filter(|_| content.certificate_fits());
    ProvisionedSlot {
        slot: slot.to_string(),
        algorithm: key.as_ref().map(|key| key.algorithm().to_string()),
        pairing_hash: key.as_ref().map(|key| key.pairing_hash().to_string()),
        subject: certificate.map(|certificate| certificate.subject().to_owned()),
        not_after: certificate.and_then(|certificate| certificate.not_after().format(&Rfc3339).ok()),
        certificate: certificate.map(|certificate| STANDARD.encode(certificate.der())),
        request: done.requests.get(&slot).cloned(),
        attestation: done.attestations.get(&slot).map(attestation_report),
    }
}

pub(crate) fn attestation_report(attestation: &Attestation) -> AttestedKey {
    let (major, minor, patch) = attestation.firmware;
    AttestedKey {
        firmware: format!("{major}.{minor}.{patch}"),
        serial: attestation.serial,
        pin_policy: attestation.pin_policy.to_string(),
        touch_policy: attestation.touch_policy.to_string(),
        form_factor: attestation.form_factor.map(|form| form.to_string()),
    }
}
