//! The URL under which clients reach the server.

use std::str::FromStr;

use url::{Host, Url};

use crate::error::Error;

/// The URL of a server, with or without a path, which its endpoints go under.
///
/// `https://idp.example`, `https://example.test/psso-test`; a slash at the end makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    /// Whether pivkit takes such a URL: `https`, or `http` to its own machine.
    usable: bool,
    /// Whether it is `http`.
    plain: bool,
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

    /// Whether it leads to the client's own machine, and to no proxy with TLS there.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.usable && self.plain
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
        Ok(Self { text: text.trim_end_matches('/').to_owned(), usable, plain: url.scheme() == "http" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(url.is_local(), usable && kept.starts_with("http:"));
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
