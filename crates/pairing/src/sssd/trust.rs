//! Whether SSSD will accept the issuer of a certificate.

use std::path::Path;

use identity::{Certificate, load};

use super::configuration::{Configuration, MAX_FILE};
use crate::system_file::SystemFile;
use crate::{Error, System};

/// The authorities that SSSD trusts.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) place: SystemFile,
    pub(super) authorities: Vec<Certificate>,
    /// Whether a certificate in the file need not be an authority at the top.
    partial: bool,
}

impl Trust {
    /// Reads the file of authorities; a missing one is empty.
    pub(super) fn read(system: &System, configuration: &Configuration) -> Result<Option<Self>, Error> {
        let path = configuration.authorities();
        let place = match SystemFile::open(system, &path, MAX_FILE) {
            Err(Error::Missing { .. }) => return Ok(None),
            place => place?,
        };
        let bytes = place.read()?.map(|contents| contents.bytes).unwrap_or_default();
        let authorities = load::certificates(&bytes).into_iter().filter_map(Result::ok).collect();
        Ok(Some(Trust { place, authorities, partial: configuration.trusts_certificates_themselves() }))
    }

    /// Whether it accepts the certificate with these beside its own.
    pub(super) fn accepts(&self, certificate: &Certificate, more: &[Certificate]) -> bool {
        accepts(certificate, &self.authorities.iter().chain(more).collect::<Vec<_>>(), self.partial)
    }
}

/// As OpenSSL does, without dates: a chain up to an authority at the top, or, if `partial`, to anything trusted.
pub(super) fn accepts(certificate: &Certificate, trusted: &[&Certificate], partial: bool) -> bool {
    let mut ahead = vec![certificate];
    for _ in 0..MAX_DEPTH {
        let is_trusted = |one: &&Certificate| trusted.contains(one) && (partial || one.issuer() == one.subject());
        if ahead.iter().any(is_trusted) {
            return true;
        }
        let issued = |one: &Certificate, by: &Certificate| one != by && one.is_issued_by(by) != Some(false);
        ahead = trusted.iter().copied().filter(|by| ahead.iter().any(|one| issued(one, by))).collect();
    }
    false
}

/// What to do when the file does not accept a certificate.
pub(super) fn refusal(path: &Path, certificate: &Certificate) -> Error {
    let why = format!(
        "does not hold the authority that issued the certificate ({}), and SSSD would not accept it: append the authority's \
         certificate to that file (PEM), or name a file with it once with `pivkit pair --ca FILE`",
        certificate.issuer()
    );
    Error::configuration(path, why)
}

/// The longest chain.
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn params(name: &str, authority: bool) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = if authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::NoCa };
        params
    }

    #[test]
    fn chains() {
        let keys: Vec<_> = (0..4).map(|_| KeyPair::generate().unwrap()).collect();
        let read = |made: rcgen::Certificate| Certificate::from_der(made.der()).unwrap();
        let root = read(params("root", true).self_signed(&keys[0]).unwrap());
        let false_root = read(params("root", true).self_signed(&keys[3]).unwrap());
        let by_root = Issuer::new(params("root", true), &keys[0]);
        let middle = read(params("middle", true).signed_by(&keys[1], &by_root).unwrap());
        let by_middle = Issuer::new(params("middle", true), &keys[1]);
        let leaf = read(params("alice", false).signed_by(&keys[2], &by_middle).unwrap());
        let accepted = |trusted: &[&Certificate], partial| accepts(&leaf, trusted, partial);
        assert!(accepted(&[&root, &middle], false));
        assert!(!accepted(&[&false_root, &middle], false));
        assert!(!accepted(&[&root], true) && !accepted(&[], true));
        assert!(!accepted(&[&middle], false) && accepted(&[&middle], true));
        assert!(!accepted(&[&leaf], false) && accepted(&[&leaf], true));
    }
}
