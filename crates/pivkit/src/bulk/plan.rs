//! A manifest becomes a plan, or one manifest for each host.

use std::path::{Path, PathBuf};

use bulk::{CertificateFolder, Check, HostName, Manifest, MatchRule, Planning, Split};
use time::OffsetDateTime;

use crate::{Accounts, Error};

/// A manifest, and what completes it.
#[derive(Clone, Debug)]
pub struct ManifestRequest {
    /// The manifest.
    pub manifest: PathBuf,
    /// The host of which the rows are wanted; `None` for this machine.
    pub host: Option<HostName>,
    /// A folder with certificates for rows that name none.
    pub certificates: Option<PathBuf>,
    /// The rule by which every row without a key finds its certificate there; without it, only rows with a `upn` do, by
    /// [`MatchRule::Upn`].
    pub rule: Option<MatchRule>,
}

/// Checks every row of a manifest and plans them. Nothing is changed. The rows come out of the result one by one.
///
/// # Errors
///
/// [`Error::Bulk`] when the manifest or the folder as a whole cannot be read. What is wrong with a row is told in the plan.
pub fn plan<'a>(accounts: &'a Accounts, request: &ManifestRequest) -> Result<Planning<'a>, Error> {
    let manifest = Manifest::read(&request.manifest)?;
    let checked = request.with_check(|check| manifest.check(request.host.clone(), check))?;
    Ok(checked.plan(accounts.system(), accounts.backend())?)
}

/// Writes the part of the manifest for each host, with its certificates, into a folder of its own below `folder`.
///
/// # Errors
///
/// [`Error::Bulk`] when the manifest cannot be read, names no hosts, or the folders cannot be written.
pub fn split_by_host(request: &ManifestRequest, folder: &Path) -> Result<Split, Error> {
    let manifest = Manifest::read(&request.manifest)?;
    Ok(request.with_check(|check| manifest.split(&request.manifest, check, folder))?)
}

impl ManifestRequest {
    pub(super) fn with_check<T>(
        &self,
        then: impl FnOnce(Check<'_>) -> Result<T, bulk::Error>,
    ) -> Result<T, bulk::Error> {
        let now = OffsetDateTime::now_utc();
        let rule = self.rule.unwrap_or(MatchRule::Upn);
        let folder = self.certificates.as_deref().map(|path| CertificateFolder::read(path, rule, now)).transpose()?;
        then(Check { folder: folder.as_ref(), match_all: self.rule.is_some(), now })
    }
}
