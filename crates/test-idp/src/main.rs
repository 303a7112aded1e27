//! `pivkit-idp`: the test identity provider on the command line.
//!
//! Exit codes: 0 ended by SIGTERM or SIGINT, 1 failed, 2 usage.

#![forbid(unsafe_code)]

use std::error::Error as _;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use test_idp::{BaseUrl, Error, Fault, Options, Server, User};
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
    Serve(Serve),
    /// List what `serve` can do wrong on purpose, and what a client does about each.
    Faults,
}

#[derive(Args)]
#[command(after_help = "EXIT CODES: 0 ended by SIGTERM or SIGINT, 1 failed, 2 usage")]
struct Serve {
    /// Address and port to listen on, such as 127.0.0.1:8080; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Directory of the signing key and of the registered devices; made when absent, mode 0700.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// A user, and the user principal name that their card must carry; may be given several times.
    ///
    /// `alice` is bound to alice@ anything; `alice@example.test` and `alice=alice@example.test`
    /// are bound to that name only.
    #[arg(long = "user", value_name = "NAME[=UPN]")]
    users: Vec<User>,
    /// Certification authorities of the cards: PEM, several per file, or one in DER.
    #[arg(long, value_name = "FILE")]
    trust_ca: Option<PathBuf>,
    /// Permit an address that other machines can reach.
    ///
    /// pivkit takes http from its own machine only; for others, put a proxy with TLS in front and name it with --url.
    #[arg(long)]
    allow_remote: bool,
    /// The URL under which clients reach this server, such as that of a proxy with TLS; it becomes
    /// the issuer, and the endpoints go under it.
    #[arg(long, value_name = "URL")]
    url: Option<BaseUrl>,
    #[arg(long = "fault", value_name = "NAME", help = fault_help())]
    faults: Vec<Fault>,
}

fn fault_help() -> String {
    format!("Answer good logins wrongly; may be given several times; `pivkit-idp faults` explains: {}", Fault::names())
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse().command {
        Command::Serve(arguments) => arguments,
        Command::Faults => return print(&Fault::table()),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(io::stderr).init();
    match serve(arguments) {
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
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn serve(arguments: Serve) -> Result<(), Error> {
    let mut options = Options::new(arguments.state);
    options.listen = arguments.listen;
    options.users = arguments.users;
    options.trust = arguments.trust_ca;
    options.allow_remote = arguments.allow_remote;
    options.url = arguments.url;
    options.faults = arguments.faults;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Serve)?;
    let server = Server::bind(&options)?;
    if options.users.is_empty() || options.trust.is_none() {
        tracing::warn!(users = options.users.len(), trust = options.trust.is_some(), "nobody can log in");
    }
    if server.issuer().parse::<BaseUrl>().is_ok_and(|url| !url.is_usable()) {
        tracing::warn!(url = server.issuer(), "pivkit takes http from its own machine only; give --url with https");
    }
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Serve)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Serve)?;
        announce(server.url()).map_err(Error::Serve)?;
        server.serve(async move { either(&mut terminate, &mut interrupt).await }).await
    })
}

async fn either(a: &mut Signal, b: &mut Signal) {
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
    }
}

/// The one line on stdout.
fn announce(url: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "pivkit-idp listening on {url}")?;
    stdout.flush()
}

/// What to do about an error.
fn advice(error: &Error) -> &'static str {
    match error {
        Error::NotLoopback { .. } => "Listen on 127.0.0.1, or say --allow-remote if that is what you want.",
        Error::Url { .. } => "Give --url such as https://idp.example.",
        Error::Unspecified { .. } => "Name one address of this machine.",
        Error::Listen { .. } => "Choose another address or port with --listen; port 0 takes a free one.",
        Error::User { .. } => "Give each --user once, as NAME or NAME=UPN.",
        Error::UnknownFault { .. } => "Choose one of these for --fault.",
        Error::TrustFile { .. } => "Give --trust-ca a PEM file with the authorities of the cards, up to the root.",
        Error::StateInUse { .. } => "Stop that one, or choose another directory with --state.",
        Error::StateMode { .. } => "Take the rights of others away with chmod go-rwx.",
        Error::StateContent { .. } => "Remove it to start afresh, or choose another directory with --state.",
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
        | Error::UnknownFault { .. } => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}
