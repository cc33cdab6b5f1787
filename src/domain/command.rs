//! Commands: how one is written, and the answer to it. Neither is ever stored.

use serde::{Deserialize, Serialize};

use super::{ChatbotId, CommandId, MessageStatus, SessionId};
use crate::error::{AppError, AppResult};

/// The longest command, in bytes of UTF-8.
pub const MAX_COMMAND_BYTES: usize = 1024;

/// The longest name a command can have, in characters.
const MAX_NAME: usize = 32;

/// A command as somebody typed it: `/stock=AAPL.US`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Its name in small letters: `stock`. There may be no such command.
    pub name: String,
    /// What follows the name, without white space at its ends: `AAPL.US`. Empty if nothing does.
    pub argument: String,
}

impl CommandLine {
    /// Reads a text as a command; nothing if it is a message.
    ///
    /// A command begins with `/` as its very first character and goes on with a name: a letter `a` to `z` of
    /// either case and up to 31 more of them, digits or `_`. Behind the name the text ends, or there is white
    /// space or `=`, and then the argument. So `/ hello`, `//`, `/usr/bin` and `/2` are messages, and so is any
    /// text that begins with white space.
    pub fn parse(text: &str) -> AppResult<Option<Self>> {
        let Some(rest) = text.strip_prefix('/') else {
            return Ok(None);
        };
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() <= MAX_NAME;
        let is_end = |c: char| c == '=' || c.is_whitespace();
        if !is_name || !(rest.is_empty() || rest.starts_with(is_end)) {
            return Ok(None);
        }
        if text.len() > MAX_COMMAND_BYTES {
            return Err(AppError::bad_input(
                "content",
                "A command has at most 1,024 bytes of UTF-8. To send this as a message, begin it with a space.",
            ));
        }
        let rest = rest.trim_start();
        let argument = rest.strip_prefix('=').unwrap_or(rest).trim();
        Ok(Some(Self {
            name: name.to_ascii_lowercase(),
            argument: argument.to_owned(),
        }))
    }
}

/// A command and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReply {
    /// Which. Made from who sends, where to, and their key if they gave one.
    pub id: CommandId,
    /// Where it was typed, and is answered.
    pub session: SessionId,
    /// The command's name.
    pub command: String,
    /// What follows the name.
    pub argument: String,
    /// Who answers.
    pub chatbot: ChatbotId,
    /// `Pending`, then `Complete` or `Failed`.
    pub status: MessageStatus,
    /// The answer; empty unless `Complete`.
    pub content: String,
    /// Why there is none, in words for a person; `Failed` only.
    pub failure: Option<String>,
}

impl CommandReply {
    /// A command that nobody has answered yet.
    pub fn pending(id: CommandId, session: SessionId, line: CommandLine, by: ChatbotId) -> Self {
        Self {
            id,
            session,
            command: line.name,
            argument: line.argument,
            chatbot: by,
            status: MessageStatus::Pending,
            content: String::new(),
            failure: None,
        }
    }

    /// The same, answered; or failed, with words for a person.
    pub fn answered(mut self, answer: Result<String, String>) -> Self {
        match answer {
            Ok(content) => {
                self.status = MessageStatus::Complete;
                self.content = content;
            }
            Err(failure) => {
                self.status = MessageStatus::Failed;
                self.failure = Some(failure);
            }
        }
        self
    }

    /// Whether nobody has answered yet.
    pub fn is_pending(&self) -> bool {
        self.status == MessageStatus::Pending
    }

    /// Whether both are the same command at the same place.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let asked = |reply: &'_ Self| (reply.id, reply.session);
        asked(self) == asked(other)
            && self.command == other.command
            && self.argument == other.argument
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let line = CommandLine::parse(text).unwrap();
        line.map(|line| (line.name, line.argument))
    }

    #[test]
    fn a_command_is_a_name_right_behind_the_slash_and_what_follows_it() {
        for (text, name, argument) in [
            ("/help", "help", ""),
            ("/HELP \n", "help", ""),
            ("/stock=AAPL.US", "stock", "AAPL.US"),
            ("/stock AAPL.US", "stock", "AAPL.US"),
            ("/Stock \t= aapl.us ", "stock", "aapl.us"),
            ("/stock==x", "stock", "=x"),
            ("/stock=", "stock", ""),
            ("/day_range\nAAPL.US", "day_range", "AAPL.US"),
            ("/a1 b c", "a1", "b c"),
            ("/usr is a folder", "usr", "is a folder"),
        ] {
            let expected = Some((name.to_owned(), argument.to_owned()));
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn all_else_is_a_message() {
        let long_name = format!("/{}", "a".repeat(33));
        for text in [
            "help",
            "/",
            "/ hello",
            " /help",
            "\n/help",
            "//help",
            "/usr/bin is a path",
            "/2 of it",
            "/_x",
            "/help!",
            "/stock:AAPL.US",
            "/stöck=AAPL.US",
            "/help-me",
            "／help",
            &long_name,
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_command_is_short_and_a_message_need_not_be() {
        let argument = "a".repeat(MAX_COMMAND_BYTES - "/x ".len());
        assert!(read(&format!("/x {argument}")).is_some());
        let refused = CommandLine::parse(&format!("/x {argument}a")).unwrap_err();
        assert_eq!(refused.field(), Some("content"));
        assert_eq!(read(&format!("/usr/bin {argument}")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_command_or_a_message(text in "/?[a-z_/= ]{0,9}\\PC{0,40}") {
            if let Ok(Some(line)) = CommandLine::parse(&text) {
                let again = format!("/{} = {}", line.name, line.argument);
                prop_assert_eq!(CommandLine::parse(&again).unwrap(), Some(line));
            }
        }
    }
}
