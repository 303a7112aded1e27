//! `SmartcardLogin.plist`: what was written, what is wrong with one, what it makes of a certificate.

use serde::Serialize;

/// `pivkit mapping new`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct NewMappingReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The file in XML.
    pub plist: String,
    /// Where it is, or is to be.
    pub path: Option<String>,
    /// True if it was written (never with `--dry-run`).
    pub written: bool,
    /// What is worth knowing about its contents.
    pub findings: Vec<MappingFinding>,
}

/// `pivkit mapping lint`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct LintReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The file.
    pub path: String,
    /// True if nothing is so wrong that macOS ignores the file, or a part of it.
    pub ok: bool,
    /// Everything that was found, the worst first.
    pub findings: Vec<MappingFinding>,
    /// How certificates are mapped, if the file says so in a way that macOS can use.
    pub mapping: Option<MappingReport>,
    /// The SHA-256 fingerprints of trusted authorities, 64 upper-case hexadecimal digits each.
    pub trusted_authorities: Vec<String>,
    /// The group that is exempt from enforcement.
    pub not_enforced_group: Option<String>,
    /// The program that selects users.
    pub user_selector_path: Option<String>,
    /// Keys that are not documented.
    pub unknown_keys: Vec<String>,
}

/// One finding.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct MappingFinding {
    /// `error` (macOS ignores the file or this part of it), `warning` or `note`.
    pub severity: String,
    /// The name of the rule.
    pub rule: String,
    /// What is so.
    pub message: String,
}

/// How certificates lead to accounts.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct MappingReport {
    /// The fields of the certificate, `$1` first.
    pub fields: Vec<String>,
    /// The format string.
    pub format: String,
    /// The attribute of the account.
    pub attribute: String,
}

/// `pivkit mapping explain`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ExplainReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// The file with the mapping.
    pub path: String,
    /// The mapping.
    pub mapping: MappingReport,
    /// What is wrong with the file.
    pub findings: Vec<MappingFinding>,
    /// Each certificate of the file, in order.
    pub certificates: Vec<ExplainedCertificate>,
}

/// What the Mac makes of one certificate.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ExplainedCertificate {
    /// Its subject.
    pub subject: String,
    /// Its pairing hash.
    pub pairing_hash: String,
    /// Each field of the mapping, with every value that the certificate has for it.
    pub fields: Vec<FieldReport>,
    /// The value that the account must have, exactly.
    pub value: Option<String>,
    /// Why no value can be named.
    pub why_not: Option<String>,
    /// The local accounts that have the value; `None` if no directory was asked.
    pub accounts: Option<Vec<String>>,
    /// Local accounts with a value that differs in upper and lower case only.
    pub alike: Vec<AlikeReport>,
    /// True if exactly one account opens, as far as could be looked at.
    pub opens_one: bool,
}

/// A field and its values.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FieldReport {
    /// The name of the field.
    pub field: String,
    /// Its values; several where it is not documented which one counts.
    pub values: Vec<String>,
}

/// An account with almost the right value.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct AlikeReport {
    /// The account.
    pub user: String,
    /// Its value.
    pub value: String,
}
