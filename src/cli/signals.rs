//! What ends the program: Ctrl-C and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::app::App;

/// SIGINT and SIGTERM: the first asks the program to end, the second ends it.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on neither ends the process by itself.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Lets them end the program.
    pub(super) fn stop(mut self, app: &App) {
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
