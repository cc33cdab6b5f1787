//! Everything that can become of a send, many at once.

use futures_util::future::{BoxFuture, FutureExt};
use parlor::domain::{SessionId, Viewer};
use parlor::error::AppResult;
use parlor::services::messages::Sent;
use serde_json::{Value, json};

use super::{FAULTS, id, quiet_app, send, together, viewer};
use crate::helpers::{Person, TestApp};

/// What is expected of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Stored,
    /// It begins a session, and is owed a reply.
    Begins,
    NotFound,
    /// Of the two with this number, both are the same message.
    Same(usize),
    /// Of the two with this number, one is stored.
    OneOf(usize),
}

/// The session, how it is meant to end, and the send.
struct People {
    ada: Viewer,
    eve: Viewer,
    bob: Viewer,
    quiet: Vec<SessionId>,
    room: SessionId,
}

async fn start_room(ada: &Person) -> String {
    let start = r#"mutation { startSession(input: {kind: ROOM, title: "Tea", usernames: ["bob"]}) { id } }"#;
    let started = ada.ask(start, json!({})).await.data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

async fn remove(ada: &Person, room: &str, username: &str) {
    let query = "mutation ($id: ID!, $username: String!) {
        removeMember(sessionId: $id, username: $username) { id }
    }";
    let who = json!({"id": room, "username": username});
    ada.ask(query, who).await.data();
}

fn one<'a>(
    app: &'a TestApp,
    people: &'a People,
    number: usize,
) -> (Fate, BoxFuture<'a, AppResult<Sent>>) {
    let app = app.app();
    let pair = number / 20;
    let content = format!("message {number}");
    let here = people.quiet[number % people.quiet.len()];
    let (fate, who, session, content, key) = match number % 10 {
        0..4 => (Fate::Stored, &people.ada, Some(here), content, None),
        4 => (Fate::NotFound, &people.eve, Some(here), content, None),
        5 => (
            Fate::NotFound,
            &people.bob,
            Some(people.room),
            content,
            None,
        ),
        6 => {
            let content = format!("same {pair}");
            let key = Some(format!("same {pair}"));
            (
                Fate::Same(pair),
                &people.ada,
                Some(people.quiet[0]),
                content,
                key,
            )
        }
        7 => {
            let key = Some(format!("one of {pair}"));
            (
                Fate::OneOf(pair),
                &people.ada,
                Some(people.quiet[1]),
                content,
                key,
            )
        }
        8 => (
            Fate::Begins,
            &people.ada,
            None,
            content,
            Some(format!("key {number}")),
        ),
        _ => (
            Fate::NotFound,
            &people.ada,
            Some(SessionId::new()),
            content,
            None,
        ),
    };
    let sent = async move { send(app, who, session, &content, key.as_deref()).await };
    (fate, sent.boxed())
}

#[tokio::test]
async fn each_of_many_gets_its_own_answer() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let (bob, eve) = (app.person("bob").await, app.person("eve").await);
    let room = start_room(&ada).await;
    remove(&ada, &room, "bob").await;
    let mut quiet = Vec::new();
    for _ in 0..20 {
        quiet.push(ada.quiet_session().await);
    }
    let mut watch = ada.watch(&quiet[0], None).await;
    watch.caught_up().await;
    let people = People {
        ada: viewer(&app, &ada).await,
        bob: viewer(&app, &bob).await,
        eve: viewer(&app, &eve).await,
        quiet: quiet.iter().map(|session| id(session)).collect(),
        room: id(&room),
    };

    let (fates, sends): (Vec<_>, Vec<_>) =
        (0..200).map(|number| one(&app, &people, number)).unzip();
    let answers = together(&app, sends).await;

    let of = |fate: Fate| {
        fates
            .iter()
            .zip(&answers)
            .filter(move |(its, _)| **its == fate)
    };
    for (_, answer) in of(Fate::Stored) {
        assert!(answer.as_ref().unwrap().reply.is_none());
    }
    for (_, answer) in of(Fate::Begins) {
        let sent = answer.as_ref().unwrap();
        assert_eq!(sent.message.seq.0, 1);
        assert_eq!(sent.reply.as_ref().unwrap().seq.0, 2);
        assert_eq!(sent.session.last_seq.0, 2);
    }
    for (_, answer) in of(Fate::NotFound) {
        assert_eq!(answer.as_ref().err().unwrap().code(), "NOT_FOUND");
    }
    for pair in 0..10 {
        let same: Vec<_> = of(Fate::Same(pair))
            .map(|(_, sent)| sent.as_ref().unwrap())
            .collect();
        assert_eq!(same.len(), 2);
        assert_eq!(same[0].message, same[1].message);
        let (stored, refused): (Vec<_>, Vec<_>) = of(Fate::OneOf(pair))
            .map(|(_, answer)| answer)
            .partition(|answer| answer.is_ok());
        assert_eq!((stored.len(), refused.len()), (1, 1));
        let refused = refused[0].as_ref().err().unwrap();
        assert_eq!(
            (refused.code(), refused.field()),
            ("CONFLICT", Some("clientKey"))
        );
    }

    assert_eq!(app.database().value(FAULTS).await, "0 0");
    // 80 by themselves, 10 of pairs that are the same, 10 of pairs that are not, 20 that begin a session.
    let said = "select count(*) from messages where user_id is not null";
    assert_eq!(app.database().value(said).await, 120);
    let news = "select count(distinct m.xmin::text) from messages m
                join sessions s on s.id = m.session_id
                where not exists (select from session_chatbots c where c.session_id = s.id)";
    let transactions = app.database().value(news).await.as_i64().unwrap();
    assert!(transactions <= 16, "{transactions} transactions");
    for seq in 1..=ada.history(&quiet[0]).await.len() {
        let event = watch.expect("MessageAdded").await;
        assert_eq!(event["message"]["seq"], seq);
    }
}

/// Starts a session with a chatbot that does this while it is replying.
async fn chat_with_one_that(person: &Person, while_replying: &str) -> String {
    let make = "mutation ($input: ChatbotInput!) { createChatbot(input: $input) { id } }";
    let handle = while_replying.to_lowercase();
    let input = json!({"handle": handle, "engine": "BUILTIN", "whileReplying": while_replying});
    person.ask(make, json!({ "input": input })).await.data();
    let start = "mutation ($input: StartSessionInput!) { startSession(input: $input) { id } }";
    let input = json!({"chatbots": [handle]});
    let started = person.ask(start, json!({ "input": input })).await.data();
    started["startSession"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn messages_that_are_written_together_take_turns_with_a_chatbot_as_if_they_were_not() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let her = viewer(&app, &ada).await;
    let mut sessions = Vec::new();
    for while_replying in ["QUEUE", "REJECT", "INTERRUPT"] {
        sessions.push(chat_with_one_that(&ada, while_replying).await);
    }
    let sends = sessions.iter().flat_map(|session| {
        let (app, her) = (app.app(), &her);
        let say = move |content| send(app, her, Some(id(session)), content, Some(content));
        ["one", "two", "three", "four"].map(say)
    });
    let answers = together(&app, sends).await;
    let reply = |answer: &AppResult<Sent>| match answer {
        Ok(sent) => json!(sent.reply.as_ref().unwrap().seq.0),
        Err(error) => json!([error.code(), error.field()]),
    };
    let replies: Vec<_> = answers.iter().map(reply).collect();
    // The first is being answered, the second waits, and those behind it join it.
    assert_eq!(replies[..4], [2, 4, 4, 4]);
    let refused = json!(["CONFLICT", "sessionId"]);
    assert_eq!(
        replies[4..8],
        [json!(2), refused.clone(), refused.clone(), refused]
    );
    // Each of them makes the reply before it give way: the others are asked first, and come in any order.
    let mut interrupting: Vec<_> = replies[8..].iter().filter_map(Value::as_i64).collect();
    assert_eq!(interrupting[0], 2);
    interrupting.sort_unstable();
    assert_eq!(interrupting, [2, 4, 6, 8]);
    let statuses = async |session: &str| {
        let history = ada.history(session).await;
        let status = |message: &Value| message["status"].as_str().unwrap().to_owned();
        history.iter().map(status).collect::<Vec<_>>().join(" ")
    };
    let (pending, complete) = ("COMPLETE PENDING", "COMPLETE");
    assert_eq!(
        statuses(&sessions[0]).await,
        format!("{pending} {pending} {complete} {complete}")
    );
    assert_eq!(statuses(&sessions[1]).await, pending);
    let cancelled = "COMPLETE CANCELLED";
    let expected = format!("{cancelled} {cancelled} {cancelled} {pending}");
    assert_eq!(statuses(&sessions[2]).await, expected);
    let joined = "select answers_up_to from messages where answers_up_to is not null";
    assert_eq!(app.database().rows(joined).await, [6]);
    // Tried again, each is told the same; and what joins now joins a reply that was there before.
    let again = sessions[..1].iter().flat_map(|session| {
        let (app, her) = (app.app(), &her);
        let say = move |content| send(app, her, Some(id(session)), content, Some(content));
        ["one", "two", "three", "four", "five"].map(say)
    });
    let replies: Vec<_> = together(&app, again).await.iter().map(reply).collect();
    assert_eq!(replies, [2, 4, 4, 4, 4]);
    assert_eq!(app.database().rows(joined).await, [7]);
}
