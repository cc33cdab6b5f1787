//! A load on the servers: people who send and who steer the chatbot, each session with subscribers, until a fault has
//! done its worst. Then everything comes to rest, and the run is judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::checker::history::{Feed, History, Log, Outcome, View};
use crate::clients::{Account, Cuts, End, Recorder, Send, Sender, Steerer, Subscriber, Telling};
use crate::stored;
use crate::world::{LEASE, World};

/// How long a subscriber may take to hear of something before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// The end of a log without anything.
const NOWHERE: End = End {
    head: 0,
    finished: 0,
};

/// What a load is made of.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Sessions in which nobody answers.
    pub quiet: usize,
    /// Sessions in which the chatbot of the house answers.
    pub chats: usize,
    /// People who send in each quiet session, at the same time.
    pub senders: usize,
    /// How long each of them waits after an answer, in milliseconds at most.
    pub pause: u64,
    /// The same, for the one who sends in each chat.
    pub chat_pause: u64,
    /// In so many chats somebody steers the chatbot too.
    pub steered: usize,
    /// How long they wait in between, in milliseconds at most.
    pub steer_pause: u64,
    /// Subscribers of each session: every second one follows its finished messages only.
    pub subscribers: usize,
    /// How their connections break.
    pub cuts: Option<Cuts>,
    /// For how long they hear nothing before they come back.
    pub silence: Duration,
    /// How long everyone waits for an answer.
    pub patience: Duration,
}

impl Shape {
    /// Nobody: each fault says whom it needs.
    pub const NONE: Self = Self {
        quiet: 0,
        chats: 0,
        senders: 1,
        pause: 0,
        chat_pause: 0,
        steered: 0,
        steer_pause: 1_000,
        subscribers: 2,
        cuts: None,
        silence: Duration::from_secs(3_600),
        patience: Duration::from_secs(8),
    };
}

/// A load under way.
pub struct Load {
    pub recorder: Recorder,
    pub account: Account,
    pub sessions: Vec<String>,
    random: fastrand::Rng,
    stop: watch::Sender<bool>,
    tellings: Vec<watch::Sender<Telling>>,
    senders: JoinSet<()>,
    subscribers: JoinSet<Feed>,
    connections: Arc<AtomicU64>,
    /// How far each subscriber is, and in which session.
    progress: Vec<(String, Arc<AtomicI64>)>,
    urls: Vec<String>,
    probes: usize,
}

/// A run that has come to rest.
pub struct Rested {
    pub history: History,
    pub recorder: Recorder,
    /// Replies that were still under way when they should have ended.
    pub stuck: usize,
}

impl Load {
    /// Starts it.
    pub async fn start(world: &World, shape: Shape, mut random: fastrand::Rng) -> Self {
        let urls = world.urls();
        let account = Account::register(&urls[0], "ada", shape.patience).await;
        let mut load = Self {
            recorder: Recorder::new(),
            account,
            sessions: Vec::new(),
            random: random.fork(),
            stop: watch::Sender::new(false),
            tellings: Vec::new(),
            senders: JoinSet::new(),
            subscribers: JoinSet::new(),
            connections: Arc::default(),
            progress: Vec::new(),
            urls: urls.clone(),
            probes: 0,
        };
        for number in 0..shape.quiet + shape.chats {
            let is_answered = number >= shape.quiet;
            let (session, start) = load.account.start_session(&urls[0], is_answered).await;
            let telling = watch::Sender::new(Telling::Go);
            for reader in 0..shape.subscribers {
                let subscriber = Subscriber {
                    account: load.account.clone(),
                    recorder: load.recorder.clone(),
                    urls: urls.clone(),
                    name: format!("subscriber {reader}"),
                    session: session.clone(),
                    view: if reader % 2 == 0 {
                        View::Everything
                    } else {
                        View::Finished
                    },
                    // Some of those that come and go begin with "from now on".
                    after: (shape.cuts.is_none() || reader % 4 != 2).then(|| start.clone()),
                    cuts: shape.cuts,
                    silence: shape.silence,
                    random: random.fork(),
                    connections: load.connections.clone(),
                    newest: Arc::default(),
                };
                load.progress
                    .push((session.clone(), subscriber.newest.clone()));
                load.subscribers
                    .spawn(subscriber.follow(telling.subscribe()));
            }
            let (senders, pause) = if is_answered {
                (1, shape.chat_pause)
            } else {
                (shape.senders, shape.pause)
            };
            for sender in 0..senders {
                let prefix = format!("{number}-{sender}");
                let content = if is_answered { "help" } else { "said" };
                load.send(&session, prefix, content, pause, random.fork());
            }
            if is_answered && number - shape.quiet < shape.steered {
                let steerer = Steerer {
                    account: load.account.clone(),
                    recorder: load.recorder.clone(),
                    urls: urls.clone(),
                    session: session.clone(),
                    pause: shape.steer_pause,
                    random: random.fork(),
                };
                load.senders.spawn(steerer.steer(load.stop.subscribe()));
            }
            load.tellings.push(telling);
            load.sessions.push(session);
        }
        load
    }

    fn send(
        &mut self,
        session: &str,
        prefix: String,
        content: &str,
        pause: u64,
        mut random: fastrand::Rng,
    ) {
        let sender = self.sender();
        let (session, content) = (session.to_owned(), content.to_owned());
        let stop = self.stop.subscribe();
        self.senders.spawn(async move {
            for number in 0.. {
                if *stop.borrow() {
                    return;
                }
                let send = Send {
                    session: Some(session.clone()),
                    key: format!("{prefix}-{number}"),
                    content: content.clone(),
                };
                sender.send(&send, &mut random).await;
                if pause > 0 {
                    sleep(Duration::from_millis(random.u64(1..=pause))).await;
                }
            }
        });
    }

    /// Waits until so many sends are acknowledged.
    pub async fn acknowledged(&mut self, count: u64) {
        while self.recorder.acknowledged() < count {
            self.watch_senders();
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until all subscribers together have connected so often.
    pub async fn connected(&mut self, count: u64) {
        while self.connections.load(Ordering::Relaxed) < count {
            self.watch_senders();
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a message sent now is acknowledged in every session, and every subscriber was told of it.
    pub async fn everyone_goes_on(&mut self) {
        self.probes += 1;
        let sender = self.sender();
        let probes = self.sessions.iter().enumerate().map(|(number, session)| {
            // Each by a server of its own first, so that none is left out.
            let server = self.urls[(number + self.probes) % self.urls.len()].clone();
            let sender = sender.clone();
            let send = Send {
                session: Some(session.clone()),
                key: format!("probe-{}-{session}", self.probes),
                content: "probe".to_owned(),
            };
            let mut random = self.random.fork();
            let own: Vec<_> = self
                .progress
                .iter()
                .filter(|(its, _)| its == session)
                .collect();
            async move {
                let mut outcome = sender.attempt(&server, &send).await;
                if outcome == Outcome::Unknown {
                    outcome = sender.send(&send, &mut random).await;
                }
                let Outcome::Ok(receipt) = outcome else {
                    panic!("a probe was refused: {outcome:?}");
                };
                let began = Instant::now();
                while own
                    .iter()
                    .any(|(_, newest)| newest.load(Ordering::Relaxed) < receipt.seq)
                {
                    assert!(began.elapsed() < PATIENCE, "a subscriber was never told");
                    sleep(Duration::from_millis(5)).await;
                }
            }
        });
        join_all(probes.collect::<Vec<_>>()).await;
        self.watch_senders();
    }

    /// Waits until every subscriber knows the message of this number.
    pub async fn told(&self, seq: i64) {
        let began = Instant::now();
        while self
            .progress
            .iter()
            .any(|(_, newest)| newest.load(Ordering::Relaxed) < seq)
        {
            assert!(began.elapsed() < PATIENCE, "a subscriber was never told");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Somebody who sends.
    pub fn sender(&self) -> Sender {
        Sender {
            account: self.account.clone(),
            recorder: self.recorder.clone(),
            urls: self.urls.clone(),
        }
    }

    /// A sender that gave up is a fault that must be told at once.
    fn watch_senders(&mut self) {
        if let Some(ended) = self.senders.try_join_next() {
            ended.expect("a sender goes on");
        }
    }

    /// Lets everything come to rest: the last answers, the ends of replies, and every subscriber at the end of
    /// its log.
    pub async fn rest(mut self, world: &World) -> Rested {
        self.stop.send_replace(true);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("every send was answered");
        }
        for telling in &self.tellings {
            telling.send_replace(Telling::Calm);
        }
        let stuck = stored::replies_end(world.postgres.url(), Duration::from_secs(LEASE + 5)).await;
        let logs = stored::logs(world.postgres.url()).await;
        for (session, telling) in self.sessions.iter().zip(&self.tellings) {
            let log = logs.iter().find(|log| log.session == *session);
            telling.send_replace(Telling::Until(log.map_or(NOWHERE, end_of)));
        }
        let mut feeds = Vec::new();
        while let Some(feed) = self.subscribers.join_next().await {
            feeds.push(feed.expect("a subscriber follows to the end"));
        }
        let history = History {
            tries: self.recorder.take_tries(),
            steers: self.recorder.take_steers(),
            feeds,
            logs,
        };
        Rested {
            history,
            recorder: self.recorder,
            stuck,
        }
    }
}

fn end_of(log: &Log) -> End {
    let finished = log.messages.iter().filter_map(|stored| stored.finished);
    End {
        head: log.head,
        finished: finished.max().unwrap_or(0),
    }
}
