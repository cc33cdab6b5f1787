//! What Parlor's answers look like, for the ceilings to give the same bytes.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::names;

/// The replay is over.
pub const CAUGHT_UP: &str = r#"{"id":"1","type":"next","payload":{"data":{"sessionEvents":{"__typename":"CaughtUp","cursor":"0"}}}}"#;

/// A message with its author.
pub struct Message<'a> {
    pub session: Uuid,
    pub seq: i32,
    pub rev: i64,
    pub content: &'a str,
    pub status: &'a str,
    pub created_at: DateTime<Utc>,
    pub author: Uuid,
    pub author_name: &'a str,
}

impl Message<'_> {
    /// The object that a client's document asks for.
    pub fn write(&self, to: &mut String) {
        // Writing to a string can't fail, and neither can making JSON of one.
        let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let _ = write!(
            to,
            r#"{{"id":"{}","seq":{},"content":{},"status":"{}","createdAt":"{}","author":{{"__typename":"User","id":"{}","displayName":{}}}}}"#,
            names::message_node_id(self.session, self.seq),
            self.seq,
            text(self.content),
            self.status,
            self.created_at.to_rfc3339(),
            names::user_node_id(self.author),
            text(self.author_name),
        );
    }

    /// The event of its birth, as it travels to a subscriber.
    pub fn added(&self) -> String {
        let mut frame = String::with_capacity(512);
        // A cursor of Parlor's is sealed; this one is the bare place, of the same length.
        let _ = write!(
            frame,
            r#"{{"id":"1","type":"next","payload":{{"data":{{"sessionEvents":{{"__typename":"MessageAdded","cursor":"{:080}","message":"#,
            self.rev
        );
        self.write(&mut frame);
        frame.push_str("}}}}");
        frame
    }
}

/// The event of a reply's end.
pub fn ended(id: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap_or_default();
    format!(
        r#"{{"id":"1","type":"next","payload":{{"data":{{"sessionEvents":{{"__typename":"MessageChanged","cursor":"{:080}","message":{{"id":"{id}","status":"COMPLETE","content":{text}}}}}}}}}}}"#,
        0
    )
}
