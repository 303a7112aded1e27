//! What speaks against logging in with a card on this system, before anybody tries.
//!
//! Only files are read. A module that no PAM service asks and that has no configuration is passed over.

use std::path::Path;

use crate::pam_pkcs11::{self, PamPkcs11};
use crate::sssd::{self, Sssd};
use crate::{Error, LoginModule, System, login_modules};

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The backend that it is about.
    pub backend: &'static str,
    /// Whether it keeps people from logging in with their cards, or lets in others.
    pub is_problem: bool,
    /// A sentence without its full stop. May hold text of files; not escaped.
    pub text: String,
}

/// Looks at every login module of the system.
///
/// # Errors
///
/// Those of [`login_modules`].
pub fn examine(system: &System) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let modules = login_modules(system)?;
    for module in &modules {
        findings.extend(presence(module));
        if module.uses.is_empty() && module.configuration.is_none() {
            continue;
        }
        let more = match module.backend {
            "pam_pkcs11" => pam_pkcs11_findings(system, &modules),
            "sssd" => sssd_findings(system, module),
            _ => Vec::new(),
        };
        findings.extend(more.into_iter().map(|(is_problem, text)| Finding {
            backend: module.backend,
            is_problem,
            text,
        }));
    }
    if findings.is_empty() {
        let text = "no login module for smart cards is installed or asked by a PAM service".to_owned();
        findings.push(Finding { backend: "pam_p11", is_problem: true, text });
    }
    Ok(findings)
}

fn presence(module: &LoginModule) -> Option<Finding> {
    let LoginModule { backend, file, installed, .. } = module;
    let services: Vec<_> = module.uses.iter().map(|line| line.service.as_str()).collect();
    let (is_problem, text) = match (installed, services.as_slice()) {
        (false, []) => return None,
        (true, []) => (false, format!("{file} is installed, and no PAM service asks it")),
        (true, services) => (false, format!("{file} is asked by {}", services.join(", "))),
        (false, services) => (true, format!("{file} is asked by {}, and is not installed", services.join(", "))),
    };
    Some(Finding { backend, is_problem, text })
}

type Found = (bool, String);

fn pam_pkcs11_findings(system: &System, modules: &[LoginModule]) -> Vec<Found> {
    let mut found = Vec::new();
    match PamPkcs11::find(system.clone()) {
        Err(error) => found.push((true, error.to_string())),
        Ok(backend) => match backend.mapped_users() {
            Err(error) => found.push((true, error.to_string())),
            Ok(users) => {
                let unknown = |user: &&String| user.parse().map_or(true, |name| system.account(&name).is_err());
                let strangers: Vec<_> = users.iter().filter(unknown).take(MAX_NAMES).map(String::as_str).collect();
                if !strangers.is_empty() {
                    found.push((
                        false,
                        format!("the mapping file names accounts that are not there: {}", strangers.join(", ")),
                    ));
                }
                found.push((false, format!("the mapping file names {} accounts", users.len())));
            }
        },
    }
    let path = pam_pkcs11::configuration_path(system, modules);
    let Ok(configuration) = path.and_then(|path| pam_pkcs11::read_configuration(system, &path)) else {
        return found;
    };
    let policy = configuration.certificate_policy();
    if policy.iter().any(|word| word == "ca") {
        let folder =
            configuration.module().and_then(|module| module.text("ca_dir")).unwrap_or("/etc/pam_pkcs11/cacerts");
        let names = system.open(Path::new(folder)).ok().flatten().and_then(|directory| directory.names().ok());
        if !names.unwrap_or_default().iter().any(|name| is_hash_link(name)) {
            let text = "cert_policy has `ca`, and there are no hash links, which pkcs11_make_hash_link makes";
            found.push((true, format!("{folder}: {text}")));
        }
    } else {
        let text = "cert_policy has no `ca`: nobody looks who issued a certificate, and when it ends. With the mapper digest \
                    that is no danger, with all others it is";
        found.push((
            configuration.mappers().iter().any(|mapper| mapper != "digest" && mapper != "null"),
            text.to_owned(),
        ));
    }
    let blind = configuration.mapper("null").is_some_and(|block| block.is_set("default_match"));
    if blind && configuration.mappers().iter().any(|mapper| mapper == "null") {
        let text = "the mapper null is in use with default_match: every card that is trusted opens every account";
        found.push((true, text.to_owned()));
    }
    found
}

/// `0a1b2c3d.0`, as OpenSSL looks for authorities.
fn is_hash_link(name: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('.').is_some_and(|(hash, number)| digits(hash, 8) && number.parse::<u32>().is_ok())
}

fn sssd_findings(system: &System, module: &LoginModule) -> Vec<Found> {
    let configuration = match sssd::Configuration::read(system) {
        Ok(configuration) => configuration,
        Err(Error::Missing { .. }) => return Vec::new(),
        Err(error) => return vec![(!module.uses.is_empty(), error.to_string())],
    };
    if !configuration.asks_for_cards() {
        return vec![(false, "SSSD does not ask for smart cards (pam_cert_auth in [pam])".to_owned())];
    }
    let mut found = Vec::new();
    match Sssd::open(system.clone()) {
        Err(error) => found.push((true, error.to_string())),
        Ok(backend) => {
            let sssd::LocalDomain { name, provider } = backend.domain();
            found.push((false, format!("the domain of local accounts is {name} (id_provider = {provider})")));
            if provider == "proxy" {
                found.push((false, "rules for the provider proxy count from SSSD 2.9 on, and not before".to_owned()));
            }
            if let Err(error) = backend.check_files() {
                found.push((true, error.to_string()));
            }
        }
    }
    found
}

/// How many names are given one by one.
const MAX_NAMES: usize = 10;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_configuration_that_the_service_names_is_looked_at() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["etc/pam.d", "etc/pam_pkcs11"] {
            fs::create_dir_all(tree.path().join(folder)).unwrap();
        }
        let configure = |name: &str, policy: &str| {
            let text = format!(
                "pam_pkcs11 {{ use_pkcs11_module = o; pkcs11_module o {{ cert_policy = {policy}; }} use_mappers = digest, null; \
                 mapper null {{ default_match = true; }} mapper digest {{ mapfile = file:///etc/pam_pkcs11/m; }} }}"
            );
            fs::write(tree.path().join("etc/pam_pkcs11").join(name), text).unwrap();
        };
        configure("other.conf", "signature");
        fs::write(tree.path().join("etc/passwd"), "").unwrap();
        fs::write(
            tree.path().join("etc/pam.d/x"),
            "auth required pam_pkcs11.so config_file=/etc/pam_pkcs11/other.conf\n",
        )
        .unwrap();
        let problems = || {
            let found = examine(&System::root(tree.path())).unwrap();
            found
                .into_iter()
                .filter(|finding| finding.is_problem)
                .map(|finding| finding.text)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert!(problems().contains("default_match"), "{}", problems());
        // The one that nobody reads is not looked at.
        configure("pam_pkcs11.conf", "ca, signature");
        assert!(problems().contains("default_match") && !problems().contains("hash links"), "{}", problems());
    }
}
