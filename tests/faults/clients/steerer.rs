//! Somebody who stops a chatbot's replies, has them written anew, and makes it keep silent for a while.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Account, Recorder, status};
use crate::checker::history::{Answer, Deed, Steer};

const NEWEST: &str = "query ($id: ID!) {
    session(id: $id) { messages(last: 6) { nodes { id status inReplyTo { id } } } }
}";

const PAUSE: &str = "mutation ($id: ID!, $paused: Boolean!) {
    steered: updateSession(id: $id, input: {chatbotsPaused: $paused}) { cursor }
}";

const CANCEL: &str = "mutation ($id: ID!) { steered: cancelReply(id: $id) { cursor status } }";

const REGENERATE: &str =
    "mutation ($id: ID!) { steered: regenerateReply(id: $id) { cursor status } }";

/// How long something is tried again before that counts as a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long chatbots keep silent at most, in milliseconds.
const SILENCE: u64 = 400;

/// A client that steers the chatbot of a session. Nobody else does.
pub struct Steerer {
    pub account: Account,
    pub recorder: Recorder,
    pub urls: Vec<String>,
    pub session: String,
    /// How long it waits before it does something again, in milliseconds at most.
    pub pause: u64,
    pub random: fastrand::Rng,
}

impl Steerer {
    /// Steers until it is told to stop; then nothing is paused.
    pub async fn steer(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let wait = Duration::from_millis(self.random.u64(1..=self.pause));
            let stopped = stop.wait_for(|stop| *stop);
            if timeout(wait, stopped).await.is_ok() {
                return;
            }
            if self.random.u8(..4) == 0 {
                self.until_done(&Deed::Pause(true)).await;
                sleep(Duration::from_millis(self.random.u64(..SILENCE))).await;
                self.until_done(&Deed::Pause(false)).await;
            } else if let Some((id, is_under_way)) = self.newest_reply().await {
                // Also, now and then, what can't be done.
                let deed = if is_under_way == (self.random.u8(..8) > 0) {
                    Deed::Cancel(id)
                } else {
                    Deed::Regenerate(id)
                };
                self.ask(&deed).await;
            }
        }
    }

    /// Asks until it is done: again does no harm.
    async fn until_done(&mut self, deed: &Deed) {
        let began = Instant::now();
        while !matches!(self.ask(deed).await, Answer::Ok(..)) {
            let session = &self.session;
            assert!(
                began.elapsed() < PATIENCE,
                "{deed:?} in {session} was never done"
            );
            sleep(Duration::from_millis(self.random.u64(10..60))).await;
        }
    }

    /// Asks once, and writes down what came of it.
    async fn ask(&mut self, deed: &Deed) -> Answer {
        let (query, variables) = match deed {
            Deed::Pause(paused) => (PAUSE, json!({"id": self.session, "paused": paused})),
            Deed::Cancel(id) => (CANCEL, json!({ "id": id })),
            Deed::Regenerate(id) => (REGENERATE, json!({ "id": id })),
        };
        let answer = self.at_some_server(query, variables).await;
        let answer = answer.map_or(Answer::Unknown, |answer| self.read(&answer));
        if answer == Answer::Unknown {
            self.recorder.note_unknown("steering");
        }
        self.recorder.note_steer(Steer {
            session: self.session.clone(),
            deed: deed.clone(),
            answer: answer.clone(),
        });
        answer
    }

    fn read(&self, answer: &Value) -> Answer {
        match answer["errors"][0]["extensions"]["code"].as_str() {
            None => {}
            Some("UNAVAILABLE" | "INTERNAL" | "RATE_LIMITED") => return Answer::Unknown,
            Some(code) => return Answer::Fail(code.to_owned()),
        }
        let steered = &answer["data"]["steered"];
        let Some(cursor) = steered["cursor"].as_str() else {
            panic!("neither data nor errors: {answer}");
        };
        let place = self.recorder.place(&self.session, cursor);
        Answer::Ok(place, steered["status"].as_str().map(status))
    }

    /// The newest reply, and whether it is under way.
    async fn newest_reply(&mut self) -> Option<(String, bool)> {
        let session = json!({"id": self.session});
        let answer = self.at_some_server(NEWEST, session).await?;
        let messages = answer["data"]["session"]["messages"]["nodes"].as_array()?;
        let mut newest = messages.iter().rev();
        let reply = newest.find(|message| !message["inReplyTo"].is_null())?;
        let is_under_way = status(reply["status"].as_str()?).is_under_way();
        Some((reply["id"].as_str()?.to_owned(), is_under_way))
    }

    async fn at_some_server(&mut self, query: &str, variables: Value) -> Option<Value> {
        let url = &self.urls[self.random.usize(..self.urls.len())];
        self.account.ask(url, query, variables).await.ok()
    }
}
