//! The objects that downloads for programs are made of, one a line, in the API's words.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::db::Connection;
use crate::db::chatbots::{self, Chatbot};
use crate::db::export::Membership;
use crate::db::export::PastLogin;
use crate::db::messages::Message;
use crate::db::sessions::Session;
use crate::db::users::{self, User};
use crate::domain::{ChatbotId, MessageStatus, NodeId, Role, Seq, SessionId, SessionKind, UserId};
use crate::error::{AppError, AppResult};

/// One object.
#[derive(Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Line<'a> {
    Profile {
        id: String,
        username: &'a str,
        display_name: &'a str,
        bio: &'a str,
        email: Option<&'a str>,
        role: Role,
        created_at: DateTime<Utc>,
    },
    Login {
        created_at: DateTime<Utc>,
        last_used_at: DateTime<Utc>,
        ended_at: Option<DateTime<Utc>>,
    },
    Chatbot {
        id: String,
        handle: &'a str,
        name: &'a str,
        greeting: &'a str,
        engine: &'a str,
        model: Option<&'a str>,
        temperature: Option<f64>,
        persona: Option<&'a str>,
        while_replying: &'a str,
        created_at: DateTime<Utc>,
        deleted_at: Option<DateTime<Utc>>,
    },
    Session {
        id: String,
        kind: SessionKind,
        title: &'a str,
        chatbots_paused: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    },
    Membership {
        session_id: String,
        is_owner: bool,
        archived: bool,
        read_up_to: Seq,
        joined_at: DateTime<Utc>,
    },
    Message {
        id: String,
        session_id: String,
        seq: Seq,
        author: Option<AuthorLine<'a>>,
        content: &'a str,
        status: MessageStatus,
        failure: Option<&'a str>,
        in_reply_to: Option<String>,
        /// The reader's own only.
        client_key: Option<&'a str>,
        created_at: DateTime<Utc>,
        edited_at: Option<DateTime<Utc>>,
    },
}

/// Who wrote a message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum AuthorLine<'a> {
    User {
        username: &'a str,
        display_name: &'a str,
    },
    Chatbot {
        handle: &'a str,
        name: &'a str,
    },
}

impl<'a> Line<'a> {
    pub(super) fn profile(user: &'a User) -> Self {
        Self::Profile {
            id: NodeId::User(user.id).encode(),
            username: &user.username,
            display_name: &user.display_name,
            bio: &user.bio,
            email: user.email.as_deref(),
            role: user.role,
            created_at: user.created_at,
        }
    }

    pub(super) fn login(login: &PastLogin) -> Self {
        Self::Login {
            created_at: login.created_at,
            last_used_at: login.last_used_at,
            ended_at: login.ended_at,
        }
    }

    pub(super) fn chatbot(chatbot: &'a Chatbot) -> Self {
        Self::Chatbot {
            id: NodeId::Chatbot(chatbot.id).encode(),
            handle: &chatbot.handle,
            name: &chatbot.name,
            greeting: &chatbot.greeting,
            engine: chatbot.engine.as_str(),
            model: chatbot.model.as_deref(),
            temperature: chatbot.temperature,
            persona: chatbot.persona.as_deref(),
            while_replying: chatbot.while_replying.as_str(),
            created_at: chatbot.created_at,
            deleted_at: chatbot.deleted_at,
        }
    }

    pub(super) fn session(session: &'a Session) -> Self {
        Self::Session {
            id: NodeId::Session(session.id).encode(),
            kind: session.kind,
            title: &session.title,
            chatbots_paused: session.chatbots_paused,
            created_at: session.created_at,
            updated_at: session.updated_at,
        }
    }

    pub(super) fn membership(session: &Session, membership: &Membership) -> Self {
        Self::Membership {
            session_id: NodeId::Session(session.id).encode(),
            is_owner: session.owner_id == membership.user_id,
            archived: membership.archived,
            read_up_to: membership.read_up_to,
            joined_at: membership.joined_at,
        }
    }

    pub(super) fn message(message: &'a Message, authors: &'a Authors, reader: UserId) -> Self {
        let id = |session: SessionId, seq: Seq| NodeId::Message(session, seq).encode();
        let session = message.session_id;
        let is_own = message.user_id == Some(reader);
        Self::Message {
            id: id(session, message.seq),
            session_id: NodeId::Session(session).encode(),
            seq: message.seq,
            author: authors.of(message),
            content: &message.content,
            status: message.status,
            failure: message.failure.as_deref(),
            in_reply_to: message.in_reply_to.map(|seq| id(session, seq)),
            client_key: message.client_key.as_deref().filter(|_| is_own),
            created_at: message.created_at,
            edited_at: message.edited_at,
        }
    }

    /// As JSON, without a line's end.
    pub(super) fn write(&self, to: &mut String) -> AppResult<()> {
        to.push_str(&serde_json::to_string(self).map_err(AppError::internal)?);
        Ok(())
    }
}

/// The names of those who wrote a page of messages.
pub(super) struct Authors {
    people: Vec<User>,
    chatbots: Vec<Chatbot>,
}

impl Authors {
    pub(super) async fn of_all(conn: &mut Connection, messages: &[Message]) -> AppResult<Self> {
        let mut people: Vec<UserId> = messages.iter().filter_map(|it| it.user_id).collect();
        let mut bots: Vec<ChatbotId> = messages.iter().filter_map(|it| it.chatbot_id).collect();
        people.sort_unstable_by_key(|id| id.0);
        people.dedup();
        bots.sort_unstable_by_key(|id| id.0);
        bots.dedup();
        Ok(Self {
            people: users::by_ids(conn, &people).await?,
            chatbots: chatbots::by_ids(conn, &bots).await?,
        })
    }

    /// Nobody for somebody who is gone.
    pub(super) fn of(&self, message: &Message) -> Option<AuthorLine<'_>> {
        let is_author = |user: &&User| Some(user.id) == message.user_id;
        let is_speaker = |chatbot: &&Chatbot| Some(chatbot.id) == message.chatbot_id;
        let person = self.people.iter().find(is_author);
        let person = person.map(|user| AuthorLine::User {
            username: &user.username,
            display_name: &user.display_name,
        });
        person.or_else(|| {
            let chatbot = self.chatbots.iter().find(is_speaker)?;
            Some(AuthorLine::Chatbot {
                handle: &chatbot.handle,
                name: &chatbot.name,
            })
        })
    }
}
