//! What the fuzz targets in `fuzz/` call. Not part of the program: it exists with the feature `fuzzing` only.

use async_graphql::Variables;
use async_graphql::parser::parse_query;

use super::{
    gate::{Gate, conflicts, written_out},
    graphql_ws,
};
use crate::config::Limits;

/// Judges a document as the endpoint does.
///
/// # Panics
///
/// When the gate lets a document through that costs more than its limits say.
pub fn gate(text: &str) {
    let limits = Limits::default();
    let gate = Gate::new(limits);
    let _ = gate.check_json(text.as_bytes());
    if gate.check_text(text).is_err() {
        return;
    }
    let Ok(document) = parse_query(text) else {
        return;
    };
    if gate
        .check_document(&document, &Variables::default())
        .is_ok()
    {
        let parts = limits.operations + limits.fragments;
        let most = parts * limits.fields * limits.nesting;
        let (steps, deepest) = written_out::extent(&document, most);
        assert!(steps < most, "a document of {most} steps or more passed");
        assert!(deepest <= limits.nesting, "{deepest} levels passed");
        let _ = conflicts::check(&document);
    }
}

/// Reads a message as a socket does; whether it is one.
pub fn message(text: &str) -> bool {
    graphql_ws::is_message(text, &Gate::new(Limits::default()))
}
