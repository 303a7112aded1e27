//! Mutual authentication with the management key: the card proves that it has the key, and so does the host (SP 800-73-4
//! Part 2, 3.2.4 and A.1.2).
//!
//! ```text
//! -> 00 87 algorithm 9B   7C { 80 (empty: "give me a witness") }
//! <- 7C { 80 E(witness) }
//! -> 00 87 algorithm 9B   7C { 80 witness   81 challenge }
//! <- 7C { 82 E(challenge) }
//! ```
//!
//! A card that has a key of another algorithm refuses the first command, and nothing was tried; so algorithms can be tried
//! one after the other.

use smartcard::tlv;
use smartcard::{Command, Exchange, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::general_authenticate::{
    CHALLENGE, DYNAMIC_AUTHENTICATION_TEMPLATE, INS_GENERAL_AUTHENTICATE, NAME, RESPONSE, WITNESS, value,
};
use crate::{Error, ManagementAlgorithm, ManagementKey};

/// Authenticates `key`, with the first of `algorithms` that the card takes; returns which that was.
pub(crate) fn authenticate(
    exchange: &mut Exchange<'_>,
    key: &ManagementKey,
    algorithms: &[ManagementAlgorithm],
) -> Result<ManagementAlgorithm, Error> {
    let mut refused = StatusWord::REFERENCE_NOT_FOUND;
    for algorithm in algorithms.iter().copied().filter(|algorithm| algorithm.key_length() == key.bytes().len()) {
        let response = exchange.send(&command(algorithm, &tlv::encode(WITNESS, &[])))?;
        match response.status {
            StatusWord::OK => {}
            sw if refuses_algorithm(sw) => {
                refused = sw;
                continue;
            }
            sw => return Err(Error::Status { command: NAME, sw }),
        }
        let witness = value(&response.data, WITNESS)?.ok_or(Error::wrong_answer(NAME, "it holds no witness"))?;
        prove(exchange, key, algorithm, witness)?;
        return Ok(algorithm);
    }
    Err(Error::OtherManagementKey { sw: refused })
}

/// Shows the card that the host knows the key, and has the card show the same.
fn prove(
    exchange: &mut Exchange<'_>,
    key: &ManagementKey,
    algorithm: ManagementAlgorithm,
    witness: &[u8],
) -> Result<(), Error> {
    let wrong_length = Error::wrong_answer(NAME, "the witness is not a block of the cipher");
    let witness = algorithm.decrypt(key, witness).ok_or(wrong_length)?;
    let mut challenge = Zeroizing::new(vec![0; algorithm.block_length()]);
    getrandom::fill(&mut challenge).map_err(Error::Random)?;
    let mut template = tlv::encode(WITNESS, &witness);
    tlv::push(&mut template, CHALLENGE, &challenge);
    let response = exchange.send(&command(algorithm, &template).awaiting_touch())?;
    if !response.status.is_ok() {
        return Err(Error::WrongManagementKey { sw: response.status });
    }
    let answer = value(&response.data, RESPONSE)?.unwrap_or_default();
    let expected = algorithm.encrypt(key, &challenge).unwrap_or_default();
    if expected.is_empty() || !bool::from(expected.ct_eq(answer)) {
        return Err(Error::CardNotAuthentic);
    }
    Ok(())
}

fn command(algorithm: ManagementAlgorithm, template: &[u8]) -> Command {
    Command::new(0x00, INS_GENERAL_AUTHENTICATE, algorithm.number(), MANAGEMENT_KEY)
        .with_data(tlv::encode(DYNAMIC_AUTHENTICATION_TEMPLATE, template))
        .expecting_answer()
}

fn refuses_algorithm(sw: StatusWord) -> bool {
    matches!(
        sw,
        StatusWord::INCORRECT_DATA
            | StatusWord::INCORRECT_P1_P2
            | StatusWord::REFERENCE_NOT_FOUND
            | StatusWord::NOT_FOUND
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::CONDITIONS_NOT_SATISFIED
    )
}

/// Key reference of the management key (SP 800-73-4 Part 1, table 4b).
pub(crate) const MANAGEMENT_KEY: u8 = 0x9b;
