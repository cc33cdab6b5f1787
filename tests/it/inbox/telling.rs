//! What is told as it happens, on one's other devices and on other servers.

use serde_json::{Value, json};

use super::{quiet_app, text};
use crate::helpers::{Person, TestApp, TwoServers, Watch};

async fn opened(person: &Person) -> Watch {
    let mut watch = person.watch_inbox(None).await;
    watch.caught_up().await;
    watch
}

/// The session of the next event, which must be of this type.
async fn next(watch: &mut Watch, typename: &str) -> Value {
    watch.expect(typename).await["session"].take()
}

#[tokio::test]
async fn sessions_that_one_begins_or_gets_into_are_added_and_those_one_loses_removed() {
    let two = TwoServers::start().await;
    let (ada, bob) = (two.one.person("ada").await, two.one.person("bob").await);
    let elsewhere = bob.at(&two.other);
    let mut watch = opened(&elsewhere).await;

    // One's own, from another device: started, begun by a message, begun by a command.
    let own = bob.start(json!({"title": "Notes", "chatbots": []})).await;
    assert_eq!(next(&mut watch, "SessionAdded").await["id"], *own);
    let begun = bob.say(None, "hello").await;
    let added = next(&mut watch, "SessionAdded").await;
    assert_eq!(added["id"], begun["session"]["id"]);
    assert_eq!(
        (&added["lastMessage"]["seq"], &added["unreadCount"]),
        (&json!(2), &json!(1))
    );
    bob.send(json!({"content": "/help"})).await.data();
    let command = text(&next(&mut watch, "SessionAdded").await["id"]);

    // An invitation, at the start and later.
    let tea = ada
        .start(json!({"title": "Tea", "usernames": ["bob"], "chatbots": []}))
        .await;
    assert_eq!(next(&mut watch, "SessionAdded").await["title"], "Tea");
    let secret = ada.start(json!({"title": "Secret", "chatbots": []})).await;
    ada.say(Some(&secret), "before bob").await;
    ada.add(&secret, "bob").await.data();
    let added = next(&mut watch, "SessionAdded").await;
    assert_eq!(
        (&added["id"], &added["unreadCount"]),
        (&json!(secret), &json!(0))
    );

    // A room that one joins elsewhere, leaves elsewhere, and comes back to.
    let room = ada.open("Room").await;
    for _ in 0..2 {
        bob.join(&room).await.data();
        assert_eq!(next(&mut watch, "SessionAdded").await["id"], *room);
        bob.leave(&room).await.data();
        assert_eq!(watch.expect("SessionRemoved").await["sessionId"], *room);
    }

    // Removed, and what happens there afterwards is nothing to Bob. Erased by its owner, and by oneself.
    ada.remove(&secret, "bob").await.data();
    assert_eq!(watch.expect("SessionRemoved").await["sessionId"], *secret);
    ada.say(Some(&secret), "without bob").await;
    ada.erase(&tea).await.data();
    assert_eq!(watch.expect("SessionRemoved").await["sessionId"], *tea);
    bob.erase(&command).await.data();
    assert_eq!(watch.expect("SessionRemoved").await["sessionId"], *command);
    // Added again.
    ada.add(&secret, "bob").await.data();
    let added = next(&mut watch, "SessionAdded").await;
    assert_eq!(added["lastMessage"]["content"], "without bob");
}

#[tokio::test]
async fn whatever_changes_in_a_session_updates_it() {
    let two = TwoServers::start().await;
    let (ada, bob) = (two.one.person("ada").await, two.one.person("bob").await);
    let tea = ada
        .start(json!({"title": "Tea", "usernames": ["bob"], "chatbots": []}))
        .await;
    let mut watch = opened(&bob.at(&two.other)).await;
    let updated = async |watch: &mut Watch| next(watch, "SessionUpdated").await;

    let said = ada.say(Some(&tea), "hello").await;
    let told = updated(&mut watch).await;
    let message = json!({"seq": 1, "content": "hello", "status": "COMPLETE"});
    assert_eq!(
        (&told["lastMessage"], &told["unreadCount"]),
        (&message, &json!(1))
    );

    let id = json!({"id": said["message"]["id"], "content": "hello, Bob"});
    let edit =
        "mutation ($id: ID!, $content: String!) { editMessage(id: $id, content: $content) { id } }";
    ada.ask(edit, id.clone()).await.data();
    assert_eq!(
        updated(&mut watch).await["lastMessage"]["content"],
        "hello, Bob"
    );

    // Read on another device: nothing that anybody else is told.
    let mut adas = opened(&ada).await;
    bob.read(&tea, 1).await.data();
    assert_eq!(updated(&mut watch).await["unreadCount"], 0);
    // Again, nothing has changed.
    bob.read(&tea, 1).await.data();
    bob.change(&tea, json!({"archived": true})).await.data();
    assert_eq!(updated(&mut watch).await["archived"], true);
    ada.change(&tea, json!({"title": "Green tea"})).await.data();
    let told = updated(&mut watch).await;
    assert_eq!(
        (&told["title"], &told["archived"]),
        (&json!("Green tea"), &json!(true))
    );
    ada.change(&tea, json!({"chatbotsPaused": true}))
        .await
        .data();
    assert_eq!(updated(&mut watch).await["chatbotsPaused"], true);
    let delete = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }";
    ada.ask(delete, json!({"id": id["id"]})).await.data();
    assert_eq!(
        updated(&mut watch).await["lastMessage"]["status"],
        "DELETED"
    );

    // Ada heard of what changed for all; of what is Bob's alone, she was told nothing of his.
    let told = updated(&mut adas).await;
    assert_eq!(
        (&told["archived"], &told["unreadCount"]),
        (&json!(false), &json!(0))
    );
}

#[tokio::test]
async fn a_reply_updates_the_session_when_it_is_owed_and_when_it_is_whole() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut watch = opened(&ada).await;
    ada.say(None, "hello").await;
    let mut told = next(&mut watch, "SessionAdded").await;
    while told["lastMessage"]["status"] != "COMPLETE" || told["lastMessage"]["seq"] != 2 {
        told = next(&mut watch, "SessionUpdated").await;
    }
    assert_ne!(told["lastMessage"]["content"], "");
    assert_eq!(told["unreadCount"], 1);
}

#[tokio::test]
async fn what_is_nothing_to_somebody_is_not_told_them() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut watch = opened(&bob).await;
    let private = ada.quiet_session().await;
    ada.say(Some(&private), "to myself").await;
    let room = ada.open("Room").await;
    ada.say(Some(&room), "to nobody").await;
    ada.erase(&private).await.data();
    bob.quiet_session().await;
    // The first thing that Bob hears is of his own.
    let told = next(&mut watch, "SessionAdded").await;
    assert_eq!(told["lastMessage"], Value::Null);
    assert_ne!(told["id"], *room);
}
