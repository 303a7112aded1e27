//! Which PAM modules for smart cards a system has, and which services ask them.
//!
//! A module is installed when its file lies in a `security` folder of a library folder, and in use when a line of a service in
//! /etc/pam.d (or of the distribution, /usr/lib/pam.d) names it. What a service includes is a service of its own here. A service
//! can be a link (authselect keeps them in /etc/authselect).

use std::path::{Path, PathBuf};

use crate::system_file::SystemFile;
use crate::{Error, System, pam_service};

/// A PAM module, as found on a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginModule {
    /// The backend that keeps its pairings.
    pub backend: &'static str,
    /// The file of the module, such as `pam_p11.so`.
    pub file: &'static str,
    /// Whether it is installed.
    pub installed: bool,
    /// The lines that name it.
    pub uses: Vec<Use>,
    /// Its configuration, where it has one and the file is there.
    pub configuration: Option<PathBuf>,
}

/// A line of a PAM service that names a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The service, such as `login`.
    pub service: String,
    /// What stands behind the module.
    pub arguments: Vec<String>,
}

impl Use {
    /// What stands behind the beginning of an argument, such as `config_file=`.
    pub(crate) fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|argument| argument.strip_prefix(name))
    }
}

/// The modules that this crate has backends for: `pam_p11`, `pam_pkcs11`, `sssd`, in this order.
///
/// # Errors
///
/// [`Error::NotPermitted`], [`Error::Unsafe`] or [`Error::Io`] when the services cannot be read.
pub fn login_modules(system: &System) -> Result<Vec<LoginModule>, Error> {
    let services = services(system)?;
    let module = |backend, file, configuration: Option<&str>| {
        let lines = services.iter().filter_map(|(service, line)| used(service, line, file));
        let there = |path: &&str| SystemFile::open(system, Path::new(path), u64::MAX).is_ok_and(|file| file.is_there());
        LoginModule {
            backend,
            file,
            installed: is_installed(system, file),
            uses: lines.collect(),
            configuration: configuration.filter(there).map(|path| system.path_of(Path::new(path))),
        }
    };
    Ok(vec![
        module("pam_p11", "pam_p11.so", None),
        module("pam_pkcs11", "pam_pkcs11.so", Some(crate::pam_pkcs11::DEFAULT_PATH)),
        module("sssd", "pam_sss.so", Some(crate::sssd::SSSD_CONF)),
    ])
}

/// Every line of every service, without comments.
fn services(system: &System) -> Result<Vec<(String, String)>, Error> {
    let mut lines = Vec::new();
    for folder in ["/etc/pam.d", "/usr/lib/pam.d"].map(Path::new) {
        let Some(directory) = system.open(folder)? else { continue };
        let mut names = directory.names()?;
        names.sort();
        for name in names {
            // What is no file, and what others could put there, is passed over.
            let Ok(Some(meant)) = pam_service::read(system, &folder.join(&name)) else { continue };
            lines.extend(meant.into_iter().map(|line| (name.clone(), line)));
        }
    }
    Ok(lines)
}

fn used(service: &str, line: &str, file: &str) -> Option<Use> {
    let mut words = line.split_whitespace();
    // `auth required pam_x.so`, and `auth [a=b c=d] /path/pam_x.so`.
    let kind = words.next()?.trim_start_matches('-');
    let named = words.any(|word| Path::new(word).file_name().is_some_and(|name| name == file));
    (kind == "auth" && named)
        .then(|| Use { service: service.to_owned(), arguments: words.map(str::to_owned).collect() })
}

/// Looks where distributions keep PAM modules: `security` below a library folder, or below one for each architecture.
fn is_installed(system: &System, file: &str) -> bool {
    let libraries = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"].map(Path::new);
    libraries.into_iter().map(|library| system.path_of(library)).any(|library| {
        let by_architecture = std::fs::read_dir(&library).into_iter().flatten().flatten().map(|entry| entry.path());
        let folders: Vec<_> = std::iter::once(library.clone()).chain(by_architecture).collect();
        folders.into_iter().any(|folder| folder.join("security").join(file).exists())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_tree_has() {
        let tree = tempfile::tempdir().unwrap();
        let path = |name: &str| tree.path().join(name);
        for folder in ["etc/pam.d", "etc/sssd", "usr/lib/x86_64-linux-gnu/security"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("usr/lib/x86_64-linux-gnu/security/pam_p11.so"), "").unwrap();
        fs::write(path("etc/sssd/sssd.conf"), "").unwrap();
        fs::write(
            path("etc/pam.d/login"),
            "# auth required pam_p11.so\nauth [success=ok default=bad] \\\n /lib/security/pam_pkcs11.so config_file=/x # y\n\
             account required pam_sss.so\n-auth sufficient pam_sss.so\n",
        )
        .unwrap();
        let found = login_modules(&System::root(tree.path())).unwrap();
        let installed: Vec<_> = found.iter().map(|module| module.installed).collect();
        assert_eq!(installed, [true, false, false]);
        assert!(found[0].uses.is_empty());
        let line = Use { service: "login".to_owned(), arguments: vec!["config_file=/x".to_owned()] };
        assert_eq!(found[1].uses, [line]);
        assert_eq!((found[2].uses.len(), found[1].configuration.is_some()), (1, false));
        assert_eq!(found[2].configuration, Some(path("etc/sssd/sssd.conf")));
    }

    /// As authselect sets Fedora up.
    #[test]
    fn a_service_that_is_a_link_is_read() {
        let tree = tempfile::tempdir().unwrap();
        let path = |name: &str| tree.path().join(name);
        for folder in ["etc/pam.d", "etc/authselect"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("etc/authselect/system-auth"), "auth sufficient pam_pkcs11.so\n").unwrap();
        let services = || -> Vec<_> {
            let found = login_modules(&System::root(tree.path())).unwrap();
            found[1].uses.iter().map(|line| line.service.clone()).collect()
        };
        for target in ["/etc/authselect/system-auth", "../authselect/system-auth", "second"] {
            let _ = fs::remove_file(path("etc/pam.d/system-auth"));
            symlink("/etc/authselect/system-auth", path("etc/pam.d/.second")).ok();
            symlink(target.replace("second", ".second"), path("etc/pam.d/system-auth")).unwrap();
            assert!(services().contains(&"system-auth".to_owned()), "{target}");
        }
        // Out of the tree, into nothing, and round and round.
        for target in ["../../../../etc/passwd", "/etc/authselect/none", "/etc/pam.d/x"] {
            let _ = fs::remove_file(path("etc/pam.d/.second"));
            let _ = fs::remove_file(path("etc/pam.d/x"));
            symlink(target, path("etc/pam.d/x")).unwrap();
            assert!(!services().contains(&"x".to_owned()), "{target}");
        }
    }
}
