//! The GraphQL schema: what clients see.
//!
//! Resolvers are thin: convert, call one service, wrap the row. A field that needs another row goes through
//! a loader, so that a page costs a fixed number of statements. The doc comments here are the schema's
//! descriptions.

mod answer_bytes;
mod around;
mod completion;
mod cursors;
mod deadline;
mod document;
mod error;
mod ids;
mod in_line;
mod loaders;
mod mutation;
mod neutral;
mod passes;
mod query;
mod showing;
mod subscription;
mod suggestions;
mod types;

use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use around::Around;
pub use deadline::Deadline;
pub use document::ParsedDocument;
pub use error::{MOST_ERRORS, error_response};
use loaders::Rows;
use mutation::Mutation;
pub use neutral::shared_variables;
pub use passes::{in_passes, stream_in_passes};
use query::Query;
pub use showing::{Showing, Walk};
use subscription::Subscription;

use crate::app::App;

/// The executable schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema before it is finished.
pub type SchemaBuilder = async_graphql::SchemaBuilder<Query, Mutation, Subscription>;

/// Names one request in answers and in the log. Every execution carries one as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

/// Fires when nobody waits for the answer any more. Every query and mutation carries one as data.
#[derive(Clone, Debug)]
pub struct HungUp(pub CancellationToken);

/// The schema, ready to execute. Every request must carry a [`Viewer`](crate::domain::Viewer), a
/// [`ClientAddress`](crate::domain::ClientAddress) and a [`RequestId`] as data.
pub fn schema(app: &App) -> Schema {
    schema_builder(app).finish()
}

/// The same before it is finished: tests add what they need.
pub fn schema_builder(app: &App) -> SchemaBuilder {
    let limits = &app.config().limits;
    let introspection = app.config().introspection;
    let around = Around {
        most_bytes: limits.answer_bytes,
        suggests: introspection,
    };
    let builder = builder(around)
        // The gate has counted the same, more strictly; these hold should it ever be passed by.
        .limit_depth(to_usize(limits.depth.max(limits.introspection_depth)))
        .limit_recursive_depth(to_usize(limits.nesting))
        .limit_directives(to_usize(limits.directives_here))
        .data(app.clone())
        .data(DataLoader::new(Rows::new(app.db().clone()), passes::begin).delay(Duration::ZERO));
    match introspection {
        true => builder,
        false => builder.disable_introspection(),
    }
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    builder(Around::unlimited()).finish().sdl()
}

/// The schema with nothing behind it: enough to judge documents by.
#[cfg(test)]
pub(crate) fn unconnected() -> Schema {
    builder(Around::unlimited()).finish()
}

/// With what every schema of ours has.
fn builder(around: Around) -> SchemaBuilder {
    async_graphql::Schema::build(Query, Mutation::default(), Subscription)
        .register_output_type::<types::Node>()
        // Ours are made at a bounded cost.
        .disable_suggestions()
        .extension(around)
}

fn to_usize(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
