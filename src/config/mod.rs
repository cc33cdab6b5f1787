//! What the operator decides: environment variables, all checked at start.
//!
//! [`Config::from_env`] reads every variable and names every fault in one message, so that nobody mends
//! them one start at a time.

mod limits;
mod nats_url;
mod networks;
mod openai;
mod origins;
mod quotes_url;
mod rates;
mod read;
mod secret;
#[cfg(test)]
mod tests;
mod trusted_documents;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use ipnet::IpNet;
pub use limits::{Limits, Setting};
pub use nats_url::NatsUrl;
pub use openai::{ApiKey, OpenAi};
pub use quotes_url::QuotesUrl;
pub use rates::{Rate, Rates};
use read::Reader;
pub use secret::{Secret, SecretError};
pub use trusted_documents::TrustedDocuments;

/// Everything that was decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens. `PARLOR_LISTEN`.
    pub listen: SocketAddr,
    /// Where the private PostgreSQL and generated secrets live. `PARLOR_DATA_DIR`.
    pub data_dir: PathBuf,
    /// Which PostgreSQL to use. `DATABASE_URL`.
    pub database: Database,
    /// The most connections to it. `PARLOR_DATABASE_POOL`.
    pub database_pool: usize,
    /// The bus between processes; within this one if there is none. `PARLOR_NATS_URL`.
    pub nats: Option<NatsUrl>,
    /// How long a runner holds a reply without a sign of life, 2 to 300 seconds. `PARLOR_REPLY_LEASE`.
    pub reply_lease: Duration,
    /// After how many days a guest is erased who does not come back, 1 to 3650. `PARLOR_GUEST_DAYS`.
    pub guest_days: i32,
    /// Signs access tokens and seals cursors. `PARLOR_SECRET`; without a value, and with the private
    /// PostgreSQL, one is generated and kept in the data directory.
    pub secret: Option<Secret>,
    /// Web origins that may open sockets beside the server's own. `PARLOR_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For` is believed. `PARLOR_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the schema may be asked about itself. `PARLOR_INTROSPECTION`.
    pub introspection: bool,
    /// Whether `/graphiql` is served. `PARLOR_GRAPHIQL`.
    pub graphiql: bool,
    /// How much of anything a client may ask for at once.
    pub limits: Limits,
    /// How often anything may be done. All off: `PARLOR_RATE_LIMITS`.
    pub rates: Rates,
    /// The only documents that run; anything runs without. `PARLOR_TRUSTED_DOCUMENTS`.
    pub trusted_documents: Option<TrustedDocuments>,
    /// The model server of `OPENAI` chatbots; without one there are none. `PARLOR_OPENAI_MODELS`.
    pub openai: Option<OpenAi>,
    /// Where commands ask for quotes; nowhere if that is switched off. `PARLOR_QUOTES_URL`.
    pub quotes: Option<QuotesUrl>,
    /// Which log lines are written. `PARLOR_LOG`.
    pub log: String,
    /// How they are written. `PARLOR_LOG_FORMAT`.
    pub log_format: LogFormat,
}

/// Which PostgreSQL to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// One of Parlor's own, started and stopped with the server.
    Private {
        /// The folder of its binaries; found when not given. `PARLOR_PG_BIN`.
        binaries: Option<PathBuf>,
    },
    /// The operator's.
    Url(DatabaseUrl),
}

/// The address of the operator's database. Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole address, for connecting only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Every fault of a configuration, a line each.
#[derive(Debug, thiserror::Error)]
#[error("The configuration can't be used:\n{}", .faults.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// What is wrong with which variable.
    pub faults: Vec<String>,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Self::read_all(|name| std::env::var_os(name), names)
    }

    /// Reads variables from wherever `lookup` finds them.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        Self::read_all(lookup, [])
    }

    /// The same; what begins with `PARLOR_` among `names`, and is no setting, is a fault.
    pub fn read_all(
        lookup: impl Fn(&str) -> Option<OsString>,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let binaries = reader.text("PARLOR_PG_BIN").map(PathBuf::from);
        let database = match reader.text("DATABASE_URL") {
            Some(url) => reader.check(
                "DATABASE_URL",
                url.starts_with("postgres://") || url.starts_with("postgresql://"),
                "begins with postgres:// or postgresql://",
                Database::Url(DatabaseUrl(url)),
            ),
            None => Database::Private { binaries },
        };
        let is_private = matches!(database, Database::Private { .. });
        let secret = reader.parsed("PARLOR_SECRET", "has at least 32 bytes", Secret::new);
        if secret.is_none() && !is_private && !reader.is_set("PARLOR_SECRET") {
            reader.fault(
                "PARLOR_SECRET is required with a DATABASE_URL: at least 32 random bytes, \
                 the same for every process (`openssl rand -hex 32` makes one)",
            );
        }
        let config = Self {
            listen: reader
                .parsed(
                    "PARLOR_LISTEN",
                    "is an address and port, as 127.0.0.1:8000",
                    |text| text.parse().ok(),
                )
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            data_dir: reader
                .text("PARLOR_DATA_DIR")
                .map_or_else(|| PathBuf::from("data"), PathBuf::from),
            database,
            database_pool: reader
                .parsed(
                    "PARLOR_DATABASE_POOL",
                    "is a number from 2 to 1000",
                    |text| text.parse().ok().filter(|size| (2..=1000).contains(size)),
                )
                .unwrap_or_else(default_pool),
            nats: reader.parsed(
                "PARLOR_NATS_URL",
                "is an address that begins with nats:// or tls://, or several, separated by commas",
                NatsUrl::parse,
            ),
            reply_lease: reader
                .parsed(
                    "PARLOR_REPLY_LEASE",
                    "is a number of seconds from 2 to 300",
                    |text| {
                        text.parse()
                            .ok()
                            .filter(|seconds| (2..=300).contains(seconds))
                    },
                )
                .map_or(Duration::from_secs(15), Duration::from_secs),
            guest_days: reader
                .parsed(
                    "PARLOR_GUEST_DAYS",
                    "is a number of days from 1 to 3650",
                    |text| text.parse().ok().filter(|days| (1..=3650).contains(days)),
                )
                .unwrap_or(30),
            secret,
            allowed_origins: reader
                .parsed(
                    "PARLOR_ALLOWED_ORIGINS",
                    "is a list of origins, as https://example.org, separated by commas",
                    origins::parse,
                )
                .unwrap_or_default(),
            trusted_proxies: reader
                .parsed(
                    "PARLOR_TRUSTED_PROXIES",
                    "is a list of networks, as 10.0.0.0/8, or addresses, separated by commas",
                    networks::parse,
                )
                .unwrap_or_default(),
            introspection: reader.switch("PARLOR_INTROSPECTION", is_private),
            graphiql: reader.switch("PARLOR_GRAPHIQL", is_private),
            limits: Limits::read(&mut reader),
            rates: Rates::read(&mut reader),
            trusted_documents: trusted_documents(&mut reader),
            openai: OpenAi::read(&mut reader),
            quotes: quotes(&mut reader),
            log: reader
                .parsed(
                    "PARLOR_LOG",
                    "is a filter, as info or parlor=debug,warn",
                    |text| {
                        let is_filter = text.parse::<tracing_subscriber::EnvFilter>().is_ok();
                        is_filter.then(|| text.to_owned())
                    },
                )
                .unwrap_or_else(|| "info".to_owned()),
            log_format: reader
                .parsed("PARLOR_LOG_FORMAT", "is text or json", |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                })
                .unwrap_or(LogFormat::Text),
        };
        reader.reject_unknown(names);
        reader.finish(config)
    }
}

fn trusted_documents<L: Fn(&str) -> Option<OsString>>(
    reader: &mut Reader<L>,
) -> Option<TrustedDocuments> {
    let path = reader.text("PARLOR_TRUSTED_DOCUMENTS")?;
    match TrustedDocuments::load(&path) {
        Ok(documents) => Some(documents),
        Err(fault) => {
            reader.fault(format!(
                "PARLOR_TRUSTED_DOCUMENTS names a file that {fault}"
            ));
            None
        }
    }
}

/// Those of Stooq unless the operator says otherwise; `off` for none.
fn quotes<L: Fn(&str) -> Option<OsString>>(reader: &mut Reader<L>) -> Option<QuotesUrl> {
    let rule = "is off, or an address that begins with https:// or http:// and has {symbol} once, behind the \
                host, as https://stooq.com/q/l/?s={symbol}&f=sd2t2ohlcv&h&e=csv";
    let read = |text: &str| match text {
        "off" => Some(None),
        address => QuotesUrl::parse(address).map(Some),
    };
    let read = reader.parsed("PARLOR_QUOTES_URL", rule, read);
    read.unwrap_or_else(|| Some(QuotesUrl::default()))
}

fn default_pool() -> usize {
    2 * available_parallelism().map_or(1, usize::from) + 8
}
