//! What a session is called and what kind it is.

use super::DisplayName;
use super::stored_text::stored_text;
use crate::error::{AppError, AppResult};

stored_text! {
    /// Who a session is for.
    SessionKind {
        /// A person and chatbots.
        Private = "PRIVATE",
        /// Open to join; its chatbots answer when they are mentioned.
        Room = "ROOM",
        /// A guest and whom they came to see; chatbots answer the guest.
        Visit = "VISIT",
    }
}

/// A session's title: at most 200 characters, trimmed, on one line. Empty for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// Checks a title as it was typed; `field` names it in the complaint.
    pub fn parse(text: &str, field: &'static str) -> AppResult<Self> {
        let text = text.trim();
        if text.chars().count() > 200 {
            return Err(AppError::bad_input(
                field,
                "A title has at most 200 characters.",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(AppError::bad_input(
                field,
                "A title is one line without control characters.",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a visit is called: as its guest is shown.
    pub fn of_visit(guest: &DisplayName) -> Self {
        Self(guest.as_str().to_owned())
    }

    /// No title.
    pub fn none() -> Self {
        Self(String::new())
    }

    /// The title.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
