//! What was said in one session, from its beginning to its end, for people or for programs.

use futures_util::Stream;

use super::lines::{Authors, Line};
use super::{MESSAGES, markdown};
use crate::app::App;
use crate::db::export;
use crate::domain::{Person, Seq, SessionId, TranscriptFormat, Viewer};
use crate::error::AppResult;
use crate::services::access;

/// The transcript, a page of messages at a time. Ends with `NOT_FOUND` when its reader is removed.
pub(super) fn pieces(
    app: App,
    person: Person,
    session: SessionId,
    format: TranscriptFormat,
) -> impl Stream<Item = AppResult<String>> + Send {
    async_stream::try_stream! {
        let mut reading = Reading {
            reader: Viewer::Person(person),
            session,
            format,
            after: Seq(0),
        };
        yield reading.opening(&app).await?;
        while let Some(piece) = reading.next(&app).await? {
            yield piece;
        }
        if format == TranscriptFormat::Json {
            yield "\n]}\n".to_owned();
        }
    }
}

struct Reading {
    reader: Viewer,
    session: SessionId,
    format: TranscriptFormat,
    after: Seq,
}

impl Reading {
    async fn opening(&self, app: &App) -> AppResult<String> {
        let mut conn = app.db().connection().await?;
        let seat = access::seat(&mut conn, &self.reader, self.session).await?;
        match self.format {
            TranscriptFormat::Markdown => Ok(markdown::opening(seat.session())),
            TranscriptFormat::Json => {
                let mut text = "{\"session\":".to_owned();
                Line::session(seat.session()).write(&mut text)?;
                text.push_str(",\"messages\":[");
                Ok(text)
            }
        }
    }

    /// The next page; nothing after the last.
    async fn next(&mut self, app: &App) -> AppResult<Option<String>> {
        let mut conn = app.db().connection().await?;
        let seat = access::seat(&mut conn, &self.reader, self.session).await?;
        let page = export::messages(&mut conn, &seat, self.after, MESSAGES).await?;
        // Again, behind the page: what was read under a seat may be shown.
        access::seat(&mut conn, &self.reader, self.session).await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        let is_first = self.after == Seq(0);
        self.after = last.seq;
        let authors = Authors::of_all(&mut conn, &page).await?;
        drop(conn);
        let mut text = String::new();
        for (number, message) in page.iter().enumerate() {
            match self.format {
                TranscriptFormat::Markdown => {
                    text.push_str(&markdown::message(message, authors.of(message).as_ref()));
                }
                TranscriptFormat::Json => {
                    let is_very_first = is_first && number == 0;
                    text.push_str(if is_very_first { "\n" } else { ",\n" });
                    Line::message(message, &authors, seat.user()).write(&mut text)?;
                }
            }
        }
        Ok(Some(text))
    }
}
