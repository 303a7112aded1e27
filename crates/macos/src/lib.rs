//! A Mac's own tools and files as typed functions: sc_auth, dscl, system_profiler, launchctl, security, id.
//!
//! ```text
//! CommandRunner   one way to run a tool: a fixed path, no shell, a time limit, bounded output
//!   SystemRunner  the real thing; with_tool_dir(DIR) runs DIR/sc_auth instead of /usr/sbin/sc_auth and so on
//!   Recorded      plays what was captured, for tests
//! sc_auth, dscl, system_profiler, security, session    one file per tool: arguments in, types out
//! AuthenticationAuthority, SmartcardPreferences        what the records and files mean
//! LaunchAgent, check_only_root                         what is run at a login, and who could change it
//! ```
//!
//! Nothing here is compiled for a Mac only: tools are run through one command runner, and tests put stand-ins in their place.
//! What a tool prints for people is localised and changes between versions. It is read only for what no other tool tells;
//! whether an account is paired is always read from its record, in the form of a property list.
//!
//! Texts that come from a tool are foreign: escape them before they reach a terminal.
#![forbid(unsafe_code)]

mod authentication_authority;
mod bounded;
pub mod command;
pub mod dscl;
mod error;
mod key_hash;
mod launch_agent;
mod only_root;
pub mod preferences;
mod property_list;
mod record_name;
mod recorded;
mod running_tools;
pub mod sc_auth;
pub mod security;
pub mod session;
pub mod smartcard_login;
pub mod system_profiler;
mod system_runner;

pub use authentication_authority::{Authority, Binding, bindings};
pub use command::{Captured, CommandRunner, Tool, ToolCommand};
pub use error::Error;
pub use key_hash::KeyHash;
pub use launch_agent::LaunchAgent;
pub use only_root::check_only_root;
pub use preferences::{CertificateTrust, SmartcardPreferences};
pub use record_name::RecordName;
pub use recorded::Recorded;
pub use running_tools::end_running_tools;
pub use system_runner::SystemRunner;
