//! Model servers that do wrong: every reply ends as it should, within its time, and nobody else is held up.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parlor::bots::Patience;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::modes::{self, Mode};
use super::support::{patience, reply_of, start};
use super::upstream::Upstream;
use crate::helpers::{Person, TestApp};

/// What a busy machine may need for a reply, beside what the server is waited for.
const MARGIN: Duration = Duration::from_secs(30);

/// A chatbot whose model the server serves well.
const WELL: &str = "well";

#[tokio::test(flavor = "multi_thread")]
async fn refusals_end_in_words_for_a_person_and_lead_nowhere_else() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1/chat/completions", trap.local_addr().unwrap());
    play(modes::refusals(&address)).await;
    let caught = tokio::time::timeout(Duration::ZERO, trap.accept()).await;
    assert!(caught.is_err(), "the key was carried elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_that_break_keep_what_was_shown() {
    play(modes::transfers()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_read_leniently_and_believed_only_when_they_end() {
    play(modes::streams()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_takes_are_given_up() {
    play(modes::doors()).await;
}

#[test]
fn there_are_many_ways_to_do_wrong() {
    let modes = [
        modes::refusals("nowhere"),
        modes::transfers(),
        modes::streams(),
        modes::doors(),
    ];
    let mut names: Vec<&str> = modes.iter().flatten().map(|mode| mode.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "two modes have one name");
    let faults = modes
        .iter()
        .flatten()
        .filter(|mode| mode.ending.2.is_some());
    assert!(faults.count() >= 40);
}

/// How often others' times are compared, where a busy machine makes them wrong.
const TRIES: usize = 3;

/// How often the modes are played for one comparison, each time after as much talk without them.
const TURNS: usize = 3;

/// How many others talk at a time, and how often each of them at least. Of so few the 99th percentile is the slowest.
const OTHERS: usize = 4;
const REPLIES: usize = 8;

/// Plays the modes, until the others were not held up by them: their 99th percentile stays within one and a half
/// times what it is without. Both are medians of turns that alternate, so that what else the machine does meanwhile
/// is in both.
async fn play(modes: Vec<Mode>) {
    let stage = Stage::set(&modes).await;
    // The first reply of a process loads the table by which tokens are counted: seconds of work, unoptimised.
    stage.play(&[]).await;
    let mut others = Vec::new();
    for number in 1..=OTHERS {
        others.push(stage.app.person(&format!("other-{number}")).await);
    }
    for _ in 0..TRIES {
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let is_enough = CancellationToken::new();
            is_enough.cancel();
            alone.push(percentile(99, talk(&others, &is_enough).await));
            let is_enough = CancellationToken::new();
            let people = others.clone();
            let until = is_enough.clone();
            let talk = tokio::spawn(async move { talk(&people, &until).await });
            while !talk.is_finished() {
                stage.play(&modes).await;
                is_enough.cancel();
            }
            beside.push(percentile(99, talk.await.unwrap()));
        }
        println!(
            "{} modes: the 99th percentiles of small talk were {alone:?} alone and {beside:?} beside them",
            modes.len()
        );
        if percentile(50, beside) <= percentile(50, alone).mul_f64(1.5) {
            return;
        }
    }
    panic!("others were held up in each of {TRIES} tries");
}

/// A model server, a server of ours whose chatbots talk to it, and somebody who talks to them.
struct Stage {
    upstream: Upstream,
    app: TestApp,
    ada: Person,
    patience: Patience,
}

impl Stage {
    async fn set(modes: &[Mode]) -> Self {
        let scripts = modes
            .iter()
            .map(|mode| (mode.name.to_owned(), mode.script.clone()));
        let upstream = Upstream::start(scripts).await;
        let mut models: Vec<&str> = modes.iter().map(|mode| mode.name).collect();
        models.push(WELL);
        let patience = patience();
        let app = start(&upstream, &models, patience.clone()).await;
        let ada = app.person("ada").await;
        Self {
            upstream,
            app,
            ada,
            patience,
        }
    }

    /// Plays all these modes, one after the other, and then a reply that goes well.
    async fn play(&self, modes: &[Mode]) {
        self.upstream.forget();
        for mode in modes {
            self.upstream.set_door(mode.door).await;
            self.play_one(mode).await;
        }
        self.upstream.set_door(Door::Open).await;
        let well = reply_of(&self.ada, WELL).await;
        assert_eq!(well["content"], "All is well.", "{well}");
    }

    async fn play_one(&self, mode: &Mode) {
        let name = mode.name;
        let begun = Instant::now();
        let reply = reply_of(&self.ada, name).await;
        let took = begun.elapsed();
        let waits = mode.waits(&self.patience);
        assert!(
            took >= waits,
            "{name} ended after {took:?} already: {reply}"
        );
        assert!(took <= waits + MARGIN, "{name} took {took:?}: {reply}");
        let (status, text, failure) = &mode.ending;
        let content = reply["content"].as_str().unwrap();
        assert!(content == text, "{name}: not {text:?} but {reply}");
        assert_eq!(reply["status"], *status, "{name}: {reply}");
        assert_eq!(reply["failure"].as_str(), *failure, "{name}: {reply}");
        let asked = self.upstream.requests(name).len();
        assert_eq!(asked, mode.requests, "{name}");
    }
}

/// Small talk of all these people with the chatbot of the house, until it is enough and each has had some replies.
/// How long they waited for each.
async fn talk(people: &[Person], is_enough: &CancellationToken) -> Vec<Duration> {
    let talks = people.iter().map(|person| async move {
        let mut times = Vec::new();
        while times.len() < REPLIES || !is_enough.is_cancelled() {
            let begun = Instant::now();
            let reply = reply_of(person, "parlor").await;
            assert_eq!(reply["status"], "COMPLETE");
            times.push(begun.elapsed());
        }
        times
    });
    join_all(talks).await.concat()
}

fn percentile(percent: usize, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent).div_ceil(100) - 1]
}
