//! One PostgreSQL for the whole run, started by Parlor's own launcher, and a database per test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use parlor::db::private::{Options, PrivatePostgres};
use serde_json::Value;
use tokio::sync::OnceCell;

/// A test's own database. It goes with the server at the end of the run.
#[derive(Clone)]
pub struct TestDatabase {
    name: String,
    url: String,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
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

    /// A database somewhere else.
    pub fn at(url: &str) -> Self {
        Self {
            name: String::new(),
            url: url.to_owned(),
        }
    }

    /// A database that is up to date, on a server that is the test's own.
    pub async fn alone_on(postgres: &PrivatePostgres) -> Self {
        parlor::db::migrate(postgres.url()).await.unwrap();
        Self {
            name: "parlor".to_owned(),
            url: postgres.url().to_owned(),
        }
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

    /// What a query gives behind the program's back: an object a row, or the bare value of one column.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(q)::text as row from ({sql}) q");
        let rows: Vec<Row> = diesel::sql_query(query)
            .load(&mut self.connect().await)
            .await
            .unwrap();
        rows.iter()
            .map(|row| {
                let mut row: Value = serde_json::from_str(&row.row).unwrap();
                match row.as_object_mut() {
                    Some(columns) if columns.len() == 1 => {
                        columns.values_mut().next().unwrap().take()
                    }
                    _ => row,
                }
            })
            .collect()
    }

    /// The one value that a query gives.
    pub async fn value(&self, sql: &str) -> Value {
        let mut rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.remove(0)
    }

    /// Everything that is stored, a line of text a row: equal before and after if nothing was written.
    pub async fn contents(&self) -> Vec<String> {
        let tables = self
            .rows(
                "select table_name from information_schema.tables \
                 where table_schema = 'public' order by 1",
            )
            .await;
        let rows = tables.iter().map(|table| {
            let table = table.as_str().unwrap();
            format!("select '{table} ' || t::text as line from {table} t")
        });
        let all = rows.collect::<Vec<_>>().join(" union all ");
        let lines = self.rows(&format!("{all} order by 1")).await;
        lines
            .iter()
            .map(|line| line.as_str().unwrap().to_owned())
            .collect()
    }

    /// How many connections to it wait for a lock.
    pub async fn waiting(&self) -> u64 {
        let waiting = "select count(*) from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
        self.value(waiting).await.as_u64().unwrap()
    }

    /// Waits until so many wait for a lock.
    pub async fn until_waiting(&self, count: u64) {
        while self.waiting().await < count {
            tokio::task::yield_now().await;
        }
    }

    /// Ends every connection that others have to it.
    pub async fn cut_everyone_off(&self) {
        let others = "select pg_terminate_backend(pid) from pg_stat_activity \
                      where datname = current_database() and pid <> pg_backend_pid()";
        self.execute(others).await;
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
