//! Chatbots at work: a runner takes replies from the log, engines think of what to say.

mod builtin;
mod engine;
mod runner;
mod writing;

pub use runner::start;
