//! What a message says, who says it and how far it has come.

use serde::{Deserialize, Serialize};

use super::stored_text::stored_text;
use super::{ChatbotId, UserId};
use crate::error::{AppError, AppResult};

stored_text! {
    /// How far a message has come. People's messages are born `Complete`, replies `Pending`.
    MessageStatus {
        /// A reply that no runner has shown any text of.
        Pending = "PENDING",
        /// A reply being written.
        Streaming = "STREAMING",
        /// All there.
        Complete = "COMPLETE",
        /// Stopped by a person; what was written so far is kept.
        Cancelled = "CANCELLED",
        /// Ended by a fault; what was written so far is kept.
        Failed = "FAILED",
        /// Taken back: its place is kept, its content is gone.
        Deleted = "DELETED",
    }
}

impl MessageStatus {
    /// Whether its text is still being written.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Pending | Self::Streaming)
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Author {
    /// A person.
    User(UserId),
    /// A chatbot.
    Chatbot(ChatbotId),
}

/// The longest message, in bytes of UTF-8.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024;

/// What a message says: at least one visible character, at most [`MAX_MESSAGE_BYTES`], no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageContent(String);

impl MessageContent {
    /// Checks a message as it was typed. It is kept as it is, white space at its ends included.
    pub fn parse(text: String) -> AppResult<Self> {
        let complaint = if text.trim().is_empty() {
            "A message can't be empty."
        } else if text.len() > MAX_MESSAGE_BYTES {
            "A message has at most 32,768 bytes of UTF-8."
        } else if text.contains('\0') {
            // PostgreSQL's text can't hold it.
            "A message can't contain the character NUL."
        } else {
            return Ok(Self(text));
        };
        Err(AppError::bad_input("content", complaint))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sender's own name for one send: 1 to 128 characters. The same key again means the same send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey(String);

impl ClientKey {
    /// Checks a key as the client gave it.
    pub fn parse(text: String) -> AppResult<Self> {
        if !(1..=128).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err(AppError::bad_input(
                "clientKey",
                "A client key has 1 to 128 characters, none of them a control character.",
            ));
        }
        Ok(Self(text))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_kept_as_typed_up_to_the_last_byte() {
        let longest = "é".repeat(MAX_MESSAGE_BYTES / 2);
        assert_eq!(
            MessageContent::parse(longest.clone()).unwrap().as_str(),
            longest
        );
        assert_eq!(
            MessageContent::parse("  hi\n".into()).unwrap().as_str(),
            "  hi\n"
        );
    }

    #[test]
    fn content_that_says_nothing_or_too_much_is_refused() {
        let one_byte_over = format!("{}a", "é".repeat(MAX_MESSAGE_BYTES / 2));
        for bad in ["", " \n\t\u{3000}", "a\0b", one_byte_over.as_str()] {
            let refused = MessageContent::parse(bad.to_owned()).unwrap_err();
            assert_eq!(refused.code(), "BAD_USER_INPUT");
            assert_eq!(refused.field(), Some("content"));
        }
    }
}
