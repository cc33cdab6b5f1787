//! Writing.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::error::ApiResult;
use super::ids;
use super::types::{
    AuthPayload, Chatbot, ChatbotInput, CommandReply, ContextExt, Download, LoginInput, Message,
    ProfileInput, RegisterInput, Session, SessionKind, TranscriptFormat, User,
};
use crate::domain::{Handle, Seq, Username};
use crate::error::{AppError, AppResult};
use crate::feed::Reader;
use crate::services::messages::{self, Delivery, Draft};
use crate::services::sessions::{self, Change, SessionPlan};
use crate::services::waiting::{self, MAX_WAIT};
use crate::services::{
    accounts, chatbots, downloads, editing, logins, members, reading, typing, under_way,
};

/// The root of every mutation.
pub struct Mutation;

/// Writing. What a mutation returns is stored.
#[Object]
impl Mutation {
    /// Opens an account and signs its owner in. `CONFLICT` if the username or the address is taken,
    /// `RATE_LIMITED` if too many were opened from where you are.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who they are.")] input: RegisterInput,
    ) -> ApiResult<AuthPayload> {
        Ok(accounts::register(ctx.app()?, ctx.address()?, input.into())
            .await?
            .into())
    }

    /// Signs in. `UNAUTHENTICATED` for an unknown name and for a wrong password alike. `RATE_LIMITED` after
    /// too many tries, under one name or from one place: `retryAfter` says in how many seconds to try again.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Name and password.")] input: LoginInput,
    ) -> ApiResult<AuthPayload> {
        let signed_in =
            logins::login(ctx.app()?, ctx.address()?, &input.username, input.password).await?;
        Ok(signed_in.into())
    }

    /// Exchanges a refresh token for the next pair of tokens.
    ///
    /// A token is good once. Sent again within ten seconds it gives the same successor, so that a lost
    /// answer signs nobody out; sent later it is in two hands, and its login ends. `UNAUTHENTICATED` then.
    async fn refresh(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The newest refresh token of this login.")] refresh_token: String,
    ) -> ApiResult<AuthPayload> {
        Ok(logins::refresh(ctx.app()?, ctx.address()?, &refresh_token)
            .await?
            .into())
    }

    /// Signs out this device, or all of yours. Their tokens stop working and their subscriptions end.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "All of your devices.", default_with = "Some(false)")] everywhere: Option<
            bool,
        >,
    ) -> ApiResult<bool> {
        logins::logout(ctx.app()?, ctx.viewer()?, everywhere.unwrap_or(false)).await?;
        Ok(true)
    }

    /// Gives you another password. All your devices are signed out, and this one gets new tokens: what it watches
    /// ends with `SIGNED_OUT`, to be watched again with them. `BAD_USER_INPUT` if the current password is wrong.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password you have.")] current: String,
        #[graphql(desc = "The password you want: 8 to 256 characters, not easy to guess.")]
        new: String,
    ) -> ApiResult<AuthPayload> {
        let changed = accounts::change_password(ctx.app()?, ctx.viewer()?, current, new).await?;
        Ok(changed.into())
    }

    /// Changes what others see of you, or your e-mail address. `CONFLICT` if the address is somebody else's.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What should be different.")] input: ProfileInput,
    ) -> ApiResult<User> {
        let user = accounts::update_profile(ctx.app()?, ctx.viewer()?, input.into()).await?;
        Ok(User::new(user))
    }

    /// Deletes your account with your chatbots and the sessions that nobody else is in. There is no way back.
    /// `BAD_USER_INPUT` if the password is wrong.
    ///
    /// Sessions with others go on without you, under whoever has been in them the longest if you ran them. What you
    /// said there stays, by `deleted-account`: delete it first if it should not.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Your password.")] password: String,
    ) -> ApiResult<bool> {
        accounts::delete(ctx.app()?, ctx.viewer()?, password).await?;
        Ok(true)
    }

    /// A link to everything that is yours, as JSON Lines: an object a line, whose `type` is `profile`, `login`,
    /// `chatbot`, `session`, `membership` or `message`. Of a `PRIVATE` session that is all that was said, of others
    /// what you said.
    async fn export_my_data(&self, ctx: &Context<'_>) -> ApiResult<Download> {
        Ok(downloads::link_to_my_data(ctx.app()?, ctx.viewer()?)?.into())
    }

    /// A link to all that was said in a session of yours, from its first message on.
    async fn export_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] id: ID,
        #[graphql(desc = "How it is written.")] format: TranscriptFormat,
    ) -> ApiResult<Download> {
        let session = ids::session(&id, "id")?;
        let format = format.into();
        let link =
            downloads::link_to_transcript(ctx.app()?, ctx.viewer()?, session, format).await?;
        Ok(link.into())
    }

    /// Makes a chatbot of your own: you may have 50. `CONFLICT` if the handle is taken.
    async fn create_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it should be.")] input: ChatbotInput,
    ) -> ApiResult<Chatbot> {
        let row = chatbots::create(ctx.app()?, ctx.viewer()?, input.into()).await?;
        Ok(Chatbot(row))
    }

    /// Changes a chatbot of your own; as an admin, one of the house. `NOT_FOUND` if there is none with this
    /// handle that you may talk to, `CONFLICT` if the new handle is taken.
    async fn update_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its handle as it is.")] handle: String,
        #[graphql(desc = "What should be different.")] input: ChatbotInput,
    ) -> ApiResult<Chatbot> {
        let handle = Handle::parse(&handle, "handle")?;
        let row = chatbots::update(ctx.app()?, ctx.viewer()?, &handle, input.into()).await?;
        Ok(Chatbot(row))
    }

    /// Deletes a chatbot of your own. Sessions keep what it said, with its name; its replies under way are
    /// cancelled, and it answers no more. `NOT_FOUND` if there is none with this handle.
    async fn delete_chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its handle.")] handle: String,
    ) -> ApiResult<bool> {
        let handle = Handle::parse(&handle, "handle")?;
        chatbots::delete(ctx.app()?, ctx.viewer()?, &handle).await?;
        Ok(true)
    }

    /// Starts a session of yours. `RATE_LIMITED` if you add people too often: each counts as a send.
    async fn start_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it should be.")] input: StartSessionInput,
    ) -> ApiResult<Session> {
        let plan = SessionPlan {
            kind: input.kind.unwrap_or(SessionKind::Private).into(),
            title: input.title,
            chatbots: input.chatbots,
            usernames: input.usernames.unwrap_or_default(),
        };
        let row = sessions::start(ctx.app()?, ctx.viewer()?, plan).await?;
        Ok(Session::new(row))
    }

    /// Changes a session of yours. What is left out stays as it is. Its title and whether its chatbots are paused
    /// are its owner's to change; to put it away is each member's own.
    ///
    /// Pausing its chatbots cancels their replies under way, at once: behind it, none of them says anything.
    /// `NOT_FOUND` if there is no such session or you are not in it, `FORBIDDEN` if you are not its owner.
    async fn update_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
        #[graphql(desc = "What should be different.")] input: SessionInput,
    ) -> ApiResult<Session> {
        let id = ids::session(&id, "id")?;
        let change = Change {
            title: input.title,
            archived: input.archived,
            chatbots_paused: input.chatbots_paused,
        };
        let row = sessions::update(ctx.app()?, ctx.viewer()?, id, change).await?;
        Ok(Session::new(row))
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

    /// Notes how far you have read, for `unreadCount` and for others' `readUpTo`. It never falls: an earlier
    /// place changes nothing. Sending reads what stands before. Nobody is told of it live.
    async fn mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(
            desc = "The `seq` of the newest message that was read: 0 to that of the session's last message."
        )]
        up_to: i32,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let row = reading::mark_read(ctx.app()?, ctx.viewer()?, id, Seq(up_to)).await?;
        Ok(Session::new(row))
    }

    /// Tells the others who watch a session that you type there, or have stopped; `true` when it is told. It is
    /// never stored, and ends by itself after five seconds, when you send a message, or when a subscription of
    /// yours to the session ends: say it again every three seconds while you type.
    ///
    /// `RATE_LIMITED` more than once a second in a session. `NOT_FOUND` if there is no such session.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Whether you do.")] typing: bool,
    ) -> ApiResult<bool> {
        let id = ids::session(&session_id, "sessionId")?;
        typing::set(ctx.app()?, ctx.address()?, ctx.viewer()?, id, typing).await?;
        Ok(true)
    }

    /// Erases a session of yours with all that was said in it. There is no way back. Whoever watches it is told
    /// `SESSION_DELETED`. `NOT_FOUND` if there is no such session or you are not in it, `FORBIDDEN` if you are not
    /// its owner.
    async fn delete_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
    ) -> ApiResult<bool> {
        let id = ids::session(&id, "id")?;
        sessions::delete(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(true)
    }

    /// Joins a room. You may read all that was said there, and it counts as read. A session that you are in is
    /// given as it is.
    ///
    /// `NOT_FOUND` if there is no such room, or you were removed from it; `CONFLICT` if 1,000 people are in it. It
    /// counts as a send: `RATE_LIMITED` if you do either too often.
    async fn join_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which room.")] id: ID,
    ) -> ApiResult<Session> {
        let id = ids::session(&id, "id")?;
        let row = members::join(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(Session::new(row))
    }

    /// Leaves a session. What you said stays. If you run it, whoever has been in it the longest runs it from then
    /// on; if nobody else is in it, it is erased. `NOT_FOUND` if there is no such session or you are not in it.
    async fn leave_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
    ) -> ApiResult<bool> {
        let id = ids::session(&id, "id")?;
        members::leave(ctx.app()?, ctx.viewer()?, id).await?;
        Ok(true)
    }

    /// Adds somebody to a session of yours, also if they were removed before. They may read all that was said
    /// there. Who is in it stays as they are.
    ///
    /// `NOT_FOUND` if there is no such session or you are not in it, or no such person; `FORBIDDEN` if you are not
    /// its owner; `CONFLICT` if 1,000 people are in it. It counts as a send: `RATE_LIMITED` if you do either too
    /// often.
    async fn add_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Who: without regard to case.")] username: String,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let username = Username::parse(&username, "username")?;
        let row = members::add(ctx.app()?, ctx.viewer()?, id, &username).await?;
        Ok(Session::new(row))
    }

    /// Removes somebody from a session of yours. What they said stays; their subscriptions end with `REMOVED`, and
    /// the session does not exist for them until its owner adds them again.
    ///
    /// `NOT_FOUND` if there is no such session or you are not in it, or no such member; `FORBIDDEN` if you are not
    /// its owner.
    async fn remove_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] session_id: ID,
        #[graphql(desc = "Who: without regard to case.")] username: String,
    ) -> ApiResult<Session> {
        let id = ids::session(&session_id, "sessionId")?;
        let username = Username::parse(&username, "username")?;
        let row = members::remove(ctx.app()?, ctx.viewer()?, id, &username).await?;
        Ok(Session::new(row))
    }

    /// Ends a reply under way, with the text so far: `CANCELLED`. One that has ended already is given as it
    /// is. `NOT_FOUND` if there is no such message.
    async fn cancel_reply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which reply.")] id: ID,
    ) -> ApiResult<Message> {
        let (session, seq) = ids::message(&id, "id")?;
        let row = under_way::cancel(ctx.app()?, ctx.viewer()?, session, seq).await?;
        Ok(Message::new(row))
    }

    /// Has the last reply of a session written anew. It keeps its place and its id, its text is gone, and it
    /// is `PENDING` again.
    ///
    /// `CONFLICT` while a reply of the session is under way, if there is a later reply, or if the chatbot is
    /// paused or deleted. `NOT_FOUND` if there is no such message. It counts as a send: `RATE_LIMITED` if you do
    /// either too often.
    ///
    /// To ask safely over a bad line, give a `clientKey` and ask again until you have an answer.
    async fn regenerate_reply(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which reply.")] id: ID,
        #[graphql(
            desc = "Your own name for this request: 1 to 128 characters. The same key again gives the reply as it is and \
                    writes nothing; for another reply of the session it is a `CONFLICT`. It never expires."
        )]
        client_key: Option<String>,
    ) -> ApiResult<Message> {
        let place = ids::message(&id, "id")?;
        let (app, from) = (ctx.app()?, ctx.address()?);
        let row = under_way::regenerate(app, from, ctx.viewer()?, place, client_key).await?;
        Ok(Message::new(row))
    }

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
        let sent = match messages::send(app, ctx.address()?, ctx.viewer()?, draft).await? {
            Delivery::Message(sent) => *sent,
            Delivery::Command(given) => {
                ctx.deadline()?.extend(wait);
                let reply = given.wait(app, wait, hung_up).await;
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
                Some(waiting::for_reply(app, reply, reader, wait, hung_up).await)
            }
            reply => reply,
        };
        Ok(SendMessagePayload {
            session: Session::at(sent.session, position),
            message: Some(Message::new(sent.message)),
            reply: reply.map(Message::new),
            command_reply: None,
        })
    }
}

fn wait(milliseconds: i32) -> AppResult<Duration> {
    u64::try_from(milliseconds)
        .ok()
        .map(Duration::from_millis)
        .filter(|wait| *wait <= MAX_WAIT)
        .ok_or_else(|| AppError::bad_input("waitMs", "A send waits 0 to 60,000 milliseconds."))
}

/// A session to be started.
#[derive(InputObject)]
struct StartSessionInput {
    /// Who it is for.
    #[graphql(default_with = "Some(SessionKind::Private)")]
    kind: Option<SessionKind>,
    /// What it is called: up to 200 characters on one line. A room needs one.
    title: Option<String>,
    /// The handles of up to 8 chatbots, the one that answers by default first. Left out: the chatbot of the
    /// house, in a room none. An empty list: none.
    chatbots: Option<Vec<String>>,
    /// The usernames of up to 50 others who are in it from the start.
    usernames: Option<Vec<String>>,
}

/// What should be different about a session.
#[derive(InputObject)]
struct SessionInput {
    /// What it is called: up to 200 characters on one line. Empty for none.
    title: Option<String>,
    /// Whether you have put it away: `sessions` lists it only if asked for those. Of the others each decides that
    /// for themselves.
    archived: Option<bool>,
    /// Whether a person has taken over, so that chatbots keep silent.
    chatbots_paused: Option<bool>,
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
    message: Option<Message>,
    /// The reply that the chatbot owes; of several, the first. If one waits already that answers this message
    /// too, that one. Null if none answers here.
    reply: Option<Message>,
    /// The command and, within `waitMs`, its answer. Null if it was a message.
    command_reply: Option<CommandReply>,
}
