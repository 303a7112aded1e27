//! Reading a certificate request again (RFC 2986).

use der::{DecodePem, Encode};
use x509_cert::request::CertReq;

use crate::Error;

/// The SubjectPublicKeyInfo, in DER, of a request in PEM: of which key it is. Its signature is not checked.
///
/// # Errors
///
/// [`Error::Input`] if it is no request.
pub fn public_key_of_request(pem: &[u8]) -> Result<Vec<u8>, Error> {
    let unfit = |_| Error::input("the request", "it is not a certificate request in PEM");
    let request = CertReq::from_pem(pem).map_err(unfit)?;
    request.info.public_key.to_der().map_err(unfit)
}
