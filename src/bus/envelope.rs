//! How a notice is written between processes: JSON, with a version.
//!
//! `{"v":1,"notice":{"login_ended":{"login":"..."}}}`. A process that is told something it can't read, because the
//! other is newer or because it is garbage, knows that it has missed something and looks at the log. So
//! processes of two versions can work side by side while they are replaced.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Notice, TextPiece, WantedText};
use crate::db::messages::Message;
use crate::db::sessions::Session;
use crate::domain::{CommandReply, LoginId, Seq, SessionId, UserId};

/// Moves on when an older process could take what is written for something else.
const VERSION: u16 = 1;

/// What may travel between processes: nothing in it is secret from those whom its subject concerns.
///
/// Sealed: what is put into a [`Notice`] is named in `src/bus/envelope.rs`, or the program does not compile.
/// A row that holds secrets is not named there, and is not even `Serialize`:
///
/// ```
/// fn travels<T: parlor::bus::Travels>() {}
/// travels::<parlor::db::messages::Message>();
/// ```
///
/// ```compile_fail,E0277
/// fn travels<T: parlor::bus::Travels>() {}
/// travels::<parlor::db::users::User>();
/// ```
pub trait Travels: Serialize + DeserializeOwned + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! travel {
    ($($kind:ty),+) => {
        $(impl sealed::Sealed for $kind {} impl Travels for $kind {})+
    };
}

travel!(
    Message,
    Vec<Message>,
    Session,
    TextPiece,
    WantedText,
    SessionId,
    Vec<Seq>,
    Vec<UserId>,
    CommandReply,
    LoginId,
    UserId,
    bool
);

/// Every field of every notice travels. Naming them all, without `..`, makes a new one come by here.
const _: fn(&Notice) = |notice| {
    fn travels<T: Travels>(_: &T) {}
    match notice {
        Notice::Changed { session, messages } => {
            travels(session);
            travels(messages);
        }
        Notice::Look { session } => travels(session),
        Notice::SessionChanged { session } => travels(session),
        Notice::SessionDeleted { session } => travels(session),
        Notice::StopReplies { session, seqs } => {
            travels(session);
            travels(seqs);
        }
        Notice::Text { session, piece } => {
            travels(session);
            travels(piece);
        }
        Notice::TextWanted { session, wanted } => {
            travels(session);
            travels(wanted);
        }
        Notice::Typing {
            session,
            user,
            typing,
        } => {
            travels(session);
            travels(user);
            travels(typing);
        }
        Notice::Stirred { session } => travels(session),
        Notice::SeatsChanged { session, users } => {
            travels(session);
            travels(users);
        }
        Notice::LoginEnded { login } => travels(login),
        Notice::ReplyWaiting => {}
        Notice::CommandGiven { command: reply }
        | Notice::CommandAnswered { reply }
        | Notice::CommandReplied { reply } => travels(reply),
    }
};

#[derive(Serialize)]
struct Sealed<'a> {
    v: u16,
    notice: &'a Notice,
}

#[derive(Deserialize)]
struct Version {
    v: u16,
}

#[derive(Deserialize)]
struct Opened {
    notice: Notice,
}

/// The notice as it travels; nothing if it can't be written, which no notice of ours is.
pub(super) fn seal(notice: &Notice) -> Option<Vec<u8>> {
    let sealed = Sealed { v: VERSION, notice };
    serde_json::to_vec(&sealed).ok()
}

/// The notice that has travelled; nothing if it can't be understood.
pub(super) fn open(bytes: &[u8]) -> Option<Notice> {
    let Version { v } = serde_json::from_slice(bytes).ok()?;
    if v != VERSION {
        return None;
    }
    let Opened { notice } = serde_json::from_slice(bytes).ok()?;
    Some(notice)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{ChatbotId, CommandId, MessageStatus, Rev, SessionKind, UserId};

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn message() -> Message {
        Message {
            session_id: SessionId(id(1)),
            seq: Seq(7),
            rev: Rev(12),
            added_rev: Rev(9),
            finished_rev: Some(Rev(12)),
            user_id: Some(UserId(id(2))),
            chatbot_id: Some(ChatbotId(id(3))),
            content: "hello".to_owned(),
            status: MessageStatus::Complete,
            failure: Some("why".to_owned()),
            in_reply_to: Some(Seq(6)),
            client_key: Some("key".to_owned()),
            created_at: DateTime::UNIX_EPOCH,
            edited_at: Some(DateTime::UNIX_EPOCH),
            attempt: 1,
        }
    }

    fn session() -> Session {
        Session {
            id: SessionId(id(1)),
            kind: SessionKind::Private,
            title: "Tea".to_owned(),
            owner_id: UserId(id(2)),
            last_seq: Seq(7),
            rev: Rev(13),
            details_rev: Rev(13),
            chatbots_paused: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn command() -> CommandReply {
        CommandReply {
            id: CommandId(id(5)),
            session: SessionId(id(1)),
            command: "stock".to_owned(),
            argument: "AAPL.US".to_owned(),
            chatbot: ChatbotId(id(3)),
            status: MessageStatus::Pending,
            content: String::new(),
            failure: None,
        }
    }

    fn every_notice() -> [Notice; 15] {
        let session = SessionId(id(1));
        [
            Notice::Changed {
                session,
                messages: vec![message()],
            },
            Notice::Look { session },
            Notice::SessionChanged {
                session: self::session(),
            },
            Notice::SessionDeleted { session },
            Notice::StopReplies {
                session,
                seqs: vec![Seq(7), Seq(9)],
            },
            Notice::Text {
                session,
                piece: TextPiece {
                    seq: Seq(7),
                    begun_rev: Rev(9),
                    attempt: 1,
                    offset: 3,
                    text: "lo".to_owned(),
                },
            },
            Notice::TextWanted {
                session,
                wanted: WantedText {
                    seq: Seq(7),
                    begun_rev: Rev(9),
                    from: 3,
                },
            },
            Notice::Typing {
                session,
                user: UserId(id(2)),
                typing: true,
            },
            Notice::Stirred { session },
            Notice::SeatsChanged {
                session,
                users: vec![UserId(id(2)), UserId(id(6))],
            },
            Notice::LoginEnded {
                login: LoginId(id(4)),
            },
            Notice::ReplyWaiting,
            Notice::CommandGiven { command: command() },
            Notice::CommandAnswered {
                reply: command().answered(Ok("183.05".to_owned())),
            },
            Notice::CommandReplied {
                reply: command().answered(Err("why".to_owned())),
            },
        ]
    }

    /// A change here is told to other versions of the program: see `VERSION`.
    #[test]
    fn every_notice_is_written_like_this() {
        let written: Vec<String> = every_notice()
            .iter()
            .map(|notice| String::from_utf8(seal(notice).unwrap()).unwrap())
            .collect();
        insta::assert_snapshot!(written.join("\n"));
    }

    #[test]
    fn what_is_sealed_can_be_opened() {
        for notice in every_notice() {
            assert_eq!(open(&seal(&notice).unwrap()), Some(notice));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        for bytes in [
            &b""[..],
            b"\xff\x00",
            b"{}",
            b"[1]",
            br#"{"v":1}"#,
            br#"{"v":1,"notice":"of_the_future"}"#,
            br#"{"v":2,"notice":"reply_waiting"}"#,
            br#"{"notice":"reply_waiting"}"#,
        ] {
            assert_eq!(open(bytes), None, "{bytes:?}");
        }
        assert_eq!(
            open(br#"{"v":1,"notice":"reply_waiting","of":"the future"}"#),
            Some(Notice::ReplyWaiting)
        );
    }
}
