//! Coming back: what changed meanwhile is told, wherever one comes back to, and in whatever order it was committed.

use diesel_async::SimpleAsyncConnection;
use parlor::services::logins;
use serde_json::json;

use super::{View, db_invite, quiet_app, text};
use crate::helpers::{TwoServers, session_id};

#[tokio::test]
async fn what_happened_meanwhile_is_told_on_another_server() {
    let two = TwoServers::start().await;
    let (ada, bob) = (two.one.person("ada").await, two.one.person("bob").await);
    let with_bob = |title: &str| json!({"title": title, "usernames": ["bob"], "chatbots": []});
    let mut sessions = Vec::new();
    for title in [
        "same", "said", "read", "removed", "erased", "left", "renamed",
    ] {
        let session = ada.start(with_bob(title)).await;
        ada.say(Some(&session), "hello").await;
        sessions.push(session);
    }
    let [same, said, read, removed, erased, left, renamed] = sessions.as_slice() else {
        unreachable!()
    };
    let (mut view, watch) = bob.inbox().await;
    // Comes up to date first, so that only what happens from here on has to be told.
    drop(watch);
    drop(bob.at(&two.other).back_in(&mut view).await);

    ada.say(Some(said), "more").await;
    bob.read(read, 1).await.data();
    ada.remove(removed, "bob").await.data();
    ada.erase(erased).await.data();
    bob.leave(left).await.data();
    ada.change(renamed, json!({"title": "new"})).await.data();
    let added = ada.start(with_bob("added")).await;
    let brief = ada.start(with_bob("brief")).await;
    ada.erase(&brief).await.data();

    let mut watch = bob.at(&two.other).watch_inbox(view.cursor.as_deref()).await;
    let mut told = Vec::new();
    loop {
        let event = watch.next().await;
        if view.take(&event) {
            break;
        }
        let kind = text(&event["__typename"]);
        let session = event["session"]["id"]
            .as_str()
            .or(event["sessionId"].as_str());
        told.push((session.unwrap().to_owned(), kind));
    }
    assert_eq!(view.sessions, bob.listed().await);
    let kind = |session: &str| {
        let of: Vec<&str> = told
            .iter()
            .filter(|(told, _)| told == session)
            .map(|(_, kind)| kind.as_str())
            .collect();
        of.join(" ")
    };
    for session in [said, read, renamed] {
        assert_eq!(kind(session), "SessionUpdated");
    }
    for session in [removed, erased, left, &brief] {
        assert_eq!(kind(session), "SessionRemoved");
    }
    assert_eq!(kind(&added), "SessionAdded");
    // Other tests' transactions hold back what counts as over; it may be told again.
    assert!(
        ["", "SessionAdded"].contains(&kind(same).as_str()),
        "{told:?}"
    );

    // And it goes on.
    ada.at(&two.one).say(Some(same), "and on").await;
    let sessions = bob.listed().await;
    view.becomes(&mut watch, &sessions).await;
}

#[tokio::test]
async fn a_change_that_commits_behind_a_later_one_is_told_to_who_has_come_past_that() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let early = ada
        .start(json!({"title": "early", "usernames": ["bob"], "chatbots": []}))
        .await;
    let late = ada
        .start(json!({"title": "late", "usernames": ["bob"], "chatbots": []}))
        .await;
    let (mut view, watch) = bob.inbox().await;
    drop(watch);

    // It has its number, and commits long after others with later ones.
    let mut slow = app.database().connect().await;
    let id = session_id(&early);
    let change = format!(
        "begin; update sessions set title = 'changed', rev = rev + 1, details_rev = rev + 1 where id = '{id}'"
    );
    slow.batch_execute(&change).await.unwrap();
    for n in 0..5 {
        ada.say(Some(&late), &format!("{n}")).await;
        drop(bob.back_in(&mut view).await);
    }
    assert_eq!(view.sessions[&late]["lastMessage"]["seq"], 5);
    assert_eq!(view.sessions[&early]["title"], "early");
    slow.batch_execute("commit").await.unwrap();
    drop(bob.back_in(&mut view).await);
    assert_eq!(view.sessions[&early]["title"], "changed");

    // The other way round: a session whose number falls, because an older transaction changes it last.
    let older = "begin; select pg_current_xact_id()";
    slow.batch_execute(older).await.unwrap();
    ada.change(&late, json!({"title": "by a later one"}))
        .await
        .data();
    drop(bob.back_in(&mut view).await);
    let id = session_id(&late);
    let change = format!(
        "update sessions set title = 'by an older one', rev = rev + 1, details_rev = rev + 1 where id = '{id}'; commit"
    );
    slow.batch_execute(&change).await.unwrap();
    drop(bob.back_in(&mut view).await);
    assert_eq!(view.sessions[&late]["title"], "by an older one");
    assert_eq!(view.sessions, bob.listed().await);
}

#[tokio::test]
async fn who_is_cut_off_again_and_again_gets_through_thousands_of_changes() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (mut view, watch) = bob.inbox().await;
    drop(watch);
    db_invite(&app, "ada", "bob", 1_300).await;
    // Half of them changed by one and the same transaction.
    let half = "update sessions set rev = rev + 1, details_rev = rev + 1, title = 'changed' \
                where id in (select id from sessions order by id limit 650)";
    app.database().execute(half).await;
    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut watch = bob.watch_inbox(view.cursor.as_deref()).await;
        let mut caught_up = false;
        for _ in 0..800 {
            caught_up = view.take(&watch.next().await);
            if caught_up {
                break;
            }
        }
        if caught_up {
            break;
        }
    }
    assert!((2..10).contains(&rounds), "{rounds} rounds");
    assert_eq!(view.sessions.len(), 1_300);
    assert_eq!(view.sessions, bob.listed().await);
    drop(ada);
}

#[tokio::test]
async fn numbers_of_another_cluster_do_not_look_like_changes() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let tea = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    let gone = ada
        .start(json!({"usernames": ["bob"], "chatbots": []}))
        .await;
    bob.leave(&gone).await.data();
    // As a dump brings them from a cluster that has counted further.
    let far = (1_u64 << 40).to_string();
    let sql = format!(
        "alter table sessions disable trigger user; \
         update sessions set changed_in = {far}; alter table sessions enable trigger user; \
         update members set joined_in = {far}, read_in = {far}; update departures set left_in = {far}"
    );
    app.database().execute(&sql).await;
    let (mut view, watch) = bob.inbox().await;
    drop(watch);
    let mut watch = bob.watch_inbox(view.cursor.as_deref()).await;
    assert!(view.take(&watch.next().await));
    // Each kind of change is found among them.
    drop(watch);
    for n in 1..=2 {
        ada.say(Some(&tea), "hello").await;
        drop(bob.back_in(&mut view).await);
        assert_eq!(view.sessions[&tea]["unreadCount"], n);
    }
    app.database()
        .execute(&format!(
            "alter table sessions disable trigger user; update sessions set changed_in = {far}"
        ))
        .await;
    bob.read(&tea, 2).await.data();
    drop(bob.back_in(&mut view).await);
    assert_eq!(view.sessions[&tea]["unreadCount"], 0);
    bob.leave(&tea).await.data();
    drop(bob.back_in(&mut view).await);
    assert_eq!(
        view,
        View {
            cursor: view.cursor.clone(),
            ..View::default()
        }
    );
}

#[tokio::test]
async fn a_cursor_never_passes_a_number_that_a_crash_could_give_out_again() {
    let app = quiet_app().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let input = json!({"usernames": ["bob"], "chatbots": []});
    let tea = ada.start(input.clone()).await;
    let viewer = logins::identify(app.app(), bob.token()).await.unwrap();
    let me = viewer.person().unwrap().user;
    let horizon = |view: &View| {
        let (app, cursor) = (app.app(), view.cursor.as_deref().unwrap());
        let horizon = app.open_inbox_cursor(app.epoch(), me, cursor).unwrap();
        horizon.0
    };
    // Numbers that leave nothing behind.
    let burn = "do $$ begin for n in 1..50 loop \
                begin perform pg_current_xact_id(); raise 'nothing'; exception when others then end; \
                end loop; end $$; \
                begin; select pg_current_xact_id(); rollback; begin; select pg_current_xact_id(); rollback";
    let newest = "select max(changed_in) from sessions";
    let (mut view, watch) = bob.inbox().await;
    drop(watch);
    for change in 0..3 {
        app.database().execute(burn).await;
        let newest = app.database().value(newest).await.as_i64().unwrap();
        drop(bob.back_in(&mut view).await);
        assert!(horizon(&view) <= newest + 1);
        let (fresh, _watch) = bob.inbox().await;
        assert!(horizon(&fresh) <= newest + 1);
        ada.change(&tea, json!({"title": format!("{change}")}))
            .await
            .data();
    }
    drop(bob.back_in(&mut view).await);
    assert_eq!(view.sessions, bob.listed().await);
    ada.start(input).await;
    drop(bob.back_in(&mut view).await);
    assert_eq!(view.sessions, bob.listed().await);
}
