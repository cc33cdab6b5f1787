//! What Parlor does: one file a story, one function a deed.
//!
//! Authorisation lives here and nowhere else. A deed that writes goes: validate, prove, write in one
//! transaction, announce. What was written is stored when the function returns; announcing is best effort,
//! and whoever misses it finds it in the log.

pub mod access;
pub mod accounts;
mod beginning;
pub mod chatbots;
pub mod commands;
pub mod conversation;
pub mod downloads;
pub mod editing;
pub mod erasures;
mod guests;
pub mod history;
pub mod inbox;
pub mod leftovers;
pub mod logins;
pub mod members;
pub mod messages;
pub mod operator;
pub mod reading;
pub mod replies;
pub mod search;
mod seating;
pub mod sessions;
pub mod sign_outs;
pub mod typing;
pub mod under_way;
pub mod visits;
pub mod waiting;
pub mod watch;
mod writers;
