//! All processes of one run, and where they are.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::processes::{Nats, Parlor, Postgres, Proxy, Setup};

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
    /// Between the servers and NATS.
    pub proxy: Proxy,
    pub nats: Nats,
    folder: tempfile::TempDir,
}

impl World {
    /// Servers that write replies by themselves.
    pub async fn of_servers(count: usize) -> Self {
        Self::start(count, 0).await
    }

    /// Servers without chatbots, and workers that write the replies.
    pub async fn of_servers_and_workers(servers: usize, workers: usize) -> Self {
        Self::start(servers, workers).await
    }

    async fn start(servers: usize, workers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("a folder of ours");
        let postgres = Postgres::start().await;
        let nats = Nats::start();
        let proxy = Proxy::to(nats.address()).await;
        let mut world = Self {
            servers: Vec::new(),
            workers: Vec::new(),
            postgres,
            proxy,
            nats,
            folder,
        };
        let serve: &[&str] = if workers > 0 {
            &["serve", "--no-chatbots"]
        } else {
            &["serve"]
        };
        for number in 0..servers {
            let mut server = Parlor::start(&format!("server-{number}"), world.setup(serve));
            server.ready().await;
            world.servers.push(server);
        }
        for number in 0..workers {
            let mut setup = world.setup(&["worker"]);
            // The audit of what workers write knows them by this name.
            setup.names_itself_to_postgres = true;
            setup.set("PARLOR_LOG", "info");
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

    fn setup(&self, arguments: &[&str]) -> Setup {
        let lease = LEASE.to_string();
        let nats = self.proxy.url();
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
