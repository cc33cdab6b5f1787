//! Links to what is downloaded.

use async_graphql::{Enum, Object};
use chrono::{DateTime, Utc};

use crate::domain;
use crate::services::downloads::Link;

/// How a transcript is written.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::TranscriptFormat")]
pub enum TranscriptFormat {
    /// For people: who said what and when, the words quoted.
    Markdown,
    /// For programs: one object with `session` and `messages`.
    Json,
}

/// A link to a download.
pub struct Download(Link);

impl From<Link> for Download {
    fn from(link: Link) -> Self {
        Self(link)
    }
}

/// A link to a download, of any length. Whoever has the link can follow it, without a token, until it expires or
/// you sign out: keep it to yourself. Two of yours may be under way at once. One that breaks off before its end
/// does so in the middle of its transfer, which clients report as an error.
#[Object]
impl Download {
    /// Where it is, on this server: a path that begins with `/downloads/`.
    async fn url(&self) -> String {
        format!("/downloads/{}", self.0.token)
    }

    /// When the link stops being good: after five minutes. A download that has begun goes on.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }
}
