//! What every test starts with: a server of its own on a database of its own, and people who use it as
//! clients do. What reaches behind the API says so in its name.

mod account;
mod app;
mod catalog;
mod database;
mod fill;
mod log;
pub mod nats;
mod person;
mod two_servers;
mod watch;

pub use app::{TestApp, serve_hurriedly, serve_patiently, serve_with_schema};
pub use catalog::Column;
pub use database::TestDatabase;
pub use fill::{expect_filled, session_id};
pub use log::Log;
pub use person::{Answer, PASSWORD, Person};
pub use two_servers::TwoServers;
pub use watch::Watch;
