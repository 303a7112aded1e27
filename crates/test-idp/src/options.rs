//! What an identity provider is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::{Host, Url};

use crate::error::Error;
use crate::fault::Fault;

/// Everything that [`Server::bind`](crate::Server::bind) needs to know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the signing key, the identifiers and the registered devices; made when absent.
    pub state: PathBuf,
    /// The people who can log in.
    pub users: Vec<User>,
    /// PEM (several certificates) or DER file of the certification authorities of the cards.
    /// Without one, every card is refused.
    pub trust: Option<PathBuf>,
    /// Permits a listen address that other machines can reach.
    pub allow_remote: bool,
    /// The URL under which clients reach the server, for its issuer and its endpoints: that of a proxy in front of it,
    /// for example. Without one, the address that it listens on.
    pub url: Option<BaseUrl>,
    /// What to do wrong on purpose.
    pub faults: Vec<Fault>,
    /// For one request, from its headers to the answer; ten seconds.
    pub request_time_limit: Duration,
}

impl Options {
    /// Options for a server on a free port of 127.0.0.1, with nobody who could log in yet.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: state.into(),
            users: Vec::new(),
            trust: None,
            allow_remote: false,
            url: None,
            faults: Vec::new(),
            request_time_limit: Duration::from_secs(10),
        }
    }
}

/// A person who can log in, and the user principal name that their card must carry.
///
/// Written `alice` (a card with the name `alice@` anything), `alice@example.test` or
/// `alice=alice@example.test` (a card with exactly that name). Names are compared as written;
/// user principal names without regard to the case of ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: String,
    binding: Binding,
}

/// Which user principal name belongs to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Binding {
    /// Any name whose part before the `@` is this.
    LocalPart(String),
    /// This name only.
    Whole(String),
}

impl User {
    /// The name that a login request carries in `username`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a certificate with this user principal name belongs to this user.
    ///
    /// A name without exactly one `@` belongs to nobody.
    #[must_use]
    pub fn is_bound_to(&self, upn: &str) -> bool {
        let Some((local, _)) = split_upn(upn) else {
            return false;
        };
        match &self.binding {
            Binding::LocalPart(bound) => bound.eq_ignore_ascii_case(local),
            Binding::Whole(bound) => bound.eq_ignore_ascii_case(upn),
        }
    }
}

impl FromStr for User {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::User { user: text.to_owned(), why };
        if text.len() > MAX_LENGTH {
            return Err(refuse("it is longer than 256 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refuse("it contains a space or a control character"));
        }
        let (name, upn) = match text.split_once('=') {
            Some((name, upn)) => (name, Some(upn)),
            None => (text, text.contains('@').then_some(text)),
        };
        if name.is_empty() {
            return Err(refuse("the name is empty"));
        }
        let binding = match upn {
            None => Binding::LocalPart(name.to_owned()),
            Some(upn) if split_upn(upn).is_some() => Binding::Whole(upn.to_owned()),
            Some(_) => {
                return Err(refuse("a user principal name looks like alice@example.test"));
            }
        };
        Ok(Self { name: name.to_owned(), binding })
    }
}

/// The URL of a server, with or without a path, which its endpoints go under.
///
/// `https://idp.example`, `https://example.test/psso-test`; a slash at the end makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    /// Whether pivkit takes such a URL: `https`, or `http` to its own machine.
    usable: bool,
}

impl BaseUrl {
    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether pivkit accepts it in a configuration: `http` is for its own machine only.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }
}

impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Url { url: text.to_owned(), why };
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte)) {
            return Err(refuse("it has characters that no URL has"));
        }
        let url = Url::parse(text).map_err(|_| refuse("it has no scheme or no host"))?;
        let usable = match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
            ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
            ("http", Some(Host::Domain(name))) => name == "localhost",
            _ => return Err(refuse("it is neither http nor https")),
        };
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it has a user, a password, a query or a fragment"));
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned(), usable })
    }
}

/// The two parts of a user principal name, which has exactly one `@` and neither part empty.
fn split_upn(upn: &str) -> Option<(&str, &str)> {
    let (local, domain) = upn.split_once('@')?;
    (!local.is_empty() && !domain.is_empty() && !domain.contains('@')).then_some((local, domain))
}

/// Longest `NAME[=UPN]`, in bytes.
const MAX_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> User {
        text.parse().unwrap()
    }

    #[test]
    fn a_bare_name_is_bound_by_the_local_part() {
        let alice = user("alice");
        assert_eq!(alice.name(), "alice");
        assert!(alice.is_bound_to("alice@example.test"));
        assert!(alice.is_bound_to("Alice@other.test"));
        for other in ["bob@example.test", "alice", "alice@", "@alice", "alice@a@b", "malice@example.test", ""] {
            assert!(!alice.is_bound_to(other), "{other}");
        }
    }

    #[test]
    fn a_whole_name_is_bound_as_a_whole() {
        for text in ["alice=alice@example.test", "alice@example.test"] {
            let alice = user(text);
            assert!(alice.is_bound_to("ALICE@Example.Test"));
            assert!(!alice.is_bound_to("alice@other.test"));
            assert!(!alice.is_bound_to("alice"));
        }
        assert_eq!(user("alice@example.test").name(), "alice@example.test");
        assert_eq!(user("al=alice@example.test").name(), "al");
    }

    #[test]
    fn only_ascii_letters_lose_their_case() {
        // U+212A KELVIN SIGN is a `k` to full Unicode case folding.
        assert!(!user("kim").is_bound_to("\u{212a}im@example.test"));
    }

    #[test]
    fn impossible_users_are_refused() {
        let long = "a".repeat(257);
        for text in ["", "=a@b", "a b", "a=b", "a=@b", "a=b@", "a@b@c", "a\n", &long] {
            assert!(text.parse::<User>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn base_urls() {
        for (text, kept, usable) in [
            ("https://idp.example", "https://idp.example", true),
            ("https://idp.example:8443/a/", "https://idp.example:8443/a", true),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", true),
            ("http://[::1]:8080", "http://[::1]:8080", true),
            ("http://localhost", "http://localhost", true),
            ("http://192.0.2.7:8080", "http://192.0.2.7:8080", false),
            ("http://localhost.example", "http://localhost.example", false),
        ] {
            let url: BaseUrl = text.parse().unwrap();
            assert_eq!((url.as_str(), url.is_usable()), (kept, usable));
        }
        for text in [
            "",
            "idp.example",
            "ftp://idp.example",
            "https://",
            "https://a@b",
            "https://a/?b",
            "https://a/#b",
            "https://a/\"",
            "https://a b",
        ] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }
}
