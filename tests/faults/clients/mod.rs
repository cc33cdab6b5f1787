//! Clients: light ones, many in this process, that write down all they do and all they are told.

mod account;
mod recorder;
mod sender;
mod steerer;
mod subscriber;
mod wire;

pub use account::Account;
pub use recorder::Recorder;
pub use sender::{Send, Sender};
pub use steerer::Steerer;
pub use subscriber::{Cuts, End, Subscriber, Telling, status};
pub use wire::Wire;
