//! From bytes to what the file says, and what is wrong with it.

use plist::{Dictionary, Value};

use super::lint::{Finding, Severity};
use super::{
    ATTRIBUTE_MAPPING, Attribute, AttributeMapping, DS_ATTRIBUTE_STRING, FIELDS, FORMAT_STRING, Field, Fingerprint,
    FormatString, KEYS, MAPPING_KEYS, NOT_ENFORCED_GROUP, SELECTORS, SmartcardLogin, TRUSTED_AUTHORITIES,
    USER_SELECTOR_PATH, is_group_name, is_selector_path,
};
use crate::{Error, bounded};

/// What a file says, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What macOS can use.
    pub login: SmartcardLogin,
    /// What is wrong with the contents, and what is worth knowing.
    pub findings: Vec<Finding>,
}

impl Parsed {
    /// Whether something in the file is so wrong that macOS ignores it.
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, Error> {
    let malformed = |why: String| Error::malformed("the file", why);
    if bytes.len() > MAX_FILE {
        return Err(malformed("it is larger than 1 MiB".to_owned()));
    }
    let file = match bounded::property_list(bytes) {
        Ok(Value::Dictionary(file)) => file,
        Ok(_) => return Err(malformed("it is no dictionary".to_owned())),
        Err(why) => return Err(malformed(why)),
    };
    let mut reader = Reader { findings: Vec::new() };
    let login = reader.login(file);
    Ok(Parsed { login, findings: reader.findings })
}

struct Reader {
    findings: Vec<Finding>,
}

impl Reader {
    fn error(&mut self, rule: &'static str, message: impl Into<String>) {
        self.findings.push(Finding::new(Severity::Error, rule, message));
    }

    fn warn(&mut self, rule: &'static str, message: impl Into<String>) {
        self.findings.push(Finding::new(Severity::Warning, rule, message));
    }

    fn login(&mut self, mut file: Dictionary) -> SmartcardLogin {
        if file.is_empty() {
            self.warn("empty", "the file says nothing");
        }
        let mapping = file.remove(ATTRIBUTE_MAPPING).and_then(|value| self.mapping(value));
        let authorities = file.remove(TRUSTED_AUTHORITIES).map(|value| self.authorities(&value)).unwrap_or_default();
        let group = file.remove(NOT_ENFORCED_GROUP).and_then(|value| {
            let group = value.into_string().filter(|name| is_group_name(name));
            if group.is_none() {
                self.error("group", format!("{NOT_ENFORCED_GROUP} is not the name of a group"));
            }
            group
        });
        let selector = file.remove(USER_SELECTOR_PATH).and_then(|value| {
            let path = value.into_string().filter(|path| is_selector_path(path));
            if path.is_none() {
                self.error("selector", format!("{USER_SELECTOR_PATH} is not the path of a program below {SELECTORS}"));
            }
            path
        });
        self.unknown_keys(&file, &KEYS, "");
        SmartcardLogin {
            attribute_mapping: mapping,
            trusted_authorities: authorities,
            not_enforced_group: group,
            user_selector_path: selector,
            unknown: file,
        }
    }

    fn unknown_keys(&mut self, rest: &Dictionary, known: &[&str], place: &str) {
        for key in rest.keys().take(MAX_UNKNOWN) {
            match known.iter().find(|known| known.eq_ignore_ascii_case(key)) {
                Some(meant) => self.error("key-case", format!("the key {key:?}{place} must be written {meant:?}")),
                None => {
                    self.warn("unknown-key", format!("the key {key:?}{place} is not documented; macOS may ignore it"))
                }
            }
        }
    }

    fn mapping(&mut self, value: Value) -> Option<AttributeMapping> {
        let Value::Dictionary(mut mapping) = value else {
            self.error("mapping", format!("{ATTRIBUTE_MAPPING} is no dictionary"));
            return None;
        };
        let fields = mapping.remove(FIELDS);
        let format = mapping.remove(FORMAT_STRING);
        let attribute = mapping.remove(DS_ATTRIBUTE_STRING);
        self.unknown_keys(&mapping, &MAPPING_KEYS, &format!(" in {ATTRIBUTE_MAPPING}"));
        for (key, value) in MAPPING_KEYS.into_iter().zip([&fields, &format, &attribute]) {
            if value.is_none() {
                self.error("mapping", format!("{ATTRIBUTE_MAPPING} lacks {key}, which is mandatory"));
            }
        }
        let count = fields.as_ref().and_then(Value::as_array).map(Vec::len);
        let format = format.and_then(|value| self.format(value, count?));
        let attribute = attribute.and_then(|value| self.attribute(value));
        let fields = fields.and_then(|value| self.fields(value, format.as_ref()));
        Some(AttributeMapping { fields: fields?, format: format?, attribute: attribute? })
    }

    fn fields(&mut self, value: Value, format: Option<&FormatString>) -> Option<Vec<Field>> {
        let names: Option<Vec<String>> =
            value.into_array().and_then(|names| names.into_iter().map(Value::into_string).collect());
        let Some(names) = names.filter(|names| !names.is_empty() && names.len() <= MAX_FIELDS) else {
            self.error("fields", format!("{FIELDS} is not a list of the names of fields"));
            return None;
        };
        for (index, name) in names.iter().enumerate() {
            if let Err(error) = name.parse::<Field>() {
                self.error("fields", format!("{FIELDS}: {error}"));
            }
            if format.is_some_and(|format| !format.uses(index)) {
                self.warn("unused-field", format!("{FIELDS}: {name:?} is not used in {FORMAT_STRING}"));
            }
            if names.iter().take(index).any(|other| other == name) {
                self.warn("double-field", format!("{FIELDS}: {name:?} stands there twice"));
            }
        }
        names.iter().map(|name| name.parse().ok()).collect()
    }

    fn format(&mut self, value: Value, fields: usize) -> Option<FormatString> {
        let Some(text) = value.into_string() else {
            self.error("format", format!("{FORMAT_STRING} is no text"));
            return None;
        };
        match FormatString::parse(&text, fields) {
            Ok(format) => {
                if format.has_long_reference() {
                    let why = "a reference with two digits may be read as one with one digit, and a digit";
                    self.warn("format", format!("{FORMAT_STRING}: {why}"));
                }
                Some(format)
            }
            Err(error) => {
                self.error("format", format!("{FORMAT_STRING}: {error}"));
                None
            }
        }
    }

    fn attribute(&mut self, value: Value) -> Option<Attribute> {
        let attribute = value.into_string().and_then(|text| Attribute::parse(&text));
        match &attribute {
            None => self.error("attribute", format!("{DS_ATTRIBUTE_STRING} is not the name of an attribute")),
            Some(one) if !one.has_prefix() => {
                let why = "does not begin with dsAttrTypeStandard: or dsAttrTypeNative:, as all documented ones do";
                self.warn("attribute", format!("{DS_ATTRIBUTE_STRING}: {:?} {why}", one.as_str()));
            }
            Some(_) => {}
        }
        attribute
    }

    fn authorities(&mut self, value: &Value) -> Vec<Fingerprint> {
        let Some(entries) = value.as_array() else {
            self.error("authorities", format!("{TRUSTED_AUTHORITIES} is no list"));
            return Vec::new();
        };
        if entries.is_empty() {
            self.warn("authorities", format!("{TRUSTED_AUTHORITIES} is empty"));
        }
        let mut found = Vec::new();
        for (index, entry) in entries.iter().enumerate().take(MAX_AUTHORITIES) {
            let place = format!("{TRUSTED_AUTHORITIES}, entry {}", index + 1);
            let Some(text) = entry.as_string() else {
                self.error("authorities", format!("{place}: it is no text"));
                continue;
            };
            // One entry may hold several, with commas and nothing else between them.
            for part in text.split(',') {
                match part.parse() {
                    Ok(one) if found.contains(&one) => {
                        self.warn("authorities", format!("{place}: {one} stands there twice"))
                    }
                    Ok(one) => found.push(one),
                    Err(error) => self.error("authorities", format!("{place}: {error}")),
                }
            }
        }
        if entries.len() > MAX_AUTHORITIES {
            self.error("authorities", format!("{TRUSTED_AUTHORITIES} has more than {MAX_AUTHORITIES} entries"));
        }
        found
    }
}

const MAX_FILE: usize = 1024 * 1024;
const MAX_FIELDS: usize = 100;
const MAX_AUTHORITIES: usize = 1000;
const MAX_UNKNOWN: usize = 20;
