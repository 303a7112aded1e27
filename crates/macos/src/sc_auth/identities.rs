//! What `sc_auth identities` prints.
//!
//! ```text
//! SmartCard: com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740
//! Unpaired identities:
//! 46F8353E93EF4F609C8F09CE898054D5D99FA230<TAB>Certificate For PIV Authentication (MacOS login)
//! Paired identities which are used for authentication:
//! <HASH><TAB><user> - Certificate For PIV Authentication (<CN>)
//! ```
//!
//! One such block for each token. Labels are localised, headings may be; so a heading is a line that ends with a colon, the line
//! of a token one that ends with a token id, and the line of an identity one that begins with a hash.

use crate::KeyHash;

/// A token and its identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token id, such as `com.apple.pivtoken:` and the GUID; empty if identities stand before any token.
    pub id: String,
    /// What is on it.
    pub identities: Vec<ListedIdentity>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedIdentity {
    /// The hash of the key.
    pub hash: KeyHash,
    /// The name of the key in the Mac's language; for a paired one with the user before it.
    pub label: String,
    /// Whether it stands among the paired ones; `None` where the heading is not understood.
    pub paired: Option<bool>,
}

/// Reads the output; lines that are not understood are passed over, and no more than 4096 lines are read.
pub fn parse_identities(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut paired = None;
    for line in text.lines().take(MAX_LINES).map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((hash, label)) = identity(line) {
            if tokens.is_empty() {
                tokens.push(Token { id: String::new(), identities: Vec::new() });
            }
            let identity = ListedIdentity { hash, label: label.to_owned(), paired };
            tokens.iter_mut().last().into_iter().for_each(|token| token.identities.push(identity.clone()));
        } else if let Some(id) = token_id(line) {
            tokens.push(Token { id: id.to_owned(), identities: Vec::new() });
            paired = None;
        } else if line.ends_with([':', '：']) {
            paired = heading(line);
        }
    }
    tokens
}

fn identity(line: &str) -> Option<(KeyHash, &str)> {
    let (hash, label) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    Some((hash.parse().ok()?, label.trim()))
}

/// The last word, if it is a driver and an instance with a colon between them.
fn token_id(line: &str) -> Option<&str> {
    let (label, id) = line.rsplit_once(char::is_whitespace)?;
    let (driver, instance) = id.split_once(':')?;
    let fits = label.ends_with([':', '：']) && driver.contains('.') && !instance.is_empty();
    fits.then_some(id)
}

fn heading(line: &str) -> Option<bool> {
    let line = line.to_lowercase();
    if line.starts_with("unpaired") {
        Some(false)
    } else if line.starts_with("paired") {
        Some(true)
    } else {
        None
    }
}

const MAX_LINES: usize = 4096;
