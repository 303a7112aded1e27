//! `system_profiler SPSmartCardsDataType -json`: readers, token drivers, and every certificate on every token, without a PIN.
//!
//! ```json
//! {"SPSmartCardsDataType": [
//!   {"_name": "READERS", "#01": "<reader> (ATR:{length = n, bytes = 0x...})"},
//!   {"_name": "SMARTCARDS_DRIVERS", "#01": "<bundle>:<version> (<path>)"},
//!   {"_name": "AVAIL_SMARTCARDS_TOKEN", "_items": [
//!     {"_name": "<token id>",
//!      "#01": "Kind: private RSA 2048-bit, Certificate: {length = 20, bytes = 0x<hash>}, Usage: Sign \n
//!              Valid from: ... to: ..., SSL trust: NO, X509 trust: YES \n\n-----BEGIN CERTIFICATE-----\n<base64>..."}]}]}
//! ```
//!
//! Systems up to 10.14 write the hash as `<xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::command::{CommandRunner, Tool, ToolCommand, run_to_success};
use crate::{Error, KeyHash};

/// What is connected, and what drives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SmartCards {
    /// The readers, with what is said of the card in them.
    pub readers: Vec<String>,
    /// The token drivers: bundle, version and path.
    pub drivers: Vec<String>,
    /// The tokens, each once.
    pub tokens: Vec<Token>,
}

/// A token and what is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token id, such as `com.apple.pivtoken:` and the GUID.
    pub id: String,
    /// Its keys with their certificates, each once.
    pub identities: Vec<TokenIdentity>,
}

/// A key on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIdentity {
    /// The hash of the key; `None` where it is not understood.
    pub hash: Option<KeyHash>,
    /// What the key is: `private RSA 2048-bit`.
    pub kind: Option<String>,
    /// What the key is for: `Sign`, `Decrypt`, `Sign Decrypt`, `Derive` and so on, as the Mac says it.
    pub usage: Option<String>,
    /// Whether the Mac trusts the certificate; `None` where it does not say.
    pub trusted: Option<bool>,
    /// The certificate in DER; `None` if it is damaged or missing.
    pub certificate: Option<Vec<u8>>,
}

impl SmartCards {
    /// Asks the Mac, which takes some seconds.
    ///
    /// # Errors
    ///
    /// Those of [`run_to_success`]; [`Error::Malformed`].
    pub fn live(runner: &dyn CommandRunner) -> Result<Self, Error> {
        let command = ToolCommand::new(Tool::SystemProfiler, ["SPSmartCardsDataType", "-json"]);
        Self::parse(&run_to_success(runner, &command)?.stdout)
    }

    /// Reads what `system_profiler SPSmartCardsDataType -json` printed.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is no such document. What is in it and not understood is passed over.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let malformed = |why: String| Error::malformed("the report of system_profiler", why);
        let document: Value = serde_json::from_slice(json).map_err(|error| malformed(error.to_string()))?;
        let sections = document.get("SPSmartCardsDataType").and_then(Value::as_array);
        let sections = sections.ok_or_else(|| malformed("it has no SPSmartCardsDataType".to_owned()))?;
        let mut report = Self::default();
        for section in sections.iter().filter_map(Value::as_object) {
            match section.get("_name").and_then(Value::as_str).unwrap_or_default() {
                "READERS" => report.readers.extend(numbered(section).map(str::to_owned)),
                "SMARTCARDS_DRIVERS" | "TOKEN_DRIVERS" => report.drivers.extend(numbered(section).map(str::to_owned)),
                name if name.starts_with("AVAIL_SMARTCARDS") => report.add_tokens(section).map_err(malformed)?,
                _ => {}
            }
        }
        Ok(report)
    }

    /// Whether a driver of this name is installed, such as `org.opensc-project`.
    pub fn has_driver(&self, name: &str) -> bool {
        self.drivers.iter().any(|driver| driver.contains(name))
    }

    /// The token with this key.
    pub fn token_with(&self, hash: &KeyHash) -> Option<&Token> {
        self.tokens.iter().find(|token| token.identities.iter().any(|identity| identity.hash == Some(*hash)))
    }

    /// The same tokens are listed for the keychain and for CryptoTokenKit.
    fn add_tokens(&mut self, section: &Map<String, Value>) -> Result<(), String> {
        let items = section.get("_items").and_then(Value::as_array).into_iter().flatten();
        for item in items.filter_map(Value::as_object) {
            let Some(id) = item.get("_name").and_then(Value::as_str) else { continue };
            let known = self.tokens.iter().position(|token| token.id == id);
            let index = known.unwrap_or_else(|| {
                self.tokens.push(Token { id: id.to_owned(), identities: Vec::new() });
                self.tokens.len() - 1
            });
            if self.tokens.len() > MAX_TOKENS {
                return Err(format!("it lists more than {MAX_TOKENS} tokens"));
            }
            let Some(token) = self.tokens.get_mut(index) else { continue };
            for identity in numbered(item).map(TokenIdentity::parse) {
                if !token.identities.contains(&identity) {
                    token.identities.push(identity);
                }
                if token.identities.len() > MAX_IDENTITIES {
                    return Err(format!("it lists a token with more than {MAX_IDENTITIES} identities"));
                }
            }
        }
        Ok(())
    }
}

impl TokenIdentity {
    fn parse(text: &str) -> Self {
        let (head, certificate) = text.split_once(BEGIN).map_or((text, None), |(head, rest)| (head, Some(rest)));
        let after = |label: &str| head.split_once(label).map(|(_, rest)| rest);
        let until_comma = |label: &str| after(label).and_then(|rest| rest.split([',', '\n']).next()).map(str::trim);
        Self {
            hash: after("Certificate:").and_then(hash).or_else(|| hash(head)),
            kind: until_comma("Kind:").map(str::to_owned),
            usage: after("Usage:").and_then(|rest| rest.lines().next()).map(|usage| usage.trim().to_owned()),
            trusted: until_comma("X509 trust:").and_then(|value| match value.split_whitespace().next() {
                Some("YES") => Some(true),
                Some("NO") => Some(false),
                _ => None,
            }),
            certificate: certificate.and_then(der),
        }
    }
}

/// More than the readers that a Mac can have, and than the slots of a card.
const MAX_TOKENS: usize = 256;
const MAX_IDENTITIES: usize = 256;

/// The hash in either form.
fn hash(text: &str) -> Option<KeyHash> {
    let new = text.split_once("bytes = 0x").and_then(|(_, rest)| rest.get(..40)).and_then(|digits| digits.parse().ok());
    let old = || {
        let (_, rest) = text.split_once('<')?;
        let (inside, _) = rest.split_once('>')?;
        inside.replace(' ', "").parse().ok()
    };
    new.or_else(old)
}

/// The base64 up to the next line of hyphens, or to the end.
fn der(body: &str) -> Option<Vec<u8>> {
    let body = body.split("-----").next().unwrap_or_default();
    let body: String = body.chars().filter(|character| !character.is_whitespace()).collect();
    STANDARD.decode(body).ok().filter(|der| !der.is_empty())
}

/// The values whose keys are `#01`, `#02` and so on, in that order.
fn numbered(section: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let mut entries: Vec<(usize, &str)> = section
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix('#')?.parse().ok()?, value.as_str()?)))
        .collect();
    entries.sort_by_key(|(number, _)| *number);
    entries.into_iter().map(|(_, text)| text)
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recorded;

    const HASH: &str = "46F8353E93EF4F609C8F09CE898054D5D99FA230";
    const ID: &str = "com.apple.pivtoken:C5E212F78F9F48EA9E7D2B33AE5B3740";

    fn report(identity: &str) -> String {
        let token = serde_json::json!({"_name": ID, "#02": "Kind: private ECC 256-bit", "#01": identity});
        serde_json::json!({"SPSmartCardsDataType": [
            {"_name": "READERS", "#01": "Yubico YubiKey OTP+FIDO+CCID (ATR:{length = 23, bytes = 0x3bfd})"},
            {"_name": "READERS_DRIVERS", "#01": "org.debian.alioth.pcsclite.smartcardccid:1.5.0"},
            {"_name": "SMARTCARDS_DRIVERS", "#01": "com.apple.CryptoTokenKit.pivtoken:1.0 (/System/Library/...)",
             "#02": "org.opensc-project.mac.opensctoken.OpenSCTokenApp.OpenSCToken:1.0 (/Applications/...)"},
            {"_name": "AVAIL_SMARTCARDS_KEYCHAIN", "_items": [token]},
            {"_name": "AVAIL_SMARTCARDS_TOKEN", "_items": [token, {"_name": "com.apple.setoken"}, 7]},
            "x"
        ]})
        .to_string()
    }

    #[test]
    fn what_a_current_system_says() {
        let identity = format!(
            "Kind: private RSA 2048-bit, Certificate: {{length = 20, bytes = 0x{}}}, Usage: Sign Decrypt \nValid from: \
             2018-03-13 04:00:49 +0000 to: 2023-03-13 04:00:49 +0000, SSL trust: NO, X509 trust: YES \n\n\
             -----BEGIN CERTIFICATE-----\nMAMC\nAQE=\n-----END CERTIFICATE-----\n",
            HASH.to_lowercase()
        );
        let mac =
            Recorded::new().prints(Tool::SystemProfiler, &["SPSmartCardsDataType", "-json"], 0, &report(&identity), "");
        let found = SmartCards::live(&mac).unwrap();
        assert!(found.has_driver("org.opensc-project") && !found.has_driver("org.debian"));
        assert_eq!((found.readers.len(), found.tokens.len(), found.tokens[0].identities.len()), (1, 2, 2));
        assert_eq!(found.token_with(&HASH.parse().unwrap()).unwrap().id, ID);
        assert_eq!(
            found.tokens[0].identities[0],
            TokenIdentity {
                hash: HASH.parse().ok(),
                kind: Some("private RSA 2048-bit".to_owned()),
                usage: Some("Sign Decrypt".to_owned()),
                trusted: Some(true),
                certificate: Some(vec![0x30, 3, 2, 1, 1]),
            }
        );
    }

    #[test]
    fn what_an_old_system_says() {
        let identity =
            "Kind: private RSA 2048-bit, Certificate: <46f8353e 93ef4f60 9c8f09ce 898054d5 d99fa230>, Usage: Sign";
        let found = SmartCards::parse(report(identity).as_bytes()).unwrap();
        let identity = &found.tokens[0].identities[0];
        assert_eq!((identity.hash, identity.trusted, identity.certificate.is_none()), (HASH.parse().ok(), None, true));
    }

    #[test]
    fn nonsense_is_no_panic() {
        for text in ["", "{}", "[]", "{\"SPSmartCardsDataType\": 1}", "\u{fffd}"] {
            assert!(matches!(SmartCards::parse(text.as_bytes()), Err(Error::Malformed { .. })), "{text}");
        }
        for text in
            ["", "bytes = 0x1", "bytes = 0xéééééééééééééééééééééééé", "<", BEGIN, "-----BEGIN CERTIFICATE-----!!"]
        {
            let found = SmartCards::parse(report(text).as_bytes()).unwrap();
            assert_eq!(found.tokens[0].identities[0].certificate, None, "{text}");
        }
    }
}
