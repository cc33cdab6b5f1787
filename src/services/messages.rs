//! Sending a message, the deed that everything else serves.

use aws_lc_rs::digest;

use super::beginning::Venue;
use super::commands::{self, Given};
use super::{under_way, writers};
use crate::app::{App, Care, Deed, Outcome, Sending};
use crate::db::sends::SendKey;
use crate::domain::{ClientAddress, ClientKey, CommandLine, MessageContent, SessionId, Viewer};
use crate::error::AppResult;

pub use crate::app::Sent;

/// A message as someone wants to send it.
pub struct Draft {
    /// Where to; nothing for a new session with the chatbot of the house.
    pub session: Option<SessionId>,
    /// What it says.
    pub content: String,
    /// The sender's idempotency key.
    pub client_key: Option<String>,
}

/// What was sent.
pub enum Delivery {
    /// A message, which is stored.
    Message(Box<Sent>),
    /// A command, which is not.
    Command(Box<Given>),
}

/// Stores a message, and the reply that a chatbot owes it, and tells everyone who watches the session. A
/// command is not stored: see [`CommandLine`] for what is one.
///
/// Stored when this returns. The announcement is best effort: whoever misses it catches up from the log.
/// The same client key again returns what was sent first and stores nothing; with other content it is a
/// `CONFLICT`. Every call counts towards the sender's rates, that of a retry and of one that is refused too.
pub async fn send(
    app: &App,
    from: ClientAddress,
    viewer: &Viewer,
    draft: Draft,
) -> AppResult<Delivery> {
    let person = viewer.person()?;
    app.rates().from_address(Deed::SendMessage, from)?;
    app.rates().by_person(Deed::SendMessage, person.user)?;
    let content = MessageContent::parse(draft.content)?;
    let key = send_key(draft.client_key, &content)?;
    if let Some(line) = CommandLine::parse(content.as_str())? {
        let giving = commands::give(app, viewer, draft.session, line, key.as_ref());
        let given = Box::pin(giving).await?;
        return Ok(Delivery::Command(Box::new(given)));
    }
    let venue = Venue::find(viewer, draft.session, key.as_ref())?;
    let session = venue.id;

    let mut care = venue.begun_by.map_or(Care::None, Care::Begins);
    loop {
        let sending = Sending {
            session,
            user: person.user,
            is_guest: person.is_guest(),
            content: content.clone(),
            key: key.clone(),
            care,
        };
        match writers::deliver(app, sending).await? {
            Outcome::Sent(sent) => return Ok(Delivery::Message(sent)),
            Outcome::AskFirst(seqs) => {
                let asking =
                    under_way::ask_to_stop(app, session, |reply| seqs.contains(&reply.seq));
                Box::pin(asking).await?;
                care = Care::Asked;
            }
        }
    }
}

fn send_key(key: Option<String>, content: &MessageContent) -> AppResult<Option<SendKey>> {
    let Some(key) = key.map(ClientKey::parse).transpose()? else {
        return Ok(None);
    };
    let digest = digest::digest(&digest::SHA256, content.as_str().as_bytes());
    Ok(Some(SendKey {
        key,
        digest: digest.as_ref().to_vec(),
    }))
}
