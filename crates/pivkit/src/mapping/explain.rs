//! What a Mac makes of a certificate, and whose account that is.

use std::path::PathBuf;

use identity::Certificate;
use macos::dscl::{self, UserRecord};
use macos::smartcard_login::{AttributeMapping, CertificateNames};
use pairing::macos_mapping::names;

use super::{input, open, preferences, runner, shown};
use crate::report::{
    AlikeReport, ExplainReport, ExplainedCertificate, FieldReport, MappingFinding, MappingReport, SCHEMA_VERSION,
};
use crate::{Error, MacTools, files};

/// What `pivkit mapping explain` was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainRequest {
    /// The file with the certificates.
    pub certificate: PathBuf,
    /// The file with the mapping; without it, the one that is installed.
    pub file: Option<PathBuf>,
    /// The folder that stands for `/`.
    pub root: Option<PathBuf>,
    /// Where the Mac's tools are, which know its accounts.
    pub tools: MacTools,
}

/// Tells which value a Mac computes for the certificates of a file, and which local accounts have it. Where there is no Mac to ask,
/// the value alone.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Input`] for a file without a certificate that can be read; [`Error::Pairing`] for a file without a
/// mapping, and if the Mac does not tell its accounts.
pub fn explain(request: &ExplainRequest) -> Result<ExplainReport, Error> {
    let installed = open(request.file.as_deref(), request.root.as_deref())?;
    let (login, mut findings) = installed.lint(preferences(&request.tools, request.root.as_deref()).as_ref());
    // A file that is not in its place yet gets its owner and mode there.
    findings.retain(|finding| request.file.is_none() || !["owner", "mode"].contains(&finding.rule));
    let mapping = login.and_then(|login| login.attribute_mapping).ok_or_else(|| pairing::Error::NoMapping {
        path: installed.path.clone(),
        why: "has no AttributeMapping that macOS could use".to_owned(),
    })?;
    let read = files::certificates(&request.certificate)?.into_iter();
    let certificates: Vec<Certificate> =
        read.collect::<Result<_, _>>().map_err(|error| input(format!("{}: {error}", request.certificate.display())))?;
    let users = match runner(&request.tools, request.root.as_deref()) {
        Some(runner) => {
            let users = dscl::users_with(&runner, &[mapping.attribute.as_str()]);
            Some(users.map_err(pairing::Error::from)?)
        }
        None => None,
    };
    Ok(ExplainReport {
        schema_version: SCHEMA_VERSION,
        path: shown(&installed.path),
        mapping: MappingReport::from(&mapping),
        findings: findings.into_iter().map(MappingFinding::from).collect(),
        certificates: certificates.iter().map(|one| explained(one, &mapping, users.as_deref())).collect(),
    })
}

fn explained(
    certificate: &Certificate,
    mapping: &AttributeMapping,
    users: Option<&[UserRecord]>,
) -> ExplainedCertificate {
    let names: CertificateNames = names(certificate);
    let fields = mapping.fields.iter().map(|field| FieldReport {
        field: field.to_string(),
        values: names.of(*field).into_iter().map(str::to_owned).collect(),
    });
    let result = mapping.value(&names);
    let value = result.as_ref().ok();
    let holders = |fits: &dyn Fn(&str) -> bool| -> Vec<AlikeReport> {
        let of = |user: &UserRecord| {
            let values = user.values(mapping.attribute.bare()).into_iter().filter(|value| fits(value));
            let user = user.name().to_string();
            values.map(|value| AlikeReport { user: user.clone(), value }).collect::<Vec<_>>()
        };
        users.unwrap_or_default().iter().flat_map(of).collect()
    };
    let mut accounts: Vec<String> =
        holders(&|found| Some(found) == value.map(String::as_str)).into_iter().map(|one| one.user).collect();
    accounts.dedup();
    let alike = value.map(|value| {
        let folded = value.to_lowercase();
        holders(&|found| found != value && found.to_lowercase() == folded)
    });
    ExplainedCertificate {
        subject: certificate.subject().to_owned(),
        pairing_hash: certificate.pairing_hash().to_string(),
        fields: fields.collect(),
        value: value.cloned(),
        why_not: result.as_ref().err().map(ToString::to_string),
        opens_one: value.is_some() && (users.is_none() || accounts.len() == 1),
        accounts: users.map(|_| accounts),
        alike: alike.unwrap_or_default(),
    }
}
