//! `pivkit mapping`: the file by which a Mac finds accounts by the names in a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use macos::smartcard_login::{
    Attribute, AttributeMapping, Field, Fingerprint, FormatString, Installed, PATH, Placed, SmartcardLogin,
    is_group_name, place,
};
use macos::{CommandRunner, SmartcardPreferences, Tool};
use pairing::macos::Macos;

use crate::report::{LintReport, MappingFinding, MappingReport, NewMappingReport, SCHEMA_VERSION};
use crate::{Error, MacTools, files};

mod explain;
mod preset;

pub use explain::{ExplainRequest, explain};
pub use preset::{InvalidPreset, Preset};

/// What `pivkit mapping new` was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewMapping {
    /// The mapping.
    pub mapping: MappingChoice,
    /// Certificates of authorities that may issue certificates of cards.
    pub trusted_cas: Vec<PathBuf>,
    /// The group that is exempt from enforcement.
    pub not_enforced_group: Option<String>,
    /// Where the file is to be; `None` for nowhere.
    pub output: Option<PathBuf>,
    /// Whether another file there may be replaced.
    pub replace: bool,
    /// Only say what would be written.
    pub dry_run: bool,
    /// The folder that stands for `/` of the Mac.
    pub root: Option<PathBuf>,
    /// Where the Mac's tools are: whether somebody can still log in is looked at before its own file is written.
    pub tools: MacTools,
}

/// How certificates are to lead to accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingChoice {
    /// One of the usual mappings.
    Preset(Preset),
    /// Fields, format string and attribute in so many words.
    Parts {
        /// The names of the fields, `$1` first.
        fields: Vec<String>,
        /// The format string.
        format: String,
        /// The attribute; without it, AltSecurityIdentities.
        attribute: Option<String>,
    },
}

impl Default for MappingChoice {
    fn default() -> Self {
        MappingChoice::Preset(Preset::Upn)
    }
}

impl MappingChoice {
    /// The mapping; `None` for a file without one.
    ///
    /// # Errors
    ///
    /// [`Error::Input`].
    fn mapping(&self) -> Result<Option<AttributeMapping>, Error> {
        match self {
            MappingChoice::Preset(preset) => preset.mapping(),
            MappingChoice::Parts { fields, format, attribute } => parts(fields, format, attribute.as_deref()).map(Some),
        }
    }
}

fn parts(fields: &[String], format: &str, attribute: Option<&str>) -> Result<AttributeMapping, Error> {
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    let unknown = |error| input(format!("{error}; the fields are {}", names.join(", ")));
    let fields: Vec<Field> = fields.iter().map(|name| name.parse()).collect::<Result<_, _>>().map_err(unknown)?;
    let format =
        FormatString::parse(format, fields.len()).map_err(|error| input(format!("the format string: {error}")))?;
    let attribute = match attribute {
        None => Attribute::alt_security_identities(),
        Some(name) => {
            let attribute = Attribute::parse(name).filter(Attribute::has_prefix);
            let why = "an attribute is named with dsAttrTypeStandard: or dsAttrTypeNative: in front";
            attribute.ok_or_else(|| input(why.to_owned()))?
        }
    };
    Ok(AttributeMapping { fields, format, attribute })
}

fn input(what: String) -> Error {
    Error::Input { what }
}

/// Makes a file, and writes it if so asked: as a whole, mode 644, root's if this process is root.
///
/// # Errors
///
/// [`Error::Input`] for a field, a format string, an attribute or a group that cannot be; [`Error::File`]; [`Error::Pairing`] if
/// it cannot be written, another one is there, or nobody could log in to this Mac any more.
pub fn new(request: &NewMapping) -> Result<NewMappingReport, Error> {
    if let Some(group) = request.not_enforced_group.as_ref().filter(|group| !is_group_name(group)) {
        return Err(input(format!("{group:?} cannot be the name of a group")));
    }
    let login = SmartcardLogin {
        attribute_mapping: request.mapping.mapping()?,
        trusted_authorities: authorities(&request.trusted_cas)?,
        not_enforced_group: request.not_enforced_group.clone(),
        ..SmartcardLogin::default()
    };
    let bytes = login.to_xml().map_err(pairing::Error::from)?;
    let as_it_will_be = Installed { path: PATH.into(), bytes: bytes.clone(), owner: 0, mode: 0o644, is_link: false };
    let (_, findings) = as_it_will_be.lint(None);
    let mut written = false;
    if request.output.as_deref().is_some_and(|path| is_of_mac(path, request.root.as_deref())) {
        check_lock_out(request, &login)?;
    }
    if let Some(path) = request.output.as_deref().filter(|_| !request.dry_run) {
        let placed = place(path, &bytes, request.replace).map_err(pairing::Error::from)?;
        written = placed == Placed::Written;
    }
    Ok(NewMappingReport {
        schema_version: SCHEMA_VERSION,
        plist: String::from_utf8_lossy(&bytes).into_owned(),
        path: request.output.as_deref().map(shown),
        written,
        findings: findings.into_iter().map(MappingFinding::from).collect(),
    })
}

/// Whether this is the file that the Mac itself looks at, by whatever path: its `/etc` is a symbolic link.
fn is_of_mac(path: &Path, root: Option<&Path>) -> bool {
    let own = installed_path(root);
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize().ok()
    };
    folder(path).is_some_and(|of_path| folder(&own) == Some(of_path)) && path.file_name() == own.file_name()
}

fn check_lock_out(request: &NewMapping, login: &SmartcardLogin) -> Result<(), Error> {
    let Some(runner) = runner(&request.tools, request.root.as_deref()) else { return Ok(()) };
    let mac = Macos::new(Arc::new(runner)).with_files_below(request.root.as_deref().unwrap_or(Path::new("/")));
    Ok(mac.accepting_lock_out(request.tools.accept_lock_out).check_file(login)?)
}

fn installed_path(root: Option<&Path>) -> PathBuf {
    root.unwrap_or(Path::new("/")).join(PATH.trim_start_matches('/'))
}

/// The fingerprints of all certificates in the files, each of which must be an authority's.
fn authorities(paths: &[PathBuf]) -> Result<Vec<Fingerprint>, Error> {
    let mut found = Vec::new();
    for path in paths {
        for certificate in files::certificates(path)? {
            let certificate = certificate.map_err(|error| input(format!("{}: {error}", path.display())))?;
            if certificate.key_usage().is_some_and(|usage| !usage.key_cert_sign()) {
                let who = certificate.subject();
                return Err(input(format!("{}: {who} may not issue certificates (keyUsage)", path.display())));
            }
            let fingerprint = Fingerprint::new(certificate.sha256());
            if !found.contains(&fingerprint) {
                found.push(fingerprint);
            }
        }
    }
    Ok(found)
}

/// What `pivkit mapping lint` was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintRequest {
    /// The file; without it, the one that is installed.
    pub file: Option<PathBuf>,
    /// The folder that stands for `/`.
    pub root: Option<PathBuf>,
    /// Where the Mac's tools are, which know its settings.
    pub tools: MacTools,
}

/// Tells everything that is wrong with a file.
///
/// # Errors
///
/// [`Error::File`] if there is none.
pub fn lint(request: &LintRequest) -> Result<LintReport, Error> {
    let installed = open(request.file.as_deref(), request.root.as_deref())?;
    let preferences = preferences(&request.tools, request.root.as_deref());
    let (login, findings) = installed.lint(preferences.as_ref());
    let ok = findings.iter().all(|finding| finding.severity != macos::smartcard_login::Severity::Error);
    let login = login.unwrap_or_default();
    Ok(LintReport {
        schema_version: SCHEMA_VERSION,
        path: shown(&installed.path),
        ok,
        findings: findings.into_iter().map(MappingFinding::from).collect(),
        mapping: login.attribute_mapping.as_ref().map(MappingReport::from),
        trusted_authorities: login.trusted_authorities.iter().map(ToString::to_string).collect(),
        not_enforced_group: login.not_enforced_group,
        user_selector_path: login.user_selector_path,
        unknown_keys: login.unknown.keys().cloned().collect(),
    })
}

fn open(file: Option<&Path>, root: Option<&Path>) -> Result<Installed, Error> {
    let installed = installed_path(root);
    let path = file.unwrap_or(&installed);
    Installed::open(path).map_err(|error| match error {
        macos::Error::File { path, source } => Error::File { path, source },
        error => pairing::Error::from(error).into(),
    })
}

/// What the Mac is told; `None` where there is no Mac to ask, or it does not answer. Another system's tree has no tools.
fn preferences(tools: &MacTools, root: Option<&Path>) -> Option<SmartcardPreferences> {
    let runner = runner(tools, root)?;
    if runner.has(Tool::Defaults) { SmartcardPreferences::read(&runner).ok() } else { None }
}

/// The tools of the Mac that is meant; `None` if there are none.
fn runner(tools: &MacTools, root: Option<&Path>) -> Option<macos::SystemRunner> {
    if root.is_some() && tools.folder.is_none() {
        return None;
    }
    let runner = tools.runner().ok()?;
    runner.has(Tool::Dscl).then_some(runner)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl From<macos::smartcard_login::Finding> for MappingFinding {
    fn from(finding: macos::smartcard_login::Finding) -> Self {
        let macos::smartcard_login::Finding { severity, rule, message } = finding;
        MappingFinding { severity: severity.to_string(), rule: rule.to_owned(), message }
    }
}

impl From<&AttributeMapping> for MappingReport {
    fn from(mapping: &AttributeMapping) -> Self {
        MappingReport {
            fields: mapping.fields.iter().map(ToString::to_string).collect(),
            format: mapping.format.to_string(),
            attribute: mapping.attribute.to_string(),
        }
    }
}
