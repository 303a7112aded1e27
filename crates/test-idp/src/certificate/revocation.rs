//! Certificate revocation lists (RFC 5280 section 5), from files.
//!
//! A list counts when a certification authority of the trust file signed it whose key usage (when there is one) has
//! cRLSign, when it is complete (neither a delta nor for some certificates only: no critical extension), when it is not
//! of the future and when its nextUpdate is to come; a list without nextUpdate never counts. With lists, every issuer in a
//! chain needs one that counts. Of several lists of one issuer the newest decides, wherever it stands; an issuer is its name
//! and its key, so that a list is also one of the renewed certificate of an authority. A file that was replaced is read again at the next login.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use x509_parser::asn1_rs::FromDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::pem::Pem;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::certificate::chain::TrustStore;
use crate::certificate::signature::is_list_of;
use crate::certificate::{binding, find, parse};
use crate::check::{Check, Refusal};
use crate::error::Error;
use crate::files::read_at_most;
use crate::trail::Trail;

/// The files of revocation lists, and what they said last.
#[derive(Debug)]
pub(crate) struct RevocationLists {
    files: Vec<Mutex<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    path: PathBuf,
    /// Size and time of the file when it was read.
    version: Option<(u64, SystemTime)>,
    /// Or why the file cannot be used.
    lists: Result<Arc<Vec<List>>, String>,
}

/// A list, as far as it is needed.
#[derive(Debug)]
struct List {
    issuer: Issuer,
    /// cRLNumber, big-endian, without leading zeros; empty without one.
    number: Vec<u8>,
    /// Seconds since 1970.
    this_update: i64,
    next_update: Option<i64>,
    /// Serial numbers, big-endian, without leading zeros.
    revoked: BTreeSet<Vec<u8>>,
}

impl RevocationLists {
    /// Reads the files: PEM with several lists, or one list in DER.
    ///
    /// # Errors
    /// [`Error::CrlFile`] when a file cannot be read, is larger than 32 MiB, holds anything else, or a list that no
    /// authority of the trust file signed.
    pub(crate) fn load(paths: &[PathBuf], trust: &TrustStore) -> Result<Option<Self>, Error> {
        let mut files = Vec::new();
        for path in paths {
            let loaded = Loaded::read(path, trust);
            if let Err(why) = &loaded.lists {
                return Err(Error::CrlFile { path: path.clone(), why: why.clone() });
            }
            files.push(Mutex::new(loaded));
        }
        Ok(if files.is_empty() { None } else { Some(Self { files }) })
    }

    /// Checks that no certificate of a chain is revoked. `chain` has the authorities from the issuer up to the root; `now`
    /// is in seconds since 1970.
    ///
    /// # Errors
    /// [`Check::CertificateCrl`] when a list is missing, stale or unusable, [`Check::CertificateRevoked`].
    pub(crate) fn check(
        &self,
        trail: &mut Trail,
        certificate: &X509Certificate<'_>,
        chain: &[usize],
        trust: &TrustStore,
        now: i64,
    ) -> Result<(), Refusal> {
        let lists = trail.hold(Check::CertificateCrl, self.lists(trust))?;
        let mut serial = binding::serial(certificate).to_vec();
        for authority in chain {
            let issuer = trust.authority(*authority).map(parse).and_then(Result::ok);
            let list = issuer.as_ref().ok_or(MISSING).and_then(|issuer| current(&lists, &Issuer::of(issuer), now));
            let list = trail.hold(Check::CertificateCrl, list)?;
            let revoked = list.revoked.contains(&serial);
            let good = (!revoked).then_some(()).ok_or("the certificate, or that of an issuer, is revoked");
            trail.hold(Check::CertificateRevoked, good)?;
            // The issuer itself is on the list of the authority above it.
            if let Some(issuer) = &issuer {
                serial = binding::serial(issuer).to_vec();
            }
        }
        Ok(())
    }

    /// Every list of every file, read again where a file changed.
    fn lists(&self, trust: &TrustStore) -> Result<Vec<Arc<Vec<List>>>, String> {
        let mut all = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let mut loaded = file.lock().unwrap_or_else(PoisonError::into_inner);
            if version(&loaded.path) != loaded.version {
                *loaded = Loaded::read(&loaded.path, trust);
            }
            let unusable = |why: &String| format!("a revocation list cannot be used: {why}");
            all.push(Arc::clone(loaded.lists.as_ref().map_err(unusable)?));
        }
        Ok(all)
    }
}

/// Who signs lists: a name and a key, both in DER. An authority whose certificate was renewed stays the same.
#[derive(Debug, PartialEq, Eq)]
struct Issuer {
    name: Vec<u8>,
    public_key: Vec<u8>,
}

impl Issuer {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let (name, public_key) = (certificate.subject().as_raw().to_vec(), certificate.public_key().raw.to_vec());
        Self { name, public_key }
    }
}

impl Loaded {
    fn read(path: &Path, trust: &TrustStore) -> Self {
        let version = version(path);
        let bytes = read_at_most(path, MAX_FILE).map_err(|error| error.to_string());
        let lists = bytes.and_then(|bytes| parse_file(&bytes, trust)).map(Arc::new);
        Self { path: path.to_owned(), version, lists }
    }
}

fn version(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// The newest list of an issuer, if it counts now. An older one that is not due yet does not stand in for it: what was
/// revoked in between is not on it.
fn current<'a>(files: &'a [Arc<Vec<List>>], issuer: &Issuer, now: i64) -> Result<&'a List, &'static str> {
    let lists = files.iter().flat_map(|file| file.iter()).filter(|list| list.issuer == *issuer);
    let age = |list: &&List| (list.this_update, list.number.len(), list.number.clone());
    let (come, future): (Vec<_>, Vec<_>) = lists.partition(|list| list.this_update <= now);
    let Some(list) = come.into_iter().max_by_key(age) else {
        return Err(if future.is_empty() { MISSING } else { "the revocation list of the issuer is of the future" });
    };
    match list.next_update {
        None => Err("the revocation list of the issuer does not say when the next one comes"),
        Some(next) if next <= now => Err("the revocation list of the issuer is stale: the next one was due"),
        Some(_) => Ok(list),
    }
}

fn parse_file(bytes: &[u8], trust: &TrustStore) -> Result<Vec<List>, String> {
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Ok(vec![parse_list(bytes, trust)?]);
    }
    let mut lists = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|error| format!("it is not PEM: {error}"))?;
        if block.label != "X509 CRL" {
            return Err("it has something else than revocation lists in it".to_owned());
        }
        lists.push(parse_list(&block.contents, trust)?);
    }
    if lists.is_empty() { Err("it has no revocation list in it".to_owned()) } else { Ok(lists) }
}

fn parse_list(der: &[u8], trust: &TrustStore) -> Result<List, String> {
    let (rest, list) = CertificateRevocationList::from_der(der).map_err(|_| "it is not a revocation list")?;
    if !rest.is_empty() {
        return Err("there is something behind the revocation list".to_owned());
    }
    if list.extensions().iter().any(|extension| extension.critical) {
        return Err("it is a delta, or for some certificates only, or has a critical extension".to_owned());
    }
    let entries = || list.iter_revoked_certificates();
    if entries().any(|entry| entry.extensions().iter().any(|extension| extension.critical)) {
        return Err("an entry has a critical extension; indirect revocation lists are not supported".to_owned());
    }
    let issuer = signer(&list, trust)?;
    let without_zeros = |raw: &[u8]| raw.iter().copied().skip_while(|byte| *byte == 0).collect();
    Ok(List {
        issuer,
        number: list.extensions().iter().find_map(number).unwrap_or_default(),
        this_update: list.last_update().timestamp(),
        next_update: list.next_update().map(|next| next.timestamp()),
        revoked: entries().map(|entry| without_zeros(entry.raw_serial())).collect(),
    })
}

/// cRLNumber (RFC 5280 section 5.2.3).
fn number(extension: &X509Extension<'_>) -> Option<Vec<u8>> {
    match extension.parsed_extension() {
        ParsedExtension::CRLNumber(number) => Some(number.to_bytes_be()),
        _ => None,
    }
}

/// The authority that signed a list.
fn signer(list: &CertificateRevocationList<'_>, trust: &TrustStore) -> Result<Issuer, &'static str> {
    let mut problem = "no certification authority of the trust file has the name of its issuer";
    for der in trust.authorities() {
        let Ok(issuer) = parse(der) else { continue };
        if issuer.subject().as_raw() != list.issuer().as_raw() {
            continue;
        }
        let signs_lists = find(&issuer, |extension| match extension {
            ParsedExtension::KeyUsage(usage) => Some(usage.crl_sign()),
            _ => None,
        });
        if !is_list_of(list, &issuer) {
            problem = "the issuer's key did not sign it";
        } else if signs_lists == Some(false) {
            problem = "the key usage of its issuer does not permit revocation lists";
        } else {
            return Ok(Issuer::of(&issuer));
        }
    }
    Err(problem)
}

/// Why there is no list.
const MISSING: &str = "there is no revocation list of the issuer";

/// First byte of a revocation list in DER.
const DER_SEQUENCE: u8 = 0x30;

/// Largest file, in bytes.
const MAX_FILE: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests;
