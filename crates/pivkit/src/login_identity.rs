//! The one identity on a card that logs in, and the proof that the card holds its key.

use identity::proof::{Challenge, Proof};
use identity::select::{Choice, Criteria, SelectError, select};
use identity::{Identity, PairingHash, Problem};
use piv::{LastTry, Pin, Session, Slot};
use time::OffsetDateTime;

use crate::scan::{self, Found, ScanError};
use crate::session::in_session;
use crate::signer::algorithm_id;
use crate::{Error, Ui, UiError};

/// Which identity is meant. Nothing set means: the one in 9a, else the only one for authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityChoice {
    /// The slot.
    pub slot: Option<Slot>,
    /// The pairing hash.
    pub hash: Option<PairingHash>,
}

/// A card, and the identity on it that logs in.
pub(crate) struct LoginIdentity {
    pub(crate) slot: Slot,
    pub(crate) identity: Identity,
}

impl IdentityChoice {
    /// Finds the identity and goes on with it in the same session; lets a person choose, outside of any, where several fit.
    ///
    /// # Errors
    ///
    /// As [`IdentityChoice::find`]; [`Error::Ui`]; those of `go_on`.
    pub(crate) fn with_found<T>(
        &self,
        card: &mut piv::Card,
        ui: &mut dyn Ui,
        mut go_on: impl FnMut(Session<'_>, LoginIdentity) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let reader = card.reader().to_owned();
        let mut attempt = |choice: &Self, card: &mut piv::Card| {
            in_session(card, |mut session| {
                let found = choice.find(&mut session, &reader)?;
                go_on(session, found)
            })
        };
        match attempt(self, card) {
            Err(Error::Select(SelectError::Several { choices })) => attempt(&chosen_by_person(choices, ui)?, card),
            result => result,
        }
    }

    /// Reads as few certificates as it takes: one object where the slot is known or 9a will do.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySlot`], [`Error::UnreadableCertificate`], [`Error::Select`], [`Error::Unfit`] or [`Error::Card`].
    fn find(&self, session: &mut Session<'_>, reader: &str) -> Result<LoginIdentity, Error> {
        let mut found = Vec::new();
        let slots = match (self.slot, self.hash) {
            (Some(slot), _) => vec![slot],
            (None, Some(_)) => all_slots(),
            (None, None) => Slot::STANDARD.to_vec(),
        };
        let chosen = self.read(session, reader, &slots, self.hash.is_some(), |read| {
            found.push(read);
            self.select(&found).ok()
        })?;
        match chosen {
            Some(chosen) => chosen.checked(),
            None => self.select(&found)?.checked(),
        }
    }

    /// The first identity in any slot that `fits`, whatever it is good for.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableCertificate`] or [`Error::Card`].
    pub(crate) fn find_where(
        session: &mut Session<'_>,
        reader: &str,
        fits: impl Fn(&Identity) -> bool,
    ) -> Result<Option<LoginIdentity>, Error> {
        Self::default().read(session, reader, &all_slots(), true, |Found { slot, identity, .. }| {
            fits(&identity).then_some(LoginIdentity { slot, identity })
        })
    }

    /// Reads one slot after the other, until `choose` has what it wants. If broken certificates are passed over, they are an
    /// error only when no other slot has what is wanted.
    fn read(
        &self,
        session: &mut Session<'_>,
        reader: &str,
        slots: &[Slot],
        pass_over_broken: bool,
        mut choose: impl FnMut(Found) -> Option<LoginIdentity>,
    ) -> Result<Option<LoginIdentity>, Error> {
        let mut broken = None;
        for slot in slots.iter().copied() {
            match scan::read_slot(session, slot, None) {
                Ok(Some(read)) => {
                    if let Some(chosen) = choose(read) {
                        return Ok(Some(chosen));
                    }
                }
                Ok(None) if self.slot.is_some() => return Err(Error::EmptySlot { slot }),
                Ok(None) => {}
                Err(error) => {
                    let lost = matches!(&error, ScanError::Card(source) if source.ends_session());
                    let error = error.in_reader(reader);
                    if lost || !pass_over_broken {
                        return Err(error);
                    }
                    broken = broken.or(Some(error));
                }
            }
        }
        broken.map_or(Ok(None), Err)
    }

    pub(crate) fn select(&self, found: &[Found]) -> Result<LoginIdentity, SelectError> {
        let criteria = Criteria { slot: self.slot.map(|slot| slot.to_string()), hash: self.hash };
        let identities: Vec<Identity> = found.iter().map(|found| found.identity.clone()).collect();
        let identity = select(&identities, &criteria)?;
        let slot = found.iter().find(|found| found.identity == *identity).map(|found| found.slot);
        let slot = slot.ok_or(SelectError::None { choices: Vec::new() })?;
        Ok(LoginIdentity { slot, identity: identity.clone() })
    }
}

/// The identity that a person picks of several.
fn chosen_by_person(choices: Vec<Choice>, ui: &mut dyn Ui) -> Result<IdentityChoice, Error> {
    let lines: Vec<String> = choices.iter().map(ToString::to_string).collect();
    match ui.choose("Which identity", &lines) {
        Ok(index) => match choices.get(index) {
            Some(chosen) => Ok(IdentityChoice { slot: chosen.slot.parse().ok(), hash: Some(chosen.pairing_hash) }),
            None => Err(SelectError::Several { choices }.into()),
        },
        Err(UiError::Unanswered { .. }) => Err(SelectError::Several { choices }.into()),
        Err(error) => Err(error.into()),
    }
}

/// Those that are likely first.
pub(crate) fn all_slots() -> Vec<Slot> {
    Slot::STANDARD.into_iter().chain(Slot::retired()).collect()
}

impl LoginIdentity {
    /// Refuses a certificate that would not log in, now or ever.
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let problems: Vec<Problem> = self.identity.problems_at(OffsetDateTime::now_utc());
        if problems.is_empty() {
            return Ok(self);
        }
        let problems = problems.iter().map(ToString::to_string).collect();
        Err(Error::Unfit { slot: self.identity.slot, problems })
    }

    /// Lets the card sign a fresh challenge and verifies the signature with the certificate: the card holds the key.
    ///
    /// # Errors
    ///
    /// [`Error::Card`], [`Error::Algorithm`], [`Error::NotProved`].
    pub(crate) fn prove(
        &self,
        session: Session<'_>,
        reader: &str,
        pin: &Pin,
        last_try: LastTry,
    ) -> Result<Proof, Error> {
        let certificate = &self.identity.certificate;
        let key = certificate.public_key().algorithm();
        let unfit = || Error::Algorithm { key: key.to_string(), algorithm: "a PIV card".to_owned() };
        let algorithm = algorithm_id(key).ok_or_else(unfit)?;
        let challenge = Challenge::fresh().map_err(Error::Challenge)?;
        let signature = session
            .verify_pin(pin, last_try)
            .and_then(|mut verified| verified.sign(self.slot, algorithm, piv::Hash::Sha256, challenge.message()));
        let signature = signature.map_err(|source| Error::Card { reader: reader.to_owned(), source })?;
        challenge.verify(certificate, identity::Hash::Sha256, &signature).map_err(Error::NotProved)
    }
}

#[cfg(test)]
mod tests;
