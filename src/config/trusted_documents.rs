//! The operator's list of documents, as client tools write it. With one, nothing else runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::{fmt, fs};

use aws_lc_rs::digest;
use serde::Deserialize;

/// What Apollo's tools call their file.
const APOLLO: &str = "apollo-persisted-query-manifest";

/// Documents by the ids under which clients ask for them. Cheap to clone; its `Debug` shows how many.
#[derive(Clone)]
pub struct TrustedDocuments(Arc<List>);

struct List {
    /// Without the `sha256:` with which some tools begin their ids.
    by_id: BTreeMap<String, Arc<str>>,
    /// The same documents by the SHA-256 of their text, whatever their ids are made from.
    by_hash: HashMap<String, Arc<str>>,
    texts: HashSet<Arc<str>>,
}

/// A manifest of Apollo's, version 1.
#[derive(Deserialize)]
struct Apollo {
    format: String,
    version: u64,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Reads a file; what is wrong with it, if anything is, completes the sentence "The file ...".
    pub(super) fn load(path: &str) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|fault| format!("can't be read: {fault}"))?;
        Self::parse(&text)
    }

    /// Reads a manifest: Apollo's (`{"format": "apollo-persisted-query-manifest", "version": 1, ...}`), or an
    /// object of documents by id, as Relay's compiler and GraphQL Code Generator write it.
    fn parse(text: &str) -> Result<Self, String> {
        let listed = match serde_json::from_str::<Apollo>(text) {
            Ok(manifest) => from_apollo(manifest)?,
            Err(_) => serde_json::from_str(text).map_err(|_| {
                "is neither Apollo's manifest nor an object of documents by id".to_owned()
            })?,
        };
        let listed = listed.into_iter();
        let by_id: BTreeMap<_, Arc<str>> = listed
            .map(|(id, text)| (bare(&id).to_owned(), text.into()))
            .collect();
        if by_id.is_empty() {
            return Err("lists no document, so that nothing would run".to_owned());
        }
        let texts: HashSet<_> = by_id.values().cloned().collect();
        let by_hash = texts.iter().map(|text| (sha256(text), text.clone()));
        Ok(Self(Arc::new(List {
            by_hash: by_hash.collect(),
            texts,
            by_id,
        })))
    }

    /// The document with this id, or with this SHA-256 in hexadecimal digits; either may begin with `sha256:`, in
    /// the list and here (GraphQL over HTTP, "Persisted Documents").
    pub fn find(&self, id: &str) -> Option<Arc<str>> {
        let (list, id) = (&self.0, bare(id));
        let found = list.by_id.get(id).or_else(|| list.by_hash.get(id));
        found.cloned()
    }

    /// Whether this text, to the byte, is one of them.
    pub fn has(&self, text: &str) -> bool {
        self.0.texts.contains(text)
    }

    /// All of them, with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.0.by_id.iter();
        each.map(|(id, text)| (id.as_str(), text.as_ref()))
    }
}

impl fmt::Debug for TrustedDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedDocuments({})", self.0.by_id.len())
    }
}

fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn from_apollo(manifest: Apollo) -> Result<BTreeMap<String, String>, String> {
    if manifest.format != APOLLO || manifest.version != 1 {
        return Err(format!("is no {APOLLO} of version 1"));
    }
    let operations = manifest.operations.into_iter();
    Ok(operations.map(|it| (it.id, it.body)).collect())
}

fn sha256(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_manifest_are_read() {
        let apollo = r#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
            {"id": "one", "name": "A", "type": "query", "body": "query A { a }"}]}"#;
        let map = r#"{"one": "query A { a }"}"#;
        for text in [apollo, map] {
            let list = TrustedDocuments::parse(text).unwrap();
            assert_eq!(list.find("one").as_deref(), Some("query A { a }"));
            let hash = sha256("query A { a }");
            assert_eq!(list.find(&hash).as_deref(), Some("query A { a }"));
            assert!(list.find("two").is_none());
            assert!(list.has("query A { a }") && !list.has("query A {a}"));
        }
    }

    #[test]
    fn ids_may_say_that_they_are_hashes() {
        for listed in ["sha256:one", "one"] {
            let map = format!("{{\"{listed}\": \"query A {{ a }}\"}}");
            let list = TrustedDocuments::parse(&map).unwrap();
            for asked in ["one", "sha256:one"] {
                assert!(list.find(asked).is_some(), "{listed} as {asked}");
            }
            let hash = sha256("query A { a }");
            for asked in [hash.clone(), format!("sha256:{hash}")] {
                assert!(list.find(&asked).is_some(), "{listed} as {asked}");
            }
        }
    }

    #[test]
    fn what_is_no_manifest_is_told() {
        for (text, told) in [
            ("", "is neither"),
            ("[]", "is neither"),
            (r#"{"a": 1}"#, "is neither"),
            ("{}", "lists no document"),
            (
                r#"{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}"#,
                "of version 1",
            ),
            (
                r#"{"format": "another", "version": 1, "operations": []}"#,
                "of version 1",
            ),
        ] {
            let fault = TrustedDocuments::parse(text).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
        let fault = TrustedDocuments::load("/nowhere/at/all").unwrap_err();
        assert!(fault.starts_with("can't be read"), "{fault}");
    }
}
