//! What can keep the identity provider from starting or from running.
//!
//! A refused login is not an error of this crate: it is an answer, see [`Check`](crate::Check).

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the identity provider cannot start or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listen address can be reached from other machines and nobody asked for that.
    #[error("{address} can be reached from other machines")]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The listen address means "every address", which is no address a client could be told.
    #[error("{address} is not an address that a client can connect to")]
    Unspecified {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The listen address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A user given in the options is not one that can exist.
    #[error("`{user}` is not a user: {why}")]
    User {
        /// The text as given.
        user: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A group given in the options is not one that can exist.
    #[error("`{group}` is not a membership of a group: {why}")]
    Group {
        /// The text as given.
        group: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A URL given in the options cannot be that of a server.
    #[error("`{url}` is not the URL of a server: {why}")]
    Url {
        /// The text as given.
        url: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A fault that this identity provider does not know.
    #[error("`{name}` is not a fault; the known faults are {known}")]
    UnknownFault {
        /// The name as given.
        name: String,
        /// Every known name, separated by commas.
        known: String,
    },
    /// A deviation that this identity provider does not know.
    #[error("`{name}` is not a deviation to mimic; the known ones are {known}")]
    UnknownMimic {
        /// The name as given.
        name: String,
        /// Every known name, separated by commas.
        known: String,
    },
    /// A certificate revocation list cannot be used.
    #[error("the revocation list {} cannot be used: {why}", path.display())]
    CrlFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file of passwords, or that of the registration token, cannot be used.
    #[error("the file {} cannot be used: {why}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without quoting it.
        why: String,
    },
    /// Nobody that the page could be for.
    #[error("`{name}` is nobody that the page could be for; it is for loopback, published, everyone or nobody")]
    UnknownPage {
        /// The word as given.
        name: String,
    },
    /// A certificate of the demonstration cannot be made.
    #[error("a certificate of the demonstration cannot be made")]
    Issue(#[from] rcgen::Error),
    /// The file of certification authorities cannot be used.
    #[error("the trust file {} cannot be used: {why}", path.display())]
    TrustFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another identity provider works with the same state directory.
    #[error("the state directory {} is in use by another pivkit-idp", path.display())]
    StateInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The state directory or a file in it is open to other users of the machine.
    #[error("{} has mode {mode:04o}, so others may use it", path.display())]
    StateMode {
        /// The directory or file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file of the state directory says something that this program did not write.
    #[error("the state file {} cannot be understood: {why}", path.display())]
    StateContent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no state directory, or no database in it.
    #[error("there is no database in {}", path.display())]
    NoState {
        /// The directory.
        path: PathBuf,
    },
    /// Nothing is registered for a user, or no such device.
    #[error("nothing is registered for `{name}`")]
    NotRegistered {
        /// The user or the key identifier as given.
        name: String,
    },
    /// The state directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    StateIo {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database of the state directory fails.
    #[error("the database {} fails", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A key cannot be made, read or used.
    #[error("a cryptographic operation failed")]
    Crypto(#[from] jose::Error),
    /// A certificate of the key service cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
    /// The server stopped for a reason that is not ours.
    #[error("the server stopped")]
    Serve(#[source] io::Error),
}
