//! A Parlor with its private PostgreSQL, a history in it, and the ceiling beside it on the same database.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use crate::load::{Event, Line, Size, Target, Template, Who, content, event, number};
use crate::meter::Metered;
use crate::names::{Kind, SECRET};
use crate::plan::{History, REPLIES, SENDERS};
use crate::process::Process;

/// The number of the first session to send to. Sessions with a history are numbered from 0.
pub const SEND: u32 = 1_000_000;

/// The number of the first session in which a model replies.
pub const REPLY: u32 = 2_000_000;

/// What the processes of a run are started with.
#[derive(Clone)]
pub struct Setup {
    /// Where everything is written.
    pub folder: PathBuf,
    /// The program under measure.
    pub parlor: PathBuf,
    /// Its connections to the database, and those of the ceiling.
    pub connections: usize,
    /// The model server.
    pub model: SocketAddr,
}

/// A server with its database.
pub struct World {
    size: Size,
    history: History,
    /// Dropped before Parlor, which takes its PostgreSQL with it.
    hand: Option<Process>,
    parlor: Process,
    socket_folder: PathBuf,
    postmaster: u32,
}

impl World {
    /// Starts one and fills it.
    pub async fn start(setup: &Setup, size: Size, history: History) -> Result<Self> {
        let name = format!("parlor-{size:?}").to_lowercase();
        let data = setup.folder.join(&name);
        let parlor = parlor(setup, &name, |command| {
            command.env("PARLOR_DATA_DIR", &data);
            // Programs that were put beside Parlor are found by that name only.
            if let Some(folder) = std::env::var_os("PARLOR_PG_BIN") {
                command.env("PARLOR_PG_BIN", folder);
            }
        })
        .await?;
        let (postmaster, socket_folder) = postmaster(&data)?;
        let mut world = Self {
            size,
            history,
            parlor,
            hand: None,
            socket_folder,
            postmaster,
        };
        fill(&world.connect().await?, history).await?;
        let database = world.database();
        let name = format!("ceiling-{size:?}");
        world.hand = Some(ceiling(setup, &name, Some(&database)).await?);
        Ok(world)
    }

    /// Parlor.
    pub fn parlor(&self) -> Target {
        self.target(Who::Parlor, &self.parlor)
    }

    /// The ceiling on the same database.
    pub fn hand(&self) -> Result<Target> {
        let hand = self.hand.as_ref().context("it was stopped")?;
        Ok(self.target(Who::Hand, hand))
    }

    fn target(&self, who: Who, process: &Process) -> Target {
        Target {
            who,
            size: self.size,
            address: process.address(),
            server: Metered::Process(process.pid()),
            database: Some(Metered::Postgres(self.postmaster)),
            template: None,
        }
    }

    /// Its PostgreSQL.
    pub fn postgres(&self) -> Metered {
        Metered::Postgres(self.postmaster)
    }

    /// Where its PostgreSQL's socket is.
    pub fn socket_folder(&self) -> &Path {
        &self.socket_folder
    }

    /// The database as a ceiling connects to it.
    pub fn database(&self) -> String {
        let folder = self.socket_folder.display();
        format!("host={folder} port=5432 user=parlor dbname=parlor")
    }

    /// The database as another Parlor connects to it.
    pub fn database_url(&self) -> String {
        let folder = self.socket_folder.display();
        format!("postgresql://parlor@/parlor?host={folder}&port=5432")
    }

    /// A program that came with its PostgreSQL, if it is there.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let postgres = fs::read_link(format!("/proc/{}/exe", self.postmaster)).ok();
        let beside = postgres.and_then(|postgres| Some(postgres.parent()?.join(name)));
        let named = std::env::var_os("PATH").unwrap_or_default();
        let named = std::env::split_paths(&named).map(|folder| folder.join(name));
        beside.into_iter().chain(named).find(|path| path.is_file())
    }

    /// A connection for looking at what is stored.
    pub async fn connect(&self) -> Result<Client> {
        let (client, driver) = tokio_postgres::connect(&self.database(), NoTls).await?;
        // Ends when the client is dropped.
        tokio::spawn(driver);
        Ok(client)
    }

    /// How much was said before.
    pub fn history(&self) -> History {
        self.history
    }

    /// A frame of Parlor's, for the raw ceiling to broadcast.
    pub async fn template(&self) -> Result<Template> {
        let target = self.parlor();
        let session = Kind::Session.id(0);
        let mut socket = target.watch(session).await?;
        target
            .say(&mut target.line(0).await?, session, &content(1))
            .await?;
        let frame = socket.next().await.context("no news of a message")?;
        ensure!(number(frame.as_bytes()) == Some(1), "other news: {frame}");
        Template::of(&frame, 1)
    }

    /// Has one reply written, so that what is loaded once for all replies is there.
    pub async fn warm_up(&self) -> Result<()> {
        let target = self.parlor();
        let session = Kind::Session.id(REPLY);
        let mut socket = target.watch(session).await?;
        target.ask(&mut target.line(0).await?, session).await?;
        loop {
            let frame = socket.next().await.context("no reply")?;
            if event(frame.as_bytes()) != Event::Changed {
                continue;
            }
            if frame.contains(r#""status":"COMPLETE""#) {
                return Ok(());
            }
            ensure!(
                frame.contains(r#""status":"STREAMING""#),
                "no reply: {frame}"
            );
        }
    }
}

/// Starts a Parlor without limits on what one address and one person may do.
pub async fn parlor(
    setup: &Setup,
    name: &str,
    arrange: impl FnOnce(&mut Command),
) -> Result<Process> {
    let started = Process::start(name, &setup.folder, &setup.parlor, |command, address| {
        command
            .arg("serve")
            .env("PARLOR_LISTEN", address.to_string())
            .env("PARLOR_SECRET", SECRET)
            .env("PARLOR_LOG", "warn")
            .env("PARLOR_RATE_LIMITS", "off")
            .env("PARLOR_DATABASE_POOL", setup.connections.to_string())
            .env("PARLOR_OPENAI_MODELS", "bench")
            .env("OPENAI_BASE_URL", format!("http://{}/v1", setup.model));
        for limit in [
            "CONNECTIONS",
            "CONNECTIONS_PER_ADDRESS",
            "SOCKETS_PER_ADDRESS",
            "SOCKETS_PER_PERSON",
        ] {
            command.env(format!("PARLOR_MAX_{limit}"), "100000");
        }
        arrange(command);
    });
    let process = started.await?;
    // It listens before it has a database, and answers once it has.
    let ready = async || {
        let mut line = Line::open(process.address(), None).await?;
        line.get("/health/ready").await
    };
    for _ in 0..TRIES {
        if ready().await.is_ok() {
            return Ok(process);
        }
        sleep(Duration::from_millis(200)).await;
    }
    bail!("{name} does not get ready:\n{}", process.last_words())
}

/// How often a server is asked whether it is ready. It takes its time for the answer, and the run has an end of its own.
const TRIES: usize = 20;

/// Starts a ceiling; without a database it only broadcasts.
pub async fn ceiling(setup: &Setup, name: &str, database: Option<&str>) -> Result<Process> {
    let program = std::env::current_exe()?;
    let name = name.to_lowercase();
    Process::start(&name, &setup.folder, &program, |command, address| {
        command.args(["ceiling", &address.to_string(), &setup.model.to_string()]);
        if let Some(database) = database {
            command.args([database, &setup.connections.to_string()]);
        }
    })
    .await
}

/// The PostgreSQL that a Parlor runs in its data directory: its first process, and where its socket is.
fn postmaster(data: &Path) -> Result<(u32, PathBuf)> {
    let file = data.join("postgres/postmaster.pid");
    let text = fs::read_to_string(&file).context("Parlor runs no PostgreSQL of its own")?;
    // See PostgreSQL's documentation of postmaster.pid: the process, the directory, the time, the port, the socket.
    let lines: Vec<&str> = text.lines().collect();
    let pid = lines.first().and_then(|line| line.trim().parse().ok());
    let folder = lines.get(4).map(|line| line.trim());
    let pid = pid.context("no process in postmaster.pid")?;
    Ok((pid, folder.context("no socket in postmaster.pid")?.into()))
}

/// Writes people, sessions and what was said, in bulk.
async fn fill(client: &Client, history: History) -> Result<()> {
    let History {
        sessions,
        messages_each,
    } = history;
    let (user, login) = (Kind::User.sql("n"), Kind::Login.sql("n"));
    let (me, chatbot) = (Kind::User.sql("0"), Kind::Chatbot.sql("0"));
    let session = Kind::Session.sql("n");
    let sender = Kind::User.sql(&format!("n - {SEND} + 1"));
    let last_session = sessions - 1;
    let last_send = SEND + SENDERS - 1;
    let last_reply = REPLY + REPLIES - 1;
    let sql = format!(
        "set synchronous_commit = off;
         -- Foreign keys hold by construction here; looking each up would take most of the time.
         set session_replication_role = replica;
         insert into users (id, username, username_key, display_name, role)
         select {user}, 'bench' || n, 'bench' || n, 'Bench ' || n, 'MEMBER'
         from generate_series(0, {SENDERS}) n;
         insert into logins (id, user_id) select {login}, {user} from generate_series(0, {SENDERS}) n;
         insert into chatbots (id, handle, handle_key, name, engine, owner_id)
         values ({chatbot}, 'bench', 'bench', 'Bench', 'OPENAI', {me});
         insert into sessions (id, kind, title, owner_id, last_seq, rev)
         select {session}, 'PRIVATE', 'History ' || n, {me}, {messages_each}, {messages_each}
         from generate_series(0, {last_session}) n;
         insert into sessions (id, kind, owner_id)
         select {session}, 'PRIVATE', {sender} from generate_series({SEND}, {last_send}) n;
         insert into sessions (id, kind, owner_id)
         select {session}, 'PRIVATE', {me} from generate_series({REPLY}, {last_reply}) n;
         insert into members (session_id, user_id, read_up_to) select id, owner_id, last_seq from sessions;
         insert into session_chatbots (session_id, chatbot_id, position)
         select {session}, {chatbot}, 0 from generate_series({REPLY}, {last_reply}) n;
         -- In the order in which it would have been said: all sessions grow at once.
         insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status, created_at)
         select {session}, q, q, q, q, {me},
           'Line ' || q || ' of conversation ' || n || ': about as long as lines are, with nothing in it to escape',
           'COMPLETE', now() - interval '1 year' + q * interval '1 minute' + n * interval '1 millisecond'
         from generate_series(1, {messages_each}) q, generate_series(0, {last_session}) n;"
    );
    client
        .batch_execute(&sql)
        .await
        .context("the history can't be written")?;
    // As a database is that has been running for a while. Each by itself: they stand in no transaction.
    for statement in ["vacuum analyze", "checkpoint"] {
        client.batch_execute(statement).await?;
    }
    Ok(())
}
