//! `parlor serve`: everything up in order, and down again in the opposite one.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::net::TcpListener;
use tracing::{info, warn};

use super::database;
use super::signals::Signals;
use crate::app::App;
use crate::config::{Config, Database};
use crate::error::AppError;
use crate::{bots, db, http};

/// How long what is under way may take to end once the connections are closed.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until the process is asked to end.
///
/// Without `chatbots`, replies are left to workers.
pub(super) async fn run(config: Config, chatbots: bool) -> anyhow::Result<()> {
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
    let served = serve(&config, &database, listener, signals, chatbots, ready).await;
    database.close().await;
    info!("stopped");
    served
}

async fn serve(
    config: &Config,
    database: &database::OpenDatabase,
    listener: TcpListener,
    signals: Signals,
    chatbots: bool,
    ready: impl FnOnce(),
) -> anyhow::Result<()> {
    let ran = db::migrate(database.url()).await?;
    if ran > 0 {
        info!(migrations = ran, "the database is up to date");
    }
    let secret = database::secret(config)?;
    let app = App::start(config.clone(), database.url(), &secret)
        .await
        .map_err(AppError::told)?;
    if chatbots {
        bots::start(&app);
    }
    signals.stop(&app);
    ready();
    http::serve(listener, app.clone()).await;
    app.feeds().close().await;
    app.inboxes().close().await;
    drain(&app).await;
    Ok(())
}

/// Waits until what is under way has ended, and what was announced has left.
pub(super) async fn drain(app: &App) {
    app.tasks().close();
    if tokio::time::timeout(DRAIN, app.tasks().wait())
        .await
        .is_err()
    {
        warn!("some work did not end in time; it is taken up again at the next start");
    }
    app.bus().close().await;
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
