//! Carrying out a plan: each step is read back before the next.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use identity::attestation::Attestation;
use identity::{Hash, PublicKey};
use provision::{
    AdministeredCard, KeyAlgorithm, KeySlot, ManagementKey, ManagementKeyAlgorithm, Object, PinPolicy, TouchPolicy,
    Unsigned, Validity, protected,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::plan::{Access, Plan, Step};
use super::secrets::{Secrets, is_factory_pin};
use super::state::{CardState, KeyState};
use super::{ProvisionError, ProvisionRequest, contents};
use crate::{Error, Ui};

/// What carrying out a plan gives beside a changed card.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) attestations: BTreeMap<KeySlot, Attestation>,
    pub(crate) requests: BTreeMap<KeySlot, String>,
    /// The keys that were made: SubjectPublicKeyInfo in DER.
    pub(crate) keys: BTreeMap<KeySlot, Vec<u8>>,
    /// The steps that were carried out: all, but for those that turned out to be needless.
    pub(crate) steps: Vec<String>,
    /// Whether one of them changed the card, or wrote a file.
    pub(crate) changed: bool,
}

/// A plan that is being carried out.
pub(crate) struct Run<'a> {
    pub(crate) card: &'a mut dyn AdministeredCard,
    pub(crate) state: &'a CardState,
    pub(crate) request: &'a ProvisionRequest,
    pub(crate) secrets: Secrets,
    pub(crate) now: OffsetDateTime,
    keys: BTreeMap<KeySlot, Vec<u8>>,
    open: Open,
    done: Done,
}

/// How far the card is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    No,
    Pin,
    All,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        card: &'a mut dyn AdministeredCard,
        state: &'a CardState,
        request: &'a ProvisionRequest,
        secrets: Secrets,
        now: OffsetDateTime,
    ) -> Self {
        let (keys, done) = (BTreeMap::new(), Done::default());
        Self { card, state, request, secrets, now, keys, open: Open::No, done }
    }

    /// Carries out all of it.
    ///
    /// # Errors
    ///
    /// [`Error::Provision`]: what was done before the step that failed stays done.
    pub(crate) fn carry_out(mut self, plan: &Plan, ui: &mut dyn Ui) -> Result<Done, Error> {
        self.keys = plan.keys.clone();
        for step in &plan.steps {
            let needless = *step == Step::ChangePinOfFactory && !self.secrets.pin.as_ref().is_some_and(is_factory_pin);
            if needless {
                continue;
            }
            ui.note(&format!("{step} ..."));
            self.step(step, plan.access, ui)?;
            self.done.steps.push(step.to_string());
            self.done.changed |= !matches!(step, Step::Attest { .. });
        }
        self.done.keys = self.keys;
        Ok(self.done)
    }

    fn step(&mut self, step: &Step, access: Access, ui: &mut dyn Ui) -> Result<(), Error> {
        match step {
            Step::ChangePuk => self.change_puk()?,
            Step::ChangePin | Step::ChangePinOfFactory => self.change_pin()?,
            Step::ProtectManagementKey => {
                self.open(access)?;
                let algorithm = self.state.management_key.algorithm.map_or(ManagementKeyAlgorithm::TripleDes, key_kind);
                let key = ManagementKey::random(algorithm).map_err(ProvisionError::from)?;
                self.card.protect_management_key(&key).map_err(ProvisionError::from)?;
                self.card.authenticate(&key).map_err(ProvisionError::from)?;
            }
            Step::MarkManagementKey => {
                let mut data = self.state.admin_data.clone();
                data.management_key_stored = true;
                self.write(access, Object::AdminData, &data.encode())?;
            }
            Step::WriteChuid { .. } => {
                self.write(access, Object::Chuid, &contents::chuid(self.secrets.guid, self.now.date()))?;
            }
            Step::WriteCcc => self.write(access, Object::Ccc, &contents::ccc()?)?,
            Step::Generate { slot, algorithm, pin, touch, .. } => {
                self.generate(access, *slot, *algorithm, *pin, *touch)?;
            }
            Step::Attest { slot } => {
                let attestation = self.attest(*slot)?;
                self.done.attestations.insert(*slot, attestation);
            }
            Step::Certify { slot, days } => {
                let not_before = (self.now - Duration::DAY).replace_nanosecond(0).unwrap_or(self.now);
                let validity = Validity { not_before, not_after: not_before + Duration::days((*days).into()) };
                let key = self.key(*slot)?;
                let unsigned = self.template()?.self_signed(*slot, &key, validity).map_err(ProvisionError::from)?;
                let signature = self.sign(*slot, &key, &unsigned, ui)?;
                let certificate = unsigned.signed(&signature).map_err(ProvisionError::from)?;
                self.write(access, Object::Certificate(*slot), &piv::CertificateObject::encode(&certificate))?;
            }
            Step::Import { .. } => {}
            Step::Request { slot, path } => {
                let key = self.key(*slot)?;
                let unsigned = self.template()?.request(*slot, &key).map_err(ProvisionError::from)?;
                let signature = self.sign(*slot, &key, &unsigned, ui)?;
                let pem = unsigned.signed_pem(&signature).map_err(ProvisionError::from)?;
                keep(path, pem.as_bytes())?;
                self.done.requests.insert(*slot, path.display().to_string());
            }
        }
        Ok(())
    }

    fn change_puk(&mut self) -> Result<(), ProvisionError> {
        let (Some(old), Some(new)) = (&self.secrets.puk, &self.secrets.new_puk) else { return Ok(()) };
        Ok(self.card.change_puk(old, new)?)
    }

    /// Changes the PIN, and verifies the new one.
    fn change_pin(&mut self) -> Result<(), ProvisionError> {
        let (Some(old), Some(new)) = (&self.secrets.pin, self.secrets.new_pin.take()) else { return Ok(()) };
        self.card.change_pin(old, &new)?;
        self.card.verify_pin(&new)?;
        self.secrets.pin = Some(new);
        if self.open == Open::No {
            self.open = Open::Pin;
        }
        Ok(())
    }

    fn verify(&mut self) -> Result<(), ProvisionError> {
        if self.open == Open::No {
            if let Some(pin) = &self.secrets.pin {
                self.card.verify_pin(pin)?;
            }
            self.open = Open::Pin;
        }
        Ok(())
    }

    /// Opens the card for writing: the PIN, then the management key.
    pub(crate) fn open(&mut self, access: Access) -> Result<(), ProvisionError> {
        self.verify()?;
        if self.open == Open::All {
            return Ok(());
        }
        let stored = match access {
            Access::Factory => None,
            Access::Protected => {
                let contents = self.card.read(Object::Printed)?;
                // Something else in that object is no key, and so none is known.
                let key = protected::key(contents.as_deref().map_or(&[], Vec::as_slice)).ok().flatten();
                Some(key.ok_or(ProvisionError::UnknownManagementKey)?)
            }
            Access::Given => {
                let key = self.request.management_key.as_ref().ok_or(ProvisionError::UnknownManagementKey)?;
                // It is hexadecimal: it was made from bytes.
                Some(Zeroizing::new(hex::decode(&*key.to_hex()).unwrap_or_default()))
            }
        };
        let algorithm = self.state.management_key.algorithm.map(key_kind);
        let key = match &stored {
            None => ManagementKey::factory(algorithm.unwrap_or(ManagementKeyAlgorithm::TripleDes)),
            Some(bytes) => ManagementKey::new(algorithm.unwrap_or_else(|| usual_kind(bytes.len())), bytes).ok(),
        };
        self.card.authenticate(&key.ok_or(ProvisionError::UnknownManagementKey)?)?;
        self.open = Open::All;
        Ok(())
    }

    /// Writes an object and reads it back.
    pub(crate) fn write(&mut self, access: Access, object: Object, contents: &[u8]) -> Result<(), ProvisionError> {
        self.open(access)?;
        self.card.write(object, contents)?;
        let read = self.card.read(object)?;
        if read.is_none_or(|read| read[..] != *contents) {
            return Err(provision::Error::NotReadBack { what: object.to_string() }.into());
        }
        Ok(())
    }

    fn generate(
        &mut self,
        access: Access,
        slot: KeySlot,
        algorithm: KeyAlgorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
    ) -> Result<(), ProvisionError> {
        self.open(access)?;
        // A certificate that outlives its key would look like a slot that is ready.
        let certificate = Object::Certificate(slot);
        let former = self.card.read(certificate)?;
        if former.is_some() {
            self.card.write(certificate, &[])?;
        }
        let key = self.card.generate(slot, algorithm, pin, touch).map_err(|error| {
            // The key is the former one still where the card has refused, and so its certificate belongs to it.
            let refused = matches!(
                error,
                provision::Error::NotSupported { .. }
                    | provision::Error::Refused { .. }
                    | provision::Error::NotAuthenticated { .. }
            );
            match &former {
                Some(former) if refused => match self.card.write(certificate, former) {
                    Ok(()) => error,
                    Err(_) => provision::Error::NotReadBack { what: certificate.to_string() },
                },
                _ => error,
            }
        })?;
        self.keys.insert(slot, key);
        Ok(())
    }

    fn key(&self, slot: KeySlot) -> Result<Vec<u8>, ProvisionError> {
        self.keys.get(&slot).cloned().ok_or(ProvisionError::NoKey { slot })
    }

    fn template(&self) -> Result<&provision::CertificateTemplate, ProvisionError> {
        let missing = || provision::Error::Input { what: "the subject", why: "it is missing".to_owned() };
        Ok(self.secrets.template.as_ref().ok_or_else(missing)?)
    }

    /// Lets the card sign, and verifies the signature.
    fn sign(&mut self, slot: KeySlot, key: &[u8], unsigned: &Unsigned, ui: &mut dyn Ui) -> Result<Vec<u8>, Error> {
        self.verify()?;
        let (pin, touch) = self.policies(slot);
        if pin == piv::PinPolicy::Always
            && let Some(pin) = &self.secrets.pin
        {
            self.card.verify_pin(pin).map_err(ProvisionError::from)?;
        }
        if matches!(touch, piv::TouchPolicy::Always | piv::TouchPolicy::Cached) {
            ui.note("touch the card when it blinks");
        }
        let algorithm = unsigned.algorithm();
        let signature = self.card.sign(slot, algorithm, unsigned.message()).map_err(ProvisionError::from)?;
        let hash = if algorithm == KeyAlgorithm::P384 { Hash::Sha384 } else { Hash::Sha256 };
        PublicKey::from_spki_der(key)
            .and_then(|key| key.verify(hash, unsigned.message(), &signature))
            .map_err(|source| ProvisionError::Signature { slot, source })?;
        Ok(signature)
    }

    /// What the card asks before it uses a key: of one that was there what it says, of a new one what was asked for.
    fn policies(&self, slot: KeySlot) -> (piv::PinPolicy, piv::TouchPolicy) {
        use super::standard_card::{pin_policy, touch_policy};
        let asked = (pin_policy(self.request.pin_policy), touch_policy(self.request.touch_policy));
        match &self.state.slot(slot).key {
            KeyState::Present(key) if !self.request.replace => {
                (key.pin_policy.unwrap_or(asked.0), key.touch_policy.unwrap_or(asked.1))
            }
            _ => asked,
        }
    }

    fn attest(&mut self, slot: KeySlot) -> Result<Attestation, ProvisionError> {
        let Some(roots) = &self.request.attestation else {
            return Err(ProvisionError::NotAttested { slot, source: None });
        };
        let attestation = self.card.attest(slot).map_err(|error| match error {
            error @ provision::Error::NotSupported { .. } => ProvisionError::NotAttested { slot, source: Some(error) },
            error => ProvisionError::Card(error),
        })?;
        let contents = self.card.read(Object::AttestationCertificate)?;
        let device = contents
            .as_deref()
            .and_then(|contents| piv::CertificateObject::parse(piv::Slot::Authentication, contents).ok().flatten());
        let device = device.ok_or(ProvisionError::NotAttested { slot, source: None })?;
        let key = self.key(slot)?;
        let key = PublicKey::from_spki_der(&key).map_err(|source| ProvisionError::Signature { slot, source })?;
        let attestation = Attestation::verify(&attestation, &device.der, roots, &slot.to_string(), &key)
            .map_err(|source| ProvisionError::Attestation { slot, source })?;
        match (attestation.serial, self.state.serial) {
            (Some(attested), Some(serial)) if attested != serial => Err(ProvisionError::OtherCard { slot }),
            _ => Ok(attestation),
        }
    }
}

fn key_kind(algorithm: piv::ManagementAlgorithm) -> ManagementKeyAlgorithm {
    match algorithm {
        piv::ManagementAlgorithm::TripleDes => ManagementKeyAlgorithm::TripleDes,
        piv::ManagementAlgorithm::Aes128 => ManagementKeyAlgorithm::Aes128,
        piv::ManagementAlgorithm::Aes192 => ManagementKeyAlgorithm::Aes192,
        piv::ManagementAlgorithm::Aes256 => ManagementKeyAlgorithm::Aes256,
    }
}

/// What a key of this length is for on a card that does not say; those are older than AES-192 on such cards.
fn usual_kind(length: usize) -> ManagementKeyAlgorithm {
    match length {
        16 => ManagementKeyAlgorithm::Aes128,
        32 => ManagementKeyAlgorithm::Aes256,
        _ => ManagementKeyAlgorithm::TripleDes,
    }
}

/// Writes a file whole or not at all.
fn keep(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let unfinished = path.with_extension("csr.unfinished");
    let mut file = fs::File::create(&unfinished).map_err(failed)?;
    file.write_all(contents).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)
}
