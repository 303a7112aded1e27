//! The developers' log: to standard error, switched on by `RUST_LOG`, off otherwise.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, filter};

use crate::output;

/// Starts the log. Our own crates log no secrets at any level. Of the libraries below us nobody promises that, so theirs
/// is cut off at WARN whatever `RUST_LOG` says.
pub(crate) fn start() {
    let wanted = match EnvFilter::try_from_default_env() {
        Ok(wanted) => wanted,
        Err(_) if std::env::var_os(EnvFilter::DEFAULT_ENV).is_none() => return,
        Err(error) => return output::say(&format!("pivkit: RUST_LOG is ignored: {error}.")),
    };
    let ours = filter::filter_fn(|event| {
        let of_us = OURS.iter().any(|name| event.target().split("::").next() == Some(name));
        of_us || *event.level() <= LevelFilter::WARN
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    // A second subscriber cannot be there yet; if it is, the log is its business.
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours).with_filter(wanted)).try_init();
}

const OURS: [&str; 8] = ["smartcard", "piv", "provision", "identity", "pairing", "psso", "pivkit", "jose"];
