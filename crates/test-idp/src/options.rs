//! What an identity provider is started with.

mod base_url;
mod group;
mod id_token_algorithm;
mod name;
mod user;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::Fault;
use crate::mimic::Mimic;
use crate::page::PageFor;

pub use base_url::BaseUrl;
pub use group::Group;
pub use id_token_algorithm::IdTokenAlgorithm;
pub(crate) use user::Binding;
pub use user::User;

/// Everything that [`Server::bind`](crate::Server::bind) needs to know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Directory of the database; made when absent, mode 0700.
    pub state: PathBuf,
    /// The people who can log in.
    pub users: Vec<User>,
    /// PEM (several certificates) or DER file of the certification authorities of the cards.
    /// Without one, every card is refused.
    pub trust: Option<PathBuf>,
    /// More files of such authorities, besides [`trust`](Self::trust).
    pub more_trust: Vec<PathBuf>,
    /// PEM or DER files of certificate revocation lists. With one, every issuer in a chain needs one that is current.
    pub crls: Vec<PathBuf>,
    /// Private file of passwords, a line `user:password` each. Without one, nobody logs in with a password.
    pub passwords: Option<PathBuf>,
    /// Who is in which group.
    pub groups: Vec<Group>,
    /// Private file with the token that a registration must carry. Without one, anybody registers a device; keys and
    /// certificates of users are taken only from this machine, on a loopback address, then.
    pub registration_token: Option<PathBuf>,
    /// What id_tokens are signed with; ES256. A state directory whose key is one of the other algorithm gets a new key.
    pub id_token_algorithm: IdTokenAlgorithm,
    /// Lifetime of a refresh token; fourteen days.
    pub refresh_token_lifetime: Duration,
    /// What to do as others were seen to do it, instead of as documented.
    pub mimics: Vec<Mimic>,
    /// Permits a listen address that other machines can reach.
    pub allow_remote: bool,
    /// The URL under which clients reach the server, for its issuer and its endpoints: that of a proxy in front of it,
    /// for example. Without one, the address that it listens on.
    pub url: Option<BaseUrl>,
    /// To whom the page at `/` is shown.
    pub page: PageFor,
    /// What to do wrong on purpose.
    pub faults: Vec<Fault>,
    /// For one request, from its headers to the answer; ten seconds.
    pub request_time_limit: Duration,
    /// Connections at one time, at least one; 256. With the files of the server these stay below the 1,024 that a process
    /// usually may have open.
    pub max_connections: usize,
}

impl Options {
    /// Options for a server on a free port of 127.0.0.1, with nobody who could log in yet.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: state.into(),
            users: Vec::new(),
            trust: None,
            more_trust: Vec::new(),
            crls: Vec::new(),
            passwords: None,
            groups: Vec::new(),
            registration_token: None,
            id_token_algorithm: IdTokenAlgorithm::default(),
            refresh_token_lifetime: Duration::from_secs(14 * 24 * 3600),
            mimics: Vec::new(),
            allow_remote: false,
            url: None,
            page: PageFor::default(),
            faults: Vec::new(),
            request_time_limit: Duration::from_secs(10),
            max_connections: 256,
        }
    }
}
