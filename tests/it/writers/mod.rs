//! Sends that are written together, each of them answered as if it were alone.

mod costs;
mod faults;
mod mixed;

use std::net::IpAddr;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parlor::app::App;
use parlor::domain::{ClientAddress, NodeId, SessionId, Viewer};
use parlor::error::AppResult;
use parlor::services::logins;
use parlor::services::messages::{self, Delivery, Draft, Sent};

use crate::helpers::{Person, TestApp, TestDatabase};

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

async fn viewer(app: &TestApp, person: &Person) -> Viewer {
    logins::identify(app.app(), person.token()).await.unwrap()
}

fn id(session: &str) -> SessionId {
    match NodeId::decode(session) {
        Some(NodeId::Session(id)) => id,
        _ => panic!("no session's id: {session}"),
    }
}

/// Sends, without the way through HTTP and the look at the login.
fn send<'a>(
    app: &'a App,
    who: &'a Viewer,
    session: Option<SessionId>,
    content: &'a str,
    key: Option<&'a str>,
) -> BoxFuture<'a, AppResult<Sent>> {
    let draft = Draft {
        session,
        content: content.to_owned(),
        client_key: key.map(str::to_owned),
    };
    let from = ClientAddress::of(IpAddr::from([127, 0, 0, 1]));
    // Large, and many of them are handed on.
    let sent = async move {
        match messages::send(app, from, who, draft).await? {
            Delivery::Message(sent) => Ok(*sent),
            Delivery::Command(_) => panic!("not a command"),
        }
    };
    sent.boxed()
}

/// Runs sends that are all in their lanes before any of them is written.
async fn together<T>(app: &TestApp, sends: impl IntoIterator<Item: Future<Output = T>>) -> Vec<T> {
    let db = app.app().db();
    // All there are.
    let held = join_all((0..8).map(|_| db.connection())).await;
    let mut all = Box::pin(join_all(sends));
    assert!(all.as_mut().now_or_never().is_none());
    drop(held);
    all.await
}

/// What is wrong with the numbers of all logs: how many sessions have a hole, and how many messages came twice.
const FAULTS: &str = "select concat_ws(' ',
        (select count(*) from sessions s
         where last_seq <> (select count(*) from messages where session_id = s.id)
            or last_seq <> (select coalesce(max(seq), 0) from messages where session_id = s.id)
            or rev < (select coalesce(max(rev), 0) from messages where session_id = s.id)),
        (select count(*) - count(distinct (session_id, content)) from messages
         where user_id is not null))";
