//! `pivkit identities --from-system-profiler`: what a Mac says of its cards, without a way to the readers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use identity::Certificate;
use macos::system_profiler::{SmartCards, Token, TokenIdentity};
use time::OffsetDateTime;

use crate::identities::in_file;
use crate::report::{CardReport, IdentitiesReport, IdentityReport, ReadError, SCHEMA_VERSION};
use crate::with_causes;
use crate::{Error, MacTools};

/// The identities on the cards that a Mac sees, out of `system_profiler SPSmartCardsDataType -json`: of this Mac, or saved in a
/// file. The report does not tell slots. Tokens that are no cards are left out. What cannot be read is listed in the report.
///
/// # Errors
///
/// [`Error::File`], [`Error::Mac`].
pub fn identities_from_system_profiler(saved: Option<&Path>, tools: &MacTools) -> Result<IdentitiesReport, Error> {
    let cards = match saved {
        Some(path) => {
            let failed = |source| Error::File { path: path.to_owned(), source };
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(failed)?;
            file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 > MAX_FILE {
                let why = "it is larger than 16 MiB".to_owned();
                return Err(macos::Error::Malformed { what: path.display().to_string(), why }.into());
            }
            SmartCards::parse(&bytes)?
        }
        None => SmartCards::live(&tools.runner()?)?,
    };
    let mut report = IdentitiesReport { schema_version: SCHEMA_VERSION, cards: vec![], files: vec![], errors: vec![] };
    let now = OffsetDateTime::now_utc();
    let tokens: Vec<_> = cards.tokens.iter().filter(|token| is_card(&token.id)).collect();
    for token in &tokens {
        // Which card is in which reader is not told; with one of each there is no question.
        let reader = match (cards.readers.as_slice(), tokens.len()) {
            ([reader], 1) => reader.split(" (ATR:").next().unwrap_or_default(),
            _ => &token.id,
        };
        report.cards.push(card(reader, token, now, &mut report.errors));
    }
    Ok(report)
}

fn card(reader: &str, token: &Token, now: OffsetDateTime, errors: &mut Vec<ReadError>) -> CardReport {
    let guid = token.id.strip_prefix(PIV_TOKEN).and_then(crate::parse_guid).map(hex::encode_upper);
    let mut identities = Vec::new();
    for found in &token.identities {
        match identity(found, now) {
            Ok(identity) => identities.push(identity),
            Err(error) => errors.push(ReadError { reader: Some(reader.to_owned()), slot: None, path: None, error }),
        }
    }
    CardReport {
        reader: reader.to_owned(),
        guid,
        serial: None,
        token_id: Some(token.id.clone()),
        pin_retries: None,
        identities,
    }
}

fn identity(found: &TokenIdentity, now: OffsetDateTime) -> Result<IdentityReport, String> {
    let Some(der) = &found.certificate else {
        let hash = found.hash.map_or_else(|| "without a hash".to_owned(), |hash| hash.to_string());
        return Err(format!("the certificate of the key {hash} is missing or damaged"));
    };
    let certificate = Certificate::from_der(der).map_err(|error| with_causes(&error))?;
    let mut report = in_file(&certificate, now);
    if let Some(hash) = found.hash.filter(|hash| hash.as_bytes() != certificate.pairing_hash().as_bytes()) {
        report.problems.push(format!("the Mac calls this key {hash}, which is not the hash of the certificate's key"));
    }
    Ok(IdentityReport { usage: found.usage.clone(), trusted: found.trusted, ..report })
}

/// The Secure Enclave and Platform SSO have tokens of their own.
fn is_card(token_id: &str) -> bool {
    !["com.apple.setoken", "com.apple.PlatformSSOToken"].iter().any(|other| token_id.starts_with(other))
}

/// The driver before the GUID, SP 800-73 cards.
const PIV_TOKEN: &str = "com.apple.pivtoken:";
const MAX_FILE: u64 = 16 * 1024 * 1024;
