//! What goes wrong with one send, and what goes wrong with all of them.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use parlor::app::App;
use parlor::domain::{SessionId, Viewer};
use parlor::services::messages::Sent;
use serde_json::json;
use tokio::sync::watch;

use super::{FAULTS, id, quiet_app, send, together, viewer};

/// Sends as a client does: again with the same key until there is an answer.
async fn insist(app: &App, who: &Viewer, session: SessionId, content: &str) -> Sent {
    loop {
        match send(app, who, Some(session), content, Some(content)).await {
            Ok(sent) => return sent,
            Err(error) => assert_eq!(error.code(), "UNAVAILABLE", "{error:?}"),
        }
    }
}

#[tokio::test]
async fn what_the_database_refuses_of_one_fails_nobody_else() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let her = viewer(&app, &ada).await;
    let sessions = join_all((0..10).map(|_| ada.quiet_session())).await;
    app.database()
        .execute(
            "create function refuse() returns trigger language plpgsql as $$
             begin
                 if new.content = 'poison' then raise exception 'as planned'; end if;
                 return new;
             end $$;
             create trigger refuse before insert on messages for each row execute function refuse();",
        )
        .await;
    let contents: Vec<String> = (0..60)
        .map(|number| match number % 20 {
            7 => "poison".to_owned(),
            _ => format!("message {number}"),
        })
        .collect();
    let sends = contents.iter().zip(sessions.iter().cycle());
    let sends =
        sends.map(|(content, session)| send(app.app(), &her, Some(id(session)), content, None));
    let answers = together(&app, sends).await;
    for (content, answer) in contents.iter().zip(answers) {
        match (content.as_str(), answer) {
            ("poison", Err(error)) => assert_eq!(error.code(), "INTERNAL"),
            (content, Ok(sent)) => assert_eq!(sent.message.content, content),
            (content, Err(error)) => panic!("{content}: {error:?}"),
        }
    }
    assert_eq!(app.database().value(FAULTS).await, "0 0");
    let stored = app.database().value("select count(*) from messages").await;
    assert_eq!(stored, 57);
    // The session of the poison is as good as any.
    ada.say(Some(&sessions[7]), "hello").await;
}

#[tokio::test]
async fn a_session_that_is_locked_holds_up_no_other() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let her = viewer(&app, &ada).await;
    let sessions = join_all((0..20).map(|_| ada.quiet_session())).await;
    let (locked, others) = sessions.split_first().unwrap();
    let mut holder = app.database().connect().await;
    let lock = format!(
        "begin; select from sessions where id = '{}' for update",
        id(locked).0
    );
    holder.batch_execute(&lock).await.unwrap();

    let is_answered = AtomicBool::new(false);
    let say = async |session: &str, number: usize| {
        let content = format!("message {number}");
        insist(app.app(), &her, id(session), &content).await
    };
    let waiting = async {
        let sent = join_all((0..5).map(|number| say(locked, number))).await;
        is_answered.store(true, Ordering::Relaxed);
        sent
    };
    let rest = async {
        join_all(others.iter().map(|session| say(session, 0))).await;
        assert!(!is_answered.load(Ordering::Relaxed));
        holder.batch_execute("rollback").await.unwrap();
    };
    let (sent, ()) = tokio::join!(waiting, rest);
    let mut seqs: Vec<i32> = sent.iter().map(|sent| sent.message.seq.0).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert_eq!(app.database().value(FAULTS).await, "0 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_lose_and_repeat_nothing() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let her = viewer(&app, &ada).await;
    let sessions = join_all((0..12).map(|_| ada.quiet_session())).await;
    let answered = watch::Sender::new(0);
    let load = join_all(sessions.iter().map(async |session| {
        for number in 0..40 {
            insist(app.app(), &her, id(session), &format!("message {number}")).await;
            answered.send_modify(|count| *count += 1);
        }
    }));
    let breaks = async {
        let mut heard = answered.subscribe();
        for next in (0..480).step_by(40) {
            heard.wait_for(|count| *count > next).await.unwrap();
            app.database().cut_everyone_off().await;
        }
    };
    tokio::join!(load, breaks);
    assert_eq!(app.database().value(FAULTS).await, "0 0");
    let stored = app.database().value("select count(*) from messages").await;
    assert_eq!(stored, 480);
}

#[tokio::test]
async fn what_was_acknowledged_before_a_stop_is_stored_once() {
    let app = quiet_app().await;
    let ada = app.person("ada").await;
    let sessions = join_all((0..16).map(|_| ada.quiet_session())).await;
    let acknowledged = join_all(sessions.iter().map(async |session| {
        let mut count = 0_usize;
        loop {
            let input = json!({"sessionId": session, "content": format!("message {count}")});
            // Until the server takes no more.
            let Some(answer) = ada.try_send(input).await else {
                return count;
            };
            if answer.0.get("errors").is_some() {
                return count;
            }
            count += 1;
            if count == 10 {
                app.app().stopping().cancel();
            }
        }
    }))
    .await;
    app.app().tasks().close();
    app.app().tasks().wait().await;
    assert!(acknowledged.iter().sum::<usize>() >= 16, "{acknowledged:?}");
    assert_eq!(app.database().value(FAULTS).await, "0 0");
    for (session, count) in sessions.iter().zip(acknowledged) {
        let stored = format!(
            "select count(*) from messages where session_id = '{}'",
            id(session).0
        );
        let stored = app.database().value(&stored).await.as_u64().unwrap() as usize;
        // The last one may have been stored without a word.
        assert!((count..=count + 1).contains(&stored), "{stored} of {count}");
    }
}
