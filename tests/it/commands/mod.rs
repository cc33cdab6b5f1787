//! Slash commands: who may give them, what they answer, who hears it, and that nothing of them is kept.

mod asking;
mod keys;
mod nobody;
mod processes;
mod quotes;
mod quotes_api;
mod support;
