//! What is wrong with a file, or worth knowing about it.

use std::fmt;

use super::{Installed, Parsed, SmartcardLogin};
use crate::{CertificateTrust, Error, SmartcardPreferences};

/// One thing about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A short name for the rule, the same in all versions.
    pub rule: &'static str,
    /// What is so, half a sentence. May quote the file: escape it before it reaches a terminal.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not what was meant, or dangerous.
    Warning,
    /// macOS ignores the file, or this part of it.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl Finding {
    pub(super) fn new(severity: Severity, rule: &'static str, message: impl Into<String>) -> Self {
        Finding { severity, rule, message: message.into() }
    }
}

impl Installed {
    /// Everything that is wrong with the file, what its contents mean with these preferences (`None` where nobody knows what the
    /// Mac is told), and what it says; nothing if it cannot be understood. The worst comes first.
    pub fn lint(&self, preferences: Option<&SmartcardPreferences>) -> (Option<SmartcardLogin>, Vec<Finding>) {
        let mut findings = self.findings();
        let login = match SmartcardLogin::parse(&self.bytes) {
            Ok(Parsed { login, findings: found }) => {
                findings.extend(found);
                findings.extend(login.findings(preferences));
                Some(login)
            }
            Err(error) => {
                let why = if let Error::Malformed { why, .. } = error { why } else { error.to_string() };
                findings.push(Finding::new(Severity::Error, "format", format!("the file cannot be understood: {why}")));
                None
            }
        };
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        (login, findings)
    }

    /// What is wrong with the file itself.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.owner != 0 {
            let message = format!("the file belongs to user {}, not to root; macOS ignores it", self.owner);
            findings.push(Finding::new(Severity::Error, "owner", message));
        }
        if self.mode != MODE {
            let message = format!("the file has mode {:03o}, not 644; macOS ignores it", self.mode);
            findings.push(Finding::new(Severity::Error, "mode", message));
        }
        if self.is_link {
            let message = "the file is a symbolic link; whether macOS follows it is not documented";
            findings.push(Finding::new(Severity::Warning, "link", message));
        }
        findings
    }
}

impl SmartcardLogin {
    /// What the contents mean together with what the Mac is told otherwise.
    fn findings(&self, preferences: Option<&SmartcardPreferences>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |severity, rule, message: &str| findings.push(Finding::new(severity, rule, message));
        let trust = preferences.map(|preferences| preferences.check_certificate_trust.unwrap_or(CertificateTrust::Off));
        // What is not known is told, and not held against the file.
        let unless = |wrong: Option<bool>| match wrong {
            Some(true) => Some(Severity::Warning),
            Some(false) => None,
            None => Some(Severity::Note),
        };
        let unchecked = unless(trust.map(|trust| trust == CertificateTrust::Off));
        let (is_so, here) =
            if preferences.is_some() { ("is 0 here", "is not here") } else { ("may be 0", "may not be") };
        if let Some(severity) = unchecked.filter(|_| !self.trusted_authorities.is_empty()) {
            let message =
                format!("TrustedAuthorities counts only when checkCertificateTrust is 1, 2 or 3, and it {is_so}");
            find(severity, "authorities", &message);
        }
        if let Some(mapping) = &self.attribute_mapping {
            find(Severity::Note, "precedence", "AttributeMapping counts before pairings of sc_auth");
            if let Some(severity) = unchecked {
                let message = format!(
                    "checkCertificateTrust {is_so}: then certificates of cards are not checked, and whoever writes a \
                     certificate with the right name onto a card may open the account"
                );
                find(severity, "trust", &message);
            }
            if mapping.format.prefix().starts_with("PlatformSSO:") {
                let message = "with the prefix PlatformSSO: macOS may make new accounts at login";
                find(Severity::Note, "platform-sso", message);
            }
            if mapping.fields.iter().enumerate().any(|(index, field)| mapping.format.uses(index) && is_vague(*field)) {
                let message = "Apple does not say which value Serial and OrganizationalUnit:N have in every certificate; \
                               `pivkit mapping explain` shows where it is in doubt";
                find(Severity::Warning, "vague-field", message);
            }
        }
        let allowed = unless(preferences.map(|preferences| preferences.allow_unmapped_users != Some(true)));
        if let Some(severity) = allowed.filter(|_| self.not_enforced_group.is_some()) {
            let message = format!(
                "NotEnforcedGroup counts only when allowUnmappedUsers is 1, and it {here}: then nobody is exempt"
            );
            find(severity, "group", &message);
        }
        if self.not_enforced_group.is_some() {
            find(
                Severity::Note,
                "group",
                "members of NotEnforcedGroup are not exempt at the unlock screen of FileVault",
            );
        }
        findings
    }
}

fn is_vague(field: super::Field) -> bool {
    matches!(field, super::Field::Serial | super::Field::OrganizationalUnit(_))
}

/// rw-r--r--.
pub(super) const MODE: u32 = 0o644;
