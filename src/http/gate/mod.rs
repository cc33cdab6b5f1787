//! The gate: refuses what would cost too much before it costs anything, the same on every transport.
//!
//! [`json`] counts in what arrives before it is read, [`tokens`] in a document before it is parsed: one linear
//! pass each, without memory. [`measure`] walks what was parsed once, with each fragment counted once however
//! often it is spread: a kilobyte of fragments nested in fragments can stand for a million million fields.
//! Every refusal names its limit. [`conflicts`] ends at the first what the GraphQL library would tell of a hundred
//! thousand times.

pub(super) mod conflicts;
#[cfg(test)]
mod hostile;
mod json;
mod measure;
#[cfg(test)]
mod tests;
mod tokens;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod written_out;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Value, Variables};

use crate::config::Limits;
use crate::error::{AppError, AppResult};

/// Judges by these limits.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    limits: Limits,
}

/// How many of what, in which part of a request.
#[derive(Clone, Copy, Debug)]
struct Limit {
    field: &'static str,
    name: &'static str,
    /// Begins with what is counted, and how it ends when it is many: `alias(es) of a query`.
    what: &'static str,
    most: u64,
}

impl Limit {
    const fn of_document(name: &'static str, what: &'static str, most: u64) -> Self {
        Self {
            field: "query",
            name,
            what,
            most,
        }
    }

    fn check(self, count: u64) -> AppResult<()> {
        if count <= self.most {
            return Ok(());
        }
        let Self {
            field,
            name,
            what,
            most,
        } = self;
        let holder = match field {
            "query" => "A document",
            _ => "A request",
        };
        let what = in_number(what, most);
        Err(AppError::OverLimit {
            field,
            limit: name,
            most,
            message: format!("{holder} has at most {most} {what}."),
        })
    }
}

/// "alias(es) of a query" as one says it of so many.
fn in_number(what: &str, count: u64) -> String {
    let parts = what.split_once('(').and_then(|(noun, rest)| {
        let (ending, rest) = rest.split_once(')')?;
        Some((noun, ending, rest))
    });
    match (parts, count) {
        (None, _) => what.to_owned(),
        (Some((noun, _, rest)), 1) => format!("{noun}{rest}"),
        (Some((noun, ending, rest)), _) => format!("{noun}{ending}{rest}"),
    }
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// How long a request's body may be.
    pub(super) fn body_bytes(&self) -> usize {
        usize::try_from(self.limits.body_bytes).unwrap_or(usize::MAX)
    }

    /// The refusal of a body that is longer.
    pub(super) fn too_long(&self) -> AppError {
        let most = self.limits.body_bytes;
        AppError::OverLimit {
            field: "body",
            limit: "bodyBytes",
            most,
            message: format!("The body may have {most} bytes at most."),
        }
    }

    /// Refuses JSON that is not worth reading.
    pub(super) fn check_json(&self, text: &[u8]) -> AppResult<()> {
        json::check(&self.limits, text)
    }

    /// Refuses the text of a document that is not worth parsing.
    pub(super) fn check_text(&self, text: &str) -> AppResult<()> {
        tokens::check(&self.limits, text)
    }

    /// Refuses a parsed document whose parts, or whose answer, add up to too much.
    pub(super) fn check_document(
        &self,
        document: &ExecutableDocument,
        variables: &Variables,
    ) -> AppResult<()> {
        let limits = &self.limits;
        let fragments = Limit::of_document("fragments", "fragment(s)", limits.fragments);
        let operations = Limit::of_document("operations", "operation(s)", limits.operations);
        fragments.check(document.fragments.len() as u64)?;
        operations.check(document.operations.iter().count() as u64)?;
        let mut scale = measure::Scale::new(limits, document, variables)?;
        // Fragments too: those that no operation uses are validated as well.
        for name in document.fragments.keys() {
            self.check_size(scale.fragment_alone(name)?)?;
        }
        for (_, operation) in document.operations.iter() {
            let size = scale.operation(&operation.node)?;
            self.check_size(size)?;
            self.check_roots(&operation.node, size)?;
        }
        Ok(())
    }

    /// Refuses a document that would be refused whatever its variables are.
    pub(super) fn check_alone(&self, text: &str) -> AppResult<()> {
        self.check_text(text)?;
        let document =
            parse_query(text).map_err(|fault| AppError::bad_input("query", fault.to_string()))?;
        // With every variable at hand as null, so that none is taken for the worst it could be.
        let names = document.operations.iter().flat_map(|(_, operation)| {
            let definitions = operation.node.variable_definitions.iter();
            definitions.map(|definition| definition.node.name.node.clone())
        });
        let mut variables = Variables::default();
        variables.extend(names.map(|name| (name, Value::Null)));
        self.check_document(&document, &variables)
    }

    fn check_roots(&self, operation: &OperationDefinition, size: measure::Size) -> AppResult<()> {
        let limits = &self.limits;
        let of = Limit::of_document;
        match operation.ty {
            OperationType::Query => {
                let what = "field(s) at the root of a query";
                of("queryRoots", what, limits.query_roots).check(size.roots)
            }
            OperationType::Mutation => {
                let what = "field(s) at the root of a mutation";
                of("mutationRoots", what, limits.mutation_roots).check(size.roots)?;
                // Otherwise one request would be many guesses.
                let what = "mutation(s) to prove who somebody is";
                of("credentialRoots", what, limits.credential_roots).check(size.credentials)
            }
            // The GraphQL library refuses more than one.
            OperationType::Subscription => Ok(()),
        }
    }

    fn check_size(&self, size: measure::Size) -> AppResult<()> {
        let limits = &self.limits;
        let of = Limit::of_document;
        of("depth", "level(s) of fields", limits.depth).check(size.depth)?;
        let what = "level(s) of fields that ask about the schema";
        of("introspectionDepth", what, limits.introspection_depth)
            .check(size.introspection_depth)?;
        let what = "field(s), fragments counted where they are spread";
        of("fields", what, limits.fields).check(size.fields)?;
        let what = "alias(es), fragments counted where they are spread";
        of("aliases", what, limits.aliases).check(size.aliases)?;
        let what = "directive(s), fragments counted where they are spread";
        of("directives", what, limits.directives).check(size.directives)?;
        let what = "byte(s) in its arguments, variables counted where they are used";
        of("inputBytes", what, limits.input_bytes).check(size.input)?;
        let what = "value(s) in its answer, pages counted full";
        of("cost", what, limits.cost).check(size.values)?;
        let what =
            "value(s) about the schema in its answer, lists counted as long as they usually are";
        of("introspectionCost", what, limits.introspection_cost).check(size.introspection_values)
    }
}
