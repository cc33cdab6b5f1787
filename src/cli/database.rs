//! The database that a command works on: the operator's, or a private one for as long as it runs.

use anyhow::Context;

use crate::config::{Config, Database, Secret};
use crate::db::private::{Options, PrivatePostgres};

/// A database that can be connected to.
pub(super) struct OpenDatabase {
    url: String,
    private: Option<PrivatePostgres>,
}

/// The operator's database as it is, or the private one, started.
pub(super) async fn open(config: &Config) -> anyhow::Result<OpenDatabase> {
    match &config.database {
        Database::Url(url) => Ok(OpenDatabase {
            url: url.expose().to_owned(),
            private: None,
        }),
        Database::Private { binaries } => {
            let private = PrivatePostgres::start(Options {
                data_dir: config.data_dir.clone(),
                pg_bin: binaries.clone(),
                settings: Vec::new(),
            })
            .await?;
            // Reachable from this machine's folder only; it has no password.
            tracing::debug!(url = private.url(), "the private PostgreSQL");
            Ok(OpenDatabase {
                url: private.url().to_owned(),
                private: Some(private),
            })
        }
    }
}

/// The same; and where a server runs on the private one, that server's, through which it is reached.
pub(super) async fn open_beside(config: &Config) -> anyhow::Result<OpenDatabase> {
    // Asked first: `open` would wait a while for the server to end.
    if let Database::Private { .. } = config.database
        && let Some(url) = PrivatePostgres::running_on(&config.data_dir)
        && crate::db::inspect(&url).await.is_ok()
    {
        return Ok(OpenDatabase { url, private: None });
    }
    open(config).await
}

impl OpenDatabase {
    /// Where to connect.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the private one cleanly; leaves the operator's alone.
    pub(super) async fn close(self) {
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

/// The operator's secret, or the one in the data directory, made on first use.
pub(super) fn secret(config: &Config) -> anyhow::Result<Secret> {
    match &config.secret {
        Some(secret) => Ok(secret.clone()),
        None => {
            Secret::load_or_generate(&config.data_dir).context("There is no secret to sign with")
        }
    }
}
