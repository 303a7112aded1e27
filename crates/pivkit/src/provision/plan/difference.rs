//! How what is in a slot differs from what was asked for.

use provision::{KeyAlgorithm, KeySlot, PinPolicy, TouchPolicy};

use crate::provision::ProvisionRequest;
use crate::provision::state::{CertificateState, KeyState, PresentKey, SlotState, Trial};

impl SlotState {
    pub(super) fn is_occupied(&self) -> bool {
        !self.certificate.is_absent() || matches!(self.key, KeyState::Present(_))
    }

    /// How what is in the slot differs from what was asked for; `None` if it will do.
    pub(super) fn difference(&self, slot: KeySlot, key: Option<&[u8]>, request: &ProvisionRequest) -> Option<String> {
        let Some(key) = key else {
            return Some(match (&self.certificate, self.trial) {
                (CertificateState::Absent, Trial::Key) => "a key without a certificate".to_owned(),
                (CertificateState::Absent, Trial::Unclear) => {
                    "perhaps a key without a certificate; the card does not tell".to_owned()
                }
                _ => "a certificate without its key, or a key of an unknown kind".to_owned(),
            });
        };
        let Ok(algorithm) = KeyAlgorithm::of(key) else { return Some("a key that nothing here makes".to_owned()) };
        if let Some(wanted) = request.wanted(slot).filter(|wanted| *wanted != algorithm) {
            return Some(format!("its key is {algorithm}, not {wanted}"));
        }
        if let KeyState::Present(present) = &self.key
            && let Some(policy) = present.other_policy(request)
        {
            return Some(policy);
        }
        match &self.certificate {
            CertificateState::Unreadable => Some("its certificate cannot be read".to_owned()),
            CertificateState::Present(_) if !self.certificate_fits() => {
                Some("its certificate is for another key".to_owned())
            }
            CertificateState::Present(certificate) => other_names(certificate, request),
            CertificateState::Absent => None,
        }
    }
}

impl PresentKey {
    fn other_policy(&self, request: &ProvisionRequest) -> Option<String> {
        let pin = crate::provision::standard_card::pin_policy(request.pin_policy);
        let touch = crate::provision::standard_card::touch_policy(request.touch_policy);
        if request.pin_policy != PinPolicy::Default && self.pin_policy.is_some_and(|policy| policy != pin) {
            return Some(format!("its key has another PIN policy than {}", request.pin_policy));
        }
        if request.touch_policy != TouchPolicy::Default && self.touch_policy.is_some_and(|policy| policy != touch) {
            return Some(format!("its key has another touch policy than {}", request.touch_policy));
        }
        None
    }
}

/// Names that were asked for and that a certificate does not have.
fn other_names(certificate: &identity::Certificate, request: &ProvisionRequest) -> Option<String> {
    if request.subject.as_ref().is_some_and(|subject| !subject.is_of(certificate.der())) {
        return Some("its certificate is for another subject".to_owned());
    }
    if request.upn.as_ref().is_some_and(|upn| !certificate.upns().contains(upn)) {
        return Some("its certificate has another UPN".to_owned());
    }
    if request.email.as_ref().is_some_and(|email| !certificate.emails().contains(email)) {
        return Some("its certificate has another e-mail address".to_owned());
    }
    None
}
