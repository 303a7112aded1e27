//! A card that follows a script, and nothing else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use piv::Card;
use smartcard::{Apdu, CardTransaction, CardTransport, Error};

/// The lines of a script that were not spoken yet.
pub(crate) struct Rest(Arc<Mutex<VecDeque<(String, String)>>>);

struct Script(Arc<Mutex<VecDeque<(String, String)>>>);

/// SELECT by the identifier without its version, and an answer with only the PIX.
pub(crate) const SELECT: (&str, &str) = ("00a4040009a00000030800001000 00", "61084f06000010000100 9000");

/// A card in a reader that expects the commands of `lines`, in order, and gives their answers. Both are hexadecimal; blanks
/// do not count, and in a command `??` stands for any byte.
pub(crate) fn card(lines: &[(&str, &str)]) -> (Card, Rest) {
    let compact = |text: &str| text.replace(' ', "").to_lowercase();
    let lines = lines.iter().map(|(command, answer)| (compact(command), compact(answer))).collect();
    let lines = Arc::new(Mutex::new(lines));
    (Card::new(Box::new(Script(Arc::clone(&lines)))), Rest(lines))
}

impl Rest {
    /// Asserts that every line was spoken.
    pub(crate) fn is_empty(&self) {
        let rest = self.0.lock().unwrap();
        assert!(rest.is_empty(), "the client did not say {rest:?}");
    }
}

impl CardTransport for Script {
    fn name(&self) -> &str {
        "script"
    }

    fn atr(&self) -> &[u8] {
        &[0x3b, 0x00]
    }

    fn transaction(&mut self) -> Result<Box<dyn CardTransaction + '_>, Error> {
        Ok(Box::new(self))
    }
}

impl CardTransaction for &mut Script {
    fn transmit(&mut self, apdu: &Apdu) -> Result<Vec<u8>, Error> {
        let said = hex::encode(apdu.as_bytes());
        let line = self.0.lock().unwrap().pop_front();
        let (expected, answer) = line.unwrap_or_else(|| panic!("{said} was not expected any more"));
        let same = said.len() == expected.len()
            && said.bytes().zip(expected.bytes()).all(|(said, expected)| expected == b'?' || said == expected);
        assert!(same, "{said} instead of {expected}");
        Ok(hex::decode(answer).unwrap())
    }
}
