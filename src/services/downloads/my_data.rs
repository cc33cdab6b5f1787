//! Everything that is one person's, as JSON Lines: who they are, where they are signed in, their chatbots, the
//! sessions they are in, and what was said there. Of a session of their own with chatbots that is all of it; of one
//! that they share with people, their own words: those of others are others' data. So are, of a session that they are
//! not in any more, all but the words that they left there.

use chrono::{DateTime, Utc};
use futures_util::Stream;
use uuid::Uuid;

use super::lines::{Authors, Line};
use super::{MESSAGES, ROWS};
use crate::app::App;
use crate::db::export::{self, Membership};
use crate::db::messages::Message;
use crate::db::{Connection, members, users};
use crate::domain::{ChatbotId, LoginId, Person, Seq, SessionId, SessionKind, UserId, Viewer};
use crate::error::{AppError, AppResult};
use crate::services::access;

/// The lines, a page of them at a time.
pub(super) fn pieces(app: App, person: Person) -> impl Stream<Item = AppResult<String>> + Send {
    async_stream::try_stream! {
        let (user, begun) = (person.user, Utc::now());
        yield profile(&app, user).await?;
        let mut after = LoginId(Uuid::nil());
        while let Some((piece, last)) = logins(&app, user, after).await? {
            after = last;
            yield piece;
        }
        let mut after = ChatbotId(Uuid::nil());
        while let Some((piece, last)) = chatbots(&app, user, after).await? {
            after = last;
            yield piece;
        }
        let viewer = Viewer::Person(person);
        let mut after = SessionId(Uuid::nil());
        loop {
            let page = {
                let mut conn = app.db().connection().await?;
                export::memberships(&mut conn, user, after, ROWS).await?
            };
            let Some(last) = page.last() else {
                break;
            };
            after = last.session_id;
            for membership in page {
                // They may have left since the page was read.
                let Some(mut piece) = Part::begin(&app, &viewer, &membership).await? else {
                    continue;
                };
                yield std::mem::take(&mut piece.text);
                while piece.read_on(&app, &viewer).await? {
                    yield std::mem::take(&mut piece.text);
                }
            }
        }
        let mut after = SessionId(Uuid::nil());
        while let Some(session) = departed(&app, user, begun, after).await? {
            after = session;
            let mut seq = Seq(0);
            while let Some((piece, last)) = left_behind(&app, user, session, seq).await? {
                seq = last;
                yield piece;
            }
        }
    }
}

async fn profile(app: &App, user: UserId) -> AppResult<String> {
    let mut conn = app.db().connection().await?;
    let found = users::by_ids(&mut conn, &[user]).await?.pop();
    let user = found.ok_or(AppError::NotFound("person"))?;
    in_lines([Line::profile(&user)])
}

async fn logins(app: &App, user: UserId, after: LoginId) -> AppResult<Option<(String, LoginId)>> {
    let mut conn = app.db().connection().await?;
    let page = export::logins(&mut conn, user, after, ROWS).await?;
    let Some(last) = page.last() else {
        return Ok(None);
    };
    Ok(Some((in_lines(page.iter().map(Line::login))?, last.id)))
}

async fn chatbots(
    app: &App,
    user: UserId,
    after: ChatbotId,
) -> AppResult<Option<(String, ChatbotId)>> {
    let mut conn = app.db().connection().await?;
    let page = export::chatbots(&mut conn, user, after, ROWS).await?;
    let Some(last) = page.last() else {
        return Ok(None);
    };
    Ok(Some((in_lines(page.iter().map(Line::chatbot))?, last.id)))
}

/// The next session of those that the person was not in when the download began. Who comes back meanwhile may have
/// their words twice, and not never.
async fn departed(
    app: &App,
    user: UserId,
    begun: DateTime<Utc>,
    after: SessionId,
) -> AppResult<Option<SessionId>> {
    export::departed(&mut *app.db().connection().await?, user, begun, after).await
}

/// What the person said in a session that they are not in any more: of itself it tells only its id.
async fn left_behind(
    app: &App,
    user: UserId,
    session: SessionId,
    after: Seq,
) -> AppResult<Option<(String, Seq)>> {
    let mut conn = app.db().connection().await?;
    let page = export::own_words(&mut conn, user, session, after, MESSAGES).await?;
    said(&mut conn, &page, user).await
}

/// The lines of a page of messages, and the place of the last.
async fn said(
    conn: &mut Connection,
    page: &[Message],
    reader: UserId,
) -> AppResult<Option<(String, Seq)>> {
    let Some(last) = page.last() else {
        return Ok(None);
    };
    let authors = Authors::of_all(conn, page).await?;
    let lines = page.iter().map(|it| Line::message(it, &authors, reader));
    Ok(Some((in_lines(lines)?, last.seq)))
}

/// One session's part.
struct Part {
    session: SessionId,
    reader: UserId,
    /// Nobody else takes part: all that was said is theirs.
    is_alone: bool,
    after: Seq,
    text: String,
}

impl Part {
    async fn begin(app: &App, viewer: &Viewer, membership: &Membership) -> AppResult<Option<Self>> {
        let id = membership.session_id;
        let mut conn = app.db().connection().await?;
        let seat = match access::seat(&mut conn, viewer, id).await {
            Ok(seat) => seat,
            Err(AppError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (session, reader) = (seat.session(), seat.user());
        let is_alone =
            session.kind == SessionKind::Private && members::count(&mut conn, id).await? == 1;
        let membership = Line::membership(session, membership);
        Ok(Some(Self {
            session: id,
            reader,
            is_alone,
            after: Seq(0),
            text: in_lines([Line::session(session), membership])?,
        }))
    }

    /// Reads the next messages into `text`; says whether there were any.
    async fn read_on(&mut self, app: &App, viewer: &Viewer) -> AppResult<bool> {
        let mut conn = app.db().connection().await?;
        let seat = match access::seat(&mut conn, viewer, self.session).await {
            Ok(seat) => seat,
            Err(AppError::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut page = Vec::new();
        if self.is_alone {
            page = export::messages(&mut conn, &seat, self.after, MESSAGES).await?;
            // Behind the page: who has come since said nothing in it.
            self.is_alone = members::count(&mut conn, self.session).await? == 1;
        }
        if !self.is_alone {
            let (reader, session) = (self.reader, self.session);
            page = export::own_words(&mut conn, reader, session, self.after, MESSAGES).await?;
        }
        let Some((text, last)) = said(&mut conn, &page, self.reader).await? else {
            return Ok(false);
        };
        (self.text, self.after) = (text, last);
        Ok(true)
    }
}

fn in_lines<'a>(lines: impl IntoIterator<Item = Line<'a>>) -> AppResult<String> {
    let mut text = String::new();
    for line in lines {
        line.write(&mut text)?;
        text.push('\n');
    }
    Ok(text)
}
