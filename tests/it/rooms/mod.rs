//! Sessions of several people: rooms that are open to join, and private ones that others were added to.

mod accounts;
mod answering;
mod coming;
mod erasures;
mod going;
mod hand_over;
mod outside;
mod races;
mod shared;
mod watching;

use serde_json::{Value, json};

use crate::helpers::{Answer, Person};

impl Person {
    /// Starts a session with this whole input; its id.
    pub(crate) async fn start(&self, input: Value) -> String {
        let query = "mutation ($input: StartSessionInput!) { startSession(input: $input) { id } }";
        let started = self.ask(query, json!({ "input": input })).await.data();
        started["startSession"]["id"].as_str().unwrap().to_owned()
    }

    /// Opens a room without chatbots; its id.
    pub(crate) async fn open(&self, title: &str) -> String {
        self.start(json!({"kind": "ROOM", "title": title})).await
    }

    pub(crate) async fn join(&self, room: &str) -> Answer {
        let query = "mutation ($id: ID!) { joinSession(id: $id) { id cursor unreadCount } }";
        self.ask(query, json!({ "id": room })).await
    }

    pub(crate) async fn leave(&self, session: &str) -> Answer {
        let query = "mutation ($id: ID!) { leaveSession(id: $id) }";
        self.ask(query, json!({ "id": session })).await
    }

    pub(crate) async fn erase(&self, session: &str) -> Answer {
        let query = "mutation ($id: ID!) { deleteSession(id: $id) }";
        self.ask(query, json!({ "id": session })).await
    }

    pub(crate) async fn add(&self, session: &str, username: &str) -> Answer {
        let query = "mutation ($id: ID!, $username: String!) {
            addMember(sessionId: $id, username: $username) { id cursor }
        }";
        let who = json!({"id": session, "username": username});
        self.ask(query, who).await
    }

    pub(crate) async fn remove(&self, session: &str, username: &str) -> Answer {
        let query = "mutation ($id: ID!, $username: String!) {
            removeMember(sessionId: $id, username: $username) { id cursor }
        }";
        let who = json!({"id": session, "username": username});
        self.ask(query, who).await
    }

    /// Who is in a session, the longest first, its owner with a star.
    async fn people(&self, session: &str) -> Vec<String> {
        let query =
            "query ($id: ID!) { session(id: $id) { members { isOwner user { username } } } }";
        let mut told = self.ask(query, json!({ "id": session })).await.data();
        let members = told["session"]["members"].take();
        let name = |member: &Value| {
            let star = if member["isOwner"] == true { "*" } else { "" };
            format!("{}{star}", member["user"]["username"].as_str().unwrap())
        };
        members.as_array().unwrap().iter().map(name).collect()
    }

    /// The titles of the rooms there are.
    async fn rooms(&self) -> Vec<String> {
        let told = self.ask("{ rooms { nodes { title } } }", json!({})).await;
        titles(&told.data()["rooms"])
    }

    async fn delete_account_now(&self) {
        let query = "mutation ($password: String!) { deleteAccount(password: $password) }";
        let password = json!({"password": crate::helpers::PASSWORD});
        assert_eq!(
            self.ask(query, password).await.data()["deleteAccount"],
            true
        );
    }
}

fn titles(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array().unwrap();
    let title = |node: &Value| node["title"].as_str().unwrap().to_owned();
    nodes.iter().map(title).collect()
}
