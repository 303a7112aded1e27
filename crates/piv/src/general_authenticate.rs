//! GENERAL AUTHENTICATE with the key of a slot: signatures, decryption, key agreement (SP 800-73-4 Part 2, 3.2.4, A.3 to
//! A.5).
//!
//! ```text
//! -> 00 87 algorithm slot   7C { 82 (empty: "give me the response")   81 what to sign or decrypt | 85 the other's point }
//! <- 7C { 82 response }
//! ```

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Response, StatusWord};
use zeroize::Zeroizing;

use crate::{AlgorithmId, Error, Slot};

/// What the key of a slot is to do.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Apply the private key to a block: sign what is padded, decrypt what is encrypted.
    Challenge(&'a [u8]),
    /// Agree on a secret with the holder of another key.
    Exponentiation(&'a [u8]),
}

pub(crate) fn command(slot: Slot, algorithm: AlgorithmId, input: Input<'_>) -> Command {
    let (tag, value) = match input {
        Input::Challenge(value) => (CHALLENGE, value),
        Input::Exponentiation(value) => (EXPONENTIATION, value),
    };
    let mut template = Vec::with_capacity(value.len() + 8);
    tlv::push(&mut template, RESPONSE, &[]);
    tlv::push(&mut template, tag, value);
    Command::new(0x00, INS_GENERAL_AUTHENTICATE, algorithm.number(), slot.key_reference())
        .with_data(tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &template))
        .expecting_answer()
        .awaiting_touch()
}

/// What the key made of it: for RSA of the length of the modulus, for ECDSA a signature in DER, for key agreement the
/// secret.
pub(crate) fn answer(slot: Slot, algorithm: AlgorithmId, response: Response) -> Result<Zeroizing<Vec<u8>>, Error> {
    let Response { data, status } = response;
    let data = Zeroizing::new(data);
    match status {
        StatusWord::OK => {}
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => return Err(Error::PinRequired { slot }),
        sw @ (StatusWord::INCORRECT_DATA
        | StatusWord::CONDITIONS_NOT_SATISFIED
        | StatusWord::NOT_FOUND
        | StatusWord::INCORRECT_P1_P2
        | StatusWord::REFERENCE_NOT_FOUND) => return Err(Error::NoKey { slot, algorithm, sw }),
        sw => return Err(Error::Status { command: NAME, sw }),
    }
    let response = value(&data, RESPONSE)?.ok_or(Error::wrong_answer(NAME, "it holds no response"))?;
    Ok(Zeroizing::new(response.to_vec()))
}

/// The value of `tag` in the dynamic authentication template; `None` if there is none, or an empty one.
pub(crate) fn value(data: &[u8], tag: Tag) -> Result<Option<&[u8]>, Error> {
    let malformed = |error| Error::malformed_answer(NAME, error);
    let template = tlv::single(data, DYNAMIC_AUTHENTICATION_TEMPLATE).map_err(malformed)?;
    Ok(tlv::find(template, tag).map_err(malformed)?.filter(|value| !value.is_empty()))
}

pub(crate) const NAME: &str = "GENERAL AUTHENTICATE";
pub(crate) const INS_GENERAL_AUTHENTICATE: u8 = 0x87;
pub(crate) const DYNAMIC_AUTHENTICATION_TEMPLATE: Tag = Tag(0x7c);
pub(crate) const WITNESS: Tag = Tag(0x80);
pub(crate) const CHALLENGE: Tag = Tag(0x81);
pub(crate) const RESPONSE: Tag = Tag(0x82);
const EXPONENTIATION: Tag = Tag(0x85);
