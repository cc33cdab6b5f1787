//! A page of a list, as Relay's Cursor Connections Specification has it.
//!
//! async-graphql has such types too, but theirs say nothing of themselves in the schema.

use std::borrow::Cow;

use async_graphql::{Context, Object, OutputType, SimpleObject, TypeName};

use super::ContextExt;
use crate::api::cursors::Key;
use crate::api::error::ApiResult;

/// A page of `N`s: `MessageConnection` for messages.
pub struct Connection<N> {
    edges: Vec<Edge<N>>,
    has_previous: bool,
    has_next: bool,
}

/// One `N` of a page.
pub struct Edge<N> {
    key: Key,
    node: N,
}

impl<N> Connection<N> {
    /// A page of these nodes and their places in the list.
    pub(in crate::api) fn new(
        has_previous: bool,
        has_next: bool,
        edges: impl Iterator<Item = (Key, N)>,
    ) -> Self {
        Self {
            edges: edges.map(|(key, node)| Edge { key, node }).collect(),
            has_previous,
            has_next,
        }
    }
}

/// A page of a list.
#[Object(name_type)]
impl<N: OutputType> Connection<N> {
    /// What is on the page, each with its place in the list.
    async fn edges(&self) -> &[Edge<N>] {
        &self.edges
    }

    /// What is on the page.
    async fn nodes(&self) -> Vec<&N> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// What lies around the page.
    async fn page_info(&self, ctx: &Context<'_>) -> ApiResult<PageInfo> {
        let sealer = ctx.app()?.sealer();
        let cursor = |edge: &Edge<N>| edge.key.seal(sealer);
        Ok(PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(cursor),
            end_cursor: self.edges.last().map(cursor),
        })
    }
}

/// One item of a page, with its place in the list.
#[Object(name_type)]
impl<N: OutputType> Edge<N> {
    /// Its place in the list: go on from here with `after` or `before`.
    async fn cursor(&self, ctx: &Context<'_>) -> ApiResult<String> {
        Ok(self.key.seal(ctx.app()?.sealer()))
    }

    /// The item.
    async fn node(&self) -> &N {
        &self.node
    }
}

/// What lies around a page.
#[derive(SimpleObject)]
struct PageInfo {
    /// Whether there is more after it.
    has_next_page: bool,
    /// Whether there is more before it.
    has_previous_page: bool,
    /// The first item's cursor. Null for an empty page.
    start_cursor: Option<String>,
    /// The last item's cursor. Null for an empty page.
    end_cursor: Option<String>,
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}
