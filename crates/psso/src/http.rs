//! What the protocol needs of HTTP (RFC 9110), as a trait, so that tests need no network.

use std::fmt;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

use crate::Error;
use crate::error::shown;

mod refusal;
pub mod roots;
pub mod ureq_client;

/// The largest answer that is read, in bytes: 1 MiB.
pub const MAX_BODY_LEN: usize = 1 << 20;

/// Sends a request and returns the answer as it came, whatever its status.
///
/// An implementation follows no redirects, verifies TLS, limits time, asks for no content encoding and takes none, and reads no
/// more than [`MAX_BODY_LEN`] bytes.
pub trait HttpClient {
    /// Sends one request.
    ///
    /// # Errors
    /// [`HttpError`] when there is no answer, or none that may be used.
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// The two methods that the protocol uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET: the JWKS.
    Get,
    /// POST: everything else.
    Post,
}

/// A request. `Debug` leaves out the body, which may be a bearer token.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Where to; `https`, or `http` on a loopback host.
    pub url: Url,
    /// Header fields, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The content; empty for GET.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpRequest {
    pub(crate) fn get(url: &Url, accept: &str) -> Self {
        let headers = vec![("accept", accept.to_owned())];
        Self { method: Method::Get, url: url.clone(), headers, body: Zeroizing::default() }
    }

    pub(crate) fn post(url: &Url, accept: &str, content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("accept", accept.to_owned()), ("content-type", content_type.to_owned())];
        Self { method: Method::Post, url: url.clone(), headers, body: Zeroizing::new(body) }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// An answer. `Debug` leaves out the body, which may hold tokens.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The Content-Type field, as it came.
    pub content_type: Option<String>,
    /// The content.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpResponse {
    /// The media type in lower case, without its parameters (RFC 9110 8.3.1).
    #[must_use]
    pub fn media_type(&self) -> Option<String> {
        let essence = self.content_type.as_deref()?.split(';').next()?.trim();
        let (kind, subtype) = essence.split_once('/')?;
        let is_token = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        (is_token(kind) && is_token(subtype)).then(|| essence.to_ascii_lowercase())
    }

    /// Whether this is JSON: `application/json` or another type that ends in `+json` (RFC 6839 3.1).
    pub(crate) fn is_json(&self) -> bool {
        self.media_type().is_some_and(|media_type| media_type == "application/json" || media_type.ends_with("+json"))
    }

    /// What came, for an error: media type and length, never the content.
    pub(crate) fn describe(&self) -> String {
        match self.media_type() {
            Some(media_type) => format!("{} ({} bytes)", shown(&media_type, 80), self.body.len()),
            None => match &self.content_type {
                Some(other) => format!("content of type \"{}\"", shown(other, 80)),
                None => "content without a media type".to_owned(),
            },
        }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nothing listens there, or the name does not resolve.
    #[error("no connection to the server")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server took too long.
    #[error("the server took longer than {limit:?}")]
    Timeout {
        /// The limit that was reached.
        limit: Duration,
    },
    /// The server's certificate is not one that this system trusts: an unknown issuer, another name, expired.
    #[error("the server's certificate is not trusted")]
    Untrusted(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// TLS failed otherwise: an old protocol, or what listens there does not speak TLS.
    #[error("no secure connection to the server")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer came through the proxy that the environment names.
    #[error("no answer through the proxy {proxy}")]
    Proxy {
        /// The proxy, without user and password.
        proxy: String,
        /// What happened.
        source: Box<HttpError>,
    },
    /// The answer is larger than is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The header of the answer is longer than is read, or has more fields.
    #[error("the header of the answer is too large")]
    HeaderTooLarge(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The content is encoded (RFC 9110 8.4), and no encoding was asked for.
    #[error("its content is encoded ({encoding}), and no encoding was asked for")]
    Encoded {
        /// The Content-Encoding field, escaped and cut short.
        encoding: String,
    },
    /// The URL is not `https`, and not a loopback host.
    #[error("only https is used, except on this machine (loopback)")]
    Insecure,
    /// The connection broke, or what came is not HTTP.
    #[error("the connection failed")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl HttpError {
    /// Whether something came, and was not taken.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::HeaderTooLarge(_) | Self::Encoded { .. })
    }
}

/// Whether a URL may be used: `https`, or `http` to 127.0.0.0/8, `::1` or `localhost`.
#[must_use]
pub fn is_allowed_url(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Sends a request to one of the protocol's endpoints, and returns the answer if its status is one of `accepted`.
pub(crate) fn exchange(
    client: &dyn HttpClient,
    endpoint: &'static str,
    request: &HttpRequest,
    accepted: &[u16],
) -> Result<HttpResponse, Error> {
    let response = send(client, endpoint, request)?;
    if accepted.contains(&response.status) { Ok(response) } else { Err(refusal(endpoint, &response)) }
}

/// Sends a request to one of the protocol's endpoints, and returns the answer whatever its status.
pub(crate) fn send(
    client: &dyn HttpClient,
    endpoint: &'static str,
    request: &HttpRequest,
) -> Result<HttpResponse, Error> {
    let network = |source| Error::Network { endpoint, url: request.url.as_str().to_owned(), source };
    if !is_allowed_url(&request.url) {
        return Err(network(HttpError::Insecure));
    }
    let response = client.send(request).map_err(network)?;
    tracing::debug!(endpoint, status = response.status, len = response.body.len(), "http");
    if response.body.len() > MAX_BODY_LEN {
        return Err(network(HttpError::TooLarge { limit: MAX_BODY_LEN }));
    }
    Ok(response)
}

/// Reads an answer as one JSON object, whatever media type it came under: servers differ there, and what is not JSON does
/// not parse.
pub(crate) fn json_object(
    endpoint: &'static str,
    response: &HttpResponse,
) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
    jose::json::parse_object("answer", &response.body)
        .map_err(|error| Error::UnexpectedAnswer { endpoint, why: refusal::no_object(response, &error) })
}

pub(crate) use refusal::refusal;

#[cfg(test)]
mod tests;
