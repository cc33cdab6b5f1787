//! What people do to replies under way: stop them, have them written anew, speak meanwhile.
//!
//! Whoever writes a reply has text that its row does not have yet: it is kept now and then only. So those who
//! write are asked first, over the bus, to end their replies with all that was shown. What is still under
//! way after that, because its writer is dead or deaf, is cancelled in the row, with the text that was kept.
//! Either way the row decides: after it no writer of the reply writes anything.

use std::time::Duration;

use diesel_async::AsyncConnection;
use futures_util::future::{join_all, try_join_all};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{access, waiting};
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::additions::Answer;
use crate::db::members::Seat;
use crate::db::messages::{self, Message};
use crate::db::replies::Ended;
use crate::db::{Connection, chatbots, log, sessions, under_way};
use crate::domain::{
    Candidate, ChatbotId, ClientAddress, ClientKey, MessageStatus, Seq, SessionId, Viewer,
    WhileReplying,
};
use crate::error::{AppError, AppResult};
use crate::feed::Reader;

/// How long a writer may take for its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A reply may be written anew so often that no writer is mistaken for an earlier one: attempts are counted
/// in 16 bits.
const MOST_ATTEMPTS: i16 = 32_000;

const NO_MESSAGE: AppError = AppError::NotFound("message");

/// Ends a reply, with the text so far. One that has ended already is given as it is: who cancels twice, or
/// too late, does no harm.
pub async fn cancel(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    seq: Seq,
) -> AppResult<Message> {
    let reply = reply(app, viewer, session, seq).await?;
    if !reply.status.is_under_way() {
        return Ok(reply);
    }
    ask_to_stop(app, session, |written| written.seq == seq).await?;
    let mut conn = app.db().connection().await?;
    let (now, cancelled) = conn
        .transaction(async |conn| {
            access::locked_seat(conn, viewer, session).await?;
            let cancelled = under_way::cancel(conn, session, &[seq]).await?;
            let now = messages::find(conn, session, seq).await?;
            Ok::<_, AppError>((now.ok_or(NO_MESSAGE)?, cancelled))
        })
        .await?;
    announce(app, session, cancelled);
    Ok(now)
}

/// Has the last reply of a session written anew, in its place. `CONFLICT` while any reply of the session is
/// under way, or if a later one is there. It makes a chatbot work, so it counts as a send.
///
/// The same client key again gives the reply as it is and writes nothing; with another reply it is a
/// `CONFLICT`.
pub async fn regenerate(
    app: &App,
    from: ClientAddress,
    viewer: &Viewer,
    (session, seq): (SessionId, Seq),
    client_key: Option<String>,
) -> AppResult<Message> {
    let person = viewer.person()?;
    app.rates().from_address(Deed::SendMessage, from)?;
    app.rates().by_person(Deed::SendMessage, person.user)?;
    let key = client_key.map(ClientKey::parse).transpose()?;
    reply(app, viewer, session, seq).await?;
    let mut conn = app.db().connection().await?;
    let reply = conn
        .transaction(async |conn| {
            let seat = access::locked_seat(conn, viewer, session).await?;
            if let Some(key) = &key
                && is_regenerated(conn, &seat, key, seq).await?
            {
                let now = messages::find(conn, session, seq).await?;
                return now.ok_or(NO_MESSAGE);
            }
            let reply = may_be_regenerated(conn, &seat, seq).await?;
            if let Some(key) = &key {
                under_way::note_regenerated(conn, &seat, key, seq).await?;
            }
            under_way::begin_anew(conn, &reply).await
        })
        .await?;
    drop(conn);
    // A retry too: the first try may have been stored and then cut off before it told anyone. Those who
    // know drop what they know.
    app.bus().publish(Notice::Changed {
        session,
        messages: vec![reply.clone()],
    });
    if reply.status == MessageStatus::Pending {
        app.bus().publish(Notice::ReplyWaiting);
    }
    Ok(reply)
}

/// Whether the reply was written anew with this key before.
async fn is_regenerated(
    conn: &mut Connection,
    seat: &Seat,
    key: &ClientKey,
    reply: Seq,
) -> AppResult<bool> {
    match under_way::regenerated(conn, seat, key).await? {
        Some(regenerated) if regenerated != reply => Err(AppError::conflict(
            "clientKey",
            "This client key was used for another reply.",
        )),
        regenerated => Ok(regenerated.is_some()),
    }
}

async fn may_be_regenerated(conn: &mut Connection, seat: &Seat, seq: Seq) -> AppResult<Message> {
    let conflict = |message: &str| Err(AppError::conflict("id", message));
    let session = seat.session();
    if !log::under_way(conn, session.id).await?.is_empty() {
        return conflict("A reply is under way. Wait for it, or cancel it.");
    }
    let newest = under_way::newest(conn, session.id).await?;
    let Some(reply) = newest.filter(|newest| newest.seq == seq) else {
        return conflict("Only the last reply of a session can be written anew.");
    };
    if reply.status == MessageStatus::Deleted {
        return conflict("This reply was deleted.");
    }
    if session.chatbots_paused {
        return conflict("The chatbots of this session are paused.");
    }
    let able = chatbots::candidates(conn, &[session.id]).await?;
    let is_able = |(_, chatbot, _): &(_, Candidate, _)| Some(chatbot.id) == reply.chatbot_id;
    if !able.iter().any(is_able) {
        return conflict("This chatbot was deleted.");
    }
    if reply.attempt >= MOST_ATTEMPTS {
        return conflict("This reply was written anew too often.");
    }
    Ok(reply)
}

/// A reply that the viewer may see.
async fn reply(app: &App, viewer: &Viewer, session: SessionId, seq: Seq) -> AppResult<Message> {
    let message = super::history::get(app, viewer, session, seq).await?;
    if message.chatbot_id.is_none() {
        return Err(AppError::bad_input("id", "This is not a chatbot's reply."));
    }
    Ok(message)
}

/// Asks those who write replies of a chatbot to end them.
pub(super) async fn ask_all_of_to_stop(app: &App, chatbot: ChatbotId) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    let owed = under_way::owed_by(&mut conn, chatbot).await?;
    drop(conn);
    let asked = owed
        .iter()
        .map(|(session, seqs)| ask_to_stop(app, *session, |written| seqs.contains(&written.seq)));
    try_join_all(asked).await?;
    Ok(())
}

/// Cancels every reply that a chatbot owes, and gives those of each session. The sessions are locked one after
/// another in order of their ids, so that two who do this don't wait for each other.
pub(super) async fn cancel_all_of(
    conn: &mut Connection,
    chatbot: ChatbotId,
) -> AppResult<Vec<(SessionId, Vec<Ended>)>> {
    let mut cancelled = Vec::new();
    for (session, seqs) in under_way::owed_by(conn, chatbot).await? {
        sessions::lock(conn, session).await?;
        let ended = under_way::cancel(conn, session, &seqs).await?;
        cancelled.push((session, ended));
    }
    Ok(cancelled)
}

/// Asks those who write replies of a session to end them, and waits until they have, as long as that may
/// take. Whoever calls this has proved that the viewer may stop them.
pub(super) async fn ask_to_stop(
    app: &App,
    session: SessionId,
    which: impl Fn(&Message) -> bool,
) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    let mut written = under_way::being_written(&mut conn, session).await?;
    drop(conn);
    written.retain(which);
    if written.is_empty() {
        return Ok(());
    }
    let seqs = written.iter().map(|reply| reply.seq).collect();
    app.bus().publish(Notice::StopReplies { session, seqs });
    // Who asked may hang up: what they asked for is done all the same.
    let nobody = CancellationToken::new();
    let ends = written
        .into_iter()
        .map(|reply| waiting::for_reply(app, reply, Reader::Parlor, LAST_WORDS, &nobody));
    // What comes of it is seen in the row.
    let _ = timeout(2 * LAST_WORDS, join_all(ends)).await;
    Ok(())
}

/// Cancels all that is under way in a session. It must be locked in this transaction.
pub(super) async fn cancel_all(conn: &mut Connection, session: SessionId) -> AppResult<Vec<Ended>> {
    let under_way = log::under_way(conn, session).await?;
    let seqs: Vec<Seq> = under_way.iter().map(|reply| reply.seq).collect();
    under_way::cancel(conn, session, &seqs).await
}

/// What becomes of a message while those who owe it an answer may be replying to an earlier one.
pub(super) struct Turn {
    /// How it is answered, in the order of those who answer.
    pub(super) answers: Vec<Answer>,
    /// Replies that make way for it.
    pub(super) interrupted: Vec<Seq>,
}

/// A reply under way, as far as others that come behind it must know.
pub(super) struct Owed {
    /// Its place.
    pub(super) seq: Seq,
    /// Whose it is.
    pub(super) chatbot: ChatbotId,
    /// How often a runner took it on.
    pub(super) attempt: i16,
}

impl Owed {
    /// This one; nothing if it is no chatbot's.
    pub(super) fn by(reply: &Message) -> Option<Self> {
        Some(Self {
            seq: reply.seq,
            chatbot: reply.chatbot_id?,
            attempt: reply.attempt,
        })
    }
}

/// What each chatbot does that is to answer, while these replies of the session are under way. `CONFLICT` if
/// one of them is replying and takes nothing meanwhile. The session must be locked.
pub(super) fn turn(owed: &[Owed], answering: &[(ChatbotId, WhileReplying)]) -> AppResult<Turn> {
    let mut turn = Turn {
        answers: Vec::new(),
        interrupted: Vec::new(),
    };
    for (chatbot, while_replying) in answering {
        let of_chatbot = |reply: &&Owed| reply.chatbot == *chatbot;
        let own: Vec<&Owed> = owed.iter().filter(of_chatbot).collect();
        match (while_replying, own.as_slice()) {
            // One that nobody took on yet, behind another. It stays so until the transaction ends: whoever ends
            // the other locks the session first.
            (WhileReplying::Queue, [_, .., last]) if last.attempt == 0 => {
                turn.answers.push(Answer::Joining(last.seq));
                continue;
            }
            (WhileReplying::Interrupt, own) => {
                turn.interrupted.extend(own.iter().map(|reply| reply.seq));
            }
            (WhileReplying::Reject, [_, ..]) => {
                return Err(AppError::conflict(
                    "sessionId",
                    "The chatbot is still replying, and takes no message meanwhile.",
                ));
            }
            (WhileReplying::Queue | WhileReplying::Reject, _) => {}
        }
        turn.answers.push(Answer::Anew(*chatbot));
    }
    Ok(turn)
}

/// Tells of replies that were cancelled, and wakes whoever writes those that waited for them.
pub(super) fn announce(app: &App, session: SessionId, cancelled: Vec<Ended>) {
    if cancelled.is_empty() {
        return;
    }
    let is_waited_for = cancelled.iter().any(|ended| ended.is_waited_for);
    app.bus().publish(Notice::Changed {
        session,
        messages: cancelled.into_iter().map(|ended| ended.message).collect(),
    });
    if is_waited_for {
        app.bus().publish(Notice::ReplyWaiting);
    }
}
