//! Resolves the fields of an object one after another, in line.
//!
//! The GraphQL library makes a future of each field, another around it for its extension, and has all of an object wait
//! together in a queue. That is for fields that wait. Nearly all of ours are there already, and a page of
//! messages has five hundred of them.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::{ContainerType, resolve_container};
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

use super::answer_bytes::Scale;

/// More fields in one object are left to the library.
const MOST_FIELDS: usize = 64;

/// An object whose fields are resolved in line.
pub struct InLine<T>(pub(super) T);

/// What can be resolved in line.
pub trait Fields: ContainerType {
    /// The fields that wait. An object of which several are selected is left to the library, in which they wait
    /// together: in line, the next would begin when the first has ended.
    const WAITING: &'static [&'static str] = &[];

    /// All that is selected; nothing if the library should see to it. `declared` is the type that the schema gives,
    /// of which this may be a member.
    fn resolve_all<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        declared: &'a str,
    ) -> impl Future<Output = Option<Value>> + Send + 'a
    where
        Self: Sized,
    {
        object(self, ctx, declared)
    }
}

impl<T: Fields> OutputType for InLine<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        match self.0.resolve_all(ctx, &T::type_name()).await {
            Some(value) => Ok(value),
            None => resolve_container(ctx, &self.0).await,
        }
    }
}

async fn object<'a, T: Fields>(
    object: &'a T,
    ctx: &'a ContextSelectionSet<'a>,
    declared: &'a str,
) -> Option<Value> {
    let own = T::type_name();
    let mut selected = Selected {
        ctx,
        own: &own,
        declared,
        fields: Vec::with_capacity(16),
    };
    selected.collect(&ctx.item.node)?;
    let waits = |field: &&&Positioned<Field>| T::WAITING.contains(&field.node.name.node.as_str());
    if selected.fields.iter().filter(waits).count() > 1 {
        return None;
    }
    let scale = ctx.data_opt::<Arc<Scale>>();
    let mut values = IndexMap::with_capacity(selected.fields.len());
    for field in selected.fields {
        let key = field.node.response_key().node.clone();
        if field.node.name.node == "__typename" {
            // Weighed with the object that it is in.
            values.insert(key, Value::String(own.clone().into_owned()));
            continue;
        }
        let ctx = ctx.with_field(field);
        let resolved = match scale.and_then(|scale| scale.passed()) {
            None => object.resolve_field(&ctx).await,
            Some(refusal) => Err(refusal.clone()),
        };
        let weighed = resolved.and_then(|value| {
            let value = value.unwrap_or_default();
            if let (Some(scale), Some(node)) = (scale, &ctx.path_node) {
                scale.weigh(&value, node, &ctx.schema_env.registry)?;
            }
            Ok(value)
        });
        match weighed {
            Ok(value) => drop(values.insert(key, value)),
            Err(error) => ctx.add_error(error),
        }
    }
    // As the library has it.
    Some(match values.is_empty() {
        true => Value::Null,
        false => Value::Object(values),
    })
}

/// The fields that are selected of an object, in order.
struct Selected<'a, 'n> {
    ctx: &'a ContextSelectionSet<'a>,
    own: &'n str,
    declared: &'n str,
    fields: Vec<&'a Positioned<Field>>,
}

impl<'a> Selected<'a, '_> {
    /// Nothing if there is anything that the library should see to.
    fn collect(&mut self, set: &'a SelectionSet) -> Option<()> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.add(field)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    if condition.is_none_or(|it| self.applies(&it.node.on.node)) {
                        self.collect(&fragment.node.selection_set.node)?;
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.ctx.query_env.fragments;
                    let fragment = &fragments.get(&spread.node.fragment_name.node)?.node;
                    if self.applies(&fragment.type_condition.node.on.node) {
                        self.collect(&fragment.selection_set.node)?;
                    }
                }
            }
        }
        Some(())
    }

    fn add(&mut self, field: &'a Positioned<Field>) -> Option<()> {
        let key = &field.node.response_key().node;
        let is_leaf = |field: &Positioned<Field>| field.node.selection_set.node.items.is_empty();
        let is_same = |other: &&&Positioned<Field>| other.node.response_key().node == *key;
        if let Some(same) = self.fields.iter().find(is_same) {
            // They are the same field, as validation has made sure. What stands under both is to be merged.
            return (is_leaf(same) && is_leaf(field)).then_some(());
        }
        let is_simple = field.node.directives.is_empty() && self.fields.len() < MOST_FIELDS;
        is_simple.then(|| self.fields.push(field))
    }

    fn applies(&self, condition: &str) -> bool {
        let implements = &self.ctx.schema_env.registry.implements;
        condition == self.own
            || condition == self.declared
            || implements
                .get(self.own)
                .is_some_and(|interfaces| interfaces.contains(condition))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        EmptyMutation, EmptySubscription, Interface, Object, Response, Schema, Union,
    };

    use super::*;
    use crate::api::around::Around;

    struct Thing(i32);
    #[Object]
    impl Thing {
        async fn number(&self) -> i32 {
            self.0
        }

        async fn text(&self, times: Option<i32>) -> String {
            tokio::task::yield_now().await;
            "x".repeat(usize::try_from(times.unwrap_or(2)).unwrap())
        }

        async fn fails(&self) -> async_graphql::Result<i32> {
            Err("no".into())
        }

        async fn may_fail(&self) -> async_graphql::Result<Option<i32>> {
            Err("no".into())
        }

        async fn either(&self) -> Either {
            match self.0 % 2 {
                0 => Either::Small(Small(self.0 + 1)),
                _ => Either::Other(Other),
            }
        }

        async fn either_in_line(&self) -> InLine<Either> {
            InLine(match self.0 % 2 {
                0 => Either::Small(Small(self.0 + 1)),
                _ => Either::Other(Other),
            })
        }
    }
    impl Fields for Thing {
        const WAITING: &'static [&'static str] = &["text"];
    }

    struct Small(i32);
    #[Object]
    impl Small {
        async fn number(&self) -> i32 {
            self.0
        }

        async fn fails(&self) -> async_graphql::Result<i32> {
            Err("no".into())
        }
    }
    impl Fields for Small {}

    struct Other;
    #[Object]
    impl Other {
        async fn name(&self) -> &str {
            "other"
        }
    }
    impl Fields for Other {}

    #[derive(Union)]
    enum Either {
        Small(Small),
        Other(Other),
    }
    impl Fields for Either {
        async fn resolve_all(
            &self,
            ctx: &ContextSelectionSet<'_>,
            declared: &str,
        ) -> Option<Value> {
            match self {
                Self::Small(small) => small.resolve_all(ctx, declared).await,
                Self::Other(other) => other.resolve_all(ctx, declared).await,
            }
        }
    }

    #[derive(Interface)]
    #[graphql(field(name = "number", ty = "i32"))]
    enum Numbered {
        Thing(Thing),
    }

    struct Query;
    #[Object]
    impl Query {
        async fn plain(&self) -> Vec<Thing> {
            (0..3).map(Thing).collect()
        }

        async fn in_line(&self) -> Vec<InLine<Thing>> {
            (0..3).map(|number| InLine(Thing(number))).collect()
        }

        async fn numbered(&self) -> Numbered {
            Numbered::Thing(Thing(1))
        }
    }

    async fn answer(root: &str, fields: &str, most_bytes: u64) -> Response {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription)
            .extension(Around {
                most_bytes,
                ..Around::unlimited()
            })
            .finish();
        let either = match root {
            "plain" => "either",
            _ => "eitherInLine",
        };
        let fields = fields.replace("EITHER", either);
        let query = format!(
            "query ($yes: Boolean = true, $no: Boolean = false) {{ all: {root} {{ {fields} }} }}
             fragment F on Thing {{ number ...G }}
             fragment G on Thing {{ b: number e: EITHER {{ ...H ... on Other {{ o: name }} }} }}
             fragment H on Either {{ __typename ... on Small {{ number }} ... on Other {{ name }} }}"
        )
        .replace("EITHER", either);
        schema.execute(query).await
    }

    const SELECTIONS: [&str; 19] = [
        "__typename number ... on Thing { __typename number a: number a: number } ...F",
        "EITHER { __typename ...H __typename } ...F",
        "x: EITHER { ...H ... on Small { a: number } ... { number } } ...F",
        "x: EITHER { ...H } x: EITHER { ...H } ...F",
        "text a: text(times: 1) b: text(times: 5) number ...F",
        "number ...F",
        "number text ...F",
        "__typename t: __typename a: number b: text(times: 3) ...F",
        "... { number } ... on Thing { text } ...F",
        "... on Numbered { number } ...F",
        "text number number text ...F",
        "x: EITHER { ... on Small { number } } x: EITHER { ... on Small { a: number } } ...F",
        "number @skip(if: $yes) text @include(if: $no) a: number @skip(if: $no) ...F",
        "... @include(if: $no) { text } ...F",
        "number mayFail ...F",
        "number fails ...F",
        "mayFail",
        "EITHER { __typename ... on Small { fails } ... on Other { name } } ...F",
        "EITHER { ...H } ...F",
    ];

    #[tokio::test]
    async fn the_answer_is_that_of_the_library() {
        let json = |response: Response| serde_json::to_string(&response).unwrap();
        for fields in SELECTIONS {
            let errors = |response: &Response| {
                let errors = response.errors.iter();
                let mut paths: Vec<_> = errors.map(|it| format!("{:?}", it.path)).collect();
                paths.sort();
                paths
            };
            let plain = answer("plain", fields, u64::MAX).await;
            let in_line = answer("inLine", fields, u64::MAX).await;
            let rename = |paths: Vec<String>| paths.join(" ").replace("eitherInLine", "either");
            assert_eq!(rename(errors(&in_line)), rename(errors(&plain)), "{fields}");
            let data = |response: Response| json(Response::new(response.data));
            let told = data(in_line).replace("eitherInLine", "either");
            assert_eq!(told, data(plain), "{fields}");
        }
    }

    #[tokio::test]
    async fn it_weighs_what_the_librarys_does() {
        for fields in ["number text ...F", "__typename b: text(times: 300)"] {
            for most in (20..2_000).step_by(7) {
                let plain = answer("plain", fields, most).await.is_ok();
                let in_line = answer("inLine", fields, most).await.is_ok();
                // The name of a field is longer in line.
                let shorter = answer("plain", fields, most - 18).await.is_ok();
                assert!(plain == in_line || shorter == in_line, "{fields} {most}");
            }
        }
    }
}
