//! What is sent to the model server: the conversation, and nothing else that anybody said or has.

use serde_json::json;

use super::support::{KEY, patience, said_to, session_with, start};
use super::upstream::{Step, Upstream, answer, done, finishes, says};
use crate::helpers::{Person, TestApp};

/// Says something, and gives what the server was sent for it.
async fn sent(app: &TestApp, upstream: &Upstream, person: &Person, session: &str) -> String {
    said_to(person, session, "What is my cat called?").await;
    let request = upstream.requests("model").pop().unwrap();
    assert_eq!(request.head.matches(KEY).count(), 1);
    let database = app.database().contents().await.join("\n");
    let private = ["ada@example.org", "sk-", "argon2"];
    let body = serde_json::to_string_pretty(&request.body).unwrap();
    for secret in private {
        assert!(!body.contains(secret), "{body}");
    }
    assert!(!database.contains(KEY));
    body
}

#[tokio::test]
async fn the_persona_and_what_stands_of_this_session_are_sent() {
    let said = |events: &[String]| vec![Step::Send(answer(events))];
    let script = vec![
        said(&[says("A good "), says("name."), done()]),
        // The third reply fails, half said.
        said(&[says("Never mi"), finishes("error")]),
        said(&[says("Turing."), done()]),
    ];
    let upstream = Upstream::start([("model".to_owned(), script)]).await;
    let app = start(&upstream, &["model", "other"], patience()).await;
    app.database()
        .execute(
            "update chatbots set persona = 'You like cats.', temperature = 0.25 \
             where handle = 'model'",
        )
        .await;
    let ada = app.person("ada").await;
    let elsewhere = session_with(&ada, "other").await;
    said_to(&ada, &elsewhere, "This is said elsewhere.").await;
    let session = session_with(&ada, "model").await;
    said_to(&ada, &session, "My cat is called Tring.").await;
    said_to(&ada, &session, "Do you mind?").await;
    said_to(&ada, &session, "I take this back.").await;
    for message in ada.history(&session).await {
        let id = &message["id"];
        match message["content"].as_str().unwrap() {
            "My cat is called Tring." => {
                let edit = "mutation ($id: ID!) {
                    editMessage(id: $id, content: \"My cat is called Turing.\") { id }
                }";
                ada.ask(edit, json!({ "id": id })).await.data();
            }
            "I take this back." | "Turing." => {
                let delete = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }";
                ada.ask(delete, json!({ "id": id })).await.data();
            }
            _ => {}
        }
    }
    insta::assert_snapshot!(sent(&app, &upstream, &ada, &session).await);
}

#[tokio::test]
async fn among_several_chatbots_everybody_is_named_but_the_one_who_answers() {
    let upstream = Upstream::start([]).await;
    let app = start(&upstream, &["model"], patience()).await;
    let (ada, bob) = (app.person("ada").await, bob(&app).await);
    let session = session_with(&ada, "model").await;
    let add = "mutation ($id: ID!) { addMember(sessionId: $id, username: \"bob\") { id } }";
    ada.ask(add, json!({ "id": session })).await.data();
    said_to(&bob, &session, "My cat is called Turing.").await;
    insta::assert_snapshot!(sent(&app, &upstream, &ada, &session).await);
}

async fn bob(app: &TestApp) -> Person {
    let bob = app.person("Bob").await;
    let name = "mutation { updateProfile(input: {displayName: \"Bob B.\"}) { id } }";
    bob.ask(name, json!({})).await.data();
    bob
}

#[tokio::test]
async fn in_a_room_everybody_is_named_who_spoke_there_also_to_others() {
    let upstream = Upstream::start([]).await;
    let app = start(&upstream, &["model"], patience()).await;
    let (ada, bob) = (app.person("ada").await, bob(&app).await);
    let room = "mutation {
        startSession(input: {kind: ROOM, title: \"Cats\", chatbots: [\"model\"], usernames: [\"bob\"]}) { id }
    }";
    let room = ada.ask(room, json!({})).await.data()["startSession"]["id"].take();
    let room = room.as_str().unwrap();
    bob.say(Some(room), "My cat is called Turing.").await;
    ada.say(Some(room), "So is mine.").await;
    let leave = "mutation ($id: ID!) { leaveSession(id: $id) }";
    bob.ask(leave, json!({ "id": room })).await.data();
    said_to(&ada, room, "@model, what is his cat called?").await;
    let body = upstream.requests("model").pop().unwrap().body;
    let heard = "Bob B. (@Bob): My cat is called Turing.\n\nada: So is mine.\n\n\
                 ada: @model, what is his cat called?";
    assert_eq!(body["messages"][1]["content"], heard, "{body}");
}

#[tokio::test]
async fn a_long_history_is_read_from_its_end_and_no_further_than_the_budget() {
    let upstream = Upstream::start([]).await;
    let app = start(&upstream, &["model"], patience()).await;
    let ada = app.person("ada").await;
    let session = session_with(&ada, "model").await;
    said_to(&ada, &session, "The first of all.").await;
    // Behind the API, for speed: ten thousand messages between, and one of the longest there are.
    app.database()
        .execute(
            "insert into messages (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
                 select session_id, n, n + 1, n + 1, n + 1, user_id, \
                        case when n = 10003 then repeat('all work and no play ', 600) \
                             else 'Number ' || n end, 'COMPLETE' \
                 from messages, generate_series(3, 10003) n where seq = 1; \
             update sessions set last_seq = 10003, rev = 10004",
        )
        .await;
    let body = sent(&app, &upstream, &ada, &session).await;
    assert!(body.contains("What is my cat called?"));
    assert!(body.contains("all work and no play"));
    assert!(!body.contains("The first of all."));
    // 8,192 tokens less 1,024 for the reply, and less what the frames of so many short ones count.
    let request = upstream.requests("model").pop().unwrap();
    let words = request.body["messages"].to_string();
    let tokens = tiktoken_rs::o200k_base_singleton()
        .encode_ordinary(&words)
        .len();
    assert!((5500..7500).contains(&tokens), "{tokens} tokens");
    let numbers = words.matches("Number ").count();
    assert!((20..1100).contains(&numbers), "{numbers} of the short ones");
    assert!(words.contains("Number 10002") && !words.contains("Number 3\\n"));
}
