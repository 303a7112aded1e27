//! PIN, PUK and global PIN: format, comparison, tries (SP 800-73-4 Part 2, 2.4.3, 3.2.1 to 3.2.3).

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

    /// Six to eight bytes of any kind, then FF up to 8 bytes: a PUK, and what a YubiKey takes as a PIN.
    pub(crate) fn parse_puk(bytes: &[u8]) -> Option<Self> {
        let block = Self::from_block(bytes)?;
        let length = block.0.iter().take_while(|byte| **byte != PADDING).count();
        let padded = block.0.iter().skip(length).all(|byte| *byte == PADDING);
        (length >= MIN_PIN_DIGITS && padded).then_some(block)
    }

    /// Any 8 bytes, to be compared.
    pub(crate) fn from_block(bytes: &[u8]) -> Option<Self> {
        <[u8; 8]>::try_from(bytes).ok().map(|block| Self(Zeroizing::new(block)))
    }

    /// The text without its padding.
    #[cfg(test)]
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
    /// With all of `tries` left. `None` if `text` does not fit into 8 bytes.
    pub(crate) fn new(text: &[u8], tries: u8) -> Option<Self> {
        Self::restored(AuthenticationData::pad(text)?, tries, tries)
    }

    /// As it was kept; `None` if no card could have kept it so.
    pub(crate) fn restored(value: AuthenticationData, tries_left: u8, tries: u8) -> Option<Self> {
        (tries > 0 && tries_left <= tries).then_some(Self { value, tries_left, tries })
    }

    /// The 8 bytes.
    pub(crate) fn block(&self) -> &[u8; 8] {
        &self.value.0
    }

    #[cfg(test)]
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

    /// Another number of tries; with none spent, none is spent of the new ones.
    pub(crate) fn set_tries(&mut self, tries: u8) {
        let full = self.tries_left == self.tries;
        self.tries = tries.max(1);
        self.tries_left = if full { self.tries } else { self.tries_left.min(self.tries) };
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
}

/// Key reference of the application PIN.
pub(crate) const APPLICATION_PIN: u8 = 0x80;

/// The references of the card.
#[derive(Clone)]
pub(crate) struct References {
    /// The application PIN, [`APPLICATION_PIN`].
    pub(crate) pin: Reference,
    /// The PIN unblocking key, key reference 81.
    pub(crate) puk: Reference,
    /// The global PIN, key reference 00, where there is one.
    pub(crate) global: Option<Reference>,
}

impl References {
    /// Those of a new card, three tries each.
    pub(crate) fn factory(with_global: bool) -> Option<Self> {
        Some(Self {
            pin: Reference::new(FACTORY_PIN, FACTORY_TRIES)?,
            puk: Reference::new(FACTORY_PUK, FACTORY_TRIES)?,
            global: if with_global { Some(Reference::new(FACTORY_GLOBAL_PIN, FACTORY_TRIES)?) } else { None },
        })
    }

    pub(crate) fn reference(&self, name: ReferenceName) -> Option<&Reference> {
        match name {
            ReferenceName::Pin => Some(&self.pin),
            ReferenceName::Puk => Some(&self.puk),
            ReferenceName::Global => self.global.as_ref(),
        }
    }

    pub(crate) fn reference_mut(&mut self, name: ReferenceName) -> Option<&mut Reference> {
        match name {
            ReferenceName::Pin => Some(&mut self.pin),
            ReferenceName::Puk => Some(&mut self.puk),
            ReferenceName::Global => self.global.as_mut(),
        }
    }
}

/// A key reference (P2) that names a PIN or PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferenceName {
    /// The application PIN, 80.
    Pin,
    /// The PIN unblocking key, 81.
    Puk,
    /// The global PIN, 00.
    Global,
}

impl ReferenceName {
    pub(crate) fn from_key_reference(reference: u8) -> Option<Self> {
        match reference {
            APPLICATION_PIN => Some(Self::Pin),
            0x81 => Some(Self::Puk),
            0x00 => Some(Self::Global),
            _ => None,
        }
    }
}

/// The tries left as a status word says them.
pub(crate) fn tries_status(tries_left: u8, old: bool) -> StatusWord {
    let tries = u16::from(tries_left.min(MAX_SAID));
    StatusWord(if old { 0x6300 | tries } else { 0x63c0 | tries })
}

/// A status word says no more.
const MAX_SAID: u8 = 15;

pub(crate) const FACTORY_PIN: &[u8] = b"123456";
pub(crate) const FACTORY_PUK: &[u8] = b"12345678";
const FACTORY_GLOBAL_PIN: &[u8] = b"654321";
const FACTORY_TRIES: u8 = 3;

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
        for (left, tries) in [(4, 3), (0, 0)] {
            let value = AuthenticationData::pad(b"123456").unwrap();
            assert!(Reference::restored(value, left, tries).is_none(), "{left}/{tries}");
        }
        assert!(Reference::new(b"123456789", 3).is_none());
    }

    #[test]
    fn another_number_of_tries_keeps_spent_ones_spent() {
        let mut pin = Reference::new(b"123456", 3).unwrap();
        pin.set_tries(8);
        assert_eq!((pin.tries_left(), pin.tries()), (8, 8));
        pin.spend_try();
        pin.set_tries(5);
        assert_eq!((pin.tries_left(), pin.tries()), (5, 5));
        pin.spend_try();
        pin.set_tries(10);
        assert_eq!((pin.tries_left(), pin.tries()), (4, 10));
    }

    #[test]
    fn a_puk_has_six_to_eight_bytes_of_any_kind() {
        for good in [&b"abcdef\xff\xff"[..], b"12345678", &[0; 8]] {
            assert!(AuthenticationData::parse_puk(good).is_some(), "{good:?}");
        }
        for bad in [&b"abcde\xff\xff\xff"[..], b"abcdef\xffg", b"abcdef", &[0xff; 8], b"123456789"] {
            assert!(AuthenticationData::parse_puk(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn tries_are_said_in_the_new_way_or_the_old() {
        assert_eq!((tries_status(3, false), tries_status(3, true)), (StatusWord(0x63c3), StatusWord(0x6303)));
        assert_eq!(tries_status(255, false), StatusWord(0x63cf));
    }
}
