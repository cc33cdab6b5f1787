//! Reading.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::cursors::{PageArgs, RoomKey, SearchCursor, connection};
use super::error::ApiResult;
use super::ids;
use super::in_line::InLine;
use super::types::{Chatbot, CommandInfo, Connection, ContextExt, Message, Node, Session, User};
use crate::db::history::HistoryKey;
use crate::db::search::Found;
use crate::db::sessions::ListKey;
use crate::domain::{Defaults, Handle, MAX_MESSAGE_BYTES, NodeId, SearchText, Username};
use crate::error::AppError;
use crate::services::{accounts, chatbots, history, search, sessions};

/// The root of every query.
pub struct Query;

/// Reading. What you may not see is answered like what does not exist.
#[Object]
impl Query {
    /// You. `UNAUTHENTICATED` if you are not signed in.
    async fn me(&self, ctx: &Context<'_>) -> ApiResult<User> {
        Ok(User::new(accounts::me(ctx.app()?, ctx.viewer()?).await?))
    }

    /// The person with this name. Null if there is nobody with an account of this name.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Without regard to case.")] username: String,
    ) -> ApiResult<Option<User>> {
        let username = Username::parse(&username, "username")?;
        let found = accounts::find(ctx.app()?, ctx.viewer()?, &username).await?;
        Ok(found.map(User::new))
    }

    /// The chatbots you may talk to, by handle.
    async fn chatbots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 0 to 200.", default_with = "Some(50)")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> ApiResult<Connection<Chatbot>> {
        let app = ctx.app()?;
        let args = PageArgs {
            first,
            after,
            ..PageArgs::default()
        };
        let request = args.parse::<String>(app.sealer(), Defaults::First(50))?;
        let page = chatbots::page(app, ctx.viewer()?, &request).await?;
        let key = |row: &crate::db::chatbots::Chatbot| row.handle_key.clone();
        Ok(connection(page, key, Chatbot))
    }

    /// The chatbot with this handle. Null if there is none that you may talk to.
    async fn chatbot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Without regard to case, with or without a leading `@`.")] handle: String,
    ) -> ApiResult<Option<Chatbot>> {
        let handle = Handle::parse(&handle, "handle")?;
        let found = chatbots::find(ctx.app()?, ctx.viewer()?, &handle).await?;
        Ok(found.map(Chatbot))
    }

    /// Your sessions, latest change first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 0 to 200.", default_with = "Some(50)")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
        #[graphql(
            desc = "Those that were put away instead of the others.",
            default_with = "Some(false)"
        )]
        archived: Option<bool>,
    ) -> ApiResult<Connection<Session>> {
        let app = ctx.app()?;
        let args = PageArgs {
            first,
            after,
            ..PageArgs::default()
        };
        let request = args.parse::<ListKey>(app.sealer(), Defaults::First(50))?;
        let archived = archived.unwrap_or(false);
        let page = Box::pin(sessions::page(app, ctx.viewer()?, archived, &request)).await?;
        let key = |row: &crate::db::sessions::Session| row.list_key();
        Ok(connection(page, key, Session::new))
    }

    /// The rooms there are, those you are in among them, latest change first. `joinSession` lets you in.
    ///
    /// Of a room you are not in you see its title, its people and its chatbots: it has no messages for you, and
    /// its `cursor` is its beginning. One that you were removed from is not there.
    async fn rooms(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 0 to 200.", default_with = "Some(50)")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> ApiResult<Connection<Session>> {
        let app = ctx.app()?;
        let args = PageArgs {
            first,
            after,
            ..PageArgs::default()
        };
        let request = args.parse::<RoomKey>(app.sealer(), Defaults::First(50))?;
        let request = request.map(|RoomKey(key)| key);
        let page = Box::pin(sessions::rooms(app, ctx.viewer()?, &request)).await?;
        let key = |row: &crate::db::sessions::Session| RoomKey(row.list_key());
        Ok(connection(page, key, Session::new))
    }

    /// One session of yours, or a room. `NOT_FOUND` if there is none with this id that you may see.
    async fn session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> ApiResult<Option<Session>> {
        let id = ids::session(&id, "id")?;
        // In a box, as all that reads: a query is as large as what is largest in it, and is moved about.
        let row = Box::pin(sessions::get(ctx.app()?, ctx.viewer()?, id)).await?;
        Ok(Some(Session::new(row)))
    }

    /// What was said in one session, or in all of yours merged by time: the newest messages, newest last.
    /// `NOT_FOUND` if there is no such session, or you are not in it.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session; all of yours if left out.")] session_id: Option<ID>,
        #[graphql(desc = "How many: 0 to 200.", default_with = "Some(50)")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this edge's cursor, taken from the same list.")]
        before: Option<String>,
    ) -> ApiResult<Connection<InLine<Message>>> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let args = PageArgs {
            last,
            before,
            ..PageArgs::default()
        };
        let sealer = app.sealer();
        if let Some(id) = session_id {
            let session = ids::session(&id, "sessionId")?;
            let request = args.parse_in(sealer, session, Defaults::Last(50))?;
            let page = Box::pin(history::page(app, viewer, session, &request)).await?;
            Ok(connection(page, |row| row.place(), Message::in_line))
        } else {
            let request = args.parse::<HistoryKey>(sealer, Defaults::Last(50))?;
            let page = Box::pin(history::page_of_all(app, viewer, &request)).await?;
            Ok(connection(page, HistoryKey::of, Message::in_line))
        }
    }

    /// Finds what was said in your sessions, the best match first; among equals the newest session, and in it
    /// the newest message. Deleted messages and replies under way are not found.
    ///
    /// Words as people type them: all have to be there, the last one at least begun (`mil` finds milk).
    /// `"in this order"`, `this or that`, `-not this`. Words are compared as they are written, without
    /// regard to case, in any language. `BAD_USER_INPUT` if there is no word to look for. `NOT_FOUND` if there is no
    /// such session, `RATE_LIMITED` if you search too often.
    async fn search(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to look for: up to 200 characters.")] text: String,
        #[graphql(desc = "In which session; in all of yours if left out.")] session_id: Option<ID>,
        #[graphql(desc = "How many: 0 to 200.", default_with = "Some(20)")] first: Option<i32>,
        #[graphql(
            desc = "Only those after this edge's cursor, taken from the same search for the same text."
        )]
        after: Option<String>,
    ) -> ApiResult<Connection<InLine<Message>>> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let session = session_id.map(|id| ids::session(&id, "sessionId"));
        let session = session.transpose()?;
        let text = SearchText::parse(&text)?;
        let args = PageArgs {
            first,
            after,
            ..PageArgs::default()
        };
        let digest = SearchCursor::digest(&text, session);
        let request = args.parse_search(app.sealer(), digest, Defaults::First(20))?;
        let page = Box::pin(search::page(app, viewer, &text, session, &request)).await?;
        let key = |found: &Found| SearchCursor {
            digest,
            key: found.key(),
        };
        let node = |found: Found| Message::in_line(found.message);
        Ok(connection(page, key, node))
    }

    /// What this server is. Needs no login.
    async fn server_info(&self) -> ServerInfo {
        ServerInfo {
            name: "Parlor",
            version: env!("CARGO_PKG_VERSION"),
            commands: CommandInfo::all(),
            max_message_length: MAX_MESSAGE_BYTES,
        }
    }

    /// Anything that has an id. `NOT_FOUND` if there is nothing with this id that you may see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
    ) -> ApiResult<Option<Node>> {
        let (app, viewer) = (ctx.app()?, ctx.viewer()?);
        let node = match ids::node(&id, "id")? {
            NodeId::User(id) => Node::User(User::new(accounts::get(app, viewer, id).await?)),
            NodeId::Chatbot(id) => Node::Chatbot(Chatbot(chatbots::get(app, viewer, id).await?)),
            NodeId::Session(id) => {
                Node::Session(Session::new(sessions::get(app, viewer, id).await?))
            }
            NodeId::Message(session, seq) => {
                Node::Message(Message::new(history::get(app, viewer, session, seq).await?))
            }
            // Nothing is stored of commands.
            NodeId::Command(_) => return Err(AppError::NotFound("command").into()),
        };
        Ok(Some(node))
    }
}

/// What this server is.
#[derive(SimpleObject)]
struct ServerInfo {
    /// The product's name.
    name: &'static str,
    /// The program's version (semantic versioning).
    version: &'static str,
    /// The slash commands there are.
    commands: Vec<CommandInfo>,
    /// The longest message, in bytes of UTF-8.
    max_message_length: usize,
}
