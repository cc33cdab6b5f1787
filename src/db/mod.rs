//! The database: every query is built here and nowhere else.
//!
//! A file per table or story, its functions read with the module's name: `messages::append`,
//! `users::by_ids`. They take a connection, so that a service decides what shares a transaction.

pub mod accounts;
pub mod chatbots;
mod connect;
pub mod conversation;
pub mod editing;
pub mod ended_logins;
pub mod epoch;
mod error;
pub mod export;
pub mod guests;
pub mod history;
pub mod inbox;
mod inspect;
mod line;
pub mod log;
pub mod logins;
pub mod members;
pub mod messages;
mod migrate;
mod pool;
pub mod private;
mod pulse;
pub mod replies;
pub mod rooms;
pub mod schema;
pub mod search;
pub mod sessions;
pub mod under_way;
pub mod users;

pub use error::{DbError, OnConstraint};
pub use inspect::{Inspection, inspect};
pub use migrate::{MigrationError, migrate, newest_migration, revert_all};
pub use pool::{Connection, Db};
