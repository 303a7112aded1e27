//! The identity provider over real HTTP, against logins built by hand from the published
//! description. Signatures of cards and certificates are made by `ring` (through `rcgen`), not by
//! the code that verifies them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "every function here belongs to a test")]

mod cards;
mod command_line;
mod crowd;
mod endpoints;
mod faults;
mod http;
mod id_token_algorithm;
mod key_service;
mod log;
mod login;
mod methods;
mod mimics;
mod page;
mod policy;
mod reasons;
mod refresh;
mod refusals;
mod refused_certificates;
mod registration;
mod requests;
mod world;
