//! Chatbots with a language model: replies of a model server that does as it should, and of one that does not.
//!
//! The server is a fake that plays a script, byte by byte where it matters; `real` talks to llama.cpp's. The
//! chatbots are put into the database behind the API.

mod cost;
mod door;
mod faults;
mod memory;
mod modes;
mod outages;
mod real;
mod recorder;
mod secrecy;
mod support;
mod text;
pub mod upstream;
