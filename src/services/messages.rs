//! Sending a message, the deed that everything else serves.

use aws_lc_rs::digest;
use diesel_async::AsyncConnection;

use super::beginning::Venue;
use super::commands::{self, Given};
use super::{access, seating, under_way};
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::members::Seat;
use crate::db::messages::{self, Message, SendKey};
use crate::db::replies::Ended;
use crate::db::sessions::Session;
use crate::db::{Connection, chatbots, under_way as rows};
use crate::domain::{
    Author, ChatbotId, ClientAddress, ClientKey, CommandLine, MessageContent, MessageStatus,
    Occasion, Rev, Seq, SessionId, SessionKind, Viewer, WhileReplying, who_answers,
};
use crate::error::{AppError, AppResult};

/// A message as someone wants to send it.
pub struct Draft {
    /// Where to; nothing for a new session with the chatbot of the house.
    pub session: Option<SessionId>,
    /// What it says.
    pub content: String,
    /// The sender's idempotency key.
    pub client_key: Option<String>,
}

/// A message that is stored.
pub struct Sent {
    /// Its session, as it is now.
    pub session: Session,
    /// The message.
    pub message: Message,
    /// The first reply that is owed; what it has become, if the send is a retry.
    pub reply: Option<Message>,
    /// The other replies that are owed, in order.
    pub further: Vec<Message>,
}

impl Sent {
    /// Right behind what this send wrote, and before anything that came after it: a client that watches
    /// from here on misses nothing, also when this is a retry long after the send.
    pub fn position(&self) -> Rev {
        let message = self.message.added_rev;
        let replies = self.reply.iter().chain(&self.further);
        replies.map(|reply| reply.added_rev).fold(message, Rev::max)
    }
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
        let given = commands::give(app, viewer, draft.session, line, key.as_ref()).await?;
        return Ok(Delivery::Command(Box::new(given)));
    }
    let venue = Venue::find(viewer, draft.session, key.as_ref())?;
    let session = venue.id;

    let mut asked = false;
    let (sent, cancelled) = loop {
        let mut conn = app.db().connection().await?;
        let (outcome, seats) = conn
            .transaction(async |conn| {
                let seats = venue.open(conn).await?;
                let seat = access::locked_seat(conn, viewer, session).await?;
                if let Some(sent) = earlier(conn, &seat, key.as_ref()).await? {
                    return Ok((Outcome::Sent(Box::new(sent), Vec::new()), seats));
                }
                commands::refuse_key_of_command(app, &seat, key.as_ref())?;
                let stored = store(conn, viewer, seat, &content, key.as_ref(), asked).await?;
                Ok::<_, AppError>((stored, seats))
            })
            .await?;
        drop(conn);
        seating::announce(app, seats);
        match outcome {
            Outcome::Sent(sent, cancelled) => break (sent, cancelled),
            Outcome::AskFirst(seqs) => {
                under_way::ask_to_stop(app, session, |reply| seqs.contains(&reply.seq)).await?;
                asked = true;
            }
        }
    };
    // A retry too: the first try may have been stored and then cut off before it told anyone. Those who
    // know drop what they know.
    under_way::announce(app, sent.session.id, cancelled);
    announce(app, &sent);
    Ok(Delivery::Message(sent))
}

/// What a try to store a message led to.
enum Outcome {
    /// It is stored, and these replies made way for it.
    Sent(Box<Sent>, Vec<Ended>),
    /// Nothing is stored: these replies have to make way, and their writers have not been asked to stop.
    AskFirst(Vec<Seq>),
}

async fn store(
    conn: &mut Connection,
    viewer: &Viewer,
    seat: Seat,
    content: &MessageContent,
    key: Option<&SendKey>,
    asked: bool,
) -> AppResult<Outcome> {
    let id = seat.session().id;
    let by_visitor = viewer.person()?.is_guest();
    let answering = answering(conn, &seat, by_visitor, content).await?;
    let turn = under_way::turn(conn, id, &answering).await?;
    if !asked && !turn.interrupted.is_empty() {
        return Ok(Outcome::AskFirst(turn.interrupted));
    }
    let cancelled = rows::cancel(conn, id, &turn.interrupted).await?;
    // Counted on from behind what was cancelled.
    let seat = match cancelled.as_slice() {
        [] => seat,
        _ => access::locked_seat(conn, viewer, id).await?,
    };
    let (message, owed) = messages::append(conn, &seat, content, key, &turn.answers).await?;
    let mut owed = owed.into_iter();
    let sent = Sent {
        // As the counters stand now, behind what was written.
        session: access::seat(conn, viewer, id).await?.into_session(),
        message,
        reply: owed.next(),
        further: owed.collect(),
    };
    Ok(Outcome::Sent(Box::new(sent), cancelled))
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

/// What was sent with this key before.
async fn earlier(
    conn: &mut Connection,
    seat: &Seat,
    key: Option<&SendKey>,
) -> AppResult<Option<Sent>> {
    let Some(key) = key else { return Ok(None) };
    let Some(found) = messages::find_by_key(conn, seat, &key.key).await? else {
        return Ok(None);
    };
    // What a message said that was taken back is not told, not even by whether it was the same.
    let is_deleted = found.message.status == MessageStatus::Deleted;
    if !is_deleted && found.digest != key.digest {
        return Err(AppError::conflict(
            "clientKey",
            "This client key was used for a message with other content.",
        ));
    }
    let mut owed = found.replies.into_iter();
    Ok(Some(Sent {
        session: seat.session().clone(),
        message: found.message,
        reply: owed.next(),
        further: owed.collect(),
    }))
}

/// The chatbots that owe an answer to what the seat's person says, in order, and what each does while it is
/// replying.
async fn answering(
    conn: &mut Connection,
    seat: &Seat,
    by_visitor: bool,
    content: &MessageContent,
) -> AppResult<Vec<(ChatbotId, WhileReplying)>> {
    let session = seat.session();
    if session.chatbots_paused {
        return Ok(Vec::new());
    }
    let (candidates, modes): (Vec<_>, Vec<_>) = chatbots::candidates(conn, session.id)
        .await?
        .into_iter()
        .unzip();
    let occasion = match session.kind {
        SessionKind::Private => Occasion::Private,
        SessionKind::Room => Occasion::Room,
        SessionKind::Visit => Occasion::Visit { by_visitor },
    };
    let author = Author::User(seat.user());
    let paused = session.chatbots_paused;
    let chosen = who_answers(occasion, paused, author, content.as_str(), &candidates);
    let mode = |id: ChatbotId| {
        let place = candidates.iter().position(|chatbot| chatbot.id == id);
        place.map_or(WhileReplying::Queue, |place| modes[place])
    };
    Ok(chosen.into_iter().map(|id| (id, mode(id))).collect())
}

fn announce(app: &App, sent: &Sent) {
    // One that waited already was announced at its birth.
    let is_new = |reply: &&Message| reply.seq > sent.message.seq;
    let replies = sent.reply.iter().chain(&sent.further).filter(is_new);
    let is_waiting = replies
        .clone()
        .any(|reply| reply.status == MessageStatus::Pending);
    let mut messages = vec![sent.message.clone()];
    messages.extend(replies.cloned());
    // Of a retry, they may have changed since in another order.
    messages.sort_by_key(|message| message.rev);
    app.bus().publish(Notice::Changed {
        session: sent.session.id,
        messages,
    });
    if is_waiting {
        app.bus().publish(Notice::ReplyWaiting);
    }
}
