//! Arguments of `pivkit mapping`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use pivkit::MacTools;
use pivkit::mapping::{ExplainRequest, LintRequest, MappingChoice, NewMapping, Preset};

use super::shared::MacArgs;

#[derive(Subcommand, Debug)]
pub(crate) enum Mapping {
    /// Make a SmartcardLogin.plist
    New(MappingNew),
    /// Tell everything that is wrong with a SmartcardLogin.plist
    Lint(MappingLint),
    /// Show which value a Mac computes for a certificate, and which account has it
    Explain(MappingExplain),
}

#[derive(Args, Debug)]
pub(crate) struct MappingNew {
    /// The mapping: upn, email, platform-sso, platform-sso-email, long-name or none
    #[arg(long, value_name = "NAME", default_value = "upn", conflicts_with_all = ["fields", "format", "attribute"])]
    preset: Preset,
    /// The fields of the certificate, $1 first, with commas: 'Common Name,RFC 822 Name'
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', requires = "format")]
    fields: Vec<String>,
    /// The format string: text with $1, $2 ... for the fields
    #[arg(long, value_name = "FORMAT", requires = "fields")]
    format: Option<String>,
    /// The attribute of the account [default: dsAttrTypeStandard:AltSecurityIdentities]
    #[arg(long, value_name = "ATTRIBUTE", requires = "fields")]
    attribute: Option<String>,
    /// Trust the authorities in this file, PEM or DER (can be given several times)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    trusted_ca: Vec<PathBuf>,
    /// Exempt the members of this group from enforced smart cards
    #[arg(long, value_name = "GROUP")]
    not_enforced_group: Option<String>,
    /// Write this file (mode 644, root's if root runs this) instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace another file that is there
    #[arg(long, requires = "output")]
    replace: bool,
    /// Write the file of the Mac even if nobody can log in to it afterwards
    #[arg(long)]
    i_know: bool,
    /// Take this folder for the Mac whose file it is, instead of the live system
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    #[command(flatten)]
    mac: MacArgs,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl MappingNew {
    pub(crate) fn request(&self) -> NewMapping {
        let mapping = match &self.format {
            Some(format) => MappingChoice::Parts {
                fields: self.fields.iter().map(|field| field.trim().to_owned()).collect(),
                format: format.clone(),
                attribute: self.attribute.clone(),
            },
            None => MappingChoice::Preset(self.preset),
        };
        NewMapping {
            mapping,
            trusted_cas: self.trusted_ca.clone(),
            not_enforced_group: self.not_enforced_group.clone(),
            output: self.output.clone(),
            replace: self.replace,
            dry_run: self.dry_run,
            root: self.root.clone(),
            tools: MacTools { accept_lock_out: self.i_know, ..self.mac.tools() },
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct MappingLint {
    /// The file [default: /etc/SmartcardLogin.plist]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Look at the Mac in this folder instead of the live system
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    #[command(flatten)]
    mac: MacArgs,
}

impl MappingLint {
    pub(crate) fn request(&self) -> LintRequest {
        LintRequest { file: self.file.clone(), root: self.root.clone(), tools: self.mac.tools() }
    }
}

#[derive(Args, Debug)]
pub(crate) struct MappingExplain {
    /// The file with the certificate
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    cert: PathBuf,
    /// The file with the mapping [default: /etc/SmartcardLogin.plist]
    #[arg(long, value_name = "PLIST", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Look at the Mac in this folder instead of the live system
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    root: Option<PathBuf>,
    #[command(flatten)]
    mac: MacArgs,
}

impl MappingExplain {
    pub(crate) fn request(&self) -> ExplainRequest {
        ExplainRequest {
            certificate: self.cert.clone(),
            file: self.file.clone(),
            root: self.root.clone(),
            tools: self.mac.tools(),
        }
    }
}
