//! Two servers that hear of each other.

use super::nats::{Nats, Proxy};
use super::{TestApp, TestDatabase};

/// Two servers on one database and one NATS; the second reaches it through a proxy.
pub struct TwoServers {
    pub database: TestDatabase,
    pub one: TestApp,
    pub other: TestApp,
    pub proxy: Proxy,
    _nats: Nats,
}

impl TwoServers {
    /// Both, as soon as both hear.
    pub async fn start() -> Self {
        let nats = Nats::start();
        let proxy = Proxy::to(nats.address()).await;
        let database = TestDatabase::migrated().await;
        let (straight, through) = (nats.url(), proxy.url());
        let one = [("PARLOR_NATS_URL", straight.as_str())];
        let one = TestApp::configured(database.clone(), &one).await;
        let other = [("PARLOR_NATS_URL", through.as_str())];
        let other = TestApp::configured(database.clone(), &other).await;
        for app in [&one, &other] {
            let mut deaf = app.app().bus().deaf();
            deaf.wait_for(|deaf| !deaf).await.unwrap();
        }
        Self {
            database,
            one,
            other,
            proxy,
            _nats: nats,
        }
    }
}
