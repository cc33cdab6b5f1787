//! What a chatbot may know when it answers: its own character, and what was said before in the same session.
//!
//! Only an [`Assignment`] opens it, and it opens one session. No field of a person's account is in it but the
//! names that everybody in the session sees.

use std::collections::HashMap;

use super::replies::Assignment;
use crate::app::App;
use crate::db::conversation::{self, Character, Said};
use crate::db::{chatbots, users};
use crate::domain::{ChatbotId, MessageStatus, Seq, UserId};
use crate::error::{AppError, AppResult};

/// Who the chatbot is, and in what company.
pub struct Circumstances {
    /// What its owner made it.
    pub character: Character,
    /// Whether several people or chatbots take part.
    pub has_several: bool,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Who said it.
    pub speaker: Speaker,
    /// The words.
    pub content: String,
}

/// Who said something, as the chatbot sees it that is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The chatbot itself.
    Oneself,
    /// Somebody else, by the name that tells them from the others.
    Other(String),
}

/// Part of a conversation, newest first.
pub struct Stretch {
    /// What was said and still stands.
    pub utterances: Vec<Utterance>,
    /// Where to read on from; nothing if this was the beginning.
    pub earlier: Option<Seq>,
}

/// Who the assignment's chatbot is, and in what company.
pub async fn circumstances(app: &App, assignment: &Assignment) -> AppResult<Circumstances> {
    let gone = || AppError::Internal(anyhow::anyhow!("an assignment without its chatbot"));
    let mut conn = app.db().connection().await?;
    let character = conversation::character(&mut conn, assignment.chatbot.id).await?;
    let (session, _) = assignment.place;
    Ok(Circumstances {
        character: character.ok_or_else(gone)?,
        has_several: conversation::has_several(&mut conn, session).await?,
    })
}

/// What was said before a place, or before the reply that is to be written; at most `limit` messages are
/// looked at.
///
/// Deleted and failed messages are left out, and replies that are still under way.
pub async fn stretch(
    app: &App,
    assignment: &Assignment,
    before: Option<Seq>,
    limit: u16,
) -> AppResult<Stretch> {
    let (session, reply) = assignment.place;
    // What joined the question while the reply waited stands behind the reply, and is answered by it.
    let last = assignment
        .joined
        .last()
        .map_or(reply, |last| Seq(last.seq.0 + 1));
    let before = before.unwrap_or(reply.max(last));
    let mut conn = app.db().connection().await?;
    let said = conversation::before(&mut conn, session, before, limit.into()).await?;
    let earlier = match said.last() {
        Some(oldest) if said.len() == usize::from(limit) => Some(oldest.seq),
        _ => None,
    };
    let said: Vec<Said> = said.into_iter().filter(stands).collect();
    let people: Vec<UserId> = said.iter().filter_map(|said| said.user_id).collect();
    let bots: Vec<ChatbotId> = said.iter().filter_map(|said| said.chatbot_id).collect();
    let names = Names {
        oneself: assignment.chatbot.id,
        people: users::by_ids(&mut conn, &people)
            .await?
            .into_iter()
            .map(|user| (user.id, name(&user.display_name, &user.username)))
            .collect(),
        chatbots: chatbots::by_ids(&mut conn, &bots)
            .await?
            .into_iter()
            .map(|chatbot| (chatbot.id, name(&chatbot.name, &chatbot.handle)))
            .collect(),
    };
    let utterances = said.into_iter().map(|said| names.utterance(said)).collect();
    Ok(Stretch {
        utterances,
        earlier,
    })
}

/// A reply that was stopped is what a person read; one that failed is not what anybody meant to say.
fn stands(said: &Said) -> bool {
    matches!(
        said.status,
        MessageStatus::Complete | MessageStatus::Cancelled
    ) && !said.content.trim().is_empty()
}

struct Names {
    oneself: ChatbotId,
    people: HashMap<UserId, String>,
    chatbots: HashMap<ChatbotId, String>,
}

impl Names {
    fn utterance(&self, said: Said) -> Utterance {
        let known = match (said.user_id, said.chatbot_id) {
            (Some(person), _) => self.people.get(&person),
            (None, Some(chatbot)) => self.chatbots.get(&chatbot),
            (None, None) => None,
        };
        let speaker = if said.chatbot_id == Some(self.oneself) {
            Speaker::Oneself
        } else {
            Speaker::Other(
                known
                    .map_or("Somebody who has left", String::as_str)
                    .to_owned(),
            )
        };
        Utterance {
            speaker,
            content: said.content,
        }
    }
}

/// What tells two Adas apart.
fn name(shown: &str, unique: &str) -> String {
    if shown == unique {
        return shown.to_owned();
    }
    format!("{shown} (@{unique})")
}
