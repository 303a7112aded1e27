//! GENERAL AUTHENTICATE for signatures (SP 800-73-4 Part 2, 3.2.4 and A.3).
//!
//! ```text
//! -> 00 87 algorithm slot   7C { 82 (empty: "give me the response")   81 what to sign }
//! <- 7C { 82 signature }
//! ```

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Response, StatusWord};

use crate::{AlgorithmId, Error, Slot};

pub(crate) fn command(slot: Slot, algorithm: AlgorithmId, input: &[u8]) -> Command {
    let mut template = Vec::with_capacity(input.len() + 8);
    tlv::push(&mut template, RESPONSE, &[]);
    tlv::push(&mut template, CHALLENGE, input);
    Command::new(0x00, 0x87, algorithm.number(), slot.key_reference())
        .with_data(tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, &template))
        .expecting_answer()
        .awaiting_touch()
}

/// The signature: for RSA of the length of the modulus, for ECDSA in DER.
pub(crate) fn signature(slot: Slot, algorithm: AlgorithmId, response: &Response) -> Result<Vec<u8>, Error> {
    match response.status {
        StatusWord::OK => {}
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => return Err(Error::PinRequired { slot }),
        sw @ (StatusWord::INCORRECT_DATA
        | StatusWord::NOT_FOUND
        | StatusWord::INCORRECT_P1_P2
        | StatusWord::REFERENCE_NOT_FOUND) => return Err(Error::NoKey { slot, algorithm, sw }),
        sw => return Err(Error::Status { command: NAME, sw }),
    }
    let malformed = |error| Error::malformed_answer(NAME, error);
    let template = tlv::single(&response.data, DYNAMIC_AUTHENTICATION_TEMPLATE).map_err(malformed)?;
    let missing = tlv::TlvError { offset: 0, reason: "it holds no signature" };
    let signature = tlv::find(template, RESPONSE).map_err(malformed)?.filter(|signature| !signature.is_empty());
    Ok(signature.ok_or_else(|| malformed(missing))?.to_vec())
}

const NAME: &str = "GENERAL AUTHENTICATE";
const DYNAMIC_AUTHENTICATION_TEMPLATE: Tag = Tag(0x7c);
const CHALLENGE: Tag = Tag(0x81);
const RESPONSE: Tag = Tag(0x82);
