//! Which key a row means, and whether it can be used.

use std::path::Path;
use std::sync::Arc;

use identity::{Certificate, Identity, PairingHash, Usage};
use time::OffsetDateTime;

use crate::error::shown;
use crate::folder::unfit;
use crate::manifest::Row;
use crate::{CertificateFolder, RowAction, RowNote, certificate_file, parallel};

/// A row of which the key is known, or known to be known only with the card.
#[derive(Debug, Clone)]
pub(crate) struct KeyedRow {
    pub(crate) row: Row,
    pub(crate) key: RowKey,
}

/// What is known of the key.
#[derive(Debug, Clone)]
pub(crate) enum RowKey {
    /// Everything. DER only: a hundred thousand of them are in memory.
    Certificate { der: Arc<[u8]>, hash: PairingHash },
    /// Its hash.
    Hash(PairingHash),
    /// All keys of the account are meant.
    All,
    /// Nothing, until the card is there.
    Card,
}

impl RowKey {
    pub(crate) fn hash(&self) -> Option<PairingHash> {
        match self {
            RowKey::Certificate { hash, .. } | RowKey::Hash(hash) => Some(*hash),
            RowKey::All | RowKey::Card => None,
        }
    }

    /// The certificate, in DER.
    pub(crate) fn der(&self) -> Option<&[u8]> {
        match self {
            RowKey::Certificate { der, .. } => Some(der),
            _ => None,
        }
    }
}

/// Where keys are looked for beside the rows themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) folder: Option<&'a CertificateFolder>,
    /// Whether every row is looked for in the folder, also one without a `upn`.
    pub(crate) match_all: bool,
    pub(crate) now: OffsetDateTime,
}

/// Reads the certificates of all rows. What is wrong with a row takes it out.
pub(crate) fn read_all(rows: Vec<Row>, sources: Sources<'_>) -> (Vec<KeyedRow>, Vec<RowNote>) {
    let keys = parallel::map(&rows, |row| sources.key(row));
    let (mut keyed, mut problems) = (Vec::with_capacity(rows.len()), Vec::new());
    for (row, key) in rows.into_iter().zip(keys) {
        match key {
            Ok(key) => keyed.push(KeyedRow { row, key }),
            Err(why) => problems.extend(why.into_iter().map(|why| row.note(why))),
        }
    }
    (keyed, problems)
}

impl Row {
    pub(crate) fn note(&self, why: String) -> RowNote {
        RowNote { line: self.line, user: Some(self.user.to_string()), why }
    }
}

impl Sources<'_> {
    /// The key of a row, or everything that is wrong with it.
    fn key(self, row: &Row) -> Result<RowKey, Vec<String>> {
        let of_file = row.certificate.as_deref().map(|path| in_file(path, row.hash).map_err(|why| vec![why]));
        let certificate = match of_file.transpose()? {
            Some(certificate) => Some(certificate),
            None => self.in_folder(row)?,
        };
        if let Some(certificate) = certificate {
            let (der, hash) = (certificate.der().into(), certificate.pairing_hash());
            let problems = self.problems(row, certificate);
            return if problems.is_empty() { Ok(RowKey::Certificate { der, hash }) } else { Err(problems) };
        }
        match (row.hash, row.action) {
            (Some(hash), _) => Ok(RowKey::Hash(hash)),
            // The card may be lost: whose key it holds has to be told otherwise.
            (None, RowAction::Unpair) if !row.card.is_empty() => {
                Err(vec!["names no key: to unpair, hash or certificate says which".to_owned()])
            }
            _ if !row.card.is_empty() => Ok(RowKey::Card),
            (None, RowAction::Unpair) => Ok(RowKey::All),
            _ => Err(vec!["names no key: hash, certificate, upn, serial and guid are all empty".to_owned()]),
        }
    }

    /// The certificate of the folder that belongs to the row. A row that also names the card by number can wait for it.
    fn in_folder(self, row: &Row) -> Result<Option<Certificate>, Vec<String>> {
        let Some(folder) = self.folder else { return Ok(None) };
        let parsed = |der: Arc<[u8]>| Certificate::from_der(&der).map_err(|error| vec![error.to_string()]);
        if let Some(hash) = row.hash {
            return folder.of_key(&hash).map(parsed).transpose();
        }
        let everything = row.action == RowAction::Unpair && row.card.is_empty();
        if everything || !(self.match_all || row.card.upn.is_some()) {
            return Ok(None);
        }
        let waits = row.action != RowAction::Unpair && (row.card.serial.is_some() || row.card.guid.is_some());
        match folder.of_row(row, row.action != RowAction::Unpair) {
            Ok(Some(der)) => parsed(der).map(Some),
            Ok(None) if waits => Ok(None),
            Ok(None) => Err(vec![folder.nothing_for(row)]),
            Err(why) => Err(vec![why]),
        }
    }

    /// What speaks against the certificate for this row. To take a pairing away, any certificate will do.
    fn problems(self, row: &Row, certificate: Certificate) -> Vec<String> {
        let mut problems = Vec::new();
        let hash = certificate.pairing_hash();
        if let Some(given) = row.hash.filter(|given| *given != hash) {
            problems.push(format!("hash and certificate disagree: {given}, and the certificate's {hash}"));
        }
        if let Some(upn) = &row.card.upn
            && !certificate.upns().iter().any(|name| name.eq_ignore_ascii_case(upn))
        {
            let names = match certificate.upns() {
                [] => "the certificate has none".to_owned(),
                names => format!("the certificate's {}", names.join(", ")),
            };
            problems.push(format!("upn and certificate disagree: {upn}, and {names}"));
        }
        if row.action == RowAction::Unpair {
            return problems;
        }
        problems.extend(unfit(&certificate, self.now).map(|why| format!("the certificate cannot be used: {why}")));
        if let Some(slot) = &row.slot {
            let identity = Identity { slot: slot.clone(), certificate, token_id: None };
            let fits = identity.is_usable_for(Usage::Authentication);
            if !fits && identity.certificate.allows(Usage::Authentication) {
                problems.push(format!("slot {slot} is not for logging in; 9a is"));
            }
        }
        problems
    }
}

/// The certificate in a file; of several, that of the key.
fn in_file(path: &Path, hash: Option<PairingHash>) -> Result<Certificate, String> {
    let unreadable = |why: &dyn std::error::Error| {
        format!("the certificate {} cannot be read: {}", shown(path), identity::text::with_causes(why))
    };
    let mut certificates = certificate_file::read(path).map_err(|error| unreadable(&error))?;
    if certificates.len() > 1 {
        let count = certificates.len();
        let mut readable: Vec<_> = certificates.into_iter().flatten().collect();
        readable.retain(|certificate| hash == Some(certificate.pairing_hash()));
        return match (readable.pop(), hash) {
            (Some(certificate), _) => Ok(certificate),
            (None, Some(_)) => Err(format!("none of the {count} certificates in {} has the hash", shown(path))),
            (None, None) => Err(format!("{} holds {count} certificates; the hash can say which", shown(path))),
        };
    }
    match certificates.pop() {
        Some(certificate) => certificate.map_err(|error| unreadable(&error)),
        None => Err(unreadable(&identity::Error::NoCertificate)),
    }
}
