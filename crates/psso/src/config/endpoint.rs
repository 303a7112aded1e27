//! The URL of an endpoint.

use url::Url;

use crate::error::shown;
use crate::http::is_allowed_url;

/// The URL of an endpoint: `https`, or `http` on a loopback host; without user, password and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    text: String,
}

impl Endpoint {
    /// Reads a URL; an error is a sentence about it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let seen = shown(text, 120);
        // A URL parser drops them silently; then `aud` would not be the URL that the request goes to.
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(format!("\"{seen}\" must not contain white space or control characters"));
        }
        // It takes each of these for something else: "https:///host", "https:host" and "https:\\host" for "https://host".
        if text.contains('\\') {
            return Err(format!("\"{seen}\" must not contain a backslash"));
        }
        let url = Url::parse(text).map_err(|error| format!("\"{seen}\" is not a URL: {error}"))?;
        if !is_allowed_url(&url) {
            let why = "must be an https URL; http is for this machine only (127.0.0.1, ::1, localhost)";
            return Err(format!("\"{seen}\" {why}"));
        }
        let host = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if host.is_none_or(|host| host.is_empty() || host.starts_with(':')) {
            return Err(format!("\"{seen}\" has no host between \"//\" and the next \"/\""));
        }
        if url.port() == Some(0) {
            return Err(format!("\"{seen}\" has port 0, on which nothing listens"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("it must not contain a user, a password or a fragment (#)".to_owned());
        }
        Ok(Self { url, text: text.to_owned() })
    }

    /// The URL to send requests to.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL as `aud` of a request: as configured, without its query (LOGIN: "host and path").
    #[must_use]
    pub fn audience(&self) -> &str {
        self.text.split('?').next().unwrap_or(&self.text)
    }

    /// The URL as it is configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
