//! Documents that were parsed and have passed the gate, for when they are asked again: clients send the same few.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use moka::sync::Cache;

use crate::api::Document;

/// How much is kept, in bytes as they are estimated.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// What a selection takes at most, beside its text, and what each of its arguments does.
const SELECTION_BYTES: usize = 512;

/// What is kept. Cheap to clone.
#[derive(Clone)]
pub(super) struct Parsed {
    kept: Cache<Arc<str>, Arc<Document>>,
}

impl Parsed {
    pub(super) fn new() -> Self {
        Self::with_capacity(MOST_BYTES)
    }

    fn with_capacity(bytes: u64) -> Self {
        let weight = |_: &Arc<str>, document: &Arc<Document>| {
            u32::try_from(weight(document)).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder().max_capacity(bytes).weigher(weight).build(),
        }
    }

    /// The document that reads like this, if it is kept.
    pub(super) fn find(&self, text: &str) -> Option<Arc<Document>> {
        self.kept.get(text)
    }

    /// Keeps a document that has passed the gate.
    pub(super) fn keep(&self, document: Arc<Document>) {
        self.kept.insert(document.text().clone(), document);
    }
}

/// About how much memory a document takes.
fn weight(document: &Document) -> usize {
    let ExecutableDocument {
        operations,
        fragments,
    } = document.parsed();
    let operations = operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set.node);
    let parts: usize = operations.chain(fragments).map(parts).sum();
    document.text().len() * 2 + (parts + 1) * SELECTION_BYTES
}

/// Selections and their arguments, at all levels. The gate has bounded how deep they are.
fn parts(set: &SelectionSet) -> usize {
    let parts = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            1 + field.arguments.len() + field.directives.len() + parts(&field.selection_set.node)
        }
        Selection::InlineFragment(fragment) => 1 + parts(&fragment.node.selection_set.node),
        Selection::FragmentSpread(_) => 1,
    });
    parts.sum()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn document(text: &str) -> Arc<Document> {
        Arc::new(Document::new(text.into(), parse_query(text).unwrap()))
    }

    #[test]
    fn what_was_kept_is_found_by_its_very_text() {
        let parsed = Parsed::new();
        let kept = document("{ a }");
        parsed.keep(kept.clone());
        let found = parsed.find("{ a }").unwrap();
        assert!(Arc::ptr_eq(&found, &kept));
        assert!(parsed.find("{ a  }").is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_however_much_is_asked() {
        let parsed = Parsed::with_capacity(1_000_000);
        for number in 0..2_000 {
            parsed.keep(document(&format!("{{ a{number} }}")));
            parsed.keep(document(&format!("{{ {} b{number} }}", "a ".repeat(500))));
        }
        parsed.kept.run_pending_tasks();
        assert!(parsed.kept.entry_count() > 0);
        assert!(parsed.kept.weighted_size() <= 1_000_000);
    }

    #[test]
    fn a_document_weighs_by_what_it_selects() {
        let few = weight(&document("{ a }"));
        let many = weight(&document(
            "{ a { b ... on C { d(e: 1) } ...F } } fragment F on A { g }",
        ));
        assert_eq!(few, 2 * 5 + 2 * SELECTION_BYTES);
        assert!(many >= 8 * SELECTION_BYTES);
    }
}
