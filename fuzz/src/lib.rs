//! What the fuzz targets do with a text of bytes, one function each. None of them may panic.
//!
//! They assert more than that: what was read is written again in the same way, secrets stay hidden, names of checks are
//! unique. The same functions are an ordinary test (crates/pivkit/tests/fuzz_seeds.rs), which calls them with the seeds.
//!
//! Tokens are base64 in parts, which no mutation gets through by chance. So the first byte of the input says how the rest is
//! made into one:
//!
//! | byte | token |
//! |---|---|
//! | `r` | the rest as it is |
//! | `p` | the parts between bytes FF, each in base64url, with dots between them |
//! | `s` | header and claims between bytes FF, signed by a key that the receiver trusts |
//! | `c` | the rest, encrypted to the receiver |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod card;
mod tokens;

pub use card::{certificate, chuid, piv_objects, tlv};
pub use tokens::{ecdsa_der, jwe_parse, jws_parse, login_response, psso_config, psso_inspect, psso_verify};

/// What is done with an input.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: [(&str, Target); 11] = [
    ("certificate", certificate),
    ("chuid", chuid),
    ("ecdsa_der", ecdsa_der),
    ("jwe_parse", jwe_parse),
    ("jws_parse", jws_parse),
    ("login_response", login_response),
    ("piv_objects", piv_objects),
    ("psso_config", psso_config),
    ("psso_inspect", psso_inspect),
    ("psso_verify", psso_verify),
    ("tlv", tlv),
];
