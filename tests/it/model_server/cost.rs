//! What a reply costs on its way: linear in its text, however long it gets. And that it costs nothing more once it
//! is cancelled.

use std::time::Duration;

use parlor::bots::Patience;
use parlor::bus::{Heard, Notice, Subject};
use parlor::domain::NodeId;

use super::support::{configured_with, patience, session_with, start};
use super::upstream::{Step, Upstream, done, says, stream_head};
use crate::helpers::{Person, TestApp};
use crate::replies::support::cancel;

#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// Of text, in the end.
    length: u64,
    /// Of text, on the bus.
    bytes: u64,
    /// Announcements of text.
    pieces: u64,
    /// Of SQL, from the send to the end of the reply.
    statements: u64,
}

/// A model that says so many tokens, one by one.
fn talkative(tokens: usize) -> (String, Vec<Vec<Step>>) {
    let mut steps = vec![Step::Send(stream_head())];
    for _ in 0..tokens {
        let token = says("more ").into_bytes();
        steps.push(Step::Drip(token[..1].to_vec(), Duration::from_millis(1)));
        steps.push(Step::Send(token[1..].to_vec()));
    }
    steps.push(Step::Send(done().into_bytes()));
    (format!("says-{tokens}"), vec![steps])
}

async fn cost_of(app: &TestApp, ada: &Person, model: &str) -> Cost {
    let session = session_with(ada, model).await;
    let Some(NodeId::Session(id)) = NodeId::decode(&session) else {
        panic!("no session's id")
    };
    let mut heard = app.app().bus().listen(Subject::Session(id)).await;
    let before = app.app().db().statements();
    ada.say(Some(&session), "Hello?").await;
    let mut cost = Cost::default();
    loop {
        let Heard::Notice(notice) = heard.next().await else {
            panic!("missed something")
        };
        match &*notice {
            Notice::Text { piece, .. } => {
                cost.bytes += piece.text.len() as u64;
                cost.pieces += 1;
            }
            Notice::Changed { messages, .. } => {
                if let Some(reply) = messages.iter().find(|m| m.seq.0 == 2)
                    && !reply.status.is_under_way()
                {
                    assert_eq!(reply.failure, None);
                    cost.length = reply.content.len() as u64;
                    cost.statements = app.app().db().statements() - before;
                    return cost;
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_reply_costs_in_proportion_to_its_text() {
    let upstream = Upstream::start([talkative(1_000), talkative(4_000)]).await;
    let models = ["says-1000", "says-4000"];
    let app = configured_with(
        &upstream.base_url(),
        &models,
        &[("PARLOR_OPENAI_REPLY", "4096")],
    )
    .await;
    let unhurried = Patience {
        whole: Duration::from_secs(120),
        ..patience()
    };
    parlor::bots::start_with(app.app(), unhurried);
    let ada = app.person("ada").await;
    let mut costs = Vec::new();
    for (model, tokens) in models.into_iter().zip([1_000, 4_000]) {
        let cost = cost_of(&app, &ada, model).await;
        eprintln!("{tokens} tokens: {cost:?}");
        assert_eq!(cost.length, tokens * 5);
        // Every byte is announced once, many tokens at a time.
        assert_eq!(cost.bytes, cost.length);
        assert!(cost.pieces <= tokens / 2, "{cost:?}");
        costs.push(cost);
    }
    // Checkpoints grow with the text: their number grows by its logarithm.
    assert!(costs[0].statements <= 80, "{costs:?}");
    assert!(
        costs[1].statements <= 2 * costs[0].statements + 20,
        "{costs:?}"
    );
}

#[tokio::test]
async fn a_cancelled_reply_ends_the_call_to_the_model_server() {
    let endless = vec![
        Step::Send(stream_head()),
        Step::Send(says("So much ").into_bytes()),
        Step::Hang,
    ];
    let upstream = Upstream::start([("endless".to_owned(), vec![endless])]).await;
    let unhurried = Patience {
        between_bytes: Duration::from_secs(120),
        whole: Duration::from_secs(120),
        ..patience()
    };
    let app = start(&upstream, &["endless"], unhurried).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, "endless").await;
    let mut feed = ada.watch(&session, None).await;
    let reply = ada.say(Some(&session), "Hello?").await["reply"]["id"].take();
    feed.until("ReplyDelta").await;
    let cancelled = cancel(&ada, &reply).await.data()["cancelReply"].take();
    assert_eq!(cancelled["status"], "CANCELLED");
    assert_eq!(cancelled["content"], "So much ");
    upstream.left(1).await;
}
