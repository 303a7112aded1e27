//! Who may see the page: this machine, unless the options say otherwise.
//!
//! "This machine" means more than the socket. A web page from elsewhere can give its own name our address and then read what
//! we answer to that name (DNS rebinding), and a proxy on this machine speaks for others. So the Host that was asked for has
//! to be this machine's, and nobody may have passed the request on.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::answer;
use crate::error::Error;
use crate::options::BaseUrl;

/// To whom the page at `/` is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PageFor {
    /// To browsers on this machine, when the server listens on loopback and is not behind a proxy.
    #[default]
    Loopback,
    /// To browsers on this machine, when the options say that clients reach the server there: in a container, whose port is
    /// published on loopback and nowhere else. Who reaches the container another way can pretend to be such a browser.
    Published,
    /// To everybody who can reach the server.
    Everyone,
    /// To nobody: there is no page.
    Nobody,
}

impl PageFor {
    /// What is left of it on a server that listens there, and is reached under this URL when it has one.
    pub(crate) fn at(self, listen: SocketAddr, url: Option<&BaseUrl>) -> Self {
        match self {
            Self::Loopback if !listen.ip().is_loopback() || !url.is_none_or(BaseUrl::is_local) => Self::Nobody,
            Self::Published if !url.is_some_and(BaseUrl::is_local) => Self::Nobody,
            whom => whom,
        }
    }
}

impl FromStr for PageFor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "loopback" => Ok(Self::Loopback),
            "published" => Ok(Self::Published),
            "everyone" => Ok(Self::Everyone),
            "nobody" => Ok(Self::Nobody),
            _ => Err(Error::UnknownPage { name: text.to_owned() }),
        }
    }
}

impl fmt::Display for PageFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Published => "published",
            Self::Everyone => "everyone",
            Self::Nobody => "nobody",
        })
    }
}

/// Refuses what does not come straight from this machine.
pub(super) async fn only_this_machine(request: Request, next: Next) -> Response {
    if is_direct(request.headers()) {
        return next.run(request).await;
    }
    let why = "The page is for browsers on this machine. With --page everyone it is for all.";
    answer::error(StatusCode::FORBIDDEN, "access_denied", why)
}

/// Whether a request was made on behalf of a web page from elsewhere: browsers say so in `Origin`.
pub(crate) fn is_of_foreign_page(headers: &HeaderMap) -> bool {
    let ours = |origin: &str| origin.split_once("://").is_some_and(|(_, host)| is_loopback(host));
    headers.get_all(header::ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(ours))
}

/// Whether a request was made to this machine by its own name, and passed on by nobody.
pub(crate) fn is_direct(headers: &HeaderMap) -> bool {
    let passed_on = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(is_loopback) && passed_on.iter().all(|name| !headers.contains_key(*name))
}

/// Whether the value of a Host header names this machine: `localhost` or a loopback address, with a port or without.
fn is_loopback(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_few_names() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "127.9.9.9:80", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "idp.example",
            "localhost.example:80",
            "127.0.0.1.example",
            "192.0.2.1:80",
            "[::2]:80",
            ":80",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn what_was_passed_on_is_not_from_here() {
        let headers = |more: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.append(header::HOST, "127.0.0.1:8080".parse().unwrap());
            for (name, value) in more {
                headers.append(*name, value.parse().unwrap());
            }
            headers
        };
        assert!(is_direct(&headers(&[("accept", "text/html")])));
        for name in ["forwarded", "x-forwarded-for", "host"] {
            assert!(!is_direct(&headers(&[(name, "127.0.0.1")])), "{name}");
        }
        assert!(!is_direct(&HeaderMap::new()));
    }

    #[test]
    fn pages_from_elsewhere_say_so() {
        let of = |origin: &str| HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]);
        assert!(!is_of_foreign_page(&HeaderMap::new()));
        assert!(!is_of_foreign_page(&of("http://127.0.0.1:8080")));
        for origin in ["http://attacker.example", "null", "", "https://localhost.attacker.example:8080"] {
            assert!(is_of_foreign_page(&of(origin)), "{origin}");
        }
    }
}
