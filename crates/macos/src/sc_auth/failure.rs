//! Why `sc_auth` could not pair.

use std::fmt;

/// A reason that is told by a number or by a phrase that is not localised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairingFailure {
    /// TKAuthenticationHintsProvider -11, "SmartCard algorithm initialization error": the Mac could not use the card's key. Seen
    /// when OpenSC's token driver stands in for Apple's.
    AlgorithmInitialization,
    /// TKAuthenticationHintsProvider -13: the certificate is not trusted.
    NotTrusted,
    /// CryptoTokenKit -8, bad parameter: no key on the card can wrap the key of the keychain.
    NoWrappingKey,
    /// "UI not enabled", errSecInteractionNotAllowed: the Mac has to ask the person, and there is no screen to do so on.
    InteractionNotAllowed,
    /// CryptoTokenKit -4, OSStatus -128 (userCanceledErr): the person said no.
    Canceled,
    /// OSStatus -60005 (errAuthorizationDenied): the person at the screen may not pair, or the password was wrong.
    NotAuthorized,
    /// CryptoTokenKit -5: the PIN or the password was wrong.
    AuthenticationFailed,
    /// CryptoTokenKit -6 or -7: the card or its key is not there.
    TokenNotFound,
    /// Another number.
    Other(i32),
}

impl PairingFailure {
    /// Looks for a failure in what `sc_auth` printed, in any language: `(TKAuthenticationHintsProvider error -11 - ...)`,
    /// `(TKAuthenticationHintsProvider-Fehler -11 - ...)`.
    pub fn find(said: &str) -> Option<Self> {
        if said.contains("UI not enabled") || said.contains("errSecInteractionNotAllowed") {
            return Some(PairingFailure::InteractionNotAllowed);
        }
        let number = negative_number(said)?;
        let of_token_kit = said.contains("CryptoTokenKit");
        Some(match number {
            -25308 => PairingFailure::InteractionNotAllowed,
            -128 => PairingFailure::Canceled,
            -60005 => PairingFailure::NotAuthorized,
            -8 => PairingFailure::NoWrappingKey,
            // The numbers of CryptoTokenKit, TKError.h.
            -4 if of_token_kit => PairingFailure::Canceled,
            -5 if of_token_kit => PairingFailure::AuthenticationFailed,
            -6 | -7 if of_token_kit => PairingFailure::TokenNotFound,
            -11 if !of_token_kit => PairingFailure::AlgorithmInitialization,
            -13 if !of_token_kit => PairingFailure::NotTrusted,
            number => PairingFailure::Other(number),
        })
    }
}

/// The first negative number that stands by itself: neither within a word of Latin letters or digits, nor before more of one.
/// Languages without blanks between words write it right after one: `错误-11`.
fn negative_number(text: &str) -> Option<i32> {
    // Some languages write a minus sign where English has a hyphen.
    text.match_indices(['-', '\u{2212}']).find_map(|(at, minus)| {
        let before = text.get(..at)?.chars().next_back();
        let begins = before.is_none_or(|before| {
            before.is_whitespace() || ['(', '（'].contains(&before) || (!before.is_ascii() && before.is_alphanumeric())
        });
        let digits = text.get(at + minus.len()..).filter(|_| begins)?;
        let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
        let (digits, rest) = digits.split_at(end);
        let ends = rest.is_empty()
            || rest.starts_with(|after: char| after.is_whitespace() || ")）.,:。：，-–".contains(after));
        if ends { digits.parse::<i32>().ok().map(|number| -number).filter(|number| *number < 0) } else { None }
    })
}

impl fmt::Display for PairingFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairingFailure::AlgorithmInitialization => f.write_str("it could not use the key of the card (error -11)"),
            PairingFailure::NotTrusted => f.write_str("it does not trust the certificate (error -13)"),
            PairingFailure::NoWrappingKey => {
                f.write_str("the card has no key that can protect the login keychain (error -8)")
            }
            PairingFailure::InteractionNotAllowed => {
                f.write_str("it has to ask at the screen, and may not (UI not enabled)")
            }
            PairingFailure::Canceled => f.write_str("it was cancelled at the screen"),
            PairingFailure::NotAuthorized => f.write_str("it was not authorized (error -60005)"),
            PairingFailure::AuthenticationFailed => f.write_str("the PIN or the password was wrong (error -5)"),
            PairingFailure::TokenNotFound => f.write_str("it does not find the card (error -6 or -7)"),
            PairingFailure::Other(number) => write!(f, "error {number}"),
        }
    }
}
