//! How a card's certificate is tied to a user.

use identity::Certificate;

/// Which name in a certificate must be the user's. Nothing else in it counts: a certificate with the principal name of
/// one person and the common name of another is good for one of them alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Binding {
    /// The user principal name, whole.
    #[default]
    Upn,
    /// The user principal name up to its last `@`; every domain counts.
    UpnName,
    /// The e-mail address.
    Email,
    /// The common name.
    CommonName,
}

impl Binding {
    /// Whether the certificate names the user, in letters of any case.
    pub(super) fn holds(self, certificate: &Certificate, user: &str) -> Result<(), String> {
        let names: Vec<&str> = match self {
            Self::Upn => certificate.upns().iter().map(String::as_str).collect(),
            Self::UpnName => {
                certificate.upns().iter().filter_map(|upn| upn.rsplit_once('@').map(|(name, _)| name)).collect()
            }
            Self::Email => certificate.emails().iter().map(String::as_str).collect(),
            Self::CommonName => certificate.common_name().into_iter().collect(),
        };
        let what = match self {
            Self::Upn | Self::UpnName => "user principal name",
            Self::Email => "e-mail address",
            Self::CommonName => "common name",
        };
        if names.iter().any(|name| !name.is_empty() && name.to_lowercase() == user.to_lowercase()) {
            return Ok(());
        }
        Err(match names.as_slice() {
            [] => format!("it has no {what}; --binding chooses what names the user"),
            names => format!("its {what} is {}, not the user", names.join(", ")),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    /// A certificate with a common name and, where given, a principal name.
    fn certificate(common_name: &str, upn: Option<&str>) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        if let Some(upn) = upn {
            let oid = vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3];
            params.subject_alt_names = vec![SanType::OtherName((oid, rcgen::OtherNameValue::Utf8String(upn.into())))];
        }
        let signed = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(signed.der()).unwrap()
    }

    #[test]
    fn one_name_counts_and_no_other() {
        use Binding::{CommonName, Email, Upn, UpnName};
        let bobs = certificate("alice", Some("bob@corp.example"));
        for (binding, user, good) in [
            (Upn, "alice", false),
            (Upn, "bob", false),
            (Upn, "Bob@CORP.example", true),
            (UpnName, "bob", true),
            (UpnName, "alice", false),
            (Email, "bob@corp.example", false),
            (CommonName, "alice", true),
            (CommonName, "bob@corp.example", false),
        ] {
            assert_eq!(binding.holds(&bobs, user).is_ok(), good, "{binding:?} {user}");
        }
        let nameless = certificate("alice", None);
        assert!(Upn.holds(&nameless, "alice").unwrap_err().contains("--binding"));
        assert!(UpnName.holds(&certificate("x", Some("@corp.example")), "").is_err());
    }
}
