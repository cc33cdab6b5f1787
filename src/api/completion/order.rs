//! Keeps an answer's keys in the order in which they were asked for (GraphQL, section 7.2.2).
//!
//! async-graphql inserts them as their resolvers end. Where one object is selected through fragments on
//! several types that share keys, the first fragment's order counts: the answer does not tell which applied.

use std::collections::HashSet;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The keys that an object may have, in order, and those of what stands under each.
pub(in crate::api) struct Order {
    keys: Vec<(Name, Order)>,
}

impl Order {
    /// That in which these sets select.
    pub(in crate::api) fn of(selected: &[&SelectionSet], document: &ExecutableDocument) -> Self {
        let mut fields = Fields::new();
        let mut spread = HashSet::new();
        for set in selected {
            collect(set, document, &mut spread, &mut fields);
        }
        let keys = fields
            .into_iter()
            .map(|(key, under)| (key.clone(), Self::of(&under, document)));
        Self {
            keys: keys.collect(),
        }
    }

    /// Puts the keys of a value into this order.
    pub(super) fn arrange(&self, value: &mut Value) {
        match value {
            Value::List(items) => {
                for item in items {
                    self.arrange(item);
                }
            }
            Value::Object(object) => {
                if !self.is_that_of(object) {
                    let keys = self.keys.iter();
                    let arranged = keys.filter_map(|(key, _)| object.swap_remove_entry(key));
                    *object = arranged.collect();
                }
                let mut keys = self.keys.iter();
                for (key, value) in object {
                    if let Some((_, under)) = keys.find(|(other, _)| other == key) {
                        under.arrange(value);
                    }
                }
            }
            _ => {}
        }
    }

    /// Most resolvers end in the order in which they began.
    fn is_that_of(&self, object: &IndexMap<Name, Value>) -> bool {
        let mut keys = self.keys.iter();
        object.keys().all(|key| keys.any(|(other, _)| other == key))
    }
}

/// What is selected under each key, in order.
type Fields<'d> = IndexMap<&'d Name, Vec<&'d SelectionSet>>;

/// Collects fields as the specification's `CollectFields` does; each named fragment counts once, so that
/// fragments in fragments stay cheap.
fn collect<'d>(
    set: &'d SelectionSet,
    document: &'d ExecutableDocument,
    spread: &mut HashSet<&'d Name>,
    fields: &mut Fields<'d>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let under = fields.entry(key).or_default();
                under.push(&field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => {
                collect(&fragment.node.selection_set.node, document, spread, fields);
            }
            Selection::FragmentSpread(named) => {
                let name = &named.node.fragment_name.node;
                let fragment = document.fragments.get(name);
                if let Some(fragment) = fragment.filter(|_| spread.insert(name)) {
                    collect(&fragment.node.selection_set.node, document, spread, fields);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};

    use crate::api::around::Around;

    struct Thing;

    #[Object]
    impl Thing {
        async fn slow(&self) -> i32 {
            tokio::task::yield_now().await;
            1
        }

        async fn fast(&self) -> i32 {
            2
        }

        async fn things(&self) -> Vec<Thing> {
            tokio::task::yield_now().await;
            vec![Thing]
        }
    }

    async fn answer(query: &str) -> String {
        let schema = Schema::build(Thing, EmptyMutation, EmptySubscription)
            .extension(Around::unlimited())
            .finish();
        let response = schema.execute(query).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response.data.to_string()
    }

    #[tokio::test]
    async fn keys_come_as_they_were_asked_for_however_long_they_take() {
        let told = answer("{ slow fast things { things { slow fast } b: fast a: slow } }").await;
        assert_eq!(
            told,
            "{slow: 1, fast: 2, things: [{things: [{slow: 1, fast: 2}], b: 2, a: 1}]}"
        );
    }

    #[tokio::test]
    async fn fragments_stand_where_they_are_spread_and_merge_with_what_was_before() {
        let told = answer(
            "query Q { ...B ... on Thing { things { fast } } fast slow }
             fragment B on Thing { things { slow ...C } }
             fragment C on Thing { a: fast }",
        )
        .await;
        assert_eq!(
            told,
            "{things: [{slow: 1, a: 2, fast: 2}], fast: 2, slow: 1}"
        );
    }
}
