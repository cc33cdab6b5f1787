//! Everything that has an id.

use async_graphql::{ID, Interface};

use super::{Chatbot, Message, Session, User};

/// Anything that has an id: opaque, globally unique, never changed.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Opaque, globally unique, never changes."
))]
pub enum Node {
    /// A person.
    User(User),
    /// A chatbot.
    Chatbot(Chatbot),
    /// A session.
    Session(Session),
    /// A message.
    Message(Message),
}
