//! Refuses fields that can't be merged (GraphQL, section 5.3.2), at the first two of them.
//!
//! The GraphQL library tells of every two and of every argument in which they differ, and looks at a selection again
//! from each one around it: four kilobytes made it write four hundred thousand errors. The rule here is the
//! library's own, to the letter, so what it would let through is let through.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned, ServerError};

/// Refuses a document with two fields of one name that are not the same field. Its fragments must not contain
/// themselves, and its selections must not nest deeper than the gate allows.
pub(in crate::http) fn check(document: &ExecutableDocument) -> Result<(), ServerError> {
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set.node);
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    fragments
        .chain(operations)
        .try_for_each(|set| check_within(document, set))
}

/// Checks a selection, and each that is in it.
fn check_within(document: &ExecutableDocument, set: &SelectionSet) -> Result<(), ServerError> {
    let mut merged = Merged {
        document,
        fields: HashMap::new(),
        spread: HashSet::new(),
    };
    merged.take(None, set)?;
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => check_within(document, &field.node.selection_set.node)?,
            Selection::InlineFragment(fragment) => {
                check_within(document, &fragment.node.selection_set.node)?;
            }
            // Checked where it is defined.
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

/// The fields of one selection, those of fragments in their places.
struct Merged<'d> {
    document: &'d ExecutableDocument,
    /// The first under each name, by the type that the fragment around it names.
    fields: HashMap<(Option<&'d str>, &'d str), &'d Positioned<Field>>,
    spread: HashSet<&'d Name>,
}

impl<'d> Merged<'d> {
    fn take(&mut self, on: Option<&'d str>, set: &'d SelectionSet) -> Result<(), ServerError> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.add(on, field)?,
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let on = on.map(|condition| condition.node.on.node.as_str());
                    self.take(on, &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let fragment = self.document.fragments.get(name);
                    // Twice the same is no conflict.
                    if let Some(fragment) = fragment.filter(|_| self.spread.insert(name)) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.take(Some(on), &fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        on: Option<&'d str>,
        field: &'d Positioned<Field>,
    ) -> Result<(), ServerError> {
        let name = field.node.response_key().node.as_str();
        let first = *self.fields.entry((on, name)).or_insert(field);
        let why = if first.node.name.node != field.node.name.node {
            let (one, other) = (&first.node.name.node, &field.node.name.node);
            format!("\"{one}\" and \"{other}\" are different fields")
        } else if !has_same_arguments(&first.node, &field.node) {
            "they have differing arguments".to_owned()
        } else {
            return Ok(());
        };
        let message = format!(
            "Fields \"{name}\" conflict because {why}. Use different aliases on the fields to fetch both if this \
             was intentional."
        );
        let mut error = ServerError::new(message, None);
        error.locations = vec![first.pos, field.pos];
        Err(error)
    }
}

fn has_same_arguments(one: &Field, other: &Field) -> bool {
    let is_in_other = |(name, value): &(Positioned<Name>, Positioned<_>)| {
        other.get_argument(&name.node) == Some(value)
    };
    one.arguments.len() == other.arguments.len() && one.arguments.iter().all(is_in_other)
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::{Pos, Request};
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> Option<ServerError> {
        check(&parse_query(text).unwrap()).err()
    }

    #[test]
    fn the_first_two_that_conflict_are_told_with_their_places() {
        let told = refused("{ a {\n x: b\n c\n x: d\n x: e } }").unwrap();
        assert_eq!(
            told.message,
            "Fields \"x\" conflict because \"b\" and \"d\" are different fields. Use different aliases on the \
             fields to fetch both if this was intentional."
        );
        let place = |line| Pos { line, column: 2 };
        assert_eq!(told.locations, [place(2), place(4)]);
    }

    #[test]
    fn what_clients_repeat_is_no_conflict() {
        let fragments: String = (0..20)
            .map(|n| format!("fragment F{n} on User {{ __typename id name(of: $who) }} "))
            .collect();
        let spreads: String = (0..20).map(|n| format!("...F{n} ")).collect();
        let text = format!("query ($who: ID) {{ me {{ id {spreads} ...F0 }} }} {fragments}");
        assert_eq!(refused(&text), None);
        assert_eq!(
            refused("{ a { ... on A { x: b } ... on B { x: c } } }"),
            None
        );
    }

    /// Whether the library tells of fields that conflict.
    async fn is_refused_by_the_library(text: &str) -> bool {
        // Unknown from the root on: nothing of it runs.
        let schema = crate::api::unconnected();
        let errors = schema.execute(Request::new(text)).await.errors;
        assert!(!errors.is_empty(), "{text}");
        errors
            .iter()
            .any(|error| error.message.contains(" conflict because "))
    }

    /// Selections in which names meet again.
    fn selections() -> impl Strategy<Value = String> {
        let fields = [
            "a",
            "b",
            "x: a",
            "x: b",
            "a(n: 1)",
            "a(n: 2)",
            "a(n: 1, m: 1)",
            "a(m: 1, n: 1)",
        ];
        let leaf = prop::sample::select([fields.as_slice(), &["...F", "...G"]].concat());
        let leaf = leaf.prop_map(str::to_owned);
        leaf.prop_recursive(4, 30, 4, |inner| {
            let around = prop::sample::select(vec!["a", "b", "...", "... on T", "... on U"]);
            let inside = prop::collection::vec(inner, 1..4);
            (around, inside)
                .prop_map(|(around, inside)| format!("{around} {{ {} }}", inside.join(" ")))
        })
    }

    proptest! {
        #[test]
        fn the_rule_is_the_librarys(
            root in prop::collection::vec(selections(), 1..4),
            f in selections(),
            g in selections(),
        ) {
            // F may hold G, and neither itself.
            let (f, g) = (f.replace("...F", "b"), g.replace("...F", "b").replace("...G", "a"));
            let text = format!(
                "{{ {} }} fragment F on T {{ {f} }} fragment G on U {{ {g} }}",
                root.join(" ")
            );
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let expected = runtime.block_on(is_refused_by_the_library(&text));
            prop_assert_eq!(refused(&text).is_some(), expected, "{}", text);
        }
    }
}
