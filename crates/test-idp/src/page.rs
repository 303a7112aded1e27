//! The page at `/`: who is registered, the last logins, and for each the assertion, the checks, and where to look.
//!
//! ```text
//! /               users, devices, logins with the newest first; ?outcome=refused and ?user=NAME choose among them
//! /logins/ID      one login in full
//! /style.css      what both look like
//! ```
//! Rendered here, without a script and without anything from elsewhere, which the Content-Security-Policy makes sure of.
//! All of it is text of strangers, and escaped. It shows no token, no password and no key, because the request log has
//! none; but it shows who logs in when, so that it is for this machine only unless the options say otherwise: see [`guard`].

mod advice;
mod claims;
mod guard;
mod layout;
mod login;
mod moment;
mod overview;
mod read;
mod routes;
mod view;

pub use guard::PageFor;
pub(crate) use guard::{is_direct, is_of_foreign_page};
pub(crate) use routes::router;

#[cfg(test)]
mod tests;
