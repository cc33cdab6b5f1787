//! Chatbots with a language model: replies of a model server that does as it should, and of one that does not.
//!
//! The server is a fake that plays a script, byte by byte where it matters; `tests/clients/model.test.mjs` talks
//! to a real one. Its chatbots are put into the database behind the API.

mod faults;
mod memory;
mod modes;
mod outages;
mod secrecy;
mod support;
mod text;
mod upstream;
