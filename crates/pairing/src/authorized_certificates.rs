//! The text of `~/.eid/authorized_certificates`: concatenated PEM certificates.
//!
//! pam_p11 reads the file with OpenSSL's `PEM_read_bio_X509` until that fails. It passes over
//! text between blocks and over blocks of other kinds, but the first damaged block ends the
//! reading: certificates behind it do not count.
//!
//! So a certificate is added **in front** of everything else. There it counts whatever stands in
//! the rest of the file, a last line without a line end or an open block included, and taking it
//! out again leaves every other byte as it was.
//!
//! OpenSSL's idea of damage changes from version to version. Here a certificate is listed when any
//! of them could read it, and called effective only when all of them do: then blocks before it
//! are sound and plainly written, and no zero byte comes before it.

use std::ops::Range;

use identity::{Certificate, PairingHash, pem};

use crate::{Pairing, Pairings, Unreadable};

/// The file in pieces. The ranges do not overlap and are in order.
struct Entry {
    range: Range<usize>,
    /// `Ok(None)` for a sound block of another kind.
    certificate: Result<Option<Certificate>, String>,
    strict: bool,
}

/// What the file pairs, and what in it cannot be read.
pub(crate) fn read(file: &[u8]) -> Pairings {
    let mut pairings = Pairings::default();
    let zero = file.iter().position(|&byte| byte == 0).unwrap_or(file.len());
    let mut effective = true;
    for entry in entries(file) {
        effective &= entry.strict && entry.certificate.is_ok() && entry.range.end <= zero;
        match entry.certificate {
            Ok(Some(certificate)) => pairings.entries.push(Pairing { certificate, effective }),
            Ok(None) => (),
            Err(why) => {
                let before = file.get(..entry.range.start).unwrap_or_default();
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                pairings.unreadable.push(Unreadable { line, why });
            }
        }
    }
    pairings
}

/// The file with a certificate more.
pub(crate) fn add(file: &[u8], certificate: &Certificate) -> Vec<u8> {
    [certificate.to_pem().as_bytes(), file].concat()
}

/// The file without all certificates that have one of these hashes.
pub(crate) fn remove(file: &[u8], hashes: &[PairingHash]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(file.len());
    let mut from = 0;
    for entry in entries(file) {
        let Ok(Some(certificate)) = entry.certificate else { continue };
        if hashes.contains(&certificate.pairing_hash()) {
            kept.extend_from_slice(file.get(from..entry.range.start).unwrap_or_default());
            from = entry.range.end;
        }
    }
    kept.extend_from_slice(file.get(from..).unwrap_or_default());
    kept
}

/// Every block of the file, in order.
fn entries(file: &[u8]) -> Vec<Entry> {
    let entry = |block: pem::Block<'_>| {
        let is_certificate = block.is_certificate();
        let certificate = match block.contents {
            Ok(der) if is_certificate => Certificate::from_der(&der).map(Some).map_err(|error| error.to_string()),
            Ok(_) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        Entry { range: block.range, certificate, strict: block.strict }
    };
    pem::blocks(file).into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
