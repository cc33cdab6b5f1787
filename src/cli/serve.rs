//! `parlor serve`: everything up in order, and down again in the opposite one.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::database;
use crate::app::App;
use crate::config::{Config, Database};
use crate::{bots, db, http};

/// How long what is under way may take to end once the connections are closed.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until the process is asked to end.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let began = Instant::now();
    // From the first moment: a signal that comes while things start is answered once they have, and the
    // first process of a container has no default to fall back on.
    let signals = Signals::listen()?;
    // First, so that a port that is taken is told before anything is started.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("Can't listen on {} (PARLOR_LISTEN)", config.listen))?;
    let address = listener.local_addr()?;

    if let Some(unfit) = http::unfit_documents(&config).first() {
        anyhow::bail!("PARLOR_TRUSTED_DOCUMENTS: {unfit}");
    }
    let database = database::open(&config).await?;
    let ready = || greet(&config, address, began);
    let served = serve(&config, &database, listener, signals, ready).await;
    database.close().await;
    info!("stopped");
    served
}

async fn serve(
    config: &Config,
    database: &database::OpenDatabase,
    listener: TcpListener,
    signals: Signals,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    let ran = db::migrate(database.url()).await?;
    if ran > 0 {
        info!(migrations = ran, "the database is up to date");
    }
    let secret = database::secret(config)?;
    let app = App::start(config.clone(), database.url(), &secret)
        .await
        .map_err(told)?;
    bots::start(&app);
    signals.stop(&app);
    ready();
    http::serve(listener, app.clone()).await;
    app.feeds().close().await;
    app.tasks().close();
    if tokio::time::timeout(DRAIN, app.tasks().wait())
        .await
        .is_err()
    {
        warn!("some work did not end in time; it is taken up again at the next start");
    }
    Ok(())
}

/// The product's sentence with its cause, which may be told here: whoever starts the program may know.
fn told(error: crate::error::AppError) -> anyhow::Error {
    let sentence = error.to_string();
    match error {
        crate::error::AppError::Internal(cause)
        | crate::error::AppError::Unavailable { cause, .. } => cause.context(sentence),
        _ => anyhow::anyhow!(sentence),
    }
}

/// SIGINT and SIGTERM: the first asks the program to end, the second ends it.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    fn stop(mut self, app: &App) {
        let stopping = app.stopping().clone();
        // Lives as long as the process: it is what ends it.
        tokio::spawn(async move {
            self.next().await;
            info!("stopping: live clients are told to come back");
            stopping.cancel();
            self.next().await;
            warn!("ending at once");
            std::process::exit(130);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn greet(config: &Config, address: std::net::SocketAddr, began: Instant) {
    info!(%address, after = ?began.elapsed(), "ready");
    println!(
        "Parlor {} is at http://{address}",
        env!("CARGO_PKG_VERSION")
    );
    if let Database::Private { .. } = config.database {
        println!("  its data is in {}", config.data_dir.display());
    }
    println!("  GraphQL    http://{address}/graphql (HTTP, WebSocket, SSE, multipart)");
    if config.graphiql {
        println!("  try it     http://{address}/graphiql has a first conversation ready");
    } else {
        println!("  try it     curl http://{address}/health/ready");
    }
}
