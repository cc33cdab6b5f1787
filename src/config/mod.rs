//! What the operator decides: environment variables, all checked at start.
//!
//! [`Config::from_env`] reads every variable and names every fault in one message, so that nobody mends
//! them one start at a time.

mod nats_url;
mod openai;
mod read;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

pub use nats_url::NatsUrl;
pub use openai::{ApiKey, OpenAi};
use read::Reader;
pub use secret::{Secret, SecretError};

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
    /// Signs access tokens and seals cursors. `PARLOR_SECRET`; without a value, and with the private
    /// PostgreSQL, one is generated and kept in the data directory.
    pub secret: Option<Secret>,
    /// Web origins that may open sockets beside the server's own. `PARLOR_ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<String>,
    /// Whether the schema may be asked about itself. `PARLOR_INTROSPECTION`.
    pub introspection: bool,
    /// Whether `/graphiql` is served. `PARLOR_GRAPHIQL`.
    pub graphiql: bool,
    /// The model server of `OPENAI` chatbots; without one there are none. `PARLOR_OPENAI_MODELS`.
    pub openai: Option<OpenAi>,
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
        Self::read(|name| std::env::var_os(name))
    }

    /// Reads variables from wherever `lookup` finds them.
    pub fn read(lookup: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let database = match reader.text("DATABASE_URL") {
            Some(url) => reader.check(
                "DATABASE_URL",
                url.starts_with("postgres://") || url.starts_with("postgresql://"),
                "begins with postgres:// or postgresql://",
                Database::Url(DatabaseUrl(url)),
            ),
            None => Database::Private {
                binaries: reader.text("PARLOR_PG_BIN").map(PathBuf::from),
            },
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
            secret,
            allowed_origins: reader
                .parsed(
                    "PARLOR_ALLOWED_ORIGINS",
                    "is a list of origins, as https://example.org, separated by commas",
                    origins,
                )
                .unwrap_or_default(),
            introspection: reader.switch("PARLOR_INTROSPECTION", is_private),
            graphiql: reader.switch("PARLOR_GRAPHIQL", is_private),
            openai: OpenAi::read(&mut reader),
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
        reader.finish(config)
    }
}

fn default_pool() -> usize {
    2 * available_parallelism().map_or(1, usize::from) + 8
}

fn origins(text: &str) -> Option<Vec<String>> {
    let origin = |origin: &str| {
        let (scheme, host) = origin.split_once("://")?;
        let fits = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && !host.contains(['/', '?', '#', '*', ' ']);
        fits.then(|| origin.to_ascii_lowercase())
    };
    text.split(',').map(|part| origin(part.trim())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        Config::read(|name| variables.get(name).map(|value| (*value).into()))
    }

    #[test]
    fn nothing_set_means_a_private_database_to_explore() {
        let config = read(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(config.database, Database::Private { binaries: None });
        assert!(config.introspection && config.graphiql && config.secret.is_none());
    }

    #[test]
    fn a_database_of_ones_own_closes_what_was_open_for_exploring() {
        let config = read(&[
            ("DATABASE_URL", "postgres://db/parlor"),
            ("PARLOR_SECRET", "0123456789abcdef0123456789abcdef"),
        ])
        .unwrap();
        assert!(!config.introspection && !config.graphiql);
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_secret_is_repeated() {
        let error = read(&[
            ("DATABASE_URL", "mysql://user:hunter2@db"),
            ("PARLOR_LISTEN", "here"),
            ("PARLOR_DATABASE_POOL", "1"),
            ("PARLOR_NATS_URL", "http://ada:hunter2@nats"),
            ("PARLOR_REPLY_LEASE", "1"),
            ("PARLOR_SECRET", "too short"),
            ("PARLOR_ALLOWED_ORIGINS", "https://a.example, b.example"),
            ("PARLOR_INTROSPECTION", "perhaps"),
            ("PARLOR_LOG", "a=b=c"),
            ("PARLOR_LOG_FORMAT", "xml"),
        ])
        .unwrap_err();
        assert_eq!(error.faults.len(), 10, "{error}");
        let told = error.to_string();
        assert!(!told.contains("hunter2") && !told.contains("too short"));
    }

    #[test]
    fn a_shared_database_needs_a_shared_secret() {
        let error = read(&[("DATABASE_URL", "postgres://db/parlor")]).unwrap_err();
        assert!(error.to_string().contains("PARLOR_SECRET is required"));
    }
}
