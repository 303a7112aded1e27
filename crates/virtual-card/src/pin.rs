//! PIN and PUK: format, comparison, tries (SP 800-73-4 Part 2, 2.4.3, 3.2.1 and 3.2.3).

use p256::elliptic_curve::subtle::ConstantTimeEq;
use smartcard::StatusWord;
use zeroize::Zeroizing;

/// Authentication data as they come with VERIFY and RESET RETRY COUNTER: 8 bytes, a PIN padded with FF.
#[derive(Clone)]
pub(crate) struct AuthenticationData(Zeroizing<[u8; 8]>);

impl AuthenticationData {
    /// Six to eight decimal digits, then FF up to 8 bytes. Anything else is no PIN: it costs no try.
    pub(crate) fn parse_pin(bytes: &[u8]) -> Option<Self> {
        let block = Self::from_block(bytes)?;
        let digits = block.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let padded = block.0.iter().skip(digits).all(|byte| *byte == PADDING);
        (digits >= MIN_PIN_DIGITS && padded).then_some(block)
    }

    /// The same, of a text without padding.
    pub(crate) fn parse_digits(text: &[u8]) -> Option<Self> {
        if text.contains(&PADDING) {
            return None;
        }
        Self::parse_pin(Self::pad(text)?.0.as_slice())
    }

    /// Any 8 bytes, as a PUK may have them.
    pub(crate) fn from_block(bytes: &[u8]) -> Option<Self> {
        <[u8; 8]>::try_from(bytes).ok().map(|block| Self(Zeroizing::new(block)))
    }

    /// The text without its padding.
    pub(crate) fn unpadded(&self) -> Zeroizing<String> {
        let text = self.0.iter().take_while(|byte| **byte != PADDING);
        Zeroizing::new(text.map(|byte| char::from(*byte)).collect())
    }

    /// Pads `text`, of at most 8 bytes.
    pub(crate) fn pad(text: &[u8]) -> Option<Self> {
        let mut block = Zeroizing::new([PADDING; 8]);
        block.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self(block))
    }
}

const PADDING: u8 = 0xff;
const MIN_PIN_DIGITS: usize = 6;

/// A PIN or PUK on the card: its value, and how many wrong ones it still takes.
#[derive(Clone)]
pub(crate) struct Reference {
    value: AuthenticationData,
    tries_left: u8,
    tries: u8,
}

impl Reference {
    /// With all of `tries` left; at most 15, as 63Cx can say no more. `None` if `text` does not fit into 8 bytes.
    pub(crate) fn new(text: &[u8], tries: u8) -> Option<Self> {
        Self::restored(text, tries, tries)
    }

    /// As it was kept; `None` if no card could have kept it so.
    pub(crate) fn restored(text: &[u8], tries_left: u8, tries: u8) -> Option<Self> {
        let plausible = (1..=MAX_TRIES).contains(&tries) && tries_left <= tries && !text.contains(&PADDING);
        let value = AuthenticationData::pad(text).filter(|_| plausible)?;
        Some(Self { value, tries_left, tries })
    }

    pub(crate) fn text(&self) -> Zeroizing<String> {
        self.value.unpadded()
    }

    pub(crate) fn tries(&self) -> u8 {
        self.tries
    }

    pub(crate) fn tries_left(&self) -> u8 {
        self.tries_left
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.tries_left == 0
    }

    /// Takes one try away. To be kept before the comparison: whoever cuts the power then gains nothing.
    pub(crate) fn spend_try(&mut self) {
        self.tries_left = self.tries_left.saturating_sub(1);
    }

    /// Gives all tries back, after the right value.
    pub(crate) fn restore_tries(&mut self) {
        self.tries_left = self.tries;
    }

    /// Another value, with all its tries.
    pub(crate) fn replace(&mut self, value: AuthenticationData) {
        self.value = value;
        self.restore_tries();
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, candidate: &AuthenticationData) -> bool {
        self.value.0.as_slice().ct_eq(candidate.0.as_slice()).into()
    }

    /// 63Cx: x tries left.
    pub(crate) fn tries_left_status(&self) -> StatusWord {
        StatusWord(0x63c0 | u16::from(self.tries_left.min(MAX_TRIES)))
    }
}

const MAX_TRIES: u8 = 15;

/// Key reference of the application PIN.
pub(crate) const APPLICATION_PIN: u8 = 0x80;

/// The references of the PIV application.
#[derive(Clone)]
pub(crate) struct References {
    /// The application PIN, [`APPLICATION_PIN`].
    pub(crate) pin: Reference,
    /// The PIN unblocking key, key reference 81.
    pub(crate) puk: Reference,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_has_six_to_eight_digits_and_is_padded_to_eight_bytes() {
        for good in [&b"123456\xff\xff"[..], b"1234567\xff", b"12345678"] {
            assert!(AuthenticationData::parse_pin(good).is_some(), "{good:?}");
        }
        let bad: [&[u8]; 10] = [
            b"",
            b"123456",
            b"12345\xff\xff\xff",
            b"123456\xff",
            b"123456\x00\x00",
            b"123456\xff7",
            b"12345a\xff\xff",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"123456789",
            b"123456\xff\xff\xff",
        ];
        for bad in bad {
            assert!(AuthenticationData::parse_pin(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn only_the_same_pin_matches() {
        let pin = Reference::new(b"123456", 3).unwrap();
        for (candidate, same) in
            [(&b"123456\xff\xff"[..], true), (b"1234567\xff", false), (b"123457\xff\xff", false), (b"00000000", false)]
        {
            let candidate = AuthenticationData::parse_pin(candidate).unwrap();
            assert_eq!(pin.matches(&candidate), same);
        }
    }

    #[test]
    fn implausible_references_are_not_restored() {
        for (text, left, tries) in [(&b"123456"[..], 4, 3), (b"123456", 0, 0), (b"123456", 3, 16), (b"123456789", 3, 3)]
        {
            assert!(Reference::restored(text, left, tries).is_none(), "{text:?} {left}/{tries}");
        }
    }
}
