//! The real program, as talkative as it can be: no key, no conversation and nothing that the model server said
//! is in its log or in its answers.

use super::support::{KEY, said_to, session_with};
use super::upstream::{Step, Upstream, answer, done, event, head, says};
use crate::helpers::TestDatabase;
use crate::program::support::Place;

const MODELS: [&str; 4] = ["refuses", "reports", "rubbish", "well"];

#[tokio::test]
async fn neither_key_nor_conversation_nor_the_servers_words_are_told_or_logged() {
    // A server that says back what it heard, as many do in their errors.
    let echo = format!("{{\"error\": \"echo of {KEY}: prompt-of-ada, persona-of-bot\"}}");
    let send = |bytes: Vec<u8>| vec![vec![Step::Send(bytes)]];
    let refusal = [head("401 Unauthorized", ""), echo.clone().into_bytes()].concat();
    let upstream = Upstream::start([
        ("refuses".to_owned(), send(refusal)),
        (
            "reports".to_owned(),
            send(answer(&[event(&echo.parse().unwrap())])),
        ),
        (
            "rubbish".to_owned(),
            send(answer(&[format!("data: {{{echo}\n\n")])),
        ),
        (
            "well".to_owned(),
            send(answer(&[says("answer-of-bot"), done()])),
        ),
    ])
    .await;
    let database = TestDatabase::migrated().await;
    for model in MODELS {
        database.db_add_chatbot(model, "'persona-of-bot'").await;
    }
    let place = Place::on(&database)
        .with("OPENAI_BASE_URL", &upstream.base_url())
        .with("OPENAI_API_KEY", KEY)
        .with("PARLOR_OPENAI_MODELS", &MODELS.join(","))
        .with("PARLOR_LOG", "trace");
    let server = place.serve().await;
    let ada = server.person("ada").await;
    for model in MODELS {
        let session = session_with(&ada, model).await;
        let reply = said_to(&ada, &session, "prompt-of-ada").await;
        let heard = upstream.requests(model).pop().unwrap();
        assert!(heard.head.contains(KEY));
        assert!(heard.body.to_string().contains("persona-of-bot"));
        for secret in [KEY, "echo of", "persona-of-bot", "prompt-of-ada"] {
            assert!(!reply.to_string().contains(secret), "{reply}");
        }
    }
    let log = server.log();
    assert!(log.contains("no reply, or no more of it"), "{log}");
    for secret in [
        KEY,
        "echo of",
        "persona-of-bot",
        "prompt-of-ada",
        "answer-of-bot",
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
