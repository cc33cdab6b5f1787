//! The schema's types, a file each for what belongs together.

mod chatbot;
mod command;
mod connection;
mod download;
mod events;
mod inbox;
mod message;
mod node;
mod session;
mod signed_in;
mod user;
mod visit;

use async_graphql::Context;
use async_graphql::dataloader::DataLoader;

pub(super) use chatbot::{Chatbot, ChatbotInput};
pub(super) use command::{CommandInfo, CommandReply};
pub(super) use connection::Connection;
pub(super) use download::{Download, TranscriptFormat};
pub(super) use events::SessionEvent;
pub(super) use inbox::InboxEvent;
pub(super) use message::Message;
pub(super) use node::Node;
pub(super) use session::{Session, SessionKind};
pub(super) use signed_in::{AuthPayload, LoginInput, RegisterInput};
pub(super) use user::{ProfileInput, User};
pub(super) use visit::{StartVisitInput, VisitPayload};

use super::HungUp;
use super::deadline::Deadline;
use super::error::{ApiError, ApiResult};
use super::loaders::Rows;
use crate::app::App;
use crate::domain::{ClientAddress, Epoch, Viewer};
use crate::error::AppError;

/// What the schema was built with and what every request carries.
pub(super) trait ContextExt {
    fn app(&self) -> ApiResult<&App>;
    fn viewer(&self) -> ApiResult<&Viewer>;
    /// Where the request comes from, for what is counted by that.
    fn address(&self) -> ApiResult<ClientAddress>;
    fn epoch(&self) -> ApiResult<Epoch>;
    fn rows(&self) -> ApiResult<&DataLoader<Rows>>;
    fn deadline(&self) -> ApiResult<&Deadline>;
    fn hung_up(&self) -> ApiResult<&HungUp>;
}

impl ContextExt for Context<'_> {
    fn app(&self) -> ApiResult<&App> {
        data(self)
    }

    fn viewer(&self) -> ApiResult<&Viewer> {
        data(self)
    }

    fn address(&self) -> ApiResult<ClientAddress> {
        data(self).copied()
    }

    fn epoch(&self) -> ApiResult<Epoch> {
        data(self).copied()
    }

    fn rows(&self) -> ApiResult<&DataLoader<Rows>> {
        data(self)
    }

    fn deadline(&self) -> ApiResult<&Deadline> {
        data(self)
    }

    fn hung_up(&self) -> ApiResult<&HungUp> {
        data(self)
    }
}

fn data<'c, T: Send + Sync + 'static>(ctx: &Context<'c>) -> ApiResult<&'c T> {
    ctx.data_opt::<T>().ok_or_else(|| {
        let missing = std::any::type_name::<T>();
        AppError::Internal(anyhow::anyhow!("a request without {missing}")).into()
    })
}

/// A row that another row names. It is there unless it was deleted a moment ago.
fn present<T>(row: Option<T>, what: &'static str) -> Result<T, ApiError> {
    row.ok_or_else(|| AppError::NotFound(what).into())
}
