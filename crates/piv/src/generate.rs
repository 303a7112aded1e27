//! GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 Part 2, 3.3.2; the policies are Yubico's extension).
//!
//! ```text
//! -> 00 47 00 slot   AC { 80 algorithm   [AA PIN policy]   [AB touch policy] }
//! <- 7F49 { public key }
//! ```

use smartcard::tlv::{self, Tag};
use smartcard::{Command, Response, StatusWord};

use crate::{AlgorithmId, Error, PinPolicy, PublicKey, Slot, TouchPolicy};

pub(crate) fn command(slot: Slot, algorithm: AlgorithmId, pin: PinPolicy, touch: TouchPolicy) -> Command {
    let mut template = tlv::encode(CRYPTOGRAPHIC_MECHANISM, &[algorithm.number()]);
    if pin != PinPolicy::Default {
        tlv::push(&mut template, PIN_POLICY, &[pin.number()]);
    }
    if touch != TouchPolicy::Default {
        tlv::push(&mut template, TOUCH_POLICY, &[touch.number()]);
    }
    Command::new(0x00, INS_GENERATE, 0x00, slot.key_reference())
        .with_data(tlv::encode(CONTROL_REFERENCE_TEMPLATE, &template))
        .expecting_answer()
        .taking_time()
}

pub(crate) fn answer(algorithm: AlgorithmId, response: &Response) -> Result<PublicKey, Error> {
    match response.status {
        StatusWord::OK => {}
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => return Err(Error::ManagementKeyRequired { command: NAME }),
        StatusWord::INCORRECT_DATA | StatusWord::INCORRECT_P1_P2 | StatusWord::FUNCTION_NOT_SUPPORTED => {
            return Err(Error::NotSupported { what: "a key of this algorithm, slot and policies" });
        }
        sw => return Err(Error::Status { command: NAME, sw }),
    }
    let malformed = |error| Error::malformed_answer(NAME, error);
    let key = tlv::single(&response.data, PUBLIC_KEY_TEMPLATE).map_err(malformed)?;
    PublicKey::parse(algorithm, key, NAME)
}

const NAME: &str = "GENERATE ASYMMETRIC KEY PAIR";
const INS_GENERATE: u8 = 0x47;
const CONTROL_REFERENCE_TEMPLATE: Tag = Tag(0xac);
const CRYPTOGRAPHIC_MECHANISM: Tag = Tag(0x80);
const PIN_POLICY: Tag = Tag(0xaa);
const TOUCH_POLICY: Tag = Tag(0xab);
const PUBLIC_KEY_TEMPLATE: Tag = Tag(0x7f49);
