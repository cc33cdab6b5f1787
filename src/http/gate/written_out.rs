//! What a document would cost someone who writes its fragments out, as validation and execution do: the
//! measure that the gate's own is checked against.

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// How many selections a document has with its fragments written out, and how deep they nest. Counting stops at
/// `most`: a document may have more than there is time for.
pub(in crate::http) fn extent(document: &ExecutableDocument, most: u64) -> (u64, u64) {
    let mut walk = Walk {
        document,
        most,
        steps: 0,
        deepest: 0,
    };
    for (_, operation) in document.operations.iter() {
        walk.enter(&operation.node.selection_set.node, 1);
    }
    for fragment in document.fragments.values() {
        walk.enter(&fragment.node.selection_set.node, 1);
    }
    (walk.steps, walk.deepest)
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    most: u64,
    steps: u64,
    deepest: u64,
}

impl<'d> Walk<'d> {
    fn enter(&mut self, set: &'d SelectionSet, level: u64) {
        self.deepest = self.deepest.max(level);
        for item in &set.items {
            self.steps += 1;
            if self.steps >= self.most || level > 1_000 {
                return;
            }
            let inner = match &item.node {
                Selection::Field(field) => Some(&field.node.selection_set),
                Selection::InlineFragment(fragment) => Some(&fragment.node.selection_set),
                Selection::FragmentSpread(spread) => self
                    .document
                    .fragments
                    .get(&spread.node.fragment_name.node)
                    .map(|fragment| &fragment.node.selection_set),
            };
            if let Some(inner) = inner.filter(|set| !set.node.items.is_empty()) {
                self.enter(&inner.node, level + 1);
            }
        }
    }
}
