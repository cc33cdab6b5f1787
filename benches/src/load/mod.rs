//! The load: sockets and connections that do as clients do, cheaply, because they share the machine with what is measured.

mod http;
mod message;
mod socket;
mod target;

pub use http::Line;
pub use message::{Event, Template, content, event, number};
pub use socket::Socket;
pub use target::{Size, Target, Who};
