//! The product's words as types: ids, texts that were checked, cursors, pages.
//!
//! Nothing here does input or output. A value of one of these types is already valid, so whoever asks for
//! one can't be handed anything else.

mod answering;
mod chatbot;
mod client_address;
mod command;
mod cursor;
mod download;
mod email_address;
mod ids;
mod message;
mod node_id;
mod page;
mod people;
mod reply_text;
mod search_text;
mod session;
mod stored_text;
mod viewer;

pub use answering::{Candidate, Occasion, who_answers};
pub use chatbot::{
    ChatbotEngine, Greeting, Handle, NewHandle, Persona, Temperature, WhileReplying,
};
pub use client_address::ClientAddress;
pub use command::{CommandLine, CommandReply, MAX_COMMAND_BYTES};
pub use cursor::{Cursor, Epoch, Horizon, InboxCursor};
pub use download::{Ticket, TranscriptFormat, Wanted};
pub use email_address::EmailAddress;
pub use ids::{ChatbotId, CommandId, LoginId, Rev, RunnerId, Seq, SessionId, UserId};
pub use message::{Author, ClientKey, MAX_MESSAGE_BYTES, MessageContent, MessageStatus};
pub use node_id::NodeId;
pub use page::{Bounds, Defaults, Page, PageRequest};
pub use people::{Bio, DisplayName, Password, Role, Username};
pub use reply_text::{Applied, ReplyText};
pub use search_text::SearchText;
pub use session::{SessionKind, Title};
pub use viewer::{Account, Person, Viewer};
