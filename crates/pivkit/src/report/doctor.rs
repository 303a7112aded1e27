//! What speaks against logging in with a card.

use serde::Serialize;

/// `pivkit doctor`.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct DoctorReport {
    /// [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What was found of the login modules.
    pub findings: Vec<FindingReport>,
    /// What they make of the certificate that was given; empty without one.
    pub explanations: Vec<ExplanationReport>,
}

impl DoctorReport {
    /// Whether nothing keeps people from logging in with their cards.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.findings.iter().all(|finding| !finding.problem)
    }
}

/// Something that was found.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct FindingReport {
    /// The backend that it is about.
    pub backend: String,
    /// True if it keeps people from logging in with their cards, or lets in others.
    pub problem: bool,
    /// A sentence without its full stop.
    pub text: String,
}

/// What one module makes of a certificate.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct ExplanationReport {
    /// The module, and the mapper where it has several.
    pub module: String,
    /// Whether it opens the account that was asked about; null when none was, or when it is not known.
    pub opens: Option<bool>,
    /// A sentence without its full stop.
    pub text: String,
}
