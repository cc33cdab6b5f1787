//! Chatbots at work: a runner takes replies from the log, engines think of what to say.

mod builtin;
mod commands;
mod engine;
mod engines;
mod memory;
mod openai;
mod patience;
mod runner;
mod writing;

pub use engine::{Engine, Failure, Pieces};
pub use openai::check::{Finding, check};
pub use patience::Patience;
pub use runner::{start, start_with, start_with_engine};
