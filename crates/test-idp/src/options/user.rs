//! The people who can log in, and what their card's certificate must say.

use std::str::FromStr;

use crate::error::Error;
use crate::options::name::DistinguishedName;

/// A person who can log in, and how their card is known to be theirs.
///
/// Written `NAME` or `NAME=BINDING`; `alice@example.test` alone is short for `alice@example.test=upn:alice@example.test`.
///
/// | binding | the certificate must have |
/// |---|---|
/// | (none), `upn` | the user principal name NAME`@` anything |
/// | `upn:TEXT`, or TEXT with an `@` | this user principal name |
/// | `email:TEXT` | this e-mail address (rfc822Name) |
/// | `ski:HEX` | this subject key identifier |
/// | `issuer-serial:TEXT` | this issuer and serial number, written `<I>CN=Example CA,O=Example<SR>0a1b2c` (RFC 4514) |
/// | `sha256:HEX` | this SHA-256 of its DER: the certificate is pinned |
///
/// Names are compared as written; user principal names, e-mail addresses and the name of an issuer without regard to the
/// case of ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    binding: Binding,
}

/// What ties a certificate to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Any user principal name whose part before the `@` is this.
    LocalPart(String),
    /// This user principal name.
    Upn(String),
    /// This e-mail address.
    Email(String),
    /// This subject key identifier.
    Ski(Vec<u8>),
    /// This issuer, and this serial number, big-endian without leading zeros.
    IssuerSerial { issuer: DistinguishedName, serial: Vec<u8> },
    /// The certificate with this SHA-256.
    Pinned([u8; 32]),
}

impl User {
    /// The name that a login request carries in `username`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What ties a certificate to this user.
    pub(crate) fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Whether a certificate with this user principal name belongs to this user.
    ///
    /// A name without exactly one `@` belongs to nobody, and so does any name when the user is not bound by it.
    #[must_use]
    pub fn is_bound_to(&self, upn: &str) -> bool {
        let Some((local, _)) = split_upn(upn) else {
            return false;
        };
        match &self.binding {
            Binding::LocalPart(bound) => bound.eq_ignore_ascii_case(local),
            Binding::Upn(bound) => bound.eq_ignore_ascii_case(upn),
            _ => false,
        }
    }
}

impl FromStr for User {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::User { user: text.to_owned(), why };
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 1024 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(refuse("it contains a control character"));
        }
        let (name, binding) = match text.split_once('=') {
            Some((name, binding)) => (name, Some(binding)),
            None => (text, text.contains('@').then_some(text)),
        };
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Err(refuse("the name is empty or contains a space"));
        }
        let binding = match binding {
            None | Some("upn") => Binding::LocalPart(name.to_owned()),
            Some(binding) => Binding::parse(binding).map_err(refuse)?,
        };
        Ok(Self { name: name.to_owned(), binding })
    }
}

impl Binding {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (kind, value) = text.split_once(':').unwrap_or(("upn", text));
        let address = || split_upn(value).is_some() && !value.chars().any(char::is_whitespace);
        match kind {
            "upn" if address() => Ok(Self::Upn(value.to_owned())),
            "upn" => Err("a user principal name looks like alice@example.test"),
            "email" if address() => Ok(Self::Email(value.to_owned())),
            "email" => Err("an e-mail address looks like alice@example.test"),
            "ski" => match hex(value) {
                Some(bytes) if (1..=64).contains(&bytes.len()) => Ok(Self::Ski(bytes)),
                _ => Err("a subject key identifier is written in hexadecimal digits"),
            },
            "sha256" => hex(value)
                .and_then(|bytes| bytes.try_into().ok())
                .map(Self::Pinned)
                .ok_or("a pinned certificate is written as 64 hexadecimal digits"),
            "issuer-serial" => issuer_serial(value)
                .ok_or("issuer and serial are written <I>CN=Example CA<SR>0a1b2c; a comma inside a name is \\,"),
            _ => Err("a binding is upn, upn:, email:, ski:, issuer-serial: or sha256:"),
        }
    }
}

fn issuer_serial(text: &str) -> Option<Binding> {
    let text = text.strip_prefix("X509:").unwrap_or(text);
    let (issuer, serial) = text.strip_prefix("<I>")?.rsplit_once("<SR>")?;
    let serial = hex(serial)?;
    let leading_zeros = serial.iter().take_while(|byte| **byte == 0).count();
    let serial = serial.get(leading_zeros..)?.to_vec();
    let issuer = DistinguishedName::parse(issuer)?;
    if serial.is_empty() { None } else { Some(Binding::IssuerSerial { issuer, serial }) }
}

/// Hexadecimal digits of either case, with or without colons between the bytes.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(text, 16).ok()
    };
    if digits.len() % 2 == 1 { None } else { digits.chunks(2).map(pair).collect() }
}

/// The two parts of a user principal name or an e-mail address, which has exactly one `@` and neither part empty.
fn split_upn(upn: &str) -> Option<(&str, &str)> {
    let (local, domain) = upn.split_once('@')?;
    (!local.is_empty() && !domain.is_empty() && !domain.contains('@')).then_some((local, domain))
}

/// Longest `NAME[=BINDING]`, in bytes.
const MAX_LENGTH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> User {
        text.parse().unwrap()
    }

    #[test]
    fn a_bare_name_is_bound_by_the_local_part() {
        for text in ["alice", "alice=upn"] {
            let alice = user(text);
            assert_eq!(alice.name(), "alice");
            assert!(alice.is_bound_to("alice@example.test"));
            assert!(alice.is_bound_to("Alice@other.test"));
            for other in ["bob@example.test", "alice", "alice@", "@alice", "alice@a@b", "malice@example.test", ""] {
                assert!(!alice.is_bound_to(other), "{other}");
            }
        }
    }

    #[test]
    fn a_whole_name_is_bound_as_a_whole() {
        for text in ["alice=alice@example.test", "alice@example.test", "alice=upn:alice@example.test"] {
            let alice = user(text);
            assert!(alice.is_bound_to("ALICE@Example.Test"));
            assert!(!alice.is_bound_to("alice@other.test"));
            assert!(!alice.is_bound_to("alice"));
        }
        assert_eq!(user("alice@example.test").name(), "alice@example.test");
        assert_eq!(user("al=alice@example.test").name(), "al");
    }

    #[test]
    fn other_bindings_are_read() {
        assert_eq!(user("a=email:a@b.test").binding(), &Binding::Email("a@b.test".to_owned()));
        assert_eq!(user("a=ski:0a:FF").binding(), &Binding::Ski(vec![10, 255]));
        assert_eq!(user(&format!("a=sha256:{}", "Ab".repeat(32))).binding(), &Binding::Pinned([0xab; 32]));
        let expected =
            Binding::IssuerSerial { issuer: DistinguishedName::parse("CN=A CA,O=B").unwrap(), serial: vec![1, 2] };
        assert_eq!(user("a=issuer-serial:<I>CN=A CA,O=B<SR>000102").binding(), &expected);
        assert_eq!(user("a=issuer-serial:X509:<I>CN=A CA,O=B<SR>01:02").binding(), &expected);
        assert!(!user("a=email:a@b.test").is_bound_to("a@b.test"));
    }

    #[test]
    fn only_ascii_letters_lose_their_case() {
        // U+212A KELVIN SIGN is a `k` to full Unicode case folding.
        assert!(!user("kim").is_bound_to("\u{212a}im@example.test"));
    }

    #[test]
    fn impossible_users_are_refused() {
        let long = "a".repeat(1025);
        for text in [
            "",
            "=a@b",
            "a b",
            "a=b",
            "a=@b",
            "a=b@",
            "a@b@c",
            "a\n",
            &long,
            "a=ski:",
            "a=ski:abc",
            "a=ski:+1",
            "a=sha256:ab",
            "a=email:b",
            "a=other:x",
            "a=issuer-serial:CN=A",
            "a=issuer-serial:<I>CN=A<SR>",
            "a=issuer-serial:<I><SR>01",
        ] {
            assert!(text.parse::<User>().is_err(), "{text:?}");
        }
    }
}
