//! The names in a certificate, as `SmartcardLogin.plist` refers to them.

use ::macos::smartcard_login::CertificateNames;
use identity::{Certificate, SubjectAttribute};

/// Every name in the certificate to which a field can refer.
///
/// For `Serial`, of which Apple does not say what it is, that is the serialNumber of the subject and the number of the
/// certificate, in lower-case and in upper-case hexadecimal digits.
pub fn names(certificate: &Certificate) -> CertificateNames {
    let subject = |attribute| certificate.subject_values(attribute);
    let mut serials = subject(SubjectAttribute::SerialNumber);
    let number = certificate.serial_number();
    serials.extend([number.to_lowercase(), number.to_uppercase()]);
    CertificateNames {
        common_names: subject(SubjectAttribute::CommonName),
        rfc822_names: certificate.rfc822_names(),
        principal_names: certificate.upns().to_vec(),
        organizations: subject(SubjectAttribute::Organization),
        organizational_units: subject(SubjectAttribute::OrganizationalUnit),
        countries: subject(SubjectAttribute::Country),
        serials,
        user_ids: subject(SubjectAttribute::UserId),
    }
}
