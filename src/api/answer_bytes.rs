//! Bounds the bytes of an answer while it is made.
//!
//! What a document may ask for is priced before it runs, in values. A value can be a message of 32 KiB, so five
//! thousand of them are priced right and still too much to hold. Counted here is what each value weighs as JSON;
//! from the one on with which there is too much, nothing more is resolved.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_graphql::extensions::{ExtensionContext, NextResolve, ResolveInfo};
use async_graphql::registry::Registry;
use async_graphql::{
    Name, PathSegment, QueryPathNode, QueryPathSegment, ServerError, ServerResult, Value,
};

use super::error::told_at;
use crate::error::AppError;

/// Weighs the answers of one request. A subscription makes one event after another.
pub(super) struct Scale {
    most: u64,
    weight: AtomicU64,
    /// The answer is that of a mutation.
    writes: AtomicBool,
    /// The refusal, from the first value on that is too much.
    passed: OnceLock<ServerError>,
}

impl Scale {
    /// Lets an answer have so many bytes, and an event of a subscription.
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            weight: AtomicU64::new(0),
            writes: AtomicBool::new(false),
            passed: OnceLock::new(),
        }
    }

    /// Begins with an answer.
    pub(super) fn begin(&self) {
        self.weight.store(0, Ordering::Relaxed);
    }

    /// The refusal, if there was too much.
    pub(super) fn passed(&self) -> Option<&ServerError> {
        self.passed.get()
    }

    /// Resolves a value and weighs it, unless there is too much already.
    pub(super) async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if let Some(refusal) = self.passed.get() {
            return Err(refusal.clone());
        }
        let node = *info.path_node;
        let registry = &ctx.schema_env.registry;
        if node.parent.is_none() && registry.mutation_type.as_deref() == Some(info.parent_type) {
            self.writes.store(true, Ordering::Relaxed);
        }
        let resolved = next.run(ctx, info).await?;
        self.weigh(resolved.as_ref().unwrap_or(&Value::Null), &node, registry)?;
        Ok(resolved)
    }

    /// Weighs a value that stands here.
    pub(super) fn weigh(
        &self,
        value: &Value,
        node: &QueryPathNode<'_>,
        registry: &Registry,
    ) -> ServerResult<()> {
        let own = weight(value, registry) + key_weight(node_key(node));
        let weight = self.weight.fetch_add(own, Ordering::Relaxed) + own;
        if weight > self.most {
            return Err(self.passed.get_or_init(|| self.refusal(node)).clone());
        }
        Ok(())
    }

    fn refusal(&self, node: &QueryPathNode<'_>) -> ServerError {
        let (most, path) = (self.most, path(node));
        let mut message = format!("An answer has at most {most} bytes.");
        message += &match (self.writes.load(Ordering::Relaxed), path.first()) {
            (true, Some(PathSegment::Field(root))) => format!(
                " `{root}` has been done nevertheless, and what stands before it; what stands after it has not. Read \
                 what came of it with a query, and ask for fewer rows or fields."
            ),
            _ => " Ask for fewer rows or fields.".to_owned(),
        };
        let error = AppError::OverLimit {
            field: "query",
            limit: "answerBytes",
            most,
            message,
        };
        told_at(error, path)
    }
}

/// What a value weighs beside those in it, which are weighed where they are resolved.
fn weight(value: &Value, registry: &Registry) -> u64 {
    match value {
        Value::String(text) => 2 + text_weight(text),
        Value::Enum(name) => 2 + name.len() as u64,
        Value::Number(_) => 8,
        Value::Null | Value::Boolean(_) => 5,
        Value::Binary(bytes) => bytes.len() as u64,
        Value::List(_) => 2,
        Value::Object(fields) => 2 + fields.iter().map(|it| type_name(it, registry)).sum::<u64>(),
    }
}

/// What a `__typename` weighs: nothing resolves it. It is known by being the name of a type; a text that is one is
/// weighed twice.
fn type_name((key, value): (&Name, &Value), registry: &Registry) -> u64 {
    match value {
        Value::String(text) if looks_like_type(text) && registry.types.contains_key(text) => {
            weight(value, registry) + key_weight(Some(key))
        }
        _ => 0,
    }
}

/// Long texts are not looked up.
fn looks_like_type(text: &str) -> bool {
    text.len() < 64 && text.starts_with(|it: char| it.is_ascii_uppercase() || it == '_')
}

fn text_weight(text: &str) -> u64 {
    // Of most texts nothing is escaped, and that is soon seen.
    let is_plain = |byte: &u8| *byte >= 32 && *byte != b'"' && *byte != b'\\';
    match text
        .as_bytes()
        .iter()
        .filter(|byte| !is_plain(byte))
        .count()
    {
        0 => text.len() as u64,
        _ => text.bytes().map(escaped).sum(),
    }
}

/// The bytes that a byte of a text takes in JSON (RFC 8259, section 7).
fn escaped(byte: u8) -> u64 {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..=31 => 6,
        _ => 1,
    }
}

/// What stands before a value, and the comma behind it.
fn key_weight(key: Option<&str>) -> u64 {
    key.map_or(1, |key| key.len() as u64 + 4)
}

fn node_key<'a>(node: &QueryPathNode<'a>) -> Option<&'a str> {
    match node.segment {
        QueryPathSegment::Name(name) => Some(name),
        QueryPathSegment::Index(_) => None,
    }
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path: Vec<_> = std::iter::once(node)
        .chain(node.parents())
        .map(|node| match node.segment {
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
            QueryPathSegment::Index(index) => PathSegment::Index(index),
        })
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use async_graphql::{Object, Request, Schema, Subscription};
    use futures_util::{Stream, StreamExt as _, stream};
    use serde_json::json;

    use crate::api::around::Around;

    struct Query;
    #[Object]
    impl Query {
        async fn text(&self, bytes: usize) -> String {
            "\"\n\u{1}xé".chars().cycle().take(bytes).collect()
        }

        async fn texts(&self, count: usize) -> Vec<String> {
            vec!["0123456789".to_owned(); count]
        }

        async fn number(&self) -> Option<i32> {
            Some(1)
        }

        async fn things(&self, count: usize) -> Vec<Thing> {
            (0..count).map(|_| Thing).collect()
        }
    }

    struct Thing;
    #[Object]
    impl Thing {
        async fn name(&self) -> &str {
            "a"
        }
    }

    struct Mutation;
    #[Object]
    impl Mutation {
        async fn write(&self, bytes: usize) -> String {
            "x".repeat(bytes)
        }
    }

    struct Subscriptions;
    #[Subscription]
    impl Subscriptions {
        async fn lengths(&self, of: Vec<usize>) -> impl Stream<Item = String> {
            stream::iter(of).map(|bytes| "x".repeat(bytes))
        }
    }

    fn schema(most: u64) -> Schema<Query, Mutation, Subscriptions> {
        Schema::build(Query, Mutation, Subscriptions)
            .extension(Around {
                most_bytes: most,
                ..Around::unlimited()
            })
            .finish()
    }

    #[tokio::test]
    async fn what_is_counted_is_never_less_than_what_is_written_nor_much_more() {
        for query in [
            "{ text(bytes: 500) }",
            "{ a: text(bytes: 20) b: text(bytes: 30) number }",
            "{ texts(count: 30) number }",
            "{ things(count: 30) { __typename a: __typename } }",
            "{ things(count: 30) { ... on Thing { kind: __typename name } } }",
        ] {
            let written = schema(u64::MAX).execute(query).await.data;
            let bytes = serde_json::to_string(&written).unwrap().len() as u64;
            assert!(
                schema(bytes * 5 / 4 + 10).execute(query).await.is_ok(),
                "{query}"
            );
            assert!(schema(bytes - 10).execute(query).await.is_err(), "{query}");
        }
    }

    #[tokio::test]
    async fn too_much_is_one_error_that_names_the_limit_and_the_place() {
        let answer = schema(100)
            .execute("{ number a: text(bytes: 90) b: text(bytes: 90) texts(count: 90) }")
            .await;
        let answer = serde_json::to_value(&answer).unwrap();
        assert_eq!(answer["data"], json!(null));
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{answer}");
        let error = &answer["errors"][0];
        assert_eq!(error["path"], json!(["a"]));
        assert_eq!(
            error["extensions"],
            json!({"code": "BAD_USER_INPUT", "field": "query", "limit": "answerBytes", "most": 100})
        );
    }

    #[tokio::test]
    async fn of_a_mutation_it_is_told_what_was_done() {
        let told = async |query: &str| {
            let answer = schema(100).execute(query).await;
            answer.errors[0].message.clone()
        };
        let done = "An answer has at most 100 bytes. `b` has been done nevertheless, and what stands before it; what \
            stands after it has not. Read what came of it with a query, and ask for fewer rows or fields.";
        let three = "mutation { a: write(bytes: 9) b: write(bytes: 99) c: write(bytes: 9) }";
        assert_eq!(told(three).await, done);
        let read = "An answer has at most 100 bytes. Ask for fewer rows or fields.";
        assert_eq!(told("{ text(bytes: 99) }").await, read);
    }

    #[tokio::test]
    async fn each_event_of_a_subscription_is_weighed_for_itself() {
        let request = Request::new("subscription { lengths(of: [70, 70, 70, 200]) }");
        let events = schema(100).execute_stream(request);
        let went_well: Vec<_> = events.map(|event| event.is_ok()).collect().await;
        assert_eq!(went_well, [true, true, true, false]);
    }
}
