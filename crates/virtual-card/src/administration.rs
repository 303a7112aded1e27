//! Authentication with the card management key 9B (SP 800-73-4 Part 2, 3.2.4 and Appendix A.1 to A.3).
//!
//! ```text
//! mutual      7C { 80 }                            -> 7C { 80 E(witness) }
//!             7C { 80 witness  81 challenge }      -> 7C { 82 E(challenge) }     both know the key
//! external    7C { 81 }                            -> 7C { 81 challenge }
//!             7C { 82 E(challenge) }               -> 9000                       the host knows it
//! internal    7C { 81 challenge  82 }              -> 7C { 82 E(challenge) }     the card knows it
//! ```
//!
//! E is the key's cipher on one block: 8 bytes for triple DES, 16 for AES. What the card asked for in a first half is
//! good for the next command with 9B only, so that its own answers are no use as proofs.

use p256::elliptic_curve::subtle::ConstantTimeEq;
use smartcard::StatusWord;
use smartcard::tlv::{self, Tag};
use zeroize::Zeroizing;

use crate::card::{Command, VirtualCard};
use crate::management_key::ManagementAlgorithm;

/// The key reference of the management key.
pub(crate) const MANAGEMENT_KEY: u8 = 0x9b;

/// What the host must come back with.
pub(crate) enum Authentication {
    /// These bytes, which it got encrypted.
    Witness(Zeroizing<Vec<u8>>),
    /// These bytes encrypted.
    Challenge(Vec<u8>),
}

impl VirtualCard {
    /// A proof that fails takes the right to administer the card back.
    pub(crate) fn authenticate_administrator(&mut self, command: &Command) -> Result<Vec<u8>, StatusWord> {
        let begun = self.volatile.authentication.take();
        let algorithm = ManagementAlgorithm::from_identifier(command.p1).ok_or(StatusWord::INCORRECT_P1_P2)?;
        if algorithm != self.content.management_key.algorithm() {
            return Err(StatusWord::INCORRECT_DATA);
        }
        let template = Template::parse(&command.data).ok_or(StatusWord::INCORRECT_DATA)?;
        match (template, begun) {
            (Template { witness: Some([]), challenge: None, response: None }, _) => {
                let witness = Zeroizing::new(random_block(algorithm)?);
                let encrypted = self.encrypt(&witness)?;
                self.volatile.authentication = Some(Authentication::Witness(witness));
                Ok(answer(WITNESS, &encrypted))
            }
            (
                Template { witness: Some(proof), challenge: Some(challenge), response: None | Some([]) },
                Some(Authentication::Witness(witness)),
            ) => {
                let response = self.encrypt(challenge)?;
                self.accept_administrator(proof, &witness)?;
                Ok(answer(RESPONSE, &response))
            }
            (Template { witness: None, challenge: Some([]), response: None }, _) => {
                let challenge = random_block(algorithm)?;
                let out = answer(CHALLENGE, &challenge);
                self.volatile.authentication = Some(Authentication::Challenge(challenge));
                Ok(out)
            }
            (
                Template { witness: None, challenge: None, response: Some(proof) },
                Some(Authentication::Challenge(challenge)),
            ) => {
                let expected = self.encrypt(&challenge)?;
                self.accept_administrator(proof, &expected)?;
                Ok(Vec::new())
            }
            (Template { witness: None, challenge: Some(challenge), response: Some([]) }, _) => {
                Ok(answer(RESPONSE, &self.encrypt(challenge)?))
            }
            // A second half without its first, or no template at all.
            (Template { witness: None, challenge: None, response: Some([_, ..]) }, _)
            | (Template { witness: Some([_, ..]), .. }, _) => Err(StatusWord::CONDITIONS_NOT_SATISFIED),
            _ => Err(StatusWord::INCORRECT_DATA),
        }
    }

    fn accept_administrator(&mut self, proof: &[u8], expected: &[u8]) -> Result<(), StatusWord> {
        self.volatile.administrator = false;
        let proven: bool = proof.ct_eq(expected).into();
        if !proven || !self.touch.is_satisfied(self.content.management_key.touch_policy) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        self.volatile.administrator = true;
        Ok(())
    }

    fn encrypt(&self, block: &[u8]) -> Result<Zeroizing<Vec<u8>>, StatusWord> {
        self.content.management_key.encrypt(block).ok_or(StatusWord::INCORRECT_DATA)
    }
}

/// The data objects of a dynamic authentication template, each at most once.
#[derive(Clone, Copy, Default)]
struct Template<'a> {
    witness: Option<&'a [u8]>,
    challenge: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
}

impl<'a> Template<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let mut template = Self::default();
        for tlv in tlv::Reader::new(tlv::single(data, DYNAMIC_AUTHENTICATION_TEMPLATE).ok()?) {
            let tlv = tlv.ok()?;
            let place = match tlv.tag {
                WITNESS => &mut template.witness,
                CHALLENGE => &mut template.challenge,
                RESPONSE => &mut template.response,
                _ => return None,
            };
            if place.replace(tlv.value).is_some() {
                return None;
            }
        }
        Some(template)
    }
}

fn answer(tag: Tag, value: &[u8]) -> Vec<u8> {
    tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &tlv::encode(tag, value))
}

fn random_block(algorithm: ManagementAlgorithm) -> Result<Vec<u8>, StatusWord> {
    let mut block = vec![0; algorithm.block_length()];
    getrandom::fill(&mut block).map_err(|_| StatusWord::NO_DIAGNOSIS)?;
    Ok(block)
}

const DYNAMIC_AUTHENTICATION_TEMPLATE: Tag = Tag(0x7c);
const WITNESS: Tag = Tag(0x80);
const CHALLENGE: Tag = Tag(0x81);
const RESPONSE: Tag = Tag(0x82);

#[cfg(test)]
mod tests;
