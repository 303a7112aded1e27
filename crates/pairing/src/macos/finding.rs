//! What stands in the way of pairing on a Mac, or is worth knowing before.

use std::fmt;

use identity::PairingHash;
use identity::text::escape_control;

use crate::AccountName;

/// One thing that was found. It prints as one plain sentence without its full stop, safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// `allowSmartCard` is false: no smart card is accepted anywhere.
    SmartCardsNotAllowed,
    /// Apple's own driver for PIV cards is switched off (`DisabledTokens`).
    PivDriverDisabled,
    /// `checkCertificateTrust` asks for a trusted certificate, and the Mac does not trust this one.
    NotTrusted,
    /// `checkCertificateTrust` asks for a trusted certificate, and the Mac does not say whether this one is.
    TrustUnknown,
    /// OpenSC's token driver is installed, which can stand in for Apple's and break pairing (error -11).
    OpenScDriver,
    /// The identity is in 9c, whose key wants the PIN before each use.
    SignatureSlot,
    /// There is no certificate in 9d: the login keychain cannot be opened with the card.
    NoKeyManagement,
    /// The key in 9d, of this kind, can neither decrypt nor agree on keys, or its certificate does not allow it.
    CannotWrap {
        /// The kind of the key.
        algorithm: String,
    },
    /// The certificate in 9d cannot be read.
    UnreadableKeyManagement,
    /// The Mac sees cards, and not this key.
    NotSeenByMac,
    /// The Mac could not be asked what it sees.
    NotAsked {
        /// Why.
        why: String,
    },
    /// A file with settings cannot be read, so what it says is not known.
    UnreadableSettings {
        /// Which, and why.
        why: String,
    },
    /// `/etc/SmartcardLogin.plist` maps attributes, which counts before any pairing.
    MappingPrecedes,
    /// Where the mapping that counts leads the card instead.
    MappingLeadsTo {
        /// The accounts; none if there is no account with the value.
        accounts: Vec<AccountName>,
    },
    /// `oneCardPerUser` is set, and the account has a card.
    OneCardPerUser,
    /// The key opens another account as well.
    OpensOthers {
        /// The key.
        hash: PairingHash,
        /// The other accounts.
        accounts: Vec<AccountName>,
    },
    /// The user is not logged in at the screen, where the Mac has to ask.
    NoSession,
    /// The login keychain still asks for the password after the next login with the card.
    KeychainPassword,
    /// FileVault may still know the key.
    FileVault {
        /// The key.
        hash: PairingHash,
        /// What the tool said.
        why: String,
    },
    /// Nobody knows whether the login keychain opens with the card.
    KeychainUnknown,
    /// Smart cards are enforced, and this account has none any more.
    LocksAccountOut,
    /// The account has a value for attribute mapping that differs from the right one in upper and lower case only.
    DiffersInCase {
        /// The value.
        value: String,
    },
    /// `checkCertificateTrust` is 0, so the names in a certificate are believed whoever issued it.
    NotChecked,
    /// `/etc/SmartcardLogin.plist` is about to be written, and counts before pairings of `sc_auth`.
    MappingWillPrecede,
    /// A login through attribute mapping left `;amidentity;` in the record.
    MappedIdentityStays,
}

impl Finding {
    /// Whether pairing cannot succeed, or not help, as long as this is so.
    pub fn is_blocking(&self) -> bool {
        matches!(self, Finding::SmartCardsNotAllowed | Finding::PivDriverDisabled | Finding::NotTrusted)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::SmartCardsNotAllowed => f.write_str("this Mac does not allow smart cards (allowSmartCard is false)"),
            Finding::PivDriverDisabled => {
                f.write_str("Apple's driver for PIV cards is switched off (DisabledTokens of com.apple.security.smartcard)")
            }
            Finding::NotTrusted => {
                f.write_str("the Mac does not trust the certificate, and checkCertificateTrust asks for that")
            }
            Finding::TrustUnknown => f.write_str(
                "checkCertificateTrust asks for a trusted certificate, and the Mac does not say whether this one is",
            ),
            Finding::OpenScDriver => f.write_str(
                "OpenSC's token driver is installed; where it takes the card before Apple's, pairing fails with error -11",
            ),
            Finding::SignatureSlot => f.write_str("the key in 9c wants the PIN before each use; 9a is the one for logging in"),
            Finding::NoKeyManagement => f.write_str(
                "there is no certificate in slot 9d, so the login keychain will ask for its password after each login",
            ),
            Finding::CannotWrap { algorithm } => write!(
                f,
                "the key in slot 9d ({}) cannot protect the login keychain, which will ask for its password after each login",
                escape_control(algorithm)
            ),
            Finding::UnreadableKeyManagement => f.write_str(
                "the certificate in slot 9d cannot be read, so the login keychain may ask for its password after each login",
            ),
            Finding::NotSeenByMac => f.write_str("the Mac itself does not see this key on any card"),
            Finding::NotAsked { why } => write!(f, "the Mac did not tell which cards it sees: {}", escape_control(why)),
            Finding::UnreadableSettings { why } => write!(f, "{}", escape_control(why)),
            Finding::MappingPrecedes => f.write_str(
                "/etc/SmartcardLogin.plist maps attributes of certificates, which counts before pairings: this one may never be looked at",
            ),
            Finding::MappingLeadsTo { accounts } if accounts.is_empty() => {
                f.write_str("the mapping leads this card to no account, so the pairing will not open one")
            }
            Finding::MappingLeadsTo { accounts } => {
                let names: Vec<&str> = accounts.iter().map(AccountName::as_str).collect();
                write!(f, "the mapping leads this card to {}", names.join(" and "))
            }
            Finding::OneCardPerUser => {
                f.write_str("oneCardPerUser is set and the account has a card: the Mac may refuse a second one")
            }
            Finding::OpensOthers { hash, accounts } => {
                let names: Vec<&str> = accounts.iter().map(AccountName::as_str).collect();
                write!(f, "{hash} also opens {}", names.join(", "))
            }
            Finding::NoSession => f.write_str("the user is not logged in at the screen, where the Mac has to ask"),
            Finding::KeychainPassword => f.write_str(
                "the user's password will be required after the next login with the card, to unlock the login keychain",
            ),
            Finding::FileVault { hash, why } => {
                write!(f, "FileVault may still know {hash}: {}", escape_control(why))
            }
            Finding::KeychainUnknown => f.write_str(
                "it is not known whether the card opens the login keychain; if not, it asks for its password after the next login",
            ),
            Finding::DiffersInCase { value } => write!(
                f,
                "the account has {}, which differs in case only: macOS compares exactly",
                escape_control(value)
            ),
            Finding::NotChecked => f.write_str(
                "checkCertificateTrust is 0 on this Mac: whoever writes a certificate with these names onto a card may get in",
            ),
            Finding::MappingWillPrecede => f.write_str(
                "as soon as /etc/SmartcardLogin.plist is there it counts before pairings of sc_auth, which may not be looked at any more",
            ),
            Finding::MappedIdentityStays => f.write_str(
                "the record still binds a card that logged in through the mapping (;amidentity;), for FileVault and the keychain; `pivkit unpair --backend macos` removes that",
            ),
            Finding::LocksAccountOut => {
                f.write_str("smart cards are enforced on this Mac, and no card will open this account any more")
            }
        }
    }
}
