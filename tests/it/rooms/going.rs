//! How people go from a session, and what is left of it.

use serde_json::{Value, json};

use crate::helpers::{TestApp, TestDatabase};

#[tokio::test]
async fn a_session_without_its_owner_is_its_longest_members() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    let room = ada.open("Tea").await;
    carol.join(&room).await.data();
    bob.join(&room).await.data();
    let mut feed = bob.watch(&room, None).await;
    feed.caught_up().await;

    assert_eq!(ada.leave(&room).await.data()["leaveSession"], true);
    feed.expect("SessionChanged").await;
    assert_eq!(bob.people(&room).await, ["carol*", "bob"]);
    ada.leave(&room).await.expect_error("NOT_FOUND", None);
    carol.remove(&room, "bob").await.data();
    feed.expect_end("REMOVED", false).await;
    // Who left may come back, as a member like others.
    ada.join(&room).await.data();
    assert_eq!(ada.people(&room).await, ["carol*", "ada"]);
    ada.erase(&room).await.expect_error("FORBIDDEN", None);
}

#[tokio::test]
async fn the_last_one_out_erases_the_session() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let before = app.database().contents().await;
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    ada.say(Some(&room), "hello").await;
    ada.leave(&room).await.data();
    assert_eq!(bob.rooms().await, ["Tea"]);
    bob.leave(&room).await.data();
    assert_eq!(bob.rooms().await, [""; 0]);
    assert_eq!(app.database().contents().await, before);
}

#[tokio::test]
async fn a_removed_member_finds_no_session_until_its_owner_adds_them() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.open("Tea").await;
    bob.join(&room).await.data();
    bob.remove(&room, "ada")
        .await
        .expect_error("FORBIDDEN", None);
    let itself = ada.remove(&room, "ada").await;
    itself.expect_error("BAD_USER_INPUT", Some("username"));
    for nobody in ["carol", "deleted-account"] {
        let refused = ada.remove(&room, nobody).await;
        refused.expect_error("NOT_FOUND", None);
    }
    ada.remove(&room, "bob").await.data();
    // A try that was answered late changes nothing.
    let stored = app.database().contents().await;
    ada.remove(&room, "bob").await.data();

    assert_eq!(bob.rooms().await, [""; 0]);
    let session = "query ($id: ID!) { session(id: $id) { id } }";
    let theirs = bob.ask_for_text(session, json!({ "id": room })).await;
    let gone = parlor::domain::NodeId::Session(parlor::domain::SessionId::new()).encode();
    assert_eq!(
        bob.ask_for_text(session, json!({ "id": gone })).await,
        theirs
    );
    bob.join(&room).await.expect_error("NOT_FOUND", None);
    let sent = bob.send(json!({"sessionId": room, "content": "x"})).await;
    sent.expect_error("NOT_FOUND", None);
    let listed = bob.ask("{ sessions { nodes { id } } }", json!({})).await;
    assert_eq!(listed.data()["sessions"]["nodes"], json!([]));
    assert_eq!(app.database().contents().await, stored);

    ada.say(Some(&room), "without bob").await;
    ada.add(&room, "bob").await.data();
    assert_eq!(bob.history(&room).await.len(), 1);
    bob.leave(&room).await.data();
    // Forgiven: they may come and go as they like.
    bob.join(&room).await.data();
}

#[tokio::test]
async fn a_deleted_session_is_gone_for_everyone_and_for_good() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    // One that a send began, which may be sent again later.
    let first = json!({"content": "hello", "clientKey": "once"});
    let sent = ada.send(first.clone()).await.data()["sendMessage"].take();
    let session = sent["session"]["id"].as_str().unwrap();
    let cursor = sent["session"]["cursor"].as_str();
    ada.add(session, "bob").await.data();
    let mut of_ada = ada.watch(session, None).await;
    let mut of_bob = bob.watch_finished(session, None).await;
    of_ada.caught_up().await;
    app.followed_by(session, Some(2)).await;

    bob.erase(session).await.expect_error("FORBIDDEN", None);
    assert_eq!(ada.erase(session).await.data()["deleteSession"], true);
    of_ada.expect_end("SESSION_DELETED", false).await;
    assert_eq!(of_bob.error().await["code"], "NOT_FOUND");
    ada.erase(session).await.expect_error("NOT_FOUND", None);
    let left = app.database().value("select count(*) from messages").await;
    assert_eq!(left, 0);
    // A late retry must not begin another history under the same id.
    ada.send(first).await.expect_error("NOT_FOUND", None);
    let error = ada.watch(session, cursor).await.error().await;
    assert_eq!(error["code"], "NOT_FOUND");
}

#[tokio::test]
async fn a_session_deleted_while_it_is_sent_to_keeps_nothing() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    for round in 0..50 {
        let first = json!({"content": "hello", "clientKey": format!("key-{round}")});
        let sent = ada.send(first.clone()).await.data();
        let session = sent["sendMessage"]["session"]["id"].as_str().unwrap();
        let more = json!({"sessionId": session, "content": "more"});
        let (again, more, erased) =
            tokio::join!(ada.send(first), ada.send(more), ada.erase(session));
        erased.data();
        for answer in [again, more] {
            let code = &answer.0["errors"][0]["extensions"]["code"];
            assert!(code.is_null() || code == "NOT_FOUND", "{}", answer.0);
        }
    }
    let left = app.database().value("select count(*) from sessions").await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn ones_own_words_stay_ones_own_where_one_has_left_and_nothing_else_does() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let [left, removed, erased] = ["left", "removed", "erased"].map(|how| format!("a room {how}"));
    let mut rooms = Vec::new();
    for title in [&left, &removed, &erased] {
        let room = bob.open(title).await;
        ada.join(&room).await.data();
        ada.say(Some(&room), &format!("said in {title}")).await;
        bob.say(Some(&room), "a canary of Bob's").await;
        rooms.push(room);
    }
    ada.say(Some(&rooms[0]), "and once more").await;
    ada.leave(&rooms[0]).await.data();
    bob.remove(&rooms[1], "ada").await.data();
    bob.erase(&rooms[2]).await.data();
    bob.say(Some(&rooms[0]), "a canary behind Ada's back").await;

    let link = ada
        .ask("mutation { exportMyData { url } }", json!({}))
        .await
        .data();
    let link = link["exportMyData"]["url"].as_str().unwrap();
    let data = reqwest::get(format!("{}{link}", app.url())).await.unwrap();
    let data = data.text().await.unwrap();
    assert!(
        !data.contains("canary") && !data.contains("\"a room"),
        "{data}"
    );
    let lines = data
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (said, others): (Vec<_>, Vec<_>) = lines.partition(|line| line["type"] == "message");
    let mut said: Vec<_> = said
        .iter()
        .map(|it| it["content"].as_str().unwrap())
        .collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "and once more",
            "said in a room left",
            "said in a room removed"
        ]
    );
    assert!(
        others.iter().all(|line| line["type"] != "session"),
        "{others:?}"
    );
}
