//! Where the Kerberos tickets of a login response are (`kerberosTicketMappings`).

use serde_json::{Map, Value};

use super::finding::Level;
use super::reader::{Found, Reader};

/// Where one Kerberos ticket is in the response, and what its parts are called there.
///
/// The names of the parts default to those of Apple's sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KerberosMapping {
    /// The path to the ticket, step by step (`ticketKeyPath`).
    pub(crate) path: Vec<String>,
    /// The AS-REP, base64.
    pub(crate) message_buffer: String,
    pub(crate) realm: String,
    pub(crate) service_name: String,
    pub(crate) client_name: String,
    /// The encryption type of the session key, a number (RFC 3962 section 7).
    pub(crate) encryption_key_type: String,
    /// The session key, base64.
    pub(crate) session_key: String,
}

impl KerberosMapping {
    /// The path as it is configured: `ticket_key_path`.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Vec<KerberosMapping> {
    let tables = reader.tables("kerberos_ticket_mappings");
    if let Some(extra) = tables.get(MAX_MAPPINGS) {
        reader.error(extra.at, format!("more than {MAX_MAPPINGS} mappings"));
    }
    let mappings: Vec<KerberosMapping> = tables.into_iter().filter_map(|table| mapping(reader, table)).collect();
    for (index, mapping) in mappings.iter().enumerate() {
        if mappings.iter().take(index).any(|earlier| earlier.path == mapping.path) {
            let at = super::reader::Place { field: "kerberos_ticket_mappings", line: None };
            reader.error(at, format!("two mappings have the path \"{}\"", crate::error::shown(&mapping.name(), 60)));
        }
    }
    mappings
}

fn mapping(reader: &mut Reader<'_>, table: Found<Map<String, Value>>) -> Option<KerberosMapping> {
    let Found { mut value, at } = table;
    let mut texts = Vec::with_capacity(MEMBERS.len());
    for (name, default) in MEMBERS {
        match (value.remove(*name), default) {
            (Some(Value::String(text)), _) if !text.is_empty() && !text.chars().any(char::is_control) => {
                texts.push(text);
            }
            (None, Some(default)) => texts.push((*default).to_owned()),
            (None, None) => reader.report(Level::Error, at, Some(name), "it is missing".to_owned()),
            (Some(_), _) => {
                reader.report(Level::Error, at, Some(name), "it is not a text with something in it".to_owned());
            }
        }
    }
    for name in value.keys() {
        let known: Vec<&str> = MEMBERS.iter().map(|(name, _)| *name).collect();
        reader.report(Level::Error, at, Some(name), format!("no such member; there are {}", known.join(", ")));
    }
    let [path, message_buffer, realm, service_name, client_name, encryption_key_type, session_key] =
        <[String; 7]>::try_from(texts).ok()?;
    let path: Vec<String> = path.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        reader.report(Level::Error, at, Some("ticket_key_path"), "a step of the path is empty".to_owned());
        return None;
    }
    Some(KerberosMapping { path, message_buffer, realm, service_name, client_name, encryption_key_type, session_key })
}

/// The members of a mapping with the names in Apple's sample. Apple's own properties end in `KeyName`.
pub(super) const MEMBERS: &[(&str, Option<&str>)] = &[
    ("ticket_key_path", None),
    ("message_buffer_key", Some("messageBuffer")),
    ("realm_key", Some("realm")),
    ("service_name_key", Some("serviceName")),
    ("client_name_key", Some("clientName")),
    ("encryption_key_type_key", Some("encryptionKeyType")),
    ("session_key_key", Some("sessionKey")),
];
/// Entra has two.
const MAX_MAPPINGS: usize = 16;
