//! Adds up what a document selects, with each fragment measured once.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

use super::Limit;
use crate::config::Limits;
use crate::error::{AppError, AppResult};
use crate::services::{members::MAX_MEMBERS, sessions::MAX_CHATBOTS};

/// The fields that give pages, and how many rows when nothing else is asked for. A test compares them with
/// the schema.
pub(super) const PAGED: [&str; 6] = [
    "chatbots", "history", "messages", "rooms", "search", "sessions",
];
const DEFAULT_PAGE: u64 = 50;

/// No page has more rows: whoever asks for more is refused by the field.
const MAX_PAGE: u64 = 200;

/// The type whose fields are named like in [`PAGED`] but for those of [`LISTS`].
const ROOT: &str = "Query";

/// A list that is no page.
pub(super) struct List {
    /// Of which type it is a field, and what that is called.
    pub(super) field: (&'static str, &'static str),
    /// How many rows it usually has at most: so many count where no number is asked for.
    pub(super) usual: u64,
    /// How many it has at most.
    pub(super) most: u64,
}

/// All of them. A test compares them with the schema, and with what there is.
///
/// A session may have a thousand people and hardly any has more than ten. Were all counted that there may be, nobody
/// could show a list of sessions with who is in them; what an answer may hold of them is bounded where they are read.
pub(super) const LISTS: [List; 3] = [
    List {
        field: ("ServerInfo", "commands"),
        usual: 3,
        most: 3,
    },
    List {
        field: ("Session", "chatbots"),
        usual: MAX_CHATBOTS as u64,
        most: MAX_CHATBOTS as u64,
    },
    List {
        field: ("Session", "members"),
        usual: 10,
        most: MAX_MEMBERS as u64,
    },
];

/// The fields that ask about the schema. What lies under them is counted for itself: the questions of tools are
/// deeper and longer than any that is asked of data.
const INTROSPECTION: [&str; 2] = ["__schema", "__type"];

/// The lists that the schema gives about itself, and how long they usually are. A test makes sure that no field of
/// our own has such a name.
pub(super) const INTROSPECTION_LISTS: [(&str, u64); 8] = [
    ("args", 3),
    ("directives", 5),
    ("enumValues", 8),
    ("fields", 12),
    ("inputFields", 8),
    ("interfaces", 2),
    ("possibleTypes", 4),
    ("types", 64),
];

/// Mutations that prove who somebody is, and so can be used to guess.
const CREDENTIALS: [&str; 5] = [
    "changePassword",
    "deleteAccount",
    "login",
    "refresh",
    "register",
];

/// What a value costs beside its text wherever it is copied to, in bytes.
const VALUE_BYTES: u64 = 16;

/// What a selection adds up to. Counts stop at the largest number instead of running over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Fields at all levels.
    pub(super) fields: u64,
    /// Fields under another name.
    pub(super) aliases: u64,
    /// Directives on fields, spreads, fragments and operations.
    pub(super) directives: u64,
    /// Levels of fields, down to those that ask about the schema.
    pub(super) depth: u64,
    /// Levels of fields from those that ask about the schema on.
    pub(super) introspection_depth: u64,
    /// Levels of selections, fragments written out.
    pub(super) height: u64,
    /// Fields at the first level.
    pub(super) roots: u64,
    /// Those of them that prove who somebody is.
    pub(super) credentials: u64,
    /// Bytes of arguments, with variables in their places.
    pub(super) input: u64,
    /// Values that the answer may hold: what lies under a page counts once for each of its rows.
    pub(super) values: u64,
    /// The same about the schema.
    pub(super) introspection_values: u64,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.height = self.height.max(other.height);
        self.roots = self.roots.saturating_add(other.roots);
        self.credentials = self.credentials.saturating_add(other.credentials);
        self.input = self.input.saturating_add(other.input);
        self.values = self.values.saturating_add(other.values);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        let both = self.introspection_values;
        self.introspection_values = both.saturating_add(other.introspection_values);
    }

    /// Counts what has been counted as being about the schema.
    fn of_introspection(self) -> Self {
        Self {
            depth: 1,
            introspection_depth: self.depth.max(self.introspection_depth),
            values: 1,
            introspection_values: self.values.saturating_add(self.introspection_values),
            ..self
        }
    }
}

/// Where a selection stands.
#[derive(Clone, Copy)]
struct Place {
    /// How deep.
    level: u64,
    /// Its fields are those of the root, as far as the document tells.
    is_root: bool,
}

/// Measures the parts of one document.
pub(super) struct Scale<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
    /// What each variable weighs, wherever it is used: what was given, or the heaviest default.
    weights: HashMap<&'d Name, u64>,
    /// Nothing while a fragment is being measured: meeting it then is a circle.
    fragments: HashMap<&'d Name, Option<Size>>,
    nesting: Limit,
    arguments: Limit,
    directives: Limit,
}

impl<'d> Scale<'d> {
    pub(super) fn new(
        limits: &Limits,
        document: &'d ExecutableDocument,
        variables: &'d Variables,
    ) -> AppResult<Self> {
        let of = Limit::of_document;
        let scale = Self {
            document,
            variables,
            weights: HashMap::new(),
            fragments: HashMap::new(),
            nesting: of(
                "nesting",
                "level(s) of brackets, fragments written out",
                limits.nesting,
            ),
            arguments: of("arguments", "argument(s) in one place", limits.arguments),
            directives: of(
                "directivesHere",
                "directive(s) in one place",
                limits.directives_here,
            ),
        };
        let most = of("variables", "variable(s) in an operation", limits.variables);
        scale.weighed(most)
    }

    fn weighed(mut self, most: Limit) -> AppResult<Self> {
        for (_, operation) in self.document.operations.iter() {
            let definitions = &operation.node.variable_definitions;
            most.check(definitions.len() as u64)?;
            for definition in definitions {
                let variable = &definition.node;
                let weight = match self.variables.get(&variable.name.node) {
                    Some(given) => const_weight(given),
                    None => variable.default_value().map_or(0, const_weight),
                };
                let heaviest = self.weights.entry(&variable.name.node).or_default();
                *heaviest = weight.max(*heaviest);
            }
        }
        Ok(self)
    }

    /// What an operation adds up to.
    pub(super) fn operation(&mut self, operation: &'d OperationDefinition) -> AppResult<Size> {
        let place = Place {
            level: 1,
            is_root: true,
        };
        let mut size = self.selection(&operation.selection_set.node, place)?;
        size.add(self.here(&operation.directives)?);
        for definition in &operation.variable_definitions {
            size.add(self.here(&definition.node.directives)?);
        }
        Ok(size)
    }

    /// What a fragment adds up to where nothing spreads it.
    pub(super) fn fragment_alone(&mut self, name: &'d Name) -> AppResult<Size> {
        let size = self.fragment(name, 1)?;
        let on = self.document.fragments.get(name);
        let on = on.map_or("", |it| it.node.type_condition.node.on.node.as_str());
        // Names that begin like this are the schema's own (GraphQL, section 4 "Introspection").
        Ok(match on.starts_with("__") {
            true => size.of_introspection(),
            false => size,
        })
    }

    /// What a fragment adds up to, spread at this level.
    pub(super) fn fragment(&mut self, name: &'d Name, level: u64) -> AppResult<Size> {
        match self.fragments.get(name) {
            Some(Some(size)) => {
                // Its own level is one of those that it is high.
                self.nesting.check(level + size.height.saturating_sub(1))?;
                return Ok(*size);
            }
            Some(None) => {
                return Err(AppError::bad_input(
                    "query",
                    format!("The fragment \"{name}\" contains itself."),
                ));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            // Validation says that it is missing. It must count: nothing a million million times is a
            // walk of a million million steps.
            return Ok(Size {
                fields: 1,
                ..Size::default()
            });
        };
        self.fragments.insert(name, None);
        let place = Place {
            level,
            is_root: fragment.node.type_condition.node.on.node == ROOT,
        };
        let mut size = self.selection(&fragment.node.selection_set.node, place)?;
        size.add(self.here(&fragment.node.directives)?);
        self.fragments.insert(name, Some(size));
        Ok(size)
    }

    /// What a selection at this place adds up to. Levels are limited, so recursion is.
    fn selection(&mut self, set: &'d SelectionSet, place: Place) -> AppResult<Size> {
        if set.items.is_empty() {
            return Ok(Size::default());
        }
        self.nesting.check(place.level)?;
        let mut size = Size::default();
        for item in &set.items {
            let (inner, directives) = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    (self.field(field, place)?, &field.directives)
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref();
                    let inside = Place {
                        level: place.level + 1,
                        is_root: on.map_or(place.is_root, |on| on.node.on.node == ROOT),
                    };
                    let inner = self.selection(&fragment.selection_set.node, inside)?;
                    (inner, &fragment.directives)
                }
                Selection::FragmentSpread(spread) => {
                    let spread = &spread.node;
                    let inner = self.fragment(&spread.fragment_name.node, place.level + 1)?;
                    (inner, &spread.directives)
                }
            };
            size.add(inner);
            size.add(self.here(directives)?);
        }
        size.height += 1;
        Ok(size)
    }

    fn field(&mut self, field: &'d Field, place: Place) -> AppResult<Size> {
        let inside = Place {
            level: place.level + 1,
            is_root: false,
        };
        let mut size = self.selection(&field.selection_set.node, inside)?;
        size.fields = size.fields.saturating_add(1);
        size.aliases = size.aliases.saturating_add(field.alias.is_some().into());
        size.depth += 1;
        size.roots = 1;
        size.credentials = CREDENTIALS.contains(&field.name.node.as_str()).into();
        let under = size.values.saturating_mul(self.rows(field, place.is_root));
        size.values = under.saturating_add(1);
        if INTROSPECTION.contains(&field.name.node.as_str()) {
            size = size.of_introspection();
        }
        let input = self.input(&field.arguments)?;
        size.input = size.input.saturating_add(input);
        Ok(size)
    }

    /// What the directives of one place add up to.
    fn here(&self, directives: &[Positioned<Directive>]) -> AppResult<Size> {
        self.directives.check(directives.len() as u64)?;
        let mut size = Size {
            directives: directives.len() as u64,
            ..Size::default()
        };
        for directive in directives {
            let input = self.input(&directive.node.arguments)?;
            size.input = size.input.saturating_add(input);
        }
        Ok(size)
    }

    /// The bytes of the arguments of one place.
    fn input(&self, arguments: &[(Positioned<Name>, Positioned<Value>)]) -> AppResult<u64> {
        self.arguments.check(arguments.len() as u64)?;
        let weights = arguments.iter().map(|(_, value)| self.weight(&value.node));
        Ok(weights.fold(0, u64::saturating_add))
    }

    fn weight(&self, value: &Value) -> u64 {
        let inside = match value {
            Value::Variable(name) => self.weights.get(name).copied().unwrap_or_default(),
            Value::String(text) => text.len() as u64,
            Value::List(items) => sum(items.iter().map(|item| self.weight(item))),
            Value::Object(entries) => sum(entries.values().map(|entry| self.weight(entry))),
            _ => 0,
        };
        inside.saturating_add(VALUE_BYTES)
    }

    /// How many rows a field may give.
    fn rows(&self, field: &Field, is_root: bool) -> u64 {
        let name = field.name.node.as_str();
        let is_page = PAGED.contains(&name);
        let listed = LISTS.iter().find(|list| list.field.1 == name);
        let (unasked, most) = match listed {
            Some(list) if !(is_page && is_root) => (list.usual, list.most),
            _ if is_page => (DEFAULT_PAGE, MAX_PAGE),
            _ => (usual_rows(name), MAX_PAGE),
        };
        let size = field
            .arguments
            .iter()
            .find(|(name, _)| matches!(name.node.as_str(), "first" | "last"));
        let asked = match size.map(|(_, value)| &value.node) {
            None | Some(Value::Null) => Some(unasked),
            Some(Value::Number(rows)) => rows.as_u64(),
            Some(Value::Variable(name)) => match self.variables.get(name) {
                Some(ConstValue::Number(rows)) => rows.as_u64(),
                Some(ConstValue::Null) => Some(unasked),
                Some(_) => None,
                // One that was left out: its default may be anything.
                None => Some(most),
            },
            Some(_) => None,
        };
        // No number, or no page: validation or the field says so.
        asked.map_or(1, |rows| rows.min(most))
    }
}

/// How many there usually are of what the schema lists about itself; one of anything else.
fn usual_rows(name: &str) -> u64 {
    let known = INTROSPECTION_LISTS.iter().find(|(list, _)| *list == name);
    known.map_or(1, |(_, rows)| *rows)
}

fn const_weight(value: &ConstValue) -> u64 {
    let inside = match value {
        ConstValue::String(text) => text.len() as u64,
        ConstValue::List(items) => sum(items.iter().map(const_weight)),
        ConstValue::Object(entries) => sum(entries.values().map(const_weight)),
        _ => 0,
    };
    inside.saturating_add(VALUE_BYTES)
}

fn sum(weights: impl Iterator<Item = u64>) -> u64 {
    weights.fold(0, u64::saturating_add)
}
