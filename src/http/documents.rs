//! Which document a request means: its own text, or one that is known here by its hash or id.
//!
//! Two kinds are known. Automatic persisted queries, as Apollo's clients send them
//! (<https://www.apollographql.com/docs/apollo-server/performance/apq>): a hash first, and the text with it only
//! if the hash is not known. And the operator's list, beside which nothing runs.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, ServerError};
use aws_lc_rs::digest;
use moka::sync::Cache;

use super::{answer::Refusal, parameters::Document};
use crate::{
    config::{Config, TrustedDocuments},
    error::AppError,
};

/// As many documents are kept at most as if each had this many bytes.
const LEAST_WEIGHT: u32 = 4_096;

type Hash = [u8; 32];

/// The documents that are known. Cheap to clone.
#[derive(Clone)]
pub(super) struct Documents {
    /// `None` when none are kept.
    kept: Option<Cache<Hash, Arc<str>>>,
    trusted: Option<TrustedDocuments>,
}

/// The document that is meant.
pub(super) struct Found {
    /// Its text.
    pub(super) text: String,
    /// What to keep it under once it has passed the gate.
    keep: Option<Hash>,
}

/// Why there is none.
pub(super) enum Unknown {
    /// In the product's words.
    Error(AppError),
    /// In those that Apollo's clients know what to do with.
    Told(Refusal),
}

impl Documents {
    pub(super) fn new(config: &Config) -> Self {
        let bytes = config.limits.persisted_bytes;
        let weight = |_: &Hash, text: &Arc<str>| {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            length.max(LEAST_WEIGHT)
        };
        Self {
            kept: (bytes > 0 && config.trusted_documents.is_none())
                .then(|| Cache::builder().max_capacity(bytes).weigher(weight).build()),
            trusted: config.trusted_documents.clone(),
        }
    }

    /// The document that is meant.
    pub(super) fn find(&self, document: Document) -> Result<Found, Unknown> {
        match &self.trusted {
            Some(trusted) => find_trusted(trusted, document),
            None => self.find_kept(document),
        }
    }

    /// Keeps a document that has passed the gate, if its client wants to ask for it by its hash.
    pub(super) fn keep(&self, hash: Option<Hash>, text: &str) {
        if let (Some(kept), Some(hash)) = (&self.kept, hash) {
            kept.insert(hash, text.into());
        }
    }

    fn find_kept(&self, document: Document) -> Result<Found, Unknown> {
        match document {
            Document::Text { text, hash: None } => Ok(Found { text, keep: None }),
            Document::Text {
                text,
                hash: Some(hash),
            } => {
                let own = sha256(&text);
                if parse_hash(&hash) != Some(own) {
                    let told = "The hash is not the document's SHA-256.";
                    return Err(Unknown::Error(AppError::bad_input("extensions", told)));
                }
                let keep = Some(own);
                Ok(Found { text, keep })
            }
            Document::Id(id) => {
                let kept = self.kept.as_ref().ok_or_else(not_supported)?;
                let found = parse_hash(&id).and_then(|hash| kept.get(&hash));
                let text = found.ok_or_else(not_found)?.to_string();
                Ok(Found { text, keep: None })
            }
        }
    }
}

impl Found {
    pub(super) fn keep(&self) -> Option<Hash> {
        self.keep
    }
}

/// A text that is on the list runs too, to the byte: clients send it while they have no ids yet.
fn find_trusted(trusted: &TrustedDocuments, document: Document) -> Result<Found, Unknown> {
    let text = match document {
        Document::Text { text, .. } => trusted.has(&text).then_some(text),
        Document::Id(id) => trusted.find(&id).map(|text| text.to_string()),
    };
    let told = AppError::Forbidden("Only documents of the operator's list run here.");
    let text = text.ok_or(Unknown::Error(told))?;
    Ok(Found { text, keep: None })
}

fn sha256(text: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// 64 hexadecimal digits, also with `sha256:` before them (GraphQL over HTTP, "Persisted Documents").
fn parse_hash(text: &str) -> Option<Hash> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(hash)
}

/// The client sends the text then. It knows this by the message or by the code, so both are Apollo's.
fn not_found() -> Unknown {
    told("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
}

/// The client stops sending hashes then.
fn not_supported() -> Unknown {
    told(
        "PersistedQueryNotSupported",
        "PERSISTED_QUERY_NOT_SUPPORTED",
    )
}

fn told(message: &str, code: &str) -> Unknown {
    let mut error = ServerError::new(message, None);
    let mut values = ErrorExtensionValues::default();
    values.set("code", code);
    error.extensions = Some(values);
    Unknown::Told(Refusal::new(vec![error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(bytes: &str) -> Documents {
        let read = |name: &str| (name == "PARLOR_MAX_PERSISTED_BYTES").then(|| bytes.into());
        Documents::new(&Config::read(read).unwrap())
    }

    fn keep(documents: &Documents, text: &str) {
        documents.keep(Some(sha256(text)), text);
    }

    #[test]
    fn what_is_kept_is_bounded_by_bytes_and_by_number() {
        let documents = documents("1000000");
        let kept = documents.kept.as_ref().unwrap();
        for number in 0..2_000 {
            keep(&documents, &format!("{{ a{number} }}"));
        }
        kept.run_pending_tasks();
        assert!((1..=1_000_000 / 4_096).contains(&kept.entry_count()));
        for number in 0..100 {
            keep(
                &documents,
                &format!("{{ a{number} }}{}", " ".repeat(60_000)),
            );
        }
        kept.run_pending_tasks();
        assert!(kept.weighted_size() <= 1_000_000);
    }

    #[test]
    fn a_hash_has_64_digits_in_either_case() {
        let hash = "01".repeat(31) + "fF";
        let mut bytes = [1; 32];
        bytes[31] = 255;
        assert_eq!(parse_hash(&hash), Some(bytes));
        assert_eq!(parse_hash(&format!("sha256:{hash}")), Some(bytes));
        for bad in ["", "0", &"0".repeat(63), &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(parse_hash(bad), None, "{bad}");
        }
    }
}
