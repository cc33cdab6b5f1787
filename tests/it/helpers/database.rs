//! One PostgreSQL for the whole run, started by Parlor's own launcher, and a database per test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use parlor::db::private::{Options, PrivatePostgres};
use tokio::sync::OnceCell;

/// A test's own database. It goes with the server at the end of the run.
#[derive(Clone)]
pub struct TestDatabase {
    name: String,
    url: String,
}

struct Cluster {
    postgres: PrivatePostgres,
    folder: PathBuf,
}

impl TestDatabase {
    /// A database that is up to date.
    pub async fn migrated() -> Self {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let template = TEMPLATE
            .get_or_init(|| async {
                let template = Self::empty().await;
                parlor::db::migrate(&template.url).await.unwrap();
                template
            })
            .await;
        Self::create(&format!("template {}", template.name)).await
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::create("").await
    }

    async fn create(clause: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster().await;
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut conn = AsyncPgConnection::establish(cluster.postgres.url())
            .await
            .unwrap();
        conn.batch_execute(&format!("create database {name} {clause}"))
            .await
            .unwrap();
        let url = cluster
            .postgres
            .url()
            .replace("/parlor?", &format!("/{name}?"));
        Self { name, url }
    }

    /// Where to connect.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What PostgreSQL calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements behind the program's back.
    pub async fn execute(&self, sql: &str) {
        self.connect().await.batch_execute(sql).await.unwrap();
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.url).await.unwrap()
    }

    /// The file that PostgreSQL writes its log to, a JSON object a line.
    pub async fn log_file() -> PathBuf {
        cluster().await.folder.join("postgres/log/postgres.json")
    }
}

async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(start_cluster).await
}

async fn start_cluster() -> Cluster {
    sweep();
    let folder = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    let settings = [
        // What these protect from is what the tests of the launcher try, on servers of their own.
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("max_connections", "400"),
        // For the tests that read query plans, database by database.
        ("logging_collector", "on"),
        ("log_destination", "jsonlog"),
        ("log_directory", "log"),
        ("log_filename", "postgres.log"),
    ];
    let postgres = PrivatePostgres::start(Options {
        data_dir: folder.clone(),
        pg_bin: std::env::var_os("PARLOR_PG_BIN").map(PathBuf::from),
        settings: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    })
    .await
    .unwrap();
    Cluster { postgres, folder }
}

const PREFIX: &str = "parlor-tests-";

/// Removes what runs left behind that have ended. Their servers ended with them.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another run may sweep at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
