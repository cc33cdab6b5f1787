//! The program as an operator meets it: the real binary, its commands, its messages, its signals.
//!
//! Each test has a folder of its own to run it in, and nothing of this machine's settings.

mod configuration;
mod doctor;
mod help;
mod reset;
mod serving;
mod several;
mod shared_database;
mod stopping;
pub mod support;
mod user;
mod workers;
