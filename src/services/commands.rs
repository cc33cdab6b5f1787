//! Giving a command: proved like a send, carried to whoever answers, told to those who watch. Never stored.
//!
//! The process that a command was given to sees to it: it asks over the bus, waits, and tells of the end once,
//! whether somebody answered or nobody did. Whoever answers may be in the same process or another.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncConnection;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::beginning::Venue;
use super::{access, beginning, seating};
use crate::app::{App, Errand};
use crate::bus::{Heard, Listener, Notice, Subject};
use crate::db::members::Seat;
use crate::db::messages::{self, SendKey};
use crate::db::sessions::Session;
use crate::db::{Connection, chatbots};
use crate::domain::{ChatbotId, CommandId, CommandLine, CommandReply, SessionId, UserId, Viewer};
use crate::error::{AppError, AppResult};

/// How long an answer may take: longer than whoever answers may wait for what it needs.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a person reads if nobody answers.
const NOBODY: &str = "Nobody answered this command. Try again in a while.";

/// A command that was given.
pub struct Given {
    /// Where.
    pub session: Session,
    errand: Arc<Errand>,
    /// As it stood when it was given: pending, unless it was given before.
    then: CommandReply,
}

impl Given {
    /// Waits for its end, at most `wait` and only as long as somebody waits for the answer; then gives it as it
    /// is, which may be pending.
    pub async fn wait(
        &self,
        app: &App,
        wait: Duration,
        hung_up: &CancellationToken,
    ) -> CommandReply {
        // However fast the answer is: who does not wait is told of it like everybody else.
        if wait.is_zero() {
            return self.then.clone();
        }
        tokio::select! {
            settled = timeout(wait, self.errand.settled()) => settled.unwrap_or_else(|_| self.errand.reply()),
            // The answer must still reach the client.
            () = app.stopping().cancelled() => self.errand.reply(),
            () = hung_up.cancelled() => self.errand.reply(),
        }
    }
}

/// Gives a command in a session, or in a new one with the chatbot of the house. The session is stored; the
/// command and its answer are not. With the same key, for ten minutes, it is the same command.
pub(super) async fn give(
    app: &App,
    viewer: &Viewer,
    session: Option<SessionId>,
    line: CommandLine,
    key: Option<&SendKey>,
) -> AppResult<Given> {
    let user = viewer.person()?.user;
    let venue = Venue::find(viewer, session, key)?;
    let id = venue.id;
    let mut conn = app.db().connection().await?;
    let (seat, chatbot, seats) = conn
        .transaction(async |conn| {
            let seats = venue.open(conn).await?;
            let seat = access::seat(conn, viewer, id).await?;
            if let Some(key) = key
                && messages::find_by_key(conn, &seat, &key.key)
                    .await?
                    .is_some()
            {
                return Err(key_is_taken());
            }
            let chatbot = who_answers(conn, id).await?;
            Ok((seat, chatbot, seats))
        })
        .await?;
    drop(conn);
    seating::announce(app, seats);
    let pending = CommandReply::pending(command_id(user, id, key), id, line, chatbot);
    let (errand, is_new) = app.errands().note(pending).ok_or_else(key_is_taken)?;
    let then = errand.reply();
    if is_new {
        let seen_to = see_to(app.clone(), errand.clone());
        app.tasks().spawn(seen_to);
    }
    Ok(Given {
        session: seat.into_session(),
        errand,
        then,
    })
}

/// `CONFLICT` if the key was used for a command by the seat's person in its session.
pub(super) fn refuse_key_of_command(
    app: &App,
    seat: &Seat,
    key: Option<&SendKey>,
) -> AppResult<()> {
    let id = command_id(seat.user(), seat.session().id, key);
    match app.errands().find(id) {
        Some(_) => Err(key_is_taken()),
        None => Ok(()),
    }
}

fn key_is_taken() -> AppError {
    AppError::conflict("clientKey", "This client key was used for other content.")
}

/// The session's first chatbot; where it has none, that of the house. Also while they are paused: a command is
/// a tool in a person's hand, and its answer is no chatbot's message.
async fn who_answers(conn: &mut Connection, session: SessionId) -> AppResult<ChatbotId> {
    let candidates = chatbots::candidates(conn, session).await?;
    let first = candidates.first().map(|(chatbot, _)| chatbot.id);
    Ok(first.unwrap_or(ChatbotId::HOUSE))
}

/// The id of a command: made from who gives it, where and under which key, so that a retry, through whichever
/// process, is the same command.
fn command_id(user: UserId, session: SessionId, key: Option<&SendKey>) -> CommandId {
    let Some(key) = key else {
        return CommandId::new();
    };
    let hash = beginning::hash(b"parlor command", &[user.0, session.0], key);
    CommandId(Uuid::new_v8(hash))
}

/// Asks for an answer, and tells of the end.
async fn see_to(app: App, errand: Arc<Errand>) {
    let asked = errand.reply();
    // Before asking, so that no answer is too early to be heard.
    let mut answers = app.bus().listen(Subject::CommandAnswers).await;
    app.bus().publish(Notice::CommandGiven {
        command: asked.clone(),
    });
    let answered = timeout(PATIENCE, answer_to(&asked, &mut answers)).await;
    let reply = answered.unwrap_or_else(|_| {
        tracing::warn!(session = %asked.session, "nobody answered a command in time");
        let failed = asked.answered(Err(NOBODY.to_owned()));
        // So that whoever is asked again under this key says the same.
        app.bus().publish(Notice::CommandAnswered {
            reply: failed.clone(),
        });
        failed
    });
    if errand.settle(reply.clone()) {
        app.bus().publish(Notice::CommandReplied { reply });
    }
}

async fn answer_to(asked: &CommandReply, answers: &mut Listener) -> CommandReply {
    loop {
        // An answer that was missed is one that did not come: there is no log of them.
        if let Heard::Notice(notice) = answers.next().await
            && let Notice::CommandAnswered { reply } = &*notice
            && reply.asks_the_same(asked)
            && !reply.is_pending()
        {
            return reply.clone();
        }
    }
}
