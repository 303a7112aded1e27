//! What is to be done to a card, in which order: a function of its state and of what was asked, and of nothing else.
//!
//! ```text
//! management key under the PIN ──> CHUID, CCC ──> 9A: key, attestation, certificate ──> 9D: the same ──> PIN ──> PUK
//! ```
//!
//! What is as it should be is left out, so a run that was cut off goes on where it stopped. The order leaves no card that
//! nobody can open: PIN and PUK are known to the person before they are set; the management key is kept on the card before it
//! is set. PIN and PUK come last, so that the PIN with which a run began is still right when it is repeated: whatever was cut
//! off, no PIN has to be guessed. A card that does not tell whether they are the factory's is sent neither when all else is
//! done.

mod difference;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use provision::{KeyAlgorithm, KeySlot, Object, PinPolicy, TouchPolicy};

use super::request::{Certificates, USUAL_ALGORITHM};
use super::state::{CardState, ChuidState, KeyState, Trial};
use super::{ProvisionError, ProvisionRequest};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// What a person should know beside.
    pub(crate) notes: Vec<String>,
    /// How the card is opened for writing.
    pub(crate) access: Access,
    /// Keys that are there and stay: SubjectPublicKeyInfo in DER.
    pub(crate) keys: BTreeMap<KeySlot, Vec<u8>>,
}

/// Where the management key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It is the factory's.
    Factory,
    /// It is on the card, under the PIN.
    Protected,
    /// The person has given it.
    Given,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    ChangePuk,
    ChangePin,
    /// Should it be the factory's; the card does not say.
    ChangePinOfFactory,
    ProtectManagementKey,
    /// Set and stored by a run that was cut off.
    MarkManagementKey,
    WriteChuid {
        /// Something that names no card is there.
        replaces: bool,
    },
    WriteCcc,
    Generate {
        slot: KeySlot,
        algorithm: KeyAlgorithm,
        pin: PinPolicy,
        touch: TouchPolicy,
        replaces: bool,
    },
    Attest {
        slot: KeySlot,
    },
    Certify {
        slot: KeySlot,
        days: u32,
    },
    Request {
        slot: KeySlot,
        path: PathBuf,
    },
    /// Only by `import`, which brings the certificate itself.
    Import {
        slot: KeySlot,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChangePuk => f.write_str("replace the PUK"),
            Self::ChangePin => f.write_str("replace the PIN, which is the factory's"),
            Self::ChangePinOfFactory => f.write_str("replace the PIN, should it be the factory's"),
            Self::ProtectManagementKey => {
                f.write_str("replace the factory's management key by a random one, kept on the card under the PIN")
            }
            Self::MarkManagementKey => {
                f.write_str("note on the card that its management key is kept under the PIN, as an earlier run left it")
            }
            Self::WriteChuid { replaces: false } => {
                f.write_str("write a CHUID with a random GUID, which names the card for macOS")
            }
            Self::WriteChuid { replaces: true } => {
                f.write_str("destroy the CHUID and write one with a random GUID, which names the card for macOS")
            }
            Self::WriteCcc => f.write_str("write a card capability container"),
            Self::Generate { slot, algorithm, pin, touch, replaces } => {
                let what = if *replaces { "destroy what is in slot" } else { "fill slot" };
                write!(f, "{what} {slot}: generate a {algorithm} key on the card")?;
                if *pin != PinPolicy::Default {
                    write!(f, ", PIN {pin}")?;
                }
                if *touch != TouchPolicy::Default {
                    write!(f, ", touch {touch}")?;
                }
                Ok(())
            }
            Self::Attest { slot } => write!(f, "verify that the card attests the key in slot {slot}"),
            Self::Certify { slot, days } => {
                write!(f, "write a self-signed certificate into slot {slot}, valid for {days} days")
            }
            Self::Import { slot } => write!(f, "write the certificate into slot {slot}"),
            Self::Request { slot, path } => {
                write!(f, "write a certificate request for slot {slot} to {}", path.display())
            }
        }
    }
}

impl Step {
    /// Whether it wants the management key.
    fn writes(&self) -> bool {
        match self {
            Self::ChangePuk | Self::ChangePin | Self::ChangePinOfFactory => false,
            Self::Attest { .. } | Self::Request { .. } => false,
            Self::ProtectManagementKey | Self::MarkManagementKey | Self::WriteChuid { .. } | Self::WriteCcc => true,
            Self::Generate { .. } | Self::Certify { .. } | Self::Import { .. } => true,
        }
    }

    /// Whether it wants the PIN.
    fn wants_pin(&self) -> bool {
        match self {
            Self::ChangePin | Self::ChangePinOfFactory | Self::ProtectManagementKey | Self::MarkManagementKey => true,
            Self::Certify { .. } | Self::Request { .. } => true,
            Self::ChangePuk | Self::WriteChuid { .. } | Self::WriteCcc => false,
            Self::Generate { .. } | Self::Attest { .. } | Self::Import { .. } => false,
        }
    }
}

impl Plan {
    /// Whether the card has to be opened for writing.
    pub(crate) fn writes(&self) -> bool {
        self.steps.iter().any(Step::writes)
    }

    /// Whether the PIN is needed.
    pub(crate) fn wants_pin(&self) -> bool {
        self.steps.iter().any(Step::wants_pin) || (self.writes() && self.access == Access::Protected)
    }

    /// Whether a certificate or a request will be made.
    pub(crate) fn wants_subject(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Certify { .. } | Step::Request { .. }))
    }
}

/// What is known beside the card.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The keys, SubjectPublicKeyInfo in DER, of the requests that are in the folder already.
    pub(crate) requests: BTreeMap<KeySlot, Vec<u8>>,
    /// The person has given a new PIN on the command line.
    pub(crate) new_pin_given: bool,
    /// The person has given a new PUK on the command line, so it is to be set even if the card says nothing of the old one.
    pub(crate) new_puk_given: bool,
}

/// Makes the plan.
///
/// # Errors
///
/// [`ProvisionError::SlotInUse`], [`ProvisionError::ObjectInUse`], [`ProvisionError::NotAttested`],
/// [`ProvisionError::UnknownManagementKey`].
pub(crate) fn plan(
    state: &CardState,
    request: &ProvisionRequest,
    around: &Surroundings,
) -> Result<Plan, ProvisionError> {
    let mut plan =
        Plan { steps: Vec::new(), notes: Vec::new(), access: access(state, request)?, keys: BTreeMap::new() };
    plan.management_key(state, request);
    plan.chuid(state, request)?;
    if !state.has_ccc {
        plan.steps.push(Step::WriteCcc);
    }
    for slot in KeySlot::ALL.into_iter().filter(|slot| request.slots.contains(slot)) {
        plan.slot(slot, state, request, around)?;
    }
    plan.codes(state, around);
    Ok(plan)
}

/// Where the management key comes from.
pub(super) fn access(state: &CardState, request: &ProvisionRequest) -> Result<Access, ProvisionError> {
    let derived = state.admin_data.salt.is_some();
    match (&request.management_key, state.management_key.is_factory) {
        (_, true) => Ok(Access::Factory),
        (Some(_), false) => Ok(Access::Given),
        (None, false) if state.has_extensions() && !derived => Ok(Access::Protected),
        (None, false) => Err(ProvisionError::UnknownManagementKey),
    }
}

impl Plan {
    /// PIN, then PUK.
    fn codes(&mut self, state: &CardState, around: &Surroundings) {
        let all_else_is_done = self.steps.is_empty();
        match state.pin.is_factory {
            Some(true) => self.steps.push(Step::ChangePin),
            Some(false) if around.new_pin_given => {
                self.notes.push("the PIN is not the factory's; it stays as it is".to_owned());
            }
            Some(false) => {}
            None if all_else_is_done => self.notes.push(untold("PIN", "change-pin")),
            None => self.steps.push(Step::ChangePinOfFactory),
        }
        match state.puk.is_factory {
            Some(true) => self.steps.push(Step::ChangePuk),
            Some(false) if around.new_puk_given => {
                self.notes.push("the PUK is not the factory's; it stays as it is".to_owned());
            }
            Some(false) => {}
            None if all_else_is_done => self.notes.push(untold("PUK", "change-puk")),
            None if around.new_puk_given => self.steps.push(Step::ChangePuk),
            None => self
                .notes
                .push("this card does not say whether its PUK is the factory's; --new-puk-file replaces it".to_owned()),
        }
    }

    fn chuid(&mut self, state: &CardState, request: &ProvisionRequest) -> Result<(), ProvisionError> {
        let holds = match state.chuid {
            ChuidState::Named(_) => return Ok(()),
            ChuidState::Absent => None,
            ChuidState::Nameless => Some("it has no GUID"),
            ChuidState::Unreadable => Some("it cannot be read"),
        };
        if let (Some(holds), false) = (holds, request.replace) {
            return Err(ProvisionError::ObjectInUse { object: Object::Chuid, holds: holds.to_owned() });
        }
        self.steps.push(Step::WriteChuid { replaces: holds.is_some() });
        Ok(())
    }

    fn management_key(&mut self, state: &CardState, request: &ProvisionRequest) {
        let factory = state.management_key.is_factory;
        let stays = "the management key stays the factory's: whoever has the card can write to it".to_owned();
        if factory && request.keep_management_key {
            self.notes.push(stays);
        } else if factory && state.has_extensions() {
            self.steps.push(Step::ProtectManagementKey);
        } else if factory {
            self.notes.push(format!("{stays}; this card has no command to replace it"));
        } else if self.access == Access::Protected && !state.admin_data.management_key_stored {
            self.steps.push(Step::MarkManagementKey);
        }
    }

    fn slot(
        &mut self,
        slot: KeySlot,
        state: &CardState,
        request: &ProvisionRequest,
        around: &Surroundings,
    ) -> Result<(), ProvisionError> {
        let content = state.slot(slot);
        // Where the card does not tell, a request in the folder does: import will have it prove that.
        let requested = around.requests.get(&slot).filter(|_| content.key == KeyState::Unknown);
        let key = content.public_key().or_else(|| requested.cloned());
        let in_use = key.is_some() || content.is_occupied() || content.trial != Trial::NoKey;
        let difference = if in_use { content.difference(slot, key.as_deref(), request) } else { None };
        if let (Some(holds), false) = (&difference, request.replace) {
            return Err(ProvisionError::SlotInUse { slot, holds: holds.clone() });
        }
        let keep = key.filter(|_| !request.replace);
        if request.attestation.is_some() && !state.has_extensions() {
            return Err(ProvisionError::NotAttested { slot, source: None });
        }
        if let Some(key) = &keep {
            self.keys.insert(slot, key.clone());
        } else {
            let algorithm = request.wanted(slot).unwrap_or(USUAL_ALGORITHM);
            state.check_makes(algorithm)?;
            let (pin, touch) = (request.pin_policy, request.touch_policy);
            self.steps.push(Step::Generate { slot, algorithm, pin, touch, replaces: in_use });
        }
        if request.attestation.is_some() {
            self.steps.push(Step::Attest { slot });
        }
        let certified = keep.is_some() && content.certificate_fits();
        match (&request.certificates, request.request_path(slot)) {
            _ if certified => {}
            (Certificates::Requests { .. }, Some(path)) => {
                if keep.is_none() || around.requests.get(&slot) != keep.as_ref() {
                    self.steps.push(Step::Request { slot, path });
                }
            }
            (Certificates::SelfSigned { days }, _) => self.steps.push(Step::Certify { slot, days: *days }),
            (Certificates::Requests { .. }, None) => {}
        }
        Ok(())
    }
}

/// What is left to the person on a card that does not tell.
fn untold(which: &str, command: &str) -> String {
    format!(
        "this card does not say whether its {which} is the factory's; all else is done, so the {which} stays as it is, and \
         `pivkit card {command}` replaces it"
    )
}

impl CardState {
    /// Refuses before anything is changed what the firmware of a YubiKey is known not to make, or to make badly.
    fn check_makes(&self, algorithm: KeyAlgorithm) -> Result<(), ProvisionError> {
        let Some(version) = self.version.filter(|_| self.is_yubikey) else { return Ok(()) };
        let long = matches!(algorithm, KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096);
        let what = match algorithm {
            _ if long && version < LONG_RSA => format!("make a key of type {algorithm} (from firmware 5.7 on)"),
            // CVE-2017-15361, Yubico's advisory YSA-2017-01.
            _ if !algorithm.is_elliptic_curve() && (WEAK_RSA.0..=WEAK_RSA.1).contains(&version) => {
                "make RSA keys that are safe (its firmware has the fault ROCA)".to_owned()
            }
            _ => return Ok(()),
        };
        Err(provision::Error::NotSupported { what }.into())
    }
}

/// The firmware from which on YubiKeys make RSA keys longer than 2048 bits.
const LONG_RSA: piv::Version = piv::Version([5, 7, 0]);
/// The first and the last firmware whose RSA keys can be factored.
const WEAK_RSA: (piv::Version, piv::Version) = (piv::Version([4, 2, 6]), piv::Version([4, 3, 4]));

#[cfg(test)]
mod tests;
