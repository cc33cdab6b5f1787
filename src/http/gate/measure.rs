//! Adds up what a document selects, with each fragment measured once.

use std::collections::HashMap;

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Value, Variables};

use crate::error::{AppError, AppResult};

/// The fields that give pages, and how many rows when nothing else is asked for. A test compares them with
/// the schema.
pub(super) const PAGED: [&str; 4] = ["chatbots", "history", "messages", "sessions"];
const DEFAULT_PAGE: u64 = 50;

/// No page has more rows: whoever asks for more is refused by the field.
const MAX_PAGE: u64 = 200;

/// What a selection adds up to. Counts stop at the largest number instead of running over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Fields at all levels.
    pub(super) fields: u64,
    /// Fields under another name.
    pub(super) aliases: u64,
    /// Directives on fields, spreads and operations.
    pub(super) directives: u64,
    /// Levels of fields.
    pub(super) depth: u64,
    /// Fields at the first level.
    pub(super) roots: u64,
    /// Values that the answer may hold: what lies under a page counts once for each of its rows.
    pub(super) values: u64,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.roots = self.roots.saturating_add(other.roots);
        self.values = self.values.saturating_add(other.values);
    }
}

/// Measures the parts of one document.
pub(super) struct Scale<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    /// Nothing while a fragment is being measured: meeting it then is a circle.
    fragments: HashMap<&'d Name, Option<Size>>,
}

impl<'d> Scale<'d> {
    pub(super) fn new(document: &'d ExecutableDocument, variables: &'d Variables) -> Self {
        Self {
            document,
            variables,
            fragments: HashMap::new(),
        }
    }

    /// What an operation adds up to.
    pub(super) fn operation(&mut self, operation: &'d OperationDefinition) -> AppResult<Size> {
        let mut size = self.selection(&operation.selection_set.node)?;
        size.directives += operation.directives.len() as u64;
        Ok(size)
    }

    /// What a selection adds up to. Recursion is as deep as brackets nest and fragments there are: both have
    /// limits of their own by now.
    pub(super) fn selection(&mut self, set: &'d SelectionSet) -> AppResult<Size> {
        let mut size = Size::default();
        for item in &set.items {
            let (inner, directives) = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let mut inner = self.selection(&field.selection_set.node)?;
                    inner.fields = inner.fields.saturating_add(1);
                    inner.aliases = inner.aliases.saturating_add(field.alias.is_some().into());
                    inner.depth += 1;
                    inner.roots = 1;
                    inner.values = inner
                        .values
                        .saturating_mul(self.rows(field))
                        .saturating_add(1);
                    (inner, field.directives.len())
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let inner = self.selection(&fragment.selection_set.node)?;
                    (inner, fragment.directives.len())
                }
                Selection::FragmentSpread(spread) => {
                    let spread = &spread.node;
                    let inner = self.fragment(&spread.fragment_name.node)?;
                    (inner, spread.directives.len())
                }
            };
            size.add(inner);
            size.directives = size.directives.saturating_add(directives as u64);
        }
        Ok(size)
    }

    /// How many rows a field may give.
    fn rows(&self, field: &Field) -> u64 {
        let size = field
            .arguments
            .iter()
            .find(|(name, _)| matches!(name.node.as_str(), "first" | "last"));
        let asked = size.map(|(_, value)| {
            let given = |name: Name| self.variables.get(&name).cloned().ok_or(());
            match value.node.clone().into_const_with(given) {
                Ok(Value::Number(rows)) => rows.as_u64(),
                Ok(_) => None,
                // A variable that was left out: its default may be anything.
                Err(()) => Some(MAX_PAGE),
            }
        });
        match asked {
            Some(rows) => rows.map_or(1, |rows| rows.min(MAX_PAGE)),
            None if PAGED.contains(&field.name.node.as_str()) => DEFAULT_PAGE,
            None => 1,
        }
    }

    fn fragment(&mut self, name: &'d Name) -> AppResult<Size> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => {
                return Err(AppError::bad_input(
                    "query",
                    format!("The fragment \"{name}\" contains itself."),
                ));
            }
            None => {}
        }
        // One that is not there selects nothing; validation says that it is missing.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size::default());
        };
        self.fragments.insert(name, None);
        let size = self.selection(&fragment.node.selection_set.node)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}
