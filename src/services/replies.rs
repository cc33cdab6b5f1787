//! Writing a chatbot's reply: claimed, shown piece by piece, ended once.
//!
//! Whoever writes a reply holds a [`Claim`]; every write proves that it still holds.

use diesel_async::AsyncConnection;

use crate::app::App;
use crate::bus::{Notice, TextPiece};
use crate::db::messages::Message;
use crate::db::replies::{self, Claim, Ending};
use crate::db::users::User;
use crate::db::{Connection, chatbots, messages, under_way, users};
use crate::domain::{Author, MessageStatus, RunnerId, Seq, SessionId, UserId};
use crate::error::{AppError, AppResult};

/// The claim is no longer held: somebody else writes the reply now, or it was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// What a reply answers, and who writes to whom.
pub struct Assignment {
    /// Where the reply stands that is to be written.
    pub place: (SessionId, Seq),
    /// The chatbot that writes.
    pub chatbot: chatbots::Chatbot,
    /// The person it answers.
    pub person: User,
    /// What they said.
    pub prompt: Message,
    /// What was said further while the reply waited, that it answers too.
    pub joined: Vec<Message>,
}

impl Assignment {
    /// All that was said that the reply answers.
    pub fn said(&self) -> String {
        let all = std::iter::once(&self.prompt).chain(&self.joined);
        let stand = all.filter(|message| message.status != MessageStatus::Deleted);
        let contents: Vec<&str> = stand.map(|message| message.content.as_str()).collect();
        contents.join("\n")
    }
}

/// Claims replies that nobody writes, the oldest first, at most `limit`.
pub async fn claim(app: &App, runner: RunnerId, limit: usize) -> AppResult<Vec<Claim>> {
    let mut conn = app.db().connection().await?;
    replies::claim(&mut conn, runner, limit, app.config().reply_lease).await
}

/// What there is to answer.
pub async fn assignment(app: &App, claim: &Claim) -> AppResult<Assignment> {
    let reply = &claim.message;
    let incomplete =
        || AppError::Internal(anyhow::anyhow!("a reply without chatbot, prompt or person"));
    let mut conn = app.db().connection().await?;
    let prompt_seq = reply.in_reply_to.ok_or_else(incomplete)?;
    let prompt = messages::find(&mut conn, reply.session_id, prompt_seq)
        .await?
        .ok_or_else(incomplete)?;
    let (Some(Author::Chatbot(chatbot)), Some(Author::User(person))) =
        (reply.author(), prompt.author())
    else {
        return Err(incomplete());
    };
    let chatbot = chatbots::by_ids(&mut conn, &[chatbot]).await?.pop();
    let mut person = users::by_ids(&mut conn, &[person]).await?.pop();
    if person.is_none() {
        // Their account was deleted since the prompt was read.
        person = users::by_ids(&mut conn, &[UserId::DELETED]).await?.pop();
    }
    Ok(Assignment {
        place: reply.place(),
        chatbot: chatbot.ok_or_else(incomplete)?,
        person: person.ok_or_else(incomplete)?,
        joined: joined(&mut conn, reply, &prompt).await?,
        prompt,
    })
}

/// What people said after the prompt that the reply answers too. What was said to other chatbots meanwhile is
/// not of it.
async fn joined(
    conn: &mut Connection,
    reply: &Message,
    prompt: &Message,
) -> AppResult<Vec<Message>> {
    let Some(last) = under_way::answers_up_to(conn, reply.session_id, reply.seq).await? else {
        return Ok(Vec::new());
    };
    messages::answered(conn, reply.place(), prompt.seq, last).await
}

/// Shows more text to those who watch. Nothing is stored: [`checkpoint`] does that, and must have been
/// called once before the first text is shown, so that a runner after this one knows that text was shown.
pub fn show(app: &App, claim: &Claim, offset: usize, text: String) {
    app.bus().publish(Notice::Text {
        session: claim.message.session_id,
        piece: TextPiece {
            seq: claim.message.seq,
            begun_rev: claim.message.rev,
            attempt: claim.message.attempt,
            offset,
            text,
        },
    });
}

/// Keeps the text so far and holds the claim for longer.
pub async fn checkpoint(app: &App, claim: &Claim, text: &str) -> AppResult<Result<(), Lost>> {
    let mut conn = app.db().connection().await?;
    let held = replies::checkpoint(&mut conn, &claim.lease, text).await?;
    Ok(if held { Ok(()) } else { Err(Lost) })
}

/// Holds the claim for longer while there is nothing to keep.
pub async fn renew(app: &App, claim: &Claim) -> AppResult<Result<(), Lost>> {
    let mut conn = app.db().connection().await?;
    let held = replies::renew(&mut conn, &claim.lease).await?;
    Ok(if held { Ok(()) } else { Err(Lost) })
}

/// Gives a reply back of which nothing was shown, for another runner to write.
pub async fn release(app: &App, claim: &Claim) -> AppResult<()> {
    let mut conn = app.db().connection().await?;
    replies::release(&mut conn, &claim.lease).await?;
    app.bus().publish(Notice::ReplyWaiting);
    Ok(())
}

/// Ends the reply with all of its text.
pub async fn complete(app: &App, claim: &Claim, content: String) -> AppResult<Result<(), Lost>> {
    let ending = Ending {
        status: MessageStatus::Complete,
        content,
        failure: None,
    };
    end(app, claim, ending).await
}

/// Ends the reply with what was written so far, because a person stopped it.
pub async fn stop(app: &App, claim: &Claim, content: String) -> AppResult<Result<(), Lost>> {
    let ending = Ending {
        status: MessageStatus::Cancelled,
        content,
        failure: None,
    };
    end(app, claim, ending).await
}

/// Ends the reply with what was written so far; `failure` tells a person why.
pub async fn fail(
    app: &App,
    claim: &Claim,
    content: String,
    failure: &str,
) -> AppResult<Result<(), Lost>> {
    let ending = Ending {
        status: MessageStatus::Failed,
        content,
        failure: Some(failure.to_owned()),
    };
    end(app, claim, ending).await
}

async fn end(app: &App, claim: &Claim, ending: Ending) -> AppResult<Result<(), Lost>> {
    let mut conn = app.db().connection().await?;
    let ended = conn
        .transaction(async |conn| replies::finish(conn, &claim.lease, &ending).await)
        .await?;
    if let Some(ended) = ended {
        announce(app, ended.message);
        if ended.is_waited_for {
            app.bus().publish(Notice::ReplyWaiting);
        }
        return Ok(Ok(()));
    }
    drop(conn);
    // It may have been this very end, committed by a try that did not live to hear of it.
    tell_of_end(app, claim).await?;
    Ok(Err(Lost))
}

/// Tells those who watch of a reply's end that somebody else decided: they may not hear whoever did.
pub async fn tell_of_end(app: &App, claim: &Claim) -> AppResult<()> {
    let reply = &claim.message;
    let mut conn = app.db().connection().await?;
    let now = messages::find(&mut conn, reply.session_id, reply.seq).await?;
    if let Some(message) = now.filter(|message| message.rev > reply.rev) {
        announce(app, message);
    }
    Ok(())
}

/// Tells of a reply's end. Again does no harm: those who know it drop it.
fn announce(app: &App, message: Message) {
    app.bus().publish(Notice::Changed {
        session: message.session_id,
        messages: vec![message],
    });
}
