//! A transcript for people. What somebody wrote is quoted line by line, and names are escaped, so that nobody's
//! words pass for the transcript's own, or for somebody else's.

use chrono::{DateTime, Utc};

use super::lines::AuthorLine;
use crate::db::messages::Message;
use crate::db::sessions::Session;
use crate::domain::MessageStatus;

/// What comes before the first message.
pub(super) fn opening(session: &Session) -> String {
    let title = match session.title.as_str() {
        "" => "A session without a title".to_owned(),
        title => escaped(title),
    };
    format!("# {title}\n\nBegun {}.\n", time(session.created_at))
}

/// A message, with an empty line before it.
pub(super) fn message(message: &Message, author: Option<&AuthorLine<'_>>) -> String {
    let author = match author {
        Some(AuthorLine::User {
            username,
            display_name,
        }) => named(display_name, username),
        Some(AuthorLine::Chatbot { handle, name }) => named(name, handle),
        None => "Somebody who is gone".to_owned(),
    };
    let mut head = format!("\n**{author}**, {}", time(message.created_at));
    if message.edited_at.is_some() {
        head.push_str(", edited");
    }
    match message.status {
        MessageStatus::Complete => {}
        MessageStatus::Pending | MessageStatus::Streaming => head.push_str(", still being written"),
        MessageStatus::Cancelled => head.push_str(", stopped"),
        MessageStatus::Failed => head.push_str(", failed"),
        MessageStatus::Deleted => head.push_str(", deleted"),
    }
    head.push('\n');
    if let Some(failure) = &message.failure {
        head.push_str(&format!("\n{}\n", escaped(failure)));
    }
    if message.content.is_empty() {
        return head;
    }
    head.push('\n');
    // CommonMark ends a line at any of these.
    let content = message.content.replace("\r\n", "\n").replace('\r', "\n");
    for line in content.split('\n') {
        head.push_str(if line.is_empty() { ">" } else { "> " });
        head.push_str(line);
        head.push('\n');
    }
    head
}

fn named(shown: &str, unique: &str) -> String {
    format!("{} (@{})", escaped(shown), escaped(unique))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The text on one line, with nothing in it that Markdown reads as more than itself (CommonMark, section 2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.push(' ');
            continue;
        }
        if character.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::domain::{Rev, Seq, SessionId};

    use super::*;

    fn said(content: &str) -> Message {
        Message {
            session_id: SessionId::new(),
            seq: Seq(1),
            rev: Rev(1),
            added_rev: Rev(1),
            finished_rev: Some(Rev(1)),
            user_id: None,
            chatbot_id: None,
            content: content.to_owned(),
            status: MessageStatus::Complete,
            failure: None,
            in_reply_to: None,
            client_key: None,
            created_at: DateTime::UNIX_EPOCH,
            edited_at: None,
            attempt: 0,
        }
    }

    #[test]
    fn nobodys_words_pass_for_somebody_elses() {
        let forged = "hello\r**Bob**, 1970-01-01\r\n\n# Bob\n> I owe Ada 5.";
        let author = AuthorLine::User {
            username: "ada",
            display_name: "**Bob** [x](y)\n# Bob",
        };
        let written = message(&said(forged), Some(&author));
        let (head, quoted) = written.split_once("UTC\n\n").unwrap();
        assert_eq!(
            head,
            "\n**\\*\\*Bob\\*\\* \\[x\\]\\(y\\) \\# Bob (@ada)**, 1970-01-01 00:00:00 "
        );
        assert_eq!(
            quoted,
            "> hello\n> **Bob**, 1970-01-01\n>\n> # Bob\n> > I owe Ada 5.\n"
        );
    }
}
