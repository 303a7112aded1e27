//! What an examined request will get.

use zeroize::Zeroizing;

use crate::certificate::Holder;
use crate::device::DeviceKey;
use crate::store::NewFamily;

/// A request that passed every check but that of its nonce.
#[derive(Debug)]
pub(crate) struct Granted {
    /// The name of the user.
    pub(crate) user: String,
    /// Key identifier of the device signing key.
    pub(crate) device: String,
    pub(crate) recipient: Recipient,
    /// The family of the refresh token that was presented; nothing for a login.
    pub(crate) session: Option<i64>,
    pub(crate) answer: Answer,
}

/// To whom the answer is encrypted.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) encryption: DeviceKey,
    /// PartyVInfo, as the client sent it.
    pub(crate) apv: Vec<u8>,
}

/// What the answer holds.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An id_token and a refresh token: login and refresh.
    Tokens(Tokens),
    /// A new key's certificate: key request.
    Certificate(Certificate),
    /// What ECDH made: key exchange.
    Exchanged {
        /// X coordinate of the shared point.
        key: Zeroizing<[u8; 32]>,
        /// The `key_context`, sealed again.
        context: Vec<u8>,
    },
}

/// The tokens of a login or a refresh.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// The client's nonce.
    pub(crate) nonce: String,
    pub(crate) holder: Holder,
    /// The groups of the user that were asked for; nothing when none were.
    pub(crate) groups: Option<Vec<String>>,
    pub(crate) refresh_token: Zeroizing<String>,
    pub(crate) lineage: Lineage,
}

/// Where a refresh token comes from.
#[derive(Debug)]
pub(crate) enum Lineage {
    /// A login.
    Begin(NewFamily),
    /// A refresh with the token before.
    Rotate { family: i64, old: Zeroizing<String> },
}

/// A key that was made for a user on a device.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Its certificate, in DER.
    pub(crate) der: Vec<u8>,
    /// The private key, sealed.
    pub(crate) context: Vec<u8>,
}
