//! What only the server knows.

use jose::{EcPrivateKey, PublicKey};
use secrecy::SecretString;

/// The server's side of a verification: its devices, users, nonces and tokens, and its policy on certificates.
///
/// One value serves one request, so it can know what came with it, such as the `client-request-id` that the nonce was
/// fetched under. The methods are called in the order in which they stand here, each only after all checks before it
/// held. A method of the server's that is not wanted stays as it is: it refuses.
pub trait Provider {
    /// The device with this signing key id, if it is registered. `kid` is in the documented form, standard base64 with
    /// padding, whichever form came.
    fn device(&mut self, kid: &str) -> Option<Device>;

    /// Uses a nonce up: it must be one of the server's, not older than the server allows, and never accepted again. Called
    /// for every request that a registered device has signed, whatever else is wrong with that request.
    ///
    /// # Errors
    /// [`Denied`] when it is unknown, used or old.
    fn use_nonce(&mut self, nonce: &str) -> Result<(), Denied>;

    /// Whether this is a user who may log in on the device.
    ///
    /// # Errors
    /// [`Denied`] when it is not.
    fn user(&mut self, user: &str, device_kid: &str) -> Result<(), Denied>;

    /// The key registered for the user under this key id: for the Secure Enclave method, and for a card that is known by its
    /// key. With one, the certificate in the assertion is not asked for.
    fn user_key(&mut self, _user: &str, _kid: &str) -> Option<UserKey> {
        None
    }

    /// Whether a card's certificate is one of the user's: chain, revocation, binding are the server's own policy. That the
    /// key of the certificate signed, and that it is between its dates, is known.
    ///
    /// # Errors
    /// [`Denied`] when it is not; the default.
    fn card(&mut self, _card: &CardCertificate<'_>) -> Result<(), Denied> {
        Err(Denied::new("this identity provider does not accept certificates of cards"))
    }

    /// The private key that passwords are encrypted to, under this `kid` where there is one.
    fn password_key(&mut self, _kid: Option<&str>) -> Option<EcPrivateKey> {
        None
    }

    /// Whether the password is the user's. Compare in constant time, and limit the tries.
    ///
    /// # Errors
    /// [`Denied`] when it is not; the default.
    fn password(&mut self, _user: &str, _password: &SecretString) -> Result<(), Denied> {
        Err(Denied::new("this identity provider does not accept passwords"))
    }

    /// The user for whom the refresh token was given to this device. A server that rotates its tokens uses it up for a
    /// refresh, and leaves it for the key service.
    ///
    /// # Errors
    /// [`Denied`] when it is unknown, used, old, or another device's; the default.
    fn refresh_token(&mut self, _token: &SecretString, _device_kid: &str, _use: TokenUse) -> Result<String, Denied> {
        Err(Denied::new("this identity provider gives no refresh tokens"))
    }
}

/// Why the server says no: a sentence for the log of the server, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub(crate) why: String,
}

impl Denied {
    /// Says no, and why.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

/// A registered device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its signing key.
    pub signing: PublicKey,
    /// Its encryption key. Without one a request can be verified, and not answered.
    pub encryption: Option<PublicKey>,
}

/// A key that is registered for a user.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum UserKey {
    /// The user's key in the Secure Enclave of a Mac, on P-256.
    SecureEnclave(PublicKey),
    /// The key of the user's card.
    SmartCard(PublicKey),
}

/// The certificate that came with an assertion.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CardCertificate<'a> {
    /// The certificate, DER.
    pub der: &'a [u8],
    /// Its key, which signed the assertion.
    pub key: &'a PublicKey,
    /// The user who logs in with it.
    pub user: &'a str,
    /// The moment at which to judge it, Unix time.
    pub now: i64,
}

/// What a refresh token is presented for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// New tokens.
    Refresh,
    /// The key service.
    KeyService,
}
