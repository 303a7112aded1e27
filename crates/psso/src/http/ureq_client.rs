//! The HTTP client of the real world, on `ureq`.

use std::io::ErrorKind;
use std::time::Duration;

use tracing::subscriber::NoSubscriber;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};
use zeroize::Zeroizing;

use super::roots::Roots;
use super::{HttpClient, HttpError, HttpRequest, HttpResponse, MAX_BODY_LEN, Method, is_allowed_url, is_loopback};

use crate::error::shown;

/// How long to wait. A login at a slow identity provider takes a few seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For the whole exchange, from the name's resolution to the last byte.
    pub total: Duration,
}

impl Default for TimeLimits {
    /// 10 seconds to connect, 30 seconds in all.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30) }
    }
}

/// Blocking HTTP with TLS by rustls and the system's own trust in certificates, or trust in given [`Roots`].
///
/// No redirects, no cookies, no `http` except to this machine. A proxy is taken from the environment as usual
/// (`HTTPS_PROXY`, `NO_PROXY`), but never for this machine.
#[derive(Debug)]
pub struct UreqClient {
    agent: Agent,
    limits: TimeLimits,
}

impl UreqClient {
    /// Makes a client. Nothing is connected yet.
    #[must_use]
    pub fn new(limits: TimeLimits) -> Self {
        Self::build(limits, RootCerts::PlatformVerifier, Proxy::try_from_env())
    }

    /// Makes a client that trusts these authorities *instead of* the system's.
    #[must_use]
    pub fn with_roots(limits: TimeLimits, roots: &Roots) -> Self {
        Self::build(limits, roots.certificates(), Proxy::try_from_env())
    }

    fn build(limits: TimeLimits, roots: RootCerts, proxy: Option<Proxy>) -> Self {
        let tls = TlsConfig::builder().root_certs(roots).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(limits.connect))
            .timeout_global(Some(limits.total))
            .max_idle_connections(0)
            .user_agent(concat!("pivkit/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, limits }
    }

    fn run(&self, request: &HttpRequest) -> Result<Result<HttpResponse, HttpError>, ureq::Error> {
        let url = request.url.as_str();
        let loopback = is_loopback(&request.url);
        let mut response = match request.method {
            Method::Get => {
                let mut call = self.agent.get(url);
                for (name, value) in &request.headers {
                    call = call.header(*name, value);
                }
                if loopback {
                    call = call.config().proxy(None).build();
                }
                call.call()
            }
            Method::Post => {
                let mut call = self.agent.post(url);
                for (name, value) in &request.headers {
                    call = call.header(*name, value);
                }
                if loopback {
                    call = call.config().proxy(None).build();
                }
                call.send(request.body.as_slice())
            }
        }?;
        let content_type =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
        if let Some(encoding) = encoding(response.headers()) {
            return Ok(Err(HttpError::Encoded { encoding }));
        }
        // ureq refuses at its limit, not over it.
        let limit = u64::try_from(MAX_BODY_LEN + 1).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(limit).read_to_vec()?;
        Ok(Ok(HttpResponse { status: response.status().as_u16(), content_type, body: Zeroizing::new(body) }))
    }

    fn error(&self, error: ureq::Error) -> HttpError {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                HttpError::Timeout { limit: self.limits.connect }
            }
            ureq::Error::Timeout(_) => HttpError::Timeout { limit: self.limits.total },
            ureq::Error::BodyExceedsLimit(_) => HttpError::TooLarge { limit: MAX_BODY_LEN },
            ureq::Error::LargeResponseHeader(..) => HttpError::HeaderTooLarge(error.into()),
            // The type of this error is not ureq's own, and has no other name here.
            ureq::Error::Protocol(cause) if cause.to_string().contains("too many headers") => {
                HttpError::HeaderTooLarge(cause.into())
            }
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::InvalidProxyUrl => {
                HttpError::Unreachable(error.into())
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => HttpError::Tls(error.into()),
            ureq::Error::Io(error) => io_error(error),
            other => HttpError::Broken(other.into()),
        }
    }

    /// Names the proxy, if there is one on the way to this URL: what fails is as likely its fault as the server's.
    fn through_proxy(&self, request: &HttpRequest, error: HttpError) -> HttpError {
        let uri = request.url.as_str().parse::<Uri>();
        let proxy = self.agent.config().proxy().filter(|_| !is_loopback(&request.url));
        match (proxy, uri, &error) {
            _ if error.is_answer() => error,
            (Some(proxy), Ok(uri), _) if !proxy.is_no_proxy(&uri) => {
                HttpError::Proxy { proxy: format!("{}:{}", proxy.host(), proxy.port()), source: Box::new(error) }
            }
            _ => error,
        }
    }
}

impl Default for UreqClient {
    fn default() -> Self {
        Self::new(TimeLimits::default())
    }
}

impl HttpClient for UreqClient {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if !is_allowed_url(&request.url) {
            return Err(HttpError::Insecure);
        }
        // At level trace, ureq_proto writes heads and the content of chunked answers to the log, in hex. Those are
        // tokens. Under this guard nothing of the libraries reaches a subscriber, whatever its filter.
        tracing::subscriber::with_default(NoSubscriber::default(), || self.run(request))
            .unwrap_or_else(|error| Err(self.error(error)))
            .map_err(|error| self.through_proxy(request, error))
    }
}

/// What the content is encoded with; `identity` is nothing (RFC 9110 8.4.1).
fn encoding(headers: &ureq::http::HeaderMap) -> Option<String> {
    let fields: Vec<_> = headers.get_all("content-encoding").iter().map(|value| value.as_bytes()).collect();
    let fields = fields.join(&b", "[..]);
    let text = String::from_utf8_lossy(&fields);
    let is_none = |name: &str| name.is_empty() || name.eq_ignore_ascii_case("identity");
    let encodings: Vec<&str> = text.split(',').map(str::trim).filter(|name| !is_none(name)).collect();
    (!encodings.is_empty()).then(|| shown(&encodings.join(", "), 60))
}

fn io_error(error: std::io::Error) -> HttpError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match (error.kind(), cause) {
        (_, Some(rustls::Error::InvalidCertificate(_))) => HttpError::Untrusted(error.into()),
        // rustls reports a failed handshake as invalid data; invalid HTTP has an error of its own.
        (ErrorKind::InvalidData, _) | (_, Some(_)) => HttpError::Tls(error.into()),
        (
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::WriteZero
            | ErrorKind::Interrupted,
            _,
        ) => HttpError::Broken(error.into()),
        // Refused, no route; and a name that does not resolve, whose error has no kind of its own.
        _ => HttpError::Unreachable(error.into()),
    }
}

#[cfg(test)]
mod tests;
