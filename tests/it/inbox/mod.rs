//! The inbox: all of one's sessions over one subscription.

mod away;
mod chance;
mod ending;
mod losses;
mod pace;
mod races;
mod telling;

use std::collections::BTreeMap;

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::helpers::{Answer, Person, TestApp, TestDatabase, Watch};

/// What somebody makes of their inbox: their sessions by id, as they were told last, and where to come back to.
#[derive(Clone, Debug, Default, PartialEq)]
struct View {
    sessions: BTreeMap<String, Value>,
    cursor: Option<String>,
}

impl View {
    /// Takes an event in. Says whether it was the end of the replay.
    fn take(&mut self, event: &Value) -> bool {
        let cursor = event["cursor"].as_str().expect("a place to come back to");
        self.cursor = Some(cursor.to_owned());
        let session = &event["session"];
        match event["__typename"].as_str() {
            Some("SessionAdded" | "SessionUpdated") => {
                self.sessions.insert(text(&session["id"]), session.clone());
            }
            Some("SessionRemoved") => {
                self.sessions.remove(&text(&event["sessionId"]));
            }
            Some("CaughtUp") => return true,
            _ => panic!("{event}"),
        }
        false
    }

    /// Takes in what comes until the replay is over.
    async fn catch_up(&mut self, watch: &mut Watch) {
        while !self.take(&watch.next().await) {}
    }

    /// Takes in what comes until all is as the person's own list says, which must stand still.
    async fn becomes(&mut self, watch: &mut Watch, sessions: &BTreeMap<String, Value>) {
        while self.sessions != *sessions {
            let event = watch.next().await;
            assert!(!self.take(&event), "{event}");
        }
    }
}

impl Person {
    /// All that their own lists hold, as the inbox shows it.
    async fn listed(&self) -> BTreeMap<String, Value> {
        let query = "query ($archived: Boolean!, $after: String) {
            sessions(first: 200, archived: $archived, after: $after) {
                nodes { id title archived chatbotsPaused unreadCount lastMessage { seq content status } }
                pageInfo { hasNextPage endCursor }
            }
        }";
        let mut listed = BTreeMap::new();
        for archived in [false, true] {
            let mut after = Value::Null;
            loop {
                let asked = json!({"archived": archived, "after": after});
                let mut page = self.ask(query, asked).await.data()["sessions"].take();
                for node in page["nodes"].as_array().unwrap() {
                    listed.insert(text(&node["id"]), node.clone());
                }
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = page["pageInfo"]["endCursor"].take();
            }
        }
        listed
    }

    async fn read(&self, session: &str, up_to: i32) -> Answer {
        let query =
            "mutation ($id: ID!, $upTo: Int!) { markRead(sessionId: $id, upTo: $upTo) { id } }";
        self.ask(query, json!({"id": session, "upTo": up_to})).await
    }

    async fn change(&self, session: &str, input: Value) -> Answer {
        let query = "mutation ($id: ID!, $input: SessionInput!) { updateSession(id: $id, input: $input) { id } }";
        self.ask(query, json!({"id": session, "input": input}))
            .await
    }

    /// Opens their inbox from now on.
    async fn inbox(&self) -> (View, Watch) {
        let mut watch = self.watch_inbox(None).await;
        let mut view = View::default();
        view.catch_up(&mut watch).await;
        view.sessions = self.listed().await;
        (view, watch)
    }

    /// Comes back to it.
    async fn back_in(&self, view: &mut View) -> Watch {
        let mut watch = self.watch_inbox(view.cursor.as_deref()).await;
        view.catch_up(&mut watch).await;
        watch
    }
}

async fn quiet_app() -> TestApp {
    TestApp::without_chatbots(TestDatabase::migrated().await).await
}

/// Behind the API: so many sessions of one person that another is in, each by a transaction of its own.
async fn db_invite(app: &TestApp, owner: &str, guest: &str, count: usize) {
    let mut conn = app.database().connect().await;
    let one = format!(
        "with new as ( \
             insert into sessions (id, kind, owner_id) \
             select gen_random_uuid(), 'PRIVATE', id from users where username = '{owner}' \
             returning id) \
         insert into members (session_id, user_id) \
         select new.id, users.id from new, users where username in ('{owner}', '{guest}')"
    );
    for _ in 0..count {
        conn.batch_execute(&one).await.unwrap();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
