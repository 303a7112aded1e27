//! Kerberos tickets in a login response (PROC page of Apple's documentation, `kerberosTicketMappings`).
//!
//! ```text
//! { <messageBuffer>: base64 of an AS-REP (RFC 4120 5.4.2), <realm>, <serviceName>, <clientName>,
//!   <encryptionKeyType>: a number such as 18 (RFC 3962 section 7), <sessionKey>: base64 }
//! ```
//! A Mac puts them into its credential cache. This client says what came, and forgets message and key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::Error;
use crate::config::{KerberosMapping, lookup};

/// A Kerberos ticket that came with a login. The ticket itself and its session key are wiped already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KerberosTicket {
    /// Where it was: `ticket_key_path` of its mapping.
    pub mapping: String,
    /// The realm. Text of the server, without control characters.
    pub realm: String,
    /// The service that it is for, `krbtgt/...` for a ticket-granting ticket.
    pub service: String,
    /// Whose it is.
    pub client: String,
    /// The encryption type of the session key: 17 and 18 are AES (RFC 3962 section 7).
    pub encryption_key_type: i64,
    /// The length of the AS-REP in bytes.
    pub message_len: usize,
}

/// The tickets that are where the configuration says. A path that leads nowhere is no error.
pub(crate) fn tickets(
    content: &Map<String, Value>,
    mappings: &[KerberosMapping],
) -> Result<Vec<KerberosTicket>, Error> {
    let found = mappings.iter().filter_map(|mapping| match lookup(content, &mapping.path) {
        None | Some(Value::Null) => None,
        Some(value) => Some(ticket(value, mapping).map_err(|why| Error::rejected("kerberos_ticket", why))),
    });
    found.collect()
}

fn ticket(value: &Value, mapping: &KerberosMapping) -> Result<KerberosTicket, String> {
    let name = mapping.name();
    let members = value.as_object().ok_or_else(|| format!("what is at \"{name}\" is not a dictionary"))?;
    let text = |member: &str| match members.get(member) {
        Some(Value::String(text)) if !text.is_empty() && is_fit(text) => Ok(text.clone()),
        Some(_) => Err(format!("{member} of \"{name}\" is not a text of at most {MAX_TEXT_LEN} characters")),
        None => Err(format!("{member} of \"{name}\" is missing")),
    };
    let length = |member: &str, limit: usize| {
        let value = members.get(member).ok_or_else(|| format!("{member} of \"{name}\" is missing"))?;
        let text = value.as_str().ok_or_else(|| format!("{member} of \"{name}\" is not a text"))?;
        let bytes = STANDARD.decode(text).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| format!("{member} of \"{name}\" is not base64"))?;
        match bytes.len() {
            len if (1..=limit).contains(&len) => Ok(len),
            len => Err(format!("{member} of \"{name}\" has {len} bytes; 1 to {limit} are expected")),
        }
    };
    length(&mapping.session_key, MAX_SESSION_KEY_LEN)?;
    let kind = members.get(&mapping.encryption_key_type);
    Ok(KerberosTicket {
        realm: text(&mapping.realm)?,
        service: text(&mapping.service_name)?,
        client: text(&mapping.client_name)?,
        encryption_key_type: kind
            .and_then(Value::as_i64)
            .ok_or_else(|| format!("{} of \"{name}\" is not a whole number", mapping.encryption_key_type))?,
        message_len: length(&mapping.message_buffer, MAX_MESSAGE_LEN)?,
        mapping: name,
    })
}

fn is_fit(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT_LEN && !text.chars().any(char::is_control)
}

const MAX_TEXT_LEN: usize = 512;
/// A ticket with the authorization data of many groups has some ten thousand bytes.
const MAX_MESSAGE_LEN: usize = 128 * 1024;
/// The longest key of any encryption type has 32 bytes.
const MAX_SESSION_KEY_LEN: usize = 64;

#[cfg(test)]
mod tests;
