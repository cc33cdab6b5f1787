//! From a line of a table, as `session(id: $room) { messages { nodes { id } } }`, to an operation.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{Field as AskedField, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use async_graphql_value::Value;

use super::shape::{Argument, Shape};

/// An operation that a line stands for.
#[derive(Clone, Debug)]
pub struct Document {
    /// As it is sent.
    pub text: String,
    /// `Query`, `Mutation` or `Subscription`.
    pub root: &'static str,
    /// The field at the root.
    pub field: String,
    /// What is sent with it: the names of its variables.
    pub variables: Vec<String>,
    /// The arguments that it gives a variable, as `Mutation.sendMessage(input.sessionId)`.
    pub given: Vec<String>,
}

/// A line that makes no operation, and why not.
pub type Unreadable = String;

/// What a walk through a line finds.
#[derive(Default)]
struct Walk {
    variables: Vec<(String, String)>,
    given: Vec<String>,
}

impl Document {
    /// The operation of a line; what it leaves out at its end is selected as a glimpse.
    pub fn of(shape: &Shape, line: &str) -> Result<Self, Unreadable> {
        let field: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
        let root = shape
            .root_of(&field)
            .ok_or_else(|| format!("{field} is no field at the root"))?;
        let base = &shape.field(root, &field).expect("it was found").base;
        let selection = match line.ends_with('}') {
            true => String::new(),
            false => shape.glimpse(base),
        };
        let asked = format!("{line} {selection}");
        let parsed = parse_query(format!("{{ {asked} }}")).map_err(|error| error.to_string())?;
        let mut walk = Walk::default();
        for (_, operation) in parsed.operations.iter() {
            walk.selection(shape, root, &operation.node.selection_set.node)?;
        }
        let declared: Vec<String> = walk
            .variables
            .iter()
            .map(|(name, base)| format!("${name}: {base}!"))
            .collect();
        let declared = match declared.as_slice() {
            [] => String::new(),
            declared => format!("({})", declared.join(", ")),
        };
        Ok(Self {
            text: format!("{} {declared} {{ {asked} }}", root.to_lowercase()),
            root,
            field,
            variables: walk.variables.into_iter().map(|(name, _)| name).collect(),
            given: walk.given,
        })
    }
}

impl Walk {
    fn selection(&mut self, shape: &Shape, of: &str, set: &SelectionSet) -> Result<(), Unreadable> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.field(shape, of, &field.node)?,
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let on = on.map_or(of, |on| on.node.on.node.as_str());
                    self.selection(shape, on, &fragment.node.selection_set.node)?;
                }
                Selection::FragmentSpread(_) => return Err("fragments have no place here".into()),
            }
        }
        Ok(())
    }

    fn field(&mut self, shape: &Shape, of: &str, asked: &AskedField) -> Result<(), Unreadable> {
        let name = asked.name.node.as_str();
        if name == "__typename" {
            return Ok(());
        }
        let field = shape
            .field(of, name)
            .ok_or_else(|| format!("{of}.{name} is not in the schema"))?;
        for (name, value) in &asked.arguments {
            let place = format!("{of}.{}({}", field.name, name.node);
            self.value(shape, &place, find(&field.arguments, name)?, &value.node)?;
        }
        self.selection(shape, &field.base, &asked.selection_set.node)
    }

    fn value(
        &mut self,
        shape: &Shape,
        place: &str,
        of: &Argument,
        value: &Value,
    ) -> Result<(), Unreadable> {
        match value {
            Value::Variable(name) => {
                let variable = (name.to_string(), of.base.clone());
                if !self.variables.contains(&variable) {
                    self.variables.push(variable);
                }
                self.given.push(format!("{place})"));
            }
            Value::List(items) => {
                for item in items {
                    self.value(shape, place, of, item)?;
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    let place = format!("{place}.{name}");
                    let inputs = shape.inputs.get(&of.base).map_or(&[][..], Vec::as_slice);
                    let name = Positioned::new(name.clone(), async_graphql::Pos::default());
                    self.value(shape, &place, find(inputs, &name)?, value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn find<'a>(
    arguments: &'a [Argument],
    name: &Positioned<Name>,
) -> Result<&'a Argument, Unreadable> {
    let found = arguments
        .iter()
        .find(|argument| argument.name == name.node.as_str());
    found.ok_or_else(|| format!("there is no argument {}", name.node))
}
