//! `pivkit psso config`: the login configuration.

use std::path::Path;

use psso::{Client, Config, Roots, SignOn, TimeLimits, UreqClient};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::inspect::read_text;
use crate::Error;
use crate::report::{ConfigExampleReport, ConfigLintReport, DiscoveryReport, SCHEMA_VERSION};

/// A login configuration, and the text that it was read from.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What it says.
    pub config: Config,
    /// The TOML.
    pub(super) text: String,
}

impl Configuration {
    /// The configuration of a login, which was kept with its tokens.
    pub(super) fn of(sign_on: &SignOn) -> Result<Self, Error> {
        let unkept =
            || Error::Input { what: "the login was made without a configuration that could be kept".to_owned() };
        let text = sign_on.configuration.clone().ok_or_else(unkept)?;
        let config = Config::from_toml(&text)?;
        sign_on.check_provider(&config).map_err(psso::Error::from)?;
        Ok(Self { config, text })
    }
}

/// Reads a login configuration.
///
/// # Errors
///
/// [`Error::Psso`] if the file cannot be read or has a field that is wrong or unknown.
pub fn configuration(path: &Path) -> Result<Configuration, Error> {
    // Read once: it may be a pipe.
    let text = read_text(path).map_err(|error| match error {
        Error::File { source, .. } => psso::Error::Config {
            why: format!("the configuration {} cannot be read", path.display()),
            source: Some(source.into()),
        }
        .into(),
        other => other,
    })?;
    let config = Config::from_toml(&text).map_err(|error| match error {
        psso::Error::Config { why, source } => {
            psso::Error::Config { why: format!("{}: {why}", path.display()), source }
        }
        other => other,
    })?;
    Ok(Configuration { config, text })
}

/// Everything worth saying about a configuration file; `-` is standard input.
///
/// # Errors
///
/// [`Error::File`].
pub fn lint(path: &Path) -> Result<ConfigLintReport, Error> {
    let findings = Config::lint(&read_text(path)?);
    Ok(ConfigLintReport::new(path.display().to_string(), findings))
}

/// A configuration with every field, its meaning and its default.
#[must_use]
pub fn example() -> ConfigExampleReport {
    ConfigExampleReport { schema_version: SCHEMA_VERSION, toml: Config::example().to_owned() }
}

/// What an issuer says of itself, as the beginning of a configuration.
///
/// # Errors
///
/// [`Error::Psso`] when it does not answer, or with something else.
pub fn discover(issuer: &str, ca: Option<&Path>) -> Result<DiscoveryReport, Error> {
    let discovered = psso::discover(issuer, &http(ca)?)?;
    let missing = discovered.missing().into_iter().map(str::to_owned).collect();
    let toml = discovered.to_string();
    Ok(DiscoveryReport { schema_version: SCHEMA_VERSION, issuer: discovered.issuer, toml, missing })
}

/// A client of the identity provider; `ca` has the authorities that are trusted instead of the system's.
pub(super) fn client(config: Config, ca: Option<&Path>) -> Result<Client, Error> {
    Ok(Client::new(config, Box::new(http(ca)?)))
}

fn http(ca: Option<&Path>) -> Result<UreqClient, Error> {
    let limits = TimeLimits::default();
    match ca {
        None => Ok(UreqClient::new(limits)),
        Some(path) => Ok(UreqClient::with_roots(limits, &Roots::load(path)?)),
    }
}

/// A moment in Unix time, for people and programs: RFC 3339 in UTC, or the bare number where no calendar reaches.
pub(super) fn moment(seconds: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok();
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}
