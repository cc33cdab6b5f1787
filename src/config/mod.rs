//! What the operator decides: environment variables, all checked at start.
//!
//! [`Config::from_env`] reads every variable and names every fault in one message, so that nobody mends
//! them one start at a time.

mod limits;
mod nats_url;
mod openai;
mod quotes_url;
mod rates;
mod read;
mod secret;
mod trusted_documents;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
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
            secret,
            allowed_origins: reader
                .parsed(
                    "PARLOR_ALLOWED_ORIGINS",
                    "is a list of origins, as https://example.org, separated by commas",
                    origins,
                )
                .unwrap_or_default(),
            trusted_proxies: reader
                .parsed(
                    "PARLOR_TRUSTED_PROXIES",
                    "is a list of networks, as 10.0.0.0/8, or addresses, separated by commas",
                    networks,
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

/// An address alone is a network of one.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network = |text: &str| {
        let network = text.parse::<IpNet>();
        network
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .ok()
    };
    text.split(',').map(|part| network(part.trim())).collect()
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
            ("PARLOR_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("PARLOR_INTROSPECTION", "perhaps"),
            ("PARLOR_QUOTES_URL", "https://quotes.example/?key=hunter2"),
            ("PARLOR_LOG", "a=b=c"),
            ("PARLOR_LOG_FORMAT", "xml"),
        ])
        .unwrap_err();
        assert_eq!(error.faults.len(), 12, "{error}");
        let told = error.to_string();
        assert!(!told.contains("hunter2") && !told.contains("too short"));
    }

    #[test]
    fn a_limit_is_a_number_in_its_range() {
        let config = read(&[("PARLOR_MAX_FIELDS", "20")]).unwrap();
        assert_eq!(
            config.limits,
            Limits {
                fields: 20,
                ..Limits::default()
            }
        );
        for setting in Limits::SETTINGS {
            let Setting {
                variable,
                least,
                most,
                ..
            } = *setting;
            for good in [least, most] {
                read(&[(variable, &good.to_string())]).unwrap();
            }
            let too_much = (most + 1).to_string();
            let too_little = least
                .checked_sub(1)
                .map_or("-1".to_owned(), |n| n.to_string());
            for bad in [too_much.as_str(), &too_little, "many", "1e3"] {
                let told = read(&[(variable, bad)]).unwrap_err().to_string();
                let rule = format!("{variable} is a number from {least} to {most};");
                assert!(told.contains(&rule), "{told}");
            }
        }
    }

    #[test]
    fn the_page_of_limits_lists_each_with_its_default() {
        let page = include_str!("../../docs/LIMITS.md");
        let sample = include_str!("../../.env.sample");
        let limits = Limits::SETTINGS.iter().map(|setting| {
            let Setting { least, most, .. } = setting;
            let range = format!(" {least} to {most} |");
            (setting.variable, setting.default.to_string(), range)
        });
        let rates = Rates::SETTINGS.iter();
        let rates = rates.map(|(name, default)| (*name, (*default).to_owned(), "|".to_owned()));
        for (variable, default, range) in limits.chain(rates) {
            let row = page
                .lines()
                .find(|line| line.starts_with(&format!("| `{variable}` |")))
                .unwrap_or_else(|| panic!("{variable} is not on the page"));
            assert!(row.contains(&format!("| `{default}` |")), "{row}");
            assert!(row.ends_with(&range), "{row}");
            let line = format!("#{variable}={default}");
            assert!(sample.lines().any(|it| it == line), "{line}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_a_fault_and_what_a_platform_injects_is_not() {
        let names = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            Config::read_all(|_| None, names)
        };
        let told = names(&["PARLOR_MAX_FIELD", "PARLOR_BLUE_CHEESE", "PARLOR_PG_BIN"]);
        assert_eq!(
            told.unwrap_err().faults,
            [
                "PARLOR_MAX_FIELD is no setting; PARLOR_MAX_FIELDS may be meant",
                "PARLOR_BLUE_CHEESE is no setting",
            ]
        );
        names(&[
            "PATH",
            "PARLOR_PORT",
            "PARLOR_PORT_8000_TCP_ADDR",
            "PARLOR_SERVICE_HOST",
        ])
        .unwrap();
    }

    #[test]
    fn proxies_are_networks_or_addresses() {
        let config = read(&[("PARLOR_TRUSTED_PROXIES", "10.0.0.0/8, ::1")]).unwrap();
        let told: Vec<_> = config
            .trusted_proxies
            .iter()
            .map(IpNet::to_string)
            .collect();
        assert_eq!(told, ["10.0.0.0/8", "::1/128"]);
    }

    #[test]
    fn quotes_are_stooqs_or_ones_own_or_off() {
        let quotes = |variables: &[(&str, &str)]| read(variables).unwrap().quotes;
        let host = |quotes: Option<QuotesUrl>| quotes.map(|quotes| quotes.host());
        assert_eq!(host(quotes(&[])).as_deref(), Some("stooq.com"));
        let own = quotes(&[("PARLOR_QUOTES_URL", "http://127.0.0.1:81/{symbol}")]);
        assert_eq!(host(own).as_deref(), Some("127.0.0.1:81"));
        assert_eq!(quotes(&[("PARLOR_QUOTES_URL", "off")]), None);
    }

    #[test]
    fn a_shared_database_needs_a_shared_secret() {
        let error = read(&[("DATABASE_URL", "postgres://db/parlor")]).unwrap_err();
        assert!(error.to_string().contains("PARLOR_SECRET is required"));
    }
}
