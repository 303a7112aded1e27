//! `pivkit-idp`: the test identity provider on the command line.
//!
//! Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 usage.

#![forbid(unsafe_code)]

use std::error::Error as _;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use test_idp::{
    BaseUrl, Demo, Error, Fault, Forget, Forgotten, Group, IdTokenAlgorithm, Mimic, Options, PageFor, Server, User,
    forget, rotate_key,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A strict Platform SSO identity provider for tests and demonstrations.
#[derive(Parser)]
#[command(name = "pivkit-idp", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer logins until SIGTERM or SIGINT.
    ///
    /// Prints one line on stdout, with its URL, as soon as it listens. The log goes to stderr;
    /// RUST_LOG says how much.
    Serve(Box<Serve>),
    /// List what `serve` can do wrong on purpose, and what a client does about each.
    Faults,
    /// Take away what is registered for a user, or a device, also while a server runs.
    ///
    /// Of a user: the certificates that pin cards, keys, sessions, and the devices that nobody else uses; after that, any
    /// card that satisfies the policy logs in again, on a device that is registered anew. Of a device: all its users' keys
    /// and sessions on it. Prints one line with how many.
    Forget {
        /// Directory of the database.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        #[command(flatten)]
        what: Forgettable,
    },
    /// Put a new signing key in the place of the one that signs id_tokens, also while a server runs.
    ///
    /// It is one of the same algorithm. The key before stays in the JWK Set for a day. Prints one line with the new key's identifier.
    RotateKey {
        /// Directory of the database.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Forgettable {
    /// A user, as registered.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The key identifier of a device's signing key, as the page and the log show it.
    // One base64url value of 64 begins with a hyphen.
    #[arg(long, value_name = "KID", allow_hyphen_values = true)]
    device: Option<String>,
}

#[derive(Args)]
#[command(after_help = "EXIT CODES: 0 ended by SIGTERM or SIGINT, 1 failed, 2 usage")]
struct Serve {
    /// Address and port to listen on, such as 127.0.0.1:8080; port 0 takes a free one.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        required_unless_present = "demo",
        default_value_if("demo", "true", DEMO_ADDRESS)
    )]
    listen: Option<SocketAddr>,
    /// Directory of the database; made when absent, mode 0700.
    #[arg(long, value_name = "DIR", required_unless_present = "demo", default_value_if("demo", "true", DEMO_STATE))]
    state: Option<PathBuf>,
    /// Make everything that a first login needs, and print the commands that come next.
    ///
    /// A certification authority, the user alice with the key and certificate of her card, and a password: in the folder
    /// demo of the state directory. Without --listen and --state it is 127.0.0.1:8642 and the directory pivkit-demo.
    #[arg(long)]
    demo: bool,
    /// A user, and what their card's certificate must have; may be given several times.
    ///
    /// `alice` is bound to the user principal name alice@ anything; `alice@example.test` and `alice=alice@example.test` to
    /// that name only. Other bindings: `alice=email:TEXT`, `alice=ski:HEX`, `alice=issuer-serial:<I>ISSUER<SR>HEX`,
    /// `alice=sha256:HEX` (the certificate itself).
    #[arg(long = "user", value_name = "NAME[=BINDING]")]
    users: Vec<User>,
    /// Certification authorities of the cards: PEM, several per file, or one in DER. With --demo its own is trusted besides.
    #[arg(long, value_name = "FILE")]
    trust_ca: Option<PathBuf>,
    /// Certificate revocation lists: PEM, several per file, or one in DER; may be given several times.
    ///
    /// With one, every issuer of a card's certificate needs one that is current. A file that changes is read again.
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// Passwords, a line `user:password` each, in a file of mode 0600; not with --demo, which has one of its own.
    #[arg(long, value_name = "FILE", conflicts_with = "demo")]
    passwords: Option<PathBuf>,
    /// A user's membership of a group, which an id_token tells when it is asked for; may be given several times.
    #[arg(long = "group", value_name = "USER=GROUP")]
    groups: Vec<Group>,
    /// The token that a registration must carry, in a file of mode 0600.
    #[arg(long, value_name = "FILE")]
    registration_token_file: Option<PathBuf>,
    /// What id_tokens are signed with.
    ///
    /// When the key in the database is one of the other algorithm, a new key is made; the one before stays in the JWK Set for
    /// a day.
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t)]
    id_token_algorithm: IdTokenAlgorithm,
    /// Lifetime of a refresh token in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 14 * 24 * 3600)]
    refresh_token_lifetime: u64,
    /// Permit an address that other machines can reach.
    ///
    /// pivkit takes http from its own machine only; for others, put a proxy with TLS in front and name it with --url.
    #[arg(long)]
    allow_remote: bool,
    /// The URL under which clients reach this server, such as that of a proxy with TLS; it becomes
    /// the issuer, and the endpoints go under it.
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,
    /// To whom the page at / is shown: loopback (browsers on this machine, unless --url or --listen leads elsewhere), published
    /// (those too, when --url leads to this machine: for containers), everyone, or nobody.
    #[arg(long, value_name = "WHOM", default_value_t)]
    page: PageFor,
    #[arg(long = "fault", value_name = "NAME", help = fault_help())]
    faults: Vec<Fault>,
    #[arg(long = "mimic", value_name = "NAME", help = mimic_help())]
    mimics: Vec<Mimic>,
}

fn fault_help() -> String {
    format!("Answer good logins wrongly; may be given several times; `pivkit-idp faults` explains: {}", Fault::names())
}

fn mimic_help() -> String {
    format!("Deviate from the documentation as others do; may be given several times: {}", Mimic::names())
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(io::stderr).init();
    let done = match command {
        Command::Serve(arguments) => serve(*arguments),
        Command::Faults => print(&Fault::table()),
        Command::Forget { state, what } => forget_registrations(&state, what),
        Command::RotateKey { state } => rotate(&state),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            // When stderr is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "pivkit-idp: {text}. {}", advice(&error));
            exit_code(&error)
        }
    }
}

/// Prints a text; a reader that has seen enough is no failure.
fn print(text: &str) -> Result<(), Error> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Serve(error)),
        _ => Ok(()),
    }
}

fn serve(arguments: Serve) -> Result<(), Error> {
    // The parser sees to it that both are there.
    let (Some(listen), Some(state)) = (arguments.listen, arguments.state) else {
        return Err(Error::Serve(io::ErrorKind::InvalidInput.into()));
    };
    let demo = arguments.demo.then(|| Demo::prepare(&state)).transpose()?;
    let mut options = Options::new(state);
    options.listen = listen;
    options.users = arguments.users;
    options.trust = arguments.trust_ca;
    options.crls = arguments.crls;
    options.passwords = arguments.passwords;
    options.groups = arguments.groups;
    options.registration_token = arguments.registration_token_file;
    options.id_token_algorithm = arguments.id_token_algorithm;
    options.refresh_token_lifetime = Duration::from_secs(arguments.refresh_token_lifetime);
    options.mimics = arguments.mimics;
    options.allow_remote = arguments.allow_remote;
    options.url = arguments.url;
    options.faults = arguments.faults;
    options.page = arguments.page;
    if let Some(demo) = &demo {
        demo.apply(&mut options)?;
    }
    let runtime = Server::runtime()?;
    let server = Server::bind(&options)?;
    if options.users.is_empty()
        || (options.trust.is_none() && options.more_trust.is_empty() && options.passwords.is_none())
    {
        tracing::warn!(users = options.users.len(), trust = options.trust.is_some(), "nobody can log in");
    }
    if server.issuer().parse::<BaseUrl>().is_ok_and(|url| !url.is_usable()) {
        tracing::warn!(url = server.issuer(), "pivkit takes http from its own machine only; give --url with https");
    }
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Serve)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Serve)?;
        announce(server.url(), server.issuer(), listen).map_err(Error::Serve)?;
        if let Some(demo) = &demo {
            print(&format!("\n{}", demo.commands(server.issuer())))?;
        }
        server.serve(async move { either(&mut terminate, &mut interrupt).await }).await
    })
}

fn forget_registrations(state: &Path, what: Forgettable) -> Result<(), Error> {
    let what = match what {
        Forgettable { user: Some(user), .. } => Forget::User(user),
        Forgettable { device, .. } => Forget::Device(device.unwrap_or_default()),
    };
    let Forgotten { devices, keys, certificates, sessions, .. } = forget(state, &what)?;
    print(&format!("forgotten: devices {devices}, keys {keys}, certificates {certificates}, sessions {sessions}\n"))
}

fn rotate(state: &Path) -> Result<(), Error> {
    let rotated = rotate_key(state)?;
    let hours = rotated.published_for / 3600;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{} signs from now on; the key before stays published for {hours} hours", rotated.kid)
        .map_err(Error::Serve)
}

async fn either(a: &mut Signal, b: &mut Signal) {
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
    }
}

/// The one line on stdout. Nobody can connect to every address: then the URL that clients are told stands in it as well.
fn announce(url: &str, issuer: &str, listen: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match url.strip_prefix("http://") {
        Some(address) if listen.ip().is_unspecified() => {
            writeln!(stdout, "pivkit-idp listening on {issuer}, at {address}")?
        }
        _ => writeln!(stdout, "pivkit-idp listening on {url}")?,
    }
    stdout.flush()
}

/// Where a demonstration listens.
const DEMO_ADDRESS: &str = "127.0.0.1:8642";

/// Where a demonstration keeps its files.
const DEMO_STATE: &str = "pivkit-demo";

/// What to do about an error.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::NotLoopback { .. } => "Listen on 127.0.0.1, or say --allow-remote if that is what you want.",
        Error::Url { .. } => "Give --url such as https://idp.example.",
        Error::Unspecified { .. } => "Name one address of this machine.",
        Error::Listen { .. } => "Choose another address or port with --listen; port 0 takes a free one.",
        Error::User { .. } => "Give each --user once, as NAME or NAME=BINDING.",
        Error::Group { .. } => "Give each --group as USER=GROUP.",
        Error::UnknownMimic { .. } => "Choose one of these for --mimic.",
        Error::CrlFile { .. } => "Give --crl a complete list that an authority of --trust-ca signed.",
        Error::SecretFile { .. } => "Write it anew, with mode 0600.",
        Error::Database { .. } => "See that the disk has room and nothing else holds the database.",
        Error::UnknownFault { .. } => "Choose one of these for --fault.",
        Error::UnknownPage { .. } => "Choose one of these for --page.",
        Error::TrustFile { .. } => "Give --trust-ca a PEM file with the authorities of the cards, up to the root.",
        Error::StateInUse { .. } => "Stop that one, or choose another directory with --state.",
        Error::StateMode { .. } => "Take the rights of others away with chmod go-rwx.",
        Error::StateContent { .. } => "Remove it to start afresh, or choose another directory with --state.",
        Error::NoState { .. } => "Name the directory of a server with --state.",
        Error::NotRegistered { .. } => "Choose a user or a device that the page shows.",
        Error::StateIo { .. } => "Choose a directory with --state that you can write to.",
        _ => "Try again; the log above may say more.",
    }
}

fn exit_code(error: &Error) -> ExitCode {
    match error {
        Error::NotLoopback { .. }
        | Error::Unspecified { .. }
        | Error::User { .. }
        | Error::Url { .. }
        | Error::Group { .. }
        | Error::UnknownMimic { .. }
        | Error::UnknownFault { .. } => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
