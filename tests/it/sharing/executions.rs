//! How often an event is executed, and for whom.

use std::sync::Arc;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo,
};
use async_graphql::{PathSegment, ServerError, ServerResult, Value as Resolved, async_trait};
use diesel_async::SimpleAsyncConnection;
use parlor::api;
use serde_json::json;

use super::{Counting, begin, next, room};
use crate::helpers::{Log, TestApp, TestDatabase, serve_with_schema};
use crate::raw_socket::RawSocket;

const WATCH: &str = "subscription Watch($id: ID!, $after: String, $short: Boolean = false) {
    sessionEvents(sessionId: $id, after: $after) {
        __typename
        ... on MessageAdded { cursor message {
            content author { ... on User { username } } status @skip(if: $short)
        } }
        ... on FeedEnded { reason }
    }
}";

/// The same, and what only its sender may see.
const OWN: &str = "subscription Own($id: ID!) {
    sessionEvents(sessionId: $id) {
        __typename
        ... on MessageAdded { message { content clientKey } }
    }
}";

const PEOPLE: [&str; 4] = ["bob", "carol", "dan", "eve"];

#[tokio::test]
async fn twenty_subscribers_of_four_people_cost_one_execution_of_an_event() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let counting = Counting::default();
    let url = counting.serve(&app).await;
    let ada = app.person("ada").await;
    let mut people = vec![];
    for name in PEOPLE {
        people.push(app.person(name).await);
    }
    let room = room(&ada, &PEOPLE, &[]).await;
    let before = ada.say(Some(&room), "before").await["message"]["cursor"].take();
    ada.say(Some(&room), "missed").await;
    let mut sockets = Vec::new();
    for (n, person) in people.iter().cycle().take(20).enumerate() {
        let mut socket = RawSocket::acknowledged(&url, Some(person.token())).await;
        // One that comes back shares with the others from then on. Every other one has a name that must be quoted.
        let after = (n % 3 == 0).then_some(&before);
        let id = if n % 2 == 0 {
            format!("w{n}")
        } else {
            format!("w\"{n}")
        };
        begin(
            &mut socket,
            &id,
            "Watch",
            WATCH,
            json!({"id": room, "after": after}),
        )
        .await;
        if after.is_some() {
            assert_eq!(next(&mut socket).await.1["message"]["content"], "missed");
        }
        assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
        sockets.push((id, socket));
    }
    let own = counting.of("Watch");
    let mut told = Vec::new();
    for text in ["one", "two", "three"] {
        let sent = ada.say(Some(&room), text).await;
        for (id, socket) in &mut sockets {
            let (of, event) = next(socket).await;
            assert_eq!(of, *id);
            assert_eq!(event["message"]["content"], text);
            assert_eq!(event["message"]["author"]["username"], "ada");
            assert_eq!(event["cursor"], sent["message"]["cursor"]);
            told.push(event);
        }
    }
    assert_eq!(counting.of("Watch") - own, 3);
    // Each cursor is as good as any.
    let mut socket = RawSocket::acknowledged(&url, Some(people[0].token())).await;
    let after = json!({"id": room, "after": told[20]["cursor"]});
    begin(&mut socket, "again", "Watch", WATCH, after).await;
    assert_eq!(next(&mut socket).await.1["message"]["content"], "three");
}

#[tokio::test]
async fn other_documents_variables_and_sessions_are_executed_for_themselves() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let counting = Counting::default();
    let url = counting.serve(&app).await;
    let ada = app.person("ada").await;
    let room = room(&ada, &[], &[]).await;
    let other = super::room(&ada, &[], &[]).await;
    let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
    let renamed = WATCH.replace("Watch", "Also");
    let operations = [
        ("long", "Watch", WATCH, json!({"id": room})),
        ("long2", "Watch", WATCH, json!({"id": room, "unused": 1})),
        ("short", "Watch", WATCH, json!({"id": room, "short": true})),
        ("also", "Also", renamed.as_str(), json!({"id": room})),
        ("other", "Watch", WATCH, json!({"id": other})),
    ];
    for (id, name, query, variables) in operations {
        begin(&mut socket, id, name, query, variables).await;
        assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
    }
    let own = (counting.of("Watch"), counting.of("Also"));
    ada.say(Some(&room), "hello").await;
    for _ in 0..4 {
        let (id, event) = next(&mut socket).await;
        assert_ne!(id, "other");
        assert_eq!(event["message"]["content"], "hello");
        assert_eq!(
            event["message"].get("status").is_none(),
            id == "short",
            "{event}"
        );
    }
    ada.say(Some(&other), "there").await;
    let (id, event) = next(&mut socket).await;
    assert_eq!(
        (id.as_str(), &event["message"]["content"]),
        ("other", &json!("there"))
    );
    let now = (counting.of("Watch"), counting.of("Also"));
    assert_eq!((now.0 - own.0, now.1 - own.1), (3, 1));
}

#[tokio::test]
async fn what_depends_on_who_asks_is_executed_for_each() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let counting = Counting::default();
    let url = counting.serve(&app).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = room(&ada, &["bob"], &[]).await;
    let mut sockets = Vec::new();
    for person in [&ada, &bob, &bob] {
        let mut socket = RawSocket::acknowledged(&url, Some(person.token())).await;
        begin(&mut socket, "own", "Own", OWN, json!({"id": room})).await;
        assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
        sockets.push(socket);
    }
    let before = counting.of("Own");
    let input = json!({"sessionId": room, "content": "hello", "clientKey": "mine"});
    ada.send(input).await.data();
    let expected = [json!("mine"), json!(null), json!(null)];
    for (socket, key) in sockets.iter_mut().zip(expected) {
        assert_eq!(next(socket).await.1["message"]["clientKey"], key);
    }
    assert_eq!(counting.of("Own") - before, 3);
}

#[tokio::test]
async fn whoever_is_removed_gets_nothing_that_the_others_share() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let counting = Counting::default();
    let url = counting.serve(&app).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let carol = app.person("carol").await;
    let room = room(&ada, &["bob", "carol"], &[]).await;
    let mut sockets = Vec::new();
    for person in [&ada, &bob, &carol] {
        let mut socket = RawSocket::acknowledged(&url, Some(person.token())).await;
        begin(&mut socket, "w", "Watch", WATCH, json!({"id": room})).await;
        assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
        sockets.push(socket);
    }
    let remove = "mutation ($id: ID!) { removeMember(sessionId: $id, username: \"bob\") { id } }";
    ada.ask(remove, json!({"id": room})).await.data();
    for n in 0..20 {
        ada.say(Some(&room), &n.to_string()).await;
    }
    let [of_ada, of_bob, of_carol] = &mut sockets[..] else {
        unreachable!()
    };
    let last = next(of_bob).await.1;
    assert_eq!(
        (&last["__typename"], &last["reason"]),
        (&json!("FeedEnded"), &json!("REMOVED"))
    );
    of_bob.expect(json!({"id": "w", "type": "complete"})).await;
    for socket in [of_ada, of_carol] {
        assert_eq!(next(socket).await.1["__typename"], "SessionChanged");
        for n in 0..20 {
            assert_eq!(next(socket).await.1["message"]["content"], n.to_string());
        }
    }
}

/// Fails, or panics, where a message's content says so and nobody in particular asks; or whoever asks.
struct Trouble {
    for_everybody: bool,
}

impl ExtensionFactory for Trouble {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self { ..*self })
    }
}

#[async_trait::async_trait]
impl Extension for Trouble {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Resolved>> {
        let is_event = info.name == "sessionEvents";
        let resolved = next.run(ctx, info).await?;
        let is_nobodys = ctx.data_opt::<parlor::domain::Viewer>().is_none();
        if is_event && (is_nobodys || self.for_everybody) {
            let event = resolved.clone().unwrap_or_default().into_json().unwrap();
            match event["message"]["content"].as_str() {
                Some("fails") => {
                    let path = ["sessionEvents", "message", "content"];
                    let path = path.map(|name| PathSegment::Field(name.to_owned()));
                    return Err(ServerError::new("as planned", None).with_path(path.to_vec()));
                }
                Some("panics") => panic!("as planned"),
                _ => {}
            }
        }
        Ok(resolved)
    }
}

#[tokio::test]
async fn what_can_not_be_executed_for_all_is_executed_for_each() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let schema = |for_everybody| {
        let builder = api::schema_builder(app.app());
        builder.extension(Trouble { for_everybody }).finish()
    };
    let _log = Log::listen();
    let ada = app.person("ada").await;
    let room = room(&ada, &[], &[]).await;
    let url = serve_with_schema(&app, schema(false)).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
        begin(&mut socket, "w", "Watch", WATCH, json!({"id": room})).await;
        next(&mut socket).await;
        sockets.push(socket);
    }
    for text in ["well", "fails", "well", "panics", "panics", "well"] {
        ada.say(Some(&room), text).await;
        for socket in &mut sockets {
            assert_eq!(next(socket).await.1["message"]["content"], text);
        }
    }
    // What nobody can be shown ends each subscription, as it would by itself.
    let url = serve_with_schema(&app, schema(true)).await;
    for (text, kind) in [("fails", "next"), ("panics", "error")] {
        let mut sockets = Vec::new();
        for _ in 0..3 {
            let mut socket = RawSocket::acknowledged(&url, Some(ada.token())).await;
            begin(&mut socket, "w", "Watch", WATCH, json!({"id": room})).await;
            next(&mut socket).await;
            sockets.push(socket);
        }
        ada.say(Some(&room), text).await;
        for socket in &mut sockets {
            let told = socket.hear().await;
            assert_eq!(told["type"], kind, "{told}");
            if kind == "next" {
                assert_eq!(told["payload"]["data"], json!(null), "{told}");
                socket.expect(json!({"id": "w", "type": "complete"})).await;
            }
        }
    }
}

#[tokio::test]
async fn whoever_waited_for_others_and_lost_their_seat_meanwhile_is_shown_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = room(&ada, &["bob"], &[]).await;
    let sent = ada.say(Some(&room), "one").await;
    let query = "subscription Watch($id: ID!) { sessionEvents(sessionId: $id) {
        __typename
        ... on MessageChanged { message { content session { chatbots { handle } } } }
        ... on FeedEnded { reason }
    } }";
    let mut socket = RawSocket::acknowledged(app.url(), Some(bob.token())).await;
    begin(&mut socket, "1", "Watch", query, json!({ "id": room })).await;
    assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
    app.followed_by(&room, Some(1)).await;

    // What is shown with the event can't be read for a while, in which bob is removed and nobody hears of it.
    let database = app.database();
    let mut conn = database.connect().await;
    conn.batch_execute("begin; lock table session_chatbots in access exclusive mode")
        .await
        .unwrap();
    let edit = "mutation ($id: ID!) { editMessage(id: $id, content: \"two\") { content } }";
    let id = sent["message"]["id"].clone();
    ada.ask(edit, json!({ "id": id })).await.data();
    database.until_waiting(1).await;
    conn.batch_execute(
        "select pg_sleep(0.3); \
         delete from members using users where users.id = user_id and username = 'bob'; commit",
    )
    .await
    .unwrap();
    // What is in no log has the seats looked up.
    for typing in [true, false].into_iter().cycle() {
        let say =
            "mutation ($id: ID!, $typing: Boolean!) { setTyping(sessionId: $id, typing: $typing) }";
        let variables = json!({"id": room, "typing": typing});
        ada.ask(say, variables).await.data();
        let (_, event) = next(&mut socket).await;
        match event["__typename"].as_str().unwrap() {
            "TypingChanged" => {}
            "FeedEnded" => return assert_eq!(event["reason"], "REMOVED"),
            _ => panic!("shown behind the removal: {event}"),
        }
    }
}
