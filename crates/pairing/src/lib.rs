//! Identity to local account: plan, apply, read back, undo.
//!
//! ```text
//! System (live, or a directory tree) -> Account
//! Backend:  pairings(account)                       what is there
//!           plan(account, request)  -> Plan         pure: what will change, in plain words
//!           apply(plan)             -> Applied      lock, read again, replace, read back
//!           undo(account, undo)                     exactly what was there before
//!           plan_many, apply_many, undo_many        the same for ten thousand accounts
//! ```
//!
//! A pairing says: whoever proves possession of this key may log in as this account. What proves
//! it is the login module of the system, here `pam_p11`; this crate only keeps its list. Whether
//! the card at hand owns the key is checked before, with `identity::proof`.
//!
//! The caller usually is root while the home directory belongs to the user, so everything below a
//! home directory is treated as hostile: no link is followed there, and files of others are
//! refused.
#![forbid(unsafe_code)]

mod account;
mod account_table;
mod authorized_certificates;
mod backend;
mod directory;
mod error;
mod examine;
mod group;
mod login_modules;
pub mod macos;
pub mod macos_mapping;
pub mod pam_p11;
pub mod pam_pkcs11;
mod pam_service;
mod pam_stack;
mod passwd;
mod plan;
mod remark;
mod request;
mod restore;
pub mod sssd;
mod system;
mod system_file;
mod undo;
mod walk;

pub use account::{Account, AccountName};
pub use account_table::AccountTable;
pub use backend::{
    AccountPairings, Backend, Elsewhere, Pairing, Pairings, Unknown, Unreadable, Witness, WitnessOfMany,
};
pub use error::Error;
pub use examine::{Finding, examine};
pub use login_modules::{LoginModule, Use, login_modules};
pub use plan::{Applied, Change, Note, Plan};
pub use remark::Remark;
pub use request::{Key, PairedKey, Request, Selection};
pub use system::System;
pub use undo::{AuthorityUndo, FileUndo, LinesUndo, Undo};
