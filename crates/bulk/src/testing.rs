//! People, certificates and manifests for the unit tests.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use identity::Certificate;
use pairing::System;
use pairing::pam_p11::PamP11;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, OtherNameValue, SanType};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{Check, Manifest, PlanFile};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// What a certificate says.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) upn: Option<&'static str>,
    pub(crate) email: Option<&'static str>,
    pub(crate) years: (i32, i32),
    pub(crate) purpose: ExtendedKeyUsagePurpose,
}

impl Person {
    pub(crate) fn new(name: &'static str) -> Self {
        let purpose = ExtendedKeyUsagePurpose::ClientAuth;
        Person { name, upn: None, email: None, years: (2020, 2030), purpose }
    }

    pub(crate) fn upn(self, upn: &'static str) -> Self {
        Person { upn: Some(upn), ..self }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, self.name);
        params.not_before = rcgen::date_time_ymd(self.years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(self.years.1, 1, 1);
        params.extended_key_usages = vec![self.purpose.clone()];
        let upn = self.upn.map(|upn| {
            SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], OtherNameValue::Utf8String(upn.to_owned())))
        });
        let email = self.email.map(|email| SanType::Rfc822Name(email.to_owned().try_into().unwrap()));
        params.subject_alt_names = upn.into_iter().chain(email).collect();
        let key = KeyPair::generate().unwrap();
        Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    }
}

/// A system with the accounts alice, bob and carol, and a folder for a manifest and certificates.
pub(crate) struct Office {
    directory: TempDir,
}

impl Office {
    pub(crate) fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let own = fs::metadata(directory.path()).unwrap();
        let mut passwd = String::new();
        fs::create_dir_all(directory.path().join("root/etc")).unwrap();
        for name in ["alice", "bob", "carol"] {
            passwd.push_str(&format!("{name}:x:{}:{}::/home/{name}:/bin/sh\n", own.uid(), own.gid()));
            fs::create_dir_all(directory.path().join("root/home").join(name)).unwrap();
        }
        fs::write(directory.path().join("root/etc/passwd"), passwd).unwrap();
        Office { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a certificate as PEM, and gives it back.
    pub(crate) fn issue(&self, file: &str, person: &Person) -> Certificate {
        let certificate = person.certificate();
        self.write(file, certificate.to_pem());
        certificate
    }

    pub(crate) fn write(&self, file: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    pub(crate) fn manifest(&self, text: &str) -> Manifest {
        Manifest::parse(&self.path("people.csv"), text.as_bytes()).unwrap()
    }

    pub(crate) fn system(&self) -> System {
        System::root(self.path("root"))
    }

    pub(crate) fn backend(&self) -> PamP11 {
        PamP11::new(self.system())
    }

    /// The plan of a manifest for the host `here`.
    pub(crate) fn plan_with(&self, text: &str, check: Check<'_>) -> PlanFile {
        let checked = self.manifest(text).check(Some("here".parse().unwrap()), check).unwrap();
        checked.plan(&self.system(), &self.backend()).unwrap().into_file()
    }

    pub(crate) fn plan(&self, text: &str) -> PlanFile {
        self.plan_with(text, Check { folder: None, match_all: false, now: NOW })
    }
}

/// The lines and words of the problems.
pub(crate) fn problems(plan: &PlanFile) -> Vec<(u64, &str)> {
    plan.problems.iter().map(|note| (note.line, note.why.as_str())).collect()
}

/// The lines of the rows.
pub(crate) fn lines(plan: &PlanFile) -> Vec<u64> {
    plan.rows.iter().map(|row| row.line).collect()
}
