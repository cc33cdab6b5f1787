//! Parlor: a chat backend in one GraphQL schema.
//!
//! The modules import one way only, in the order of `docs/ARCHITECTURE.md`; a test holds it.

pub mod domain;
pub mod error;
