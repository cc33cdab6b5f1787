//! A server in this process, on a free port and a database of its own.

use std::collections::HashMap;
use std::time::Duration;

use parlor::api::Schema;
use parlor::app::App;
use parlor::bots;
use parlor::config::{Config, Secret};
use parlor::http::{Timings, serve, serve_schema, serve_with};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Person, TestDatabase};

/// The secret of every test server.
const SECRET: &str = "a secret that only the tests know of";

/// A running server.
pub struct TestApp {
    app: App,
    database: TestDatabase,
    url: String,
}

impl TestApp {
    /// A server on a new database.
    pub async fn start() -> Self {
        Self::start_on(TestDatabase::migrated().await).await
    }

    /// A server on this database.
    pub async fn start_on(database: TestDatabase) -> Self {
        let test = Self::without_chatbots(database).await;
        bots::start(&test.app);
        test
    }

    /// A server on this database that owes replies and writes none.
    pub async fn without_chatbots(database: TestDatabase) -> Self {
        Self::configured(database, &[]).await
    }

    /// A server without chatbots, with these variables set.
    pub async fn configured(database: TestDatabase, variables: &[(&str, &str)]) -> Self {
        let app = configured(&database, variables).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, app.clone()));
        Self { app, database, url }
    }

    /// Another server on the same database, with these variables set: its address. It ends with the test.
    pub async fn beside(&self, variables: &[(&str, &str)]) -> String {
        let app = configured(&self.database, variables).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, app));
        url
    }

    /// Where it is: `http://127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its parts, for tests that reach behind the API.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Its database, for tests that reach behind the API.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Somebody who has just registered.
    pub async fn person(&self, username: &str) -> Person {
        Person::register(self, username).await
    }

    /// Somebody who is not signed in.
    pub fn nobody(&self) -> Person {
        Person::nobody(self)
    }
}

async fn configured(database: &TestDatabase, variables: &[(&str, &str)]) -> App {
    let mut all = HashMap::from([
        ("DATABASE_URL", database.url()),
        ("PARLOR_SECRET", SECRET),
        ("PARLOR_DATABASE_POOL", "8"),
        ("PARLOR_INTROSPECTION", "on"),
        ("PARLOR_RATE_LIMITS", "off"),
    ]);
    all.extend(variables.iter().copied());
    let config = Config::read(|name| all.get(name).map(|value| value.into())).unwrap();
    let secret = Secret::new(SECRET).unwrap();
    App::start(config, database.url(), &secret).await.unwrap()
}

/// Serves the same app once more, with another schema: the address.
pub async fn serve_with_schema(app: &TestApp, schema: Schema) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timings = Timings::default();
    tokio::spawn(serve_schema(listener, app.app().clone(), timings, schema));
    url
}

/// Serves the same app once more, with other deadlines: the address, and the server's run.
pub async fn serve_hurriedly(app: &TestApp, timings: Timings) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_with(listener, app.app().clone(), timings));
    (url, server)
}

/// Serves the same app once more, to peers that may take nothing for minutes: for tests that leave a socket alone
/// while they do something else, which takes its time on a busy machine. The address.
pub async fn serve_patiently(app: &TestApp) -> String {
    let long = Duration::from_secs(600);
    let timings = Timings {
        ping: long,
        write: long,
        ..Timings::default()
    };
    serve_hurriedly(app, timings).await.0
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.app.stopping().cancel();
    }
}
