//! Editing messages and taking them back.

use diesel_async::AsyncConnection;

use super::{access, under_way};
use crate::app::{App, Deed};
use crate::bus::Notice;
use crate::db::members::Seat;
use crate::db::messages::{self, Message};
use crate::db::{Connection, editing, under_way as rows};
use crate::domain::{MessageContent, MessageStatus, Seq, SessionId, Viewer};
use crate::error::{AppError, AppResult};

const NO_MESSAGE: AppError = AppError::NotFound("message");

/// Gives a message of the viewer's own another content. The same content again changes nothing.
///
/// A chatbot that is answering goes on with what it has read; one that has yet to begin reads the new
/// content. Nobody is asked for another answer.
pub async fn edit(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    seq: Seq,
    content: String,
) -> AppResult<Message> {
    app.rates().by_person(Deed::Change, viewer.person()?.user)?;
    let content = MessageContent::parse(content)?;
    let mut conn = app.db().connection().await?;
    let edited = conn
        .transaction(async |conn| {
            let (seat, message) = locked(conn, viewer, session, seq).await?;
            if message.user_id != Some(seat.user()) {
                return Err(AppError::Forbidden("Only its author may edit a message."));
            }
            if message.status == MessageStatus::Deleted {
                return Err(AppError::conflict("id", "This message was deleted."));
            }
            if message.content == content.as_str() {
                return Ok(message);
            }
            editing::edit(conn, &message, &content).await
        })
        .await?;
    drop(conn);
    announce(app, &edited);
    Ok(edited)
}

/// Takes a message back: the author's own, or any as the session's owner. One that was taken back already is
/// given as it is.
///
/// A reply under way is cancelled first, in the same transaction, so that nobody writes it any more. So are
/// replies under way to what is taken back, unless they answer something else as well.
pub async fn delete(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    seq: Seq,
) -> AppResult<Message> {
    app.rates().by_person(Deed::Change, viewer.person()?.user)?;
    let mut conn = app.db().connection().await?;
    let (seat, message) = found(
        access::seat(&mut conn, viewer, session).await,
        &mut conn,
        seq,
    )
    .await?;
    may_delete(&seat, &message)?;
    let pointless = editing::answering_only(&mut conn, session, seq).await?;
    drop(conn);
    if !pointless.is_empty() {
        under_way::ask_to_stop(app, session, |reply| pointless.contains(&reply.seq)).await?;
    }
    let mut conn = app.db().connection().await?;
    let (deleted, cancelled) = conn
        .transaction(async |conn| {
            let (seat, message) = locked(conn, viewer, session, seq).await?;
            may_delete(&seat, &message)?;
            if message.status == MessageStatus::Deleted {
                return Ok((message, Vec::new()));
            }
            let mut ending = editing::answering_only(conn, session, seq).await?;
            // The message itself, if it is a reply under way: others that have ended are left alone.
            ending.push(seq);
            let cancelled = rows::cancel(conn, session, &ending).await?;
            Ok::<_, AppError>((editing::delete(conn, &message).await?, cancelled))
        })
        .await?;
    drop(conn);
    under_way::announce(app, session, cancelled);
    announce(app, &deleted);
    Ok(deleted)
}

fn may_delete(seat: &Seat, message: &Message) -> AppResult<()> {
    let is_author = message.user_id == Some(seat.user());
    if is_author || seat.session().owner_id == seat.user() {
        return Ok(());
    }
    Err(AppError::Forbidden(
        "Only its author or the session's owner may delete a message.",
    ))
}

/// A message, with the session locked in which it stands.
async fn locked(
    conn: &mut Connection,
    viewer: &Viewer,
    session: SessionId,
    seq: Seq,
) -> AppResult<(Seat, Message)> {
    found(access::locked_seat(conn, viewer, session).await, conn, seq).await
}

/// The message at a place that this seat looks at; without a seat or a message there is none.
async fn found(
    seat: AppResult<Seat>,
    conn: &mut Connection,
    seq: Seq,
) -> AppResult<(Seat, Message)> {
    let seat = match seat {
        Err(AppError::NotFound(_)) => return Err(NO_MESSAGE),
        seat => seat?,
    };
    let message = messages::find(conn, seat.session().id, seq).await?;
    Ok((seat, message.ok_or(NO_MESSAGE)?))
}

/// Also where nothing changed: it may be the retry of a change that was stored and then cut off before it was
/// told. Those who know drop what they know.
fn announce(app: &App, message: &Message) {
    app.bus().publish(Notice::Changed {
        session: message.session_id,
        messages: vec![message.clone()],
    });
}
