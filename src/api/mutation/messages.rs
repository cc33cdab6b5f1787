//! Messages: sent, edited, taken back.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use crate::api::error::ApiResult;
use crate::api::ids;
use crate::api::in_line::InLine;
use crate::api::types::{CommandReply, ContextExt, Message, Session};
use crate::error::{AppError, AppResult};
use crate::feed::Reader;
use crate::services::editing;
use crate::services::messages::{self, Delivery, Draft};
use crate::services::waiting::{self, MAX_WAIT};

#[derive(Default)]
pub(super) struct MessageMutations;

#[Object]
impl MessageMutations {
    /// Sends a message. The session's chatbot owes it a reply, which is born with it. Where there are several
    /// chatbots, those answer that it mentions (`@parlor`); if none, the first. In a room only those that it
    /// mentions. A chatbot that is replying answers by its `whileReplying`.
    ///
    /// What begins with `/` and a name is a command (`/help` lists them): a letter right behind the `/`, further
    /// letters, digits or `_`, 32 at most, and then nothing, white space or `=`. A chatbot answers it in
    /// `commandReply` and, to those who watch the session, in `CommandReplied`. Neither it nor its answer is ever
    /// stored: `message` and `reply` are null. Any other text is a message: `/usr/bin`, `//`, or one that begins
    /// with a space.
    ///
    /// A message is stored when this returns. To send safely over a bad line, give a `clientKey` and send again until
    /// you have an answer. `NOT_FOUND` if there is no such session, `CONFLICT` if the key was used for
    /// other content, or if the chatbot is replying and takes nothing meanwhile. `RATE_LIMITED` if you send too
    /// often or hold back too many answers with `waitMs` at once: sending again counts as well, so wait for
    /// `retryAfter` seconds first.
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to send, and where.")] input: SendMessageInput,
    ) -> ApiResult<SendMessagePayload> {
        let (app, hung_up) = (ctx.app()?, &ctx.hung_up()?.0);
        let wait = wait(input.wait_ms.unwrap_or(0))?;
        // Before anything is stored: who is refused has sent nothing.
        let _held_back = match wait.is_zero() {
            true => None,
            false => Some(waiting::hold_back(app, ctx.viewer()?)?),
        };
        let session = input.session_id.map(|id| ids::session(&id, "sessionId"));
        let draft = Draft {
            session: session.transpose()?,
            content: input.content,
            client_key: input.client_key,
        };
        let sending = messages::send(app, ctx.address()?, ctx.viewer()?, draft);
        let sent = match Box::pin(sending).await? {
            Delivery::Message(sent) => *sent,
            Delivery::Command(given) => {
                ctx.deadline()?.extend(wait);
                let reply = Box::pin(given.wait(app, wait, hung_up)).await;
                return Ok(SendMessagePayload {
                    session: Session::new(given.session),
                    message: None,
                    reply: None,
                    command_reply: Some(CommandReply(reply)),
                });
            }
        };
        let position = sent.position();
        let reply = match sent.reply {
            Some(reply) if reply.status.is_under_way() && !wait.is_zero() => {
                ctx.deadline()?.extend(wait);
                let reader = Reader::Member(ctx.viewer()?.person()?.user);
                let waiting = waiting::for_reply(app, reply, reader, wait, hung_up);
                Some(Box::pin(waiting).await)
            }
            reply => reply,
        };
        Ok(SendMessagePayload {
            session: Session::at(sent.session, position),
            message: Some(Message::in_line(sent.message)),
            reply: reply.map(Message::in_line),
            command_reply: None,
        })
    }

    /// Gives a message of yours another content; the log tells of it with `MessageChanged`. The same content
    /// again changes nothing.
    ///
    /// A chatbot that is answering goes on with what it has read; one that has yet to begin, and every later
    /// reply, goes by the new content. Nobody answers anew: ask with `regenerateReply`. `NOT_FOUND` if there is no
    /// such message, `FORBIDDEN` if it is not yours, `CONFLICT` if it was deleted.
    async fn edit_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which message.")] id: ID,
        #[graphql(desc = "What it says: up to 32,768 bytes of UTF-8, not blank, without NUL.")]
        content: String,
    ) -> ApiResult<Message> {
        let (session, seq) = ids::message(&id, "id")?;
        let row = editing::edit(ctx.app()?, ctx.viewer()?, session, seq, content).await?;
        Ok(Message::new(row))
    }

    /// Takes a message back: one of yours, or any in a session that you own. Its content is gone for
    /// everybody, its place stays with the status `DELETED`. There is no way back; again is no different.
    ///
    /// A reply under way is cancelled first, and so are replies under way to the message, unless they answer
    /// another one as well. Chatbots forget it. `NOT_FOUND` if there is no such message, `FORBIDDEN` if you may not.
    async fn delete_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which message.")] id: ID,
    ) -> ApiResult<Message> {
        let (session, seq) = ids::message(&id, "id")?;
        let row = editing::delete(ctx.app()?, ctx.viewer()?, session, seq).await?;
        Ok(Message::new(row))
    }
}

fn wait(milliseconds: i32) -> AppResult<Duration> {
    u64::try_from(milliseconds)
        .ok()
        .map(Duration::from_millis)
        .filter(|wait| *wait <= MAX_WAIT)
        .ok_or_else(|| AppError::bad_input("waitMs", "A send waits 0 to 60,000 milliseconds."))
}

/// A message to be sent.
#[derive(InputObject)]
struct SendMessageInput {
    /// Where to. Left out or null: a new `PRIVATE` session with the chatbot of the house.
    session_id: Option<ID>,
    /// What it says: up to 32,768 bytes of UTF-8, not blank, without NUL.
    content: String,
    /// Your own name for this send: 1 to 128 characters. The same key to the same session, or again to a new
    /// one, returns the first result and sends nothing; with other content it is a `CONFLICT`. It never
    /// expires; that of a command does after ten minutes, or when the server forgets it.
    client_key: Option<String>,
    /// Hold the answer back until the reply has ended, or the command is answered, at most this many milliseconds: 0 to 60,000. After
    /// that the reply is given as it is.
    #[graphql(default_with = "Some(0)")]
    wait_ms: Option<i32>,
}

/// A message that is stored, or a command that is not.
#[derive(SimpleObject)]
struct SendMessagePayload {
    /// Its session. Subscribe `after` its cursor to see everything that follows on the message.
    session: Session,
    /// The message. Null if it was a command.
    message: Option<InLine<Message>>,
    /// The reply that the chatbot owes; of several, the first. If one waits already that answers this message
    /// too, that one. Null if none answers here.
    reply: Option<InLine<Message>>,
    /// The command and, within `waitMs`, its answer. Null if it was a message.
    command_reply: Option<CommandReply>,
}
