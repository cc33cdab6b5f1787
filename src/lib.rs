//! Parlor: a chat backend in one GraphQL schema.
//!
//! The modules import one way only, in the order of `docs/ARCHITECTURE.md`; a test holds it.

pub mod api;
pub mod app;
pub mod auth;
pub mod bots;
pub mod bus;
pub mod cli;
pub mod commands;
pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod feed;
pub mod http;
pub mod inbox;
pub mod outside;
pub mod panics;
pub mod seldom;
pub mod services;
