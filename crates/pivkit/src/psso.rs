//! `pivkit psso`: a device, its registration, logins, and what a login leaves behind.
//!
//! | use case | function | needs |
//! |---|---|---|
//! | the device's keys | [`keys`] | a state directory |
//! | registration | [`register`], [`registration`] | the identity provider |
//! | login | [`login`], [`login_with_user_key`], [`login_with_password`] | the identity provider; a card, a key or a password |
//! | new tokens without a card | [`refresh`] | an earlier login |
//! | keys that the identity provider holds | [`key_request`], [`key_exchange`] | an earlier login |
//! | what is there, and its end | [`status`], [`logout`] | a state directory |
//! | the configuration | [`lint`], [`example`], [`discover`] | a file, or an issuer |
//! | messages of others | [`Inspector`], [`verify()`] | files |

mod config;
mod inspect;
mod key_service;
mod login;
mod logout;
mod refresh;
mod registration;
mod status;
mod verify;

pub use ::psso::config::Finding;
pub use ::psso::http::HttpError;
pub use ::psso::inspect::Inspection;
pub use ::psso::{Check, Config, DevicePublicKey, KeyChoice, KeyPlace, Level, Method, SignOnError, UnknownMethod};

pub use config::{Configuration, configuration, discover, example, lint};
pub use inspect::{InspectRequest, Inspector};
pub use key_service::{KeyExchangeRequest, key_exchange, key_request};
pub use login::{CardLoginRequest, LoginRequest, login, login_with_password, login_with_user_key};
pub use logout::{LogoutRequest, logout};
pub use refresh::{SignedInRequest, refresh};
pub use registration::{RegisterRequest, keys, register, registration};
pub use status::status;
pub use verify::{Binding, Refused, VerifyReport, VerifyRequest, verify};
