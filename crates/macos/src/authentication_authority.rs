//! The values of a user record's `AuthenticationAuthority`: who may vouch for the user.
//!
//! ```text
//! ;tokenidentity;HASH   a smart card is paired (sc_auth pair)
//! ;pubkeyhash;HASH      the same on old systems (sc_auth accept)
//! ;amidentity;HASH      a card that was bound through attribute mapping, for FileVault and keychain
//! ;ShadowHash;...  ;SecureToken;  ;Kerberosv5;...     other things, which stay as they are
//! ```

use crate::KeyHash;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A key by which a smart card opens the account.
    Key {
        /// The way in which it is bound.
        binding: Binding,
        /// The hash of the key.
        hash: KeyHash,
    },
    /// A value that speaks of a key and holds no hash that can be read.
    Unreadable(Binding),
    /// Everything else.
    Other,
}

/// The way in which a key is bound to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// `;tokenidentity;`, a pairing.
    TokenIdentity,
    /// `;pubkeyhash;`, a pairing of old systems.
    PubkeyHash,
    /// `;amidentity;`, what attribute mapping left for FileVault and keychain.
    AmIdentity,
}

impl Binding {
    /// The word in the value.
    pub fn tag(self) -> &'static str {
        match self {
            Binding::TokenIdentity => "tokenidentity",
            Binding::PubkeyHash => "pubkeyhash",
            Binding::AmIdentity => "amidentity",
        }
    }
}

impl Authority {
    /// Reads one value.
    pub fn parse(value: &str) -> Self {
        let mut parts = value.splitn(3, ';');
        let (_version, tag, data) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let all = [Binding::TokenIdentity, Binding::PubkeyHash, Binding::AmIdentity];
        let Some(binding) = all.into_iter().find(|binding| binding.tag().eq_ignore_ascii_case(tag)) else {
            return Authority::Other;
        };
        let hash = data.split(';').next().unwrap_or_default().trim();
        hash.parse().map_or(Authority::Unreadable(binding), |hash| Authority::Key { binding, hash })
    }
}

/// The values of a record that bind a key with this hash, or any key: each as it stands there, which is how it is removed.
pub fn bindings<'a>(
    values: &'a [String],
    hash: Option<&KeyHash>,
) -> impl Iterator<Item = (Binding, Option<KeyHash>, &'a str)> {
    let hash = hash.copied();
    values.iter().filter_map(move |value| match Authority::parse(value) {
        Authority::Key { binding, hash: found } => {
            hash.is_none_or(|hash| hash == found).then_some((binding, Some(found), value.as_str()))
        }
        Authority::Unreadable(binding) => hash.is_none().then_some((binding, None, value.as_str())),
        Authority::Other => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "46F8353E93EF4F609C8F09CE898054D5D99FA230";

    #[test]
    fn values_of_a_record() {
        let values = [
            ";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2,SRP-RFC5054-4096-SHA512-PBKDF2>".to_owned(),
            ";SecureToken;".to_owned(),
            ";Kerberosv5;;admin@LKDC:SHA1.46F8353E93EF4F609C8F09CE898054D5D99FA230;LKDC:SHA1.46F8353E93EF4F609C8F09CE898054D5D99FA230;".to_owned(),
            format!(";tokenidentity;{HASH}"),
            format!(";pubkeyhash;{}", HASH.to_lowercase()),
            ";amidentity;0102030405060708090A0B0C0D0E0F1011121314".to_owned(),
            ";tokenidentity;nonsense".to_owned(),
            String::new(),
        ];
        let hash = HASH.parse().unwrap();
        let found: Vec<_> = bindings(&values, Some(&hash)).map(|(binding, _, value)| (binding, value)).collect();
        assert_eq!(found, [(Binding::TokenIdentity, values[3].as_str()), (Binding::PubkeyHash, values[4].as_str()),]);
        assert_eq!(bindings(&values, None).count(), 4);
        assert_eq!(Authority::parse(";tokenidentity;nonsense"), Authority::Unreadable(Binding::TokenIdentity));
        assert_eq!(Authority::parse(&values[2]), Authority::Other);
    }
}
