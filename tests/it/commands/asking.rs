//! Giving a command: who may, who answers, who hears of it, and that it is kept nowhere.

use serde_json::{Value, json};

use super::quotes_api::{QuotesApi, quote};
use super::support::{WAIT, content, failure, give, send, start};
use crate::helpers::{TestApp, TestDatabase};
use crate::replies::support::chat;

#[tokio::test]
async fn the_answer_comes_to_whoever_waits_and_whoever_watches_and_is_kept_nowhere() {
    // A price and a symbol that stand nowhere else.
    let script = vec![vec![quote("CANARY.US", "718.281828")]];
    let api = QuotesApi::start([("CANARY.US".to_owned(), script)]).await;
    let app = start(&api).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let mut watch = ada.watch(&session, None).await;
    let mut finished = ada.watch_finished(&session, None).await;
    watch.caught_up().await;
    let before = app.database().contents().await;

    for command in ["/stock=canary.us", "/stock CANARY.US"] {
        let reply = give(&ada, &session, command).await;
        let argument = reply["argument"].as_str().unwrap();
        assert!(argument.eq_ignore_ascii_case("CANARY.US"));
        assert_eq!(
            [
                &reply["command"],
                &reply["status"],
                &reply["chatbot"]["handle"]
            ],
            ["stock", "COMPLETE", "parlor"]
        );
        assert_eq!(
            reply["content"],
            "CANARY.US quote is $718.281828 per share."
        );
        assert_eq!(reply["failure"], Value::Null);
        let told = watch.expect("CommandReplied").await;
        assert_eq!(told["reply"], reply);
    }
    assert_eq!(
        api.asked(),
        ["CANARY.US"],
        "a quote is good for some seconds"
    );

    // Without waiting it is pending, and told all the same.
    let input = json!({"sessionId": session, "content": "/day_range=CANARY.US"});
    let sent = send(&ada, input).await.data()["sendMessage"].take();
    let pending = &sent["commandReply"];
    assert_eq!([&pending["status"], &pending["content"]], ["PENDING", ""]);
    let told = watch.expect("CommandReplied").await["reply"].take();
    assert_eq!(
        [&told["id"], &told["status"]],
        [&pending["id"], &json!("COMPLETE")]
    );
    let range = "CANARY.US day's low quote is $182.13 and day's high quote is $185.09.";
    assert_eq!(told["content"], range);

    let after = app.database().contents().await;
    assert_eq!(after, before);
    let dump = after.join("\n").to_lowercase();
    for trace in ["canary", "718.28", "/stock", "day_range"] {
        assert!(!dump.contains(trace), "{trace} is stored");
    }
    assert!(ada.history(&session).await.is_empty());
    // There is nothing to go back to: who comes with a cursor sees messages only, and so do those who watch
    // for finished ones.
    ada.say(Some(&session), "thanks").await;
    let mut late = ada
        .watch(&session, sent["session"]["cursor"].as_str())
        .await;
    assert_eq!(
        late.expect("MessageAdded").await["message"]["content"],
        "thanks"
    );
    assert_eq!(finished.next().await["content"], "thanks");
}

#[tokio::test]
async fn help_lists_the_commands_that_the_server_tells_of() {
    let api = QuotesApi::start([]).await;
    let app = start(&api).await;
    let info = app
        .nobody()
        .ask(
            "{ serverInfo { commands { name usage description } } }",
            json!({}),
        )
        .await
        .data();
    let commands = info["serverInfo"]["commands"].as_array().unwrap();
    let lines = commands.iter().map(|command| {
        let [usage, description] = [&command["usage"], &command["description"]];
        format!(
            "{}: {}",
            usage.as_str().unwrap(),
            description.as_str().unwrap()
        )
    });
    let lines: Vec<String> = lines.collect();
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let help = content(&ada, &session, "/help").await;
    assert_eq!(help, lines.join("\n"));
    insta::assert_snapshot!(help, @r"
    /help: Lists the commands.
    /stock=AAPL.US: Tells the last price of a share, by its symbol.
    /day_range=AAPL.US: Tells a share's lowest and highest price of the day, by its symbol.
    ");
    assert_eq!(api.asked(), [] as [&str; 0]);
}

#[tokio::test]
async fn an_unknown_command_fails_in_words_and_other_texts_are_messages() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    for command in ["/shrug", "/stok=AAPL.US", "/usr is a folder"] {
        let words = failure(&ada, &session, command).await;
        assert!(words.starts_with("There is no command /"), "{words}");
        assert!(words.contains("/help"), "{words}");
    }
    let texts = [
        "/ hello",
        "//x",
        "/usr/bin is a path",
        " /help",
        "/2",
        "and /help",
    ];
    for text in texts {
        let sent = ada.say(Some(&session), text).await;
        assert_eq!(sent["message"]["content"], text);
    }
    let stored = ada.history(&session).await;
    let stored: Vec<&Value> = stored.iter().map(|message| &message["content"]).collect();
    assert_eq!(stored, texts);
    let long = format!("/stock {}", "A".repeat(1024));
    let input = json!({"sessionId": session, "content": long});
    send(&ada, input)
        .await
        .expect_error("BAD_USER_INPUT", Some("content"));
}

#[tokio::test]
async fn who_has_no_seat_can_give_no_command_there() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let session = chat(&ada).await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    let give = "mutation ($id: ID!) {
        sendMessage(input: {sessionId: $id, content: \"/help\"}) { session { id } }
    }";
    let refused = bob.ask_for_text(give, json!({ "id": session })).await;
    let unknown = parlor::domain::SessionId::new();
    let unknown = parlor::domain::NodeId::Session(unknown).encode();
    let missing = bob.ask_for_text(give, json!({ "id": unknown })).await;
    assert_eq!(refused, missing);
    assert!(refused.contains("NOT_FOUND"), "{refused}");
    send(
        &app.nobody(),
        json!({"sessionId": session, "content": "/help"}),
    )
    .await
    .expect_error("UNAUTHENTICATED", None);
    // Nobody heard anything of it.
    ada.say(Some(&session), "hello").await;
    watch.expect("MessageAdded").await;
}

#[tokio::test]
async fn the_sessions_first_chatbot_answers_and_that_of_the_house_where_there_is_none() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let made = "mutation { createChatbot(input: {handle: \"tea-bot\"}) { id } }";
    ada.ask(made, json!({})).await.data();
    let start =
        "mutation ($chatbots: [String!]) { startSession(input: {chatbots: $chatbots}) { id } }";
    for (chatbots, answers) in [
        (json!(["tea-bot", "parlor"]), "tea-bot"),
        (json!(["parlor", "tea-bot"]), "parlor"),
        (json!([]), "parlor"),
    ] {
        let started = ada.ask(start, json!({ "chatbots": chatbots })).await.data();
        let session = started["startSession"]["id"].as_str().unwrap();
        // A person has taken over: no chatbot says anything, but a command is the person's own.
        let pause = "mutation ($id: ID!) {
            updateSession(id: $id, input: {chatbotsPaused: true}) { id }
        }";
        for is_paused in [false, true] {
            if is_paused {
                ada.ask(pause, json!({ "id": session })).await.data();
            }
            let reply = give(&ada, session, "/help").await;
            assert_eq!(reply["chatbot"]["handle"], answers, "{chatbots}");
        }
        assert!(ada.history(session).await.is_empty());
    }
}

#[tokio::test]
async fn nothing_is_found_under_a_commands_id() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let reply = give(&ada, &session, "/help").await;
    ada.ask(
        "query ($id: ID!) { node(id: $id) { id } }",
        json!({"id": reply["id"]}),
    )
    .await
    .expect_error("NOT_FOUND", None);
    ada.ask(
        "query ($id: ID!) { session(id: $id) { id } }",
        json!({"id": reply["id"]}),
    )
    .await
    .expect_error("BAD_USER_INPUT", Some("id"));
}

#[tokio::test]
async fn commands_count_as_sends() {
    let app =
        super::support::start_with(&[("PARLOR_RATE_LIMITS", "on"), ("PARLOR_RATE_SEND", "3/1h")])
            .await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    give(&ada, &session, "/help").await;
    let input = json!({"sessionId": session, "content": "/help", "waitMs": WAIT});
    send(&ada, input.clone()).await.data();
    send(&ada, input).await.expect_error("RATE_LIMITED", None);
}

#[tokio::test]
async fn as_many_wait_for_commands_as_for_replies() {
    let api = QuotesApi::start([(
        "SLOW".to_owned(),
        vec![vec![crate::model_server::upstream::Step::Hang]],
    )])
    .await;
    let app = super::support::start_with(&[
        ("PARLOR_MAX_WAITS_PER_PERSON", "1"),
        ("PARLOR_QUOTES_URL", &api.url()),
    ])
    .await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let slow = json!({"sessionId": session, "content": "/stock=SLOW", "waitMs": WAIT});
    let (person, input) = (ada.clone(), slow.clone());
    let first = tokio::spawn(async move { send(&person, input).await.data() });
    api.until_asked("SLOW").await;
    send(&ada, slow).await.expect_error("RATE_LIMITED", None);
    assert_eq!(
        first.await.unwrap()["sendMessage"]["commandReply"]["status"],
        "FAILED"
    );
}

#[tokio::test]
async fn a_command_without_a_session_starts_one_as_a_message_does() {
    let app = TestApp::start_on(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let input = json!({"content": "/help", "clientKey": "first", "waitMs": WAIT});
    let first = send(&ada, input.clone()).await.data();
    let again = send(&ada, input).await.data();
    assert_eq!(first, again);
    let session = first["sendMessage"]["session"]["id"].as_str().unwrap();
    let listed = ada
        .ask("{ sessions { nodes { id } } }", json!({}))
        .await
        .data();
    assert_eq!(listed["sessions"]["nodes"], json!([{ "id": session }]));
    assert!(ada.history(session).await.is_empty());
}
