//! Documents that were parsed and have passed the gate, for when they are asked again: clients send the same few.

use std::sync::Arc;

use moka::sync::Cache;

use crate::api::ParsedDocument;

/// How much is kept, in bytes as they are estimated.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// What a name or a number in a document becomes takes at most, beside its text.
const NAME_BYTES: usize = 512;

/// What is kept. Cheap to clone.
#[derive(Clone)]
pub(super) struct KnownDocuments {
    kept: Cache<Arc<str>, Arc<ParsedDocument>>,
}

impl KnownDocuments {
    pub(super) fn new() -> Self {
        Self::with_capacity(MOST_BYTES)
    }

    fn with_capacity(bytes: u64) -> Self {
        let weight = |_: &Arc<str>, document: &Arc<ParsedDocument>| {
            u32::try_from(weight(document)).unwrap_or(u32::MAX)
        };
        Self {
            kept: Cache::builder().max_capacity(bytes).weigher(weight).build(),
        }
    }

    /// The document that reads like this, if it is kept.
    pub(super) fn find(&self, text: &str) -> Option<Arc<ParsedDocument>> {
        self.kept.get(text)
    }

    /// Keeps a document that has passed the gate.
    pub(super) fn keep(&self, document: Arc<ParsedDocument>) {
        self.kept.insert(document.text().clone(), document);
    }
}

/// How much memory a document takes at most, about: nothing in it is without a name or a number.
fn weight(document: &ParsedDocument) -> usize {
    let text = document.text().as_bytes();
    let is_in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let ends = text
        .windows(2)
        .filter(|pair| is_in_name(pair[0]) && !is_in_name(pair[1]));
    2 * text.len() + (ends.count() + 1) * NAME_BYTES
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn document(text: &str) -> Arc<ParsedDocument> {
        Arc::new(ParsedDocument::new(text.into(), parse_query(text).unwrap()))
    }

    #[test]
    fn what_was_kept_is_found_by_its_very_text() {
        let parsed = KnownDocuments::new();
        let kept = document("{ a }");
        parsed.keep(kept.clone());
        let found = parsed.find("{ a }").unwrap();
        assert!(Arc::ptr_eq(&found, &kept));
        assert!(parsed.find("{ a  }").is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_however_much_is_asked() {
        let parsed = KnownDocuments::with_capacity(1_000_000);
        for number in 0..2_000 {
            parsed.keep(document(&format!("{{ a{number} }}")));
            parsed.keep(document(&format!("{{ {} b{number} }}", "a ".repeat(500))));
        }
        parsed.kept.run_pending_tasks();
        assert!(parsed.kept.entry_count() > 0);
        assert!(parsed.kept.weighted_size() <= 1_000_000);
    }

    #[test]
    fn all_that_a_document_can_be_full_of_has_weight() {
        for full in [
            format!("{{ {} }}", "a ".repeat(100)),
            format!("query ({}) {{ a }}", "$a:A,".repeat(100)),
            format!("{{ a(b: [{}]) }}", "0 ".repeat(100)),
            format!("query {} {{ a }}", "@b ".repeat(100)),
        ] {
            assert!(weight(&document(&full)) >= 100 * NAME_BYTES, "{full}");
        }
    }
}
