//! What each message of the protocol must be like, part by part.
//!
//! The one source of the checks that [`inspect`](crate::inspect) shows and that [`verify`](crate::verify) refuses by.

pub(crate) mod agreement;
pub(crate) mod claims;
pub(crate) mod encrypted;
pub(crate) mod header;
mod id_token;
pub(crate) mod kind;
pub(crate) mod response;

/// When the times of a message are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// The present, Unix time.
    pub(crate) now: i64,
    /// How far the sender's clock may be off, in seconds.
    pub(crate) skew: i64,
    /// How long a request or an assertion may be made for, in seconds.
    pub(crate) max_lifetime: i64,
}
