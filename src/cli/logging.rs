//! Where log lines go: standard error, as the operator wants them.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// What these log below this level holds statements with their parameters: content, addresses, hashes. What
/// async-nats has to say, `bus` says once.
const NEVER: &str = "tokio_postgres=warn,diesel=warn,diesel_async=warn,async_nats=off";

/// Starts logging, once per process.
pub(super) fn start(config: &Config) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("{},{NEVER}", config.log)))
        .with_writer(io::stderr)
        .with_target(false);
    match config.log_format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
}
