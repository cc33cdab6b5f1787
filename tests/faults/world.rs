//! All processes of one run, and where they are.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::processes::{Nats, Parlor, Postgres, Proxy, Setup};
use crate::stored;

/// The secret that all processes share.
pub const SECRET: &str = "a secret that only the fault suite knows";

/// After how long without a sign of life a reply is taken over, in seconds.
pub const LEASE: u64 = 2;

/// A PostgreSQL, a NATS, some servers and some workers.
pub struct World {
    /// Dropped first, so that nothing loses its database.
    pub servers: Vec<Parlor>,
    pub workers: Vec<Parlor>,
    pub postgres: Postgres,
    /// Between each process and NATS: the servers first, then the workers.
    pub ways: Vec<Proxy>,
    pub nats: Nats,
    folder: tempfile::TempDir,
}

impl World {
    /// Servers, and workers that write the replies; without any, servers that do so by themselves.
    pub async fn start(servers: usize, workers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("a folder of ours");
        let postgres = Postgres::start().await;
        let nats = Nats::start();
        let mut world = Self {
            servers: Vec::new(),
            workers: Vec::new(),
            postgres,
            ways: Vec::new(),
            nats,
            folder,
        };
        let serve: &[&str] = if workers > 0 {
            &["serve", "--no-chatbots"]
        } else {
            &["serve"]
        };
        for number in 0..servers {
            let setup = world.setup(serve).await;
            let mut server = Parlor::start(&format!("server-{number}"), setup);
            server.ready().await;
            world.servers.push(server);
        }
        stored::keep_journal(world.postgres.url()).await;
        for number in 0..workers {
            let mut setup = world.setup(&["worker"]).await;
            // The audit of what workers write knows them by this name.
            setup.names_itself_to_postgres = true;
            setup.set("PARLOR_LOG", "info");
            // There are many, and PostgreSQL takes only so many connections.
            setup.set("PARLOR_DATABASE_POOL", "5");
            world
                .workers
                .push(Parlor::start(&format!("worker-{number}"), setup));
        }
        world
    }

    /// The servers' addresses.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Parlor::url).collect()
    }

    /// What one more process is started with, and its way to NATS.
    async fn setup(&mut self, arguments: &[&str]) -> Setup {
        let lease = LEASE.to_string();
        let way = Proxy::to(self.nats.address()).await;
        let nats = way.url();
        self.ways.push(way);
        let variables = [
            ("DATABASE_URL", self.postgres.url()),
            ("PARLOR_SECRET", SECRET),
            ("PARLOR_DATABASE_POOL", "24"),
            ("PARLOR_NATS_URL", &nats),
            ("PARLOR_REPLY_LEASE", &lease),
            ("PARLOR_RATE_LIMITS", "off"),
            // All clients of a run come from one address, and many are one person's.
            ("PARLOR_MAX_CONNECTIONS_PER_ADDRESS", "10000"),
            ("PARLOR_MAX_SOCKETS_PER_ADDRESS", "10000"),
            ("PARLOR_MAX_SOCKETS_PER_PERSON", "10000"),
            ("PARLOR_LOG", "warn"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Setup {
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            variables: variables.map(own).to_vec(),
            folder: self.folder.path().to_owned(),
            names_itself_to_postgres: false,
        }
    }
}
