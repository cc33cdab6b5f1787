//! Somebody who sends one message after the other, and each again until there is an answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Account, Recorder};
use crate::checker::history::{Outcome, Receipt, Try};

const SEND: &str = "mutation ($input: SendMessageInput!) {
    sendMessage(input: $input) { session { id } message { id seq } reply { id } }
}";

/// How long a send is tried again before that counts as a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// One message to send.
#[derive(Clone)]
pub struct Send {
    /// Where to; nothing for a new session.
    pub session: Option<String>,
    /// Its client key.
    pub key: String,
    /// What to say.
    pub content: String,
}

/// A client that sends.
#[derive(Clone)]
pub struct Sender {
    pub account: Account,
    pub recorder: Recorder,
    pub urls: Vec<String>,
}

impl Sender {
    /// Sends to a server of chance until it is acknowledged or refused.
    pub async fn send(&self, send: &Send, random: &mut fastrand::Rng) -> Outcome {
        let began = Instant::now();
        loop {
            let url = &self.urls[random.usize(..self.urls.len())];
            let outcome = self.attempt(url, send).await;
            if outcome != Outcome::Unknown {
                return outcome;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{} was never answered",
                send.key
            );
            sleep(Duration::from_millis(random.u64(10..60))).await;
        }
    }

    /// Sends once, and writes down what came of it.
    pub async fn attempt(&self, url: &str, send: &Send) -> Outcome {
        let input = json!({
            "sessionId": send.session,
            "content": send.content,
            "clientKey": send.key,
        });
        let invoked = self.recorder.now();
        let answer = self.account.ask(url, SEND, json!({ "input": input })).await;
        let outcome = match answer {
            Ok(answer) => self.read(&answer),
            Err(error) => {
                let because = if error.is_timeout() {
                    "timeout"
                } else {
                    "connection"
                };
                self.recorder.note_unknown(because);
                Outcome::Unknown
            }
        };
        self.recorder.note(Try {
            key: send.key.clone(),
            session: send.session.clone(),
            content: send.content.clone(),
            invoked,
            returned: self.recorder.now(),
            outcome: outcome.clone(),
        });
        outcome
    }

    fn read(&self, answer: &Value) -> Outcome {
        let code = answer["errors"][0]["extensions"]["code"].as_str();
        match code {
            None => {}
            Some("UNAVAILABLE" | "INTERNAL" | "RATE_LIMITED") => {
                self.recorder.note_unknown(code.unwrap_or_default());
                return Outcome::Unknown;
            }
            Some(code) => return Outcome::Fail(code.to_owned()),
        }
        let sent = &answer["data"]["sendMessage"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let receipt = || {
            Some(Receipt {
                session: text(&sent["session"]["id"])?,
                id: text(&sent["message"]["id"])?,
                seq: sent["message"]["seq"].as_i64()?,
                reply: text(&sent["reply"]["id"]),
            })
        };
        let receipt = receipt();
        Outcome::Ok(receipt.unwrap_or_else(|| panic!("neither data nor errors: {answer}")))
    }
}
