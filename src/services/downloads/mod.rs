//! Downloads of any length: everything that is a person's, and the transcript of a session.
//!
//! Somebody who is signed in asks for a link; whoever has the link has the download, since a browser that follows one
//! sends no token. So a link is sealed, good for minutes, for one thing, and no longer than the login that asked
//! for it. What is sent is read page by page as the client takes it, each page with a proof that it may still be
//! seen, and no transaction spans two. So a download costs a page of memory, and is no snapshot: what is said while
//! it goes on may be in it.

mod lines;
mod markdown;
mod my_data;
mod transcript;

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use futures_util::{Stream, StreamExt};

use super::{access, logins};
use crate::app::{App, Place};
use crate::auth::Purpose;
use crate::db::log::PageLimit;
use crate::db::logins as stored_logins;
use crate::domain::{Person, SessionId, Ticket, TranscriptFormat, UserId, Viewer, Wanted};
use crate::error::{AppError, AppResult};

/// How long a link is good for.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// Most of a session's messages that are read at once.
const MESSAGES: PageLimit = PageLimit {
    entries: 200,
    bytes: 128 * 1024,
};

/// Most rows of anything else that are read at once.
const ROWS: i64 = 100;

/// A forged link, one that has expired and one to what may not be seen any more are told alike.
const NO_DOWNLOAD: AppError = AppError::NotFound("download");

/// A link, for whoever asked for it. It has no `Debug`: what is in it lets anybody have the download.
pub struct Link {
    /// Stands in the address.
    pub token: String,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
}

/// A download that may begin.
pub struct Download {
    person: Person,
    wanted: Wanted,
    place: Place<UserId>,
}

/// A link to everything that is the viewer's.
pub fn link_to_my_data(app: &App, viewer: &Viewer) -> AppResult<Link> {
    Ok(link(app, viewer.person()?, Wanted::MyData))
}

/// A link to what was said in a session; `NOT_FOUND` without a seat in it.
pub async fn link_to_transcript(
    app: &App,
    viewer: &Viewer,
    session: SessionId,
    format: TranscriptFormat,
) -> AppResult<Link> {
    let person = viewer.person()?;
    access::seat(&mut *app.db().connection().await?, viewer, session).await?;
    Ok(link(app, person, Wanted::Transcript(session, format)))
}

fn link(app: &App, person: &Person, wanted: Wanted) -> Link {
    let now = Utc::now();
    let expires_at = now.with_nanosecond(0).unwrap_or(now) + LIFETIME;
    let ticket = Ticket {
        wanted,
        user: person.user,
        login: person.login,
        expires_at,
    };
    Link {
        token: app.sealer().seal(Purpose::Download, &ticket.to_bytes()),
        expires_at,
    }
}

/// The download that a link stands for. `NOT_FOUND` if there is none, or none any more; `RATE_LIMITED` while
/// its person has as many under way as one may.
pub async fn open(app: &App, token: &str) -> AppResult<Download> {
    let ticket = app.sealer().open(Purpose::Download, token);
    let ticket = ticket.and_then(|bytes| Ticket::from_bytes(&bytes));
    let ticket = ticket.filter(|ticket| Utc::now() < ticket.expires_at);
    let ticket = ticket.ok_or(NO_DOWNLOAD)?;
    let mut conn = app.db().connection().await?;
    let login = stored_logins::find_open(&mut conn, ticket.login).await?;
    let login = login.filter(|login| login.user == ticket.user);
    let login = login.ok_or(NO_DOWNLOAD)?;
    let person = Person {
        user: login.user,
        login: login.id,
        role: login.role,
        expires_at: ticket.expires_at,
    };
    if let Wanted::Transcript(session, _) = ticket.wanted {
        let viewer = Viewer::Person(person.clone());
        let seat = access::seat(&mut conn, &viewer, session).await;
        seat.map_err(|error| match error {
            AppError::NotFound(_) => NO_DOWNLOAD,
            other => other,
        })?;
    }
    let place = app.downloads().take(ticket.user);
    let place = place.ok_or(AppError::RateLimited {
        retry_after: Duration::from_secs(10),
    })?;
    Ok(Download {
        person,
        wanted: ticket.wanted,
        place,
    })
}

impl Download {
    /// What it is called where it is saved.
    pub fn file_name(&self) -> &'static str {
        match self.wanted {
            Wanted::MyData => "parlor-my-data.jsonl",
            Wanted::Transcript(_, TranscriptFormat::Markdown) => "parlor-transcript.md",
            Wanted::Transcript(_, TranscriptFormat::Json) => "parlor-transcript.json",
        }
    }

    /// Its media type.
    pub fn content_type(&self) -> &'static str {
        match self.wanted {
            Wanted::MyData => "application/jsonl; charset=utf-8",
            Wanted::Transcript(_, TranscriptFormat::Markdown) => "text/markdown; charset=utf-8",
            Wanted::Transcript(_, TranscriptFormat::Json) => "application/json",
        }
    }

    /// Its text, piece by piece; the next is read when this one is taken. An error is the last: the login has
    /// ended, the session may not be seen any more, or the database does not answer. What came before it is not
    /// the whole.
    pub fn pieces(self, app: &App) -> impl Stream<Item = AppResult<String>> + Send + use<> {
        let Self {
            person,
            wanted,
            place,
        } = self;
        let app = app.clone();
        async_stream::stream! {
            // Given back with everything else here, whatever ends it.
            let _place = place;
            let pieces = match wanted {
                Wanted::MyData => my_data::pieces(app.clone(), person.clone()).boxed(),
                Wanted::Transcript(session, format) => {
                    transcript::pieces(app.clone(), person.clone(), session, format).boxed()
                }
            };
            let mut pieces = pin!(pieces);
            let mut ended = pin!(logins::ended(&app, &person));
            loop {
                let piece = tokio::select! {
                    biased;
                    () = &mut ended => Some(Err(NO_DOWNLOAD)),
                    piece = pieces.next() => piece,
                };
                let Some(piece) = piece else {
                    return;
                };
                let is_last = piece.is_err();
                yield piece;
                if is_last {
                    return;
                }
            }
        }
    }
}
