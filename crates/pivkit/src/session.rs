//! One session with a card, begun anew where another program resets the card in it.

use crate::error::{Change, Error};

/// Works in one session of `card`. If another program resets the card before a PIN was sent, works once more from the start;
/// after that nothing is repeated by itself, because a PIN would be.
///
/// # Errors
///
/// [`Error::Card`] if no session can be opened, and those of `work`.
pub(crate) fn in_session<T>(
    card: &mut piv::Card,
    mut work: impl FnMut(piv::Session<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut attempt = |card: &mut piv::Card| {
        let reader = card.reader().to_owned();
        work(card.session().map_err(|source| Error::Card { reader, source })?)
    };
    match attempt(card) {
        Err(Error::Card { source: piv::Error::CardReset(_), .. }) if !card.pin_was_sent() => attempt(card),
        result => result,
    }
}

/// What became of a PIN whose answer never came is not known: if it is wrong, it has cost a try. Everything else that fails
/// before, or after the card has said what it thinks of the PIN, leaves the card as it was.
pub(crate) fn pin_in_doubt(error: Error, card: &piv::Card) -> Error {
    match error {
        Error::Card { reader, source } if card.is_in_doubt() => Error::InDoubt { reader, change: Change::Try, source },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use virtual_card::{CardOptions, InProcess, Preset, VirtualCard};

    use super::*;

    #[test]
    fn a_reset_before_the_pin_starts_anew_and_after_it_ends_the_work() {
        // SELECT, discovery, tries, VERIFY, GENERAL AUTHENTICATE.
        for (reset_at, succeeds) in [(1, true), (2, true), (3, true), (4, false), (5, false)] {
            let content = Preset::Alice.issue().unwrap().content;
            let reader = InProcess::new(VirtualCard::new(content, CardOptions::default()));
            let probe = reader.probe();
            probe.reset_at(reset_at);
            let mut card = piv::Card::new(Box::new(reader));
            let pin = piv::Pin::new("123456").unwrap();
            let result = in_session(&mut card, |session| {
                let signed = session.verify_pin(&pin, piv::LastTry::Keep).and_then(|mut verified| {
                    let (slot, key) = (piv::Slot::Authentication, piv::AlgorithmId::Rsa2048);
                    verified.sign(slot, key, piv::Hash::Sha256, b"message")
                });
                signed.map_err(|source| Error::Card { reader: "test".into(), source })
            });
            assert_eq!(result.is_ok(), succeeds, "{reset_at}: {result:?}");
            let verified = probe.headers().iter().filter(|header| header[1] == 0x20).count();
            assert!(verified <= 3, "at most twice the tries and once the PIN: {verified}");
        }
    }
}
