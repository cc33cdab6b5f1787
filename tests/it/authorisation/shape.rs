//! The schema as the tables are compared with it: its fields, and the arguments that may name something.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};

/// The types at the root.
pub const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// What a schema has.
pub struct Shape {
    /// The fields of objects and interfaces.
    pub objects: BTreeMap<String, Vec<Field>>,
    /// The fields of inputs.
    pub inputs: BTreeMap<String, Vec<Argument>>,
    /// The members of unions.
    pub unions: BTreeMap<String, Vec<String>>,
}

/// A field of an object.
pub struct Field {
    /// What it is called.
    pub name: String,
    /// Its type, without lists and marks.
    pub base: String,
    /// What it takes.
    pub arguments: Vec<Argument>,
}

/// An argument, or a field of an input.
pub struct Argument {
    /// What it is called.
    pub name: String,
    /// Its type, without lists and marks.
    pub base: String,
    /// Whether it has to be given.
    pub is_demanded: bool,
}

impl Shape {
    /// The program's own.
    pub fn ours() -> &'static Self {
        static OURS: LazyLock<Shape> = LazyLock::new(|| Shape::of(&parlor::api::sdl()));
        &OURS
    }

    /// Reads a schema.
    pub fn of(sdl: &str) -> Self {
        let mut shape = Self {
            objects: BTreeMap::new(),
            inputs: BTreeMap::new(),
            unions: BTreeMap::new(),
        };
        for definition in parse_schema(sdl).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(object) => {
                    let fields = object.fields.iter().map(|it| field(&it.node)).collect();
                    shape.objects.insert(name, fields);
                }
                TypeKind::Interface(interface) => {
                    let fields = interface.fields.iter().map(|it| field(&it.node)).collect();
                    shape.objects.insert(name, fields);
                }
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|it| it.node.to_string()).collect();
                    shape.unions.insert(name, members);
                }
                TypeKind::InputObject(input) => {
                    let fields = input.fields.iter().map(|it| argument(&it.node)).collect();
                    shape.inputs.insert(name, fields);
                }
                TypeKind::Scalar | TypeKind::Enum(_) => {}
            }
        }
        shape
    }

    /// A field of a type.
    pub fn field(&self, of: &str, name: &str) -> Option<&Field> {
        self.objects
            .get(of)?
            .iter()
            .find(|field| field.name == name)
    }

    /// The type at the root that has this field.
    pub fn root_of(&self, field: &str) -> Option<&'static str> {
        ROOTS
            .into_iter()
            .find(|root| self.field(root, field).is_some())
    }

    /// What shows that something of this type was given, as a selection; empty for what has no fields. Its id if it
    /// has one, of a page what is on it.
    pub fn glimpse(&self, of: &str) -> String {
        if let Some(members) = self.unions.get(of) {
            let members = members
                .iter()
                .map(|it| format!("... on {it} {}", self.glimpse(it)));
            return format!("{{ __typename {} }}", members.collect::<Vec<_>>().join(" "));
        }
        let Some(fields) = self.objects.get(of) else {
            return String::new();
        };
        let telling = ["id", "nodes"].iter().find_map(|name| self.field(of, name));
        let telling = telling.unwrap_or(&fields[0]);
        format!("{{ {} {} }}", telling.name, self.glimpse(&telling.base))
    }

    /// Every argument of a field that is an id or a text, those inside of inputs too: its place behind the field's
    /// name, and whether it has to be given.
    pub fn texts<'a>(&'a self, field: &'a Field) -> Vec<(String, &'a Argument)> {
        let mut found = Vec::new();
        for argument in &field.arguments {
            self.collect_texts(String::new(), argument, &mut found);
        }
        found
    }

    fn collect_texts<'a>(
        &'a self,
        above: String,
        argument: &'a Argument,
        found: &mut Vec<(String, &'a Argument)>,
    ) {
        let place = format!("{above}{}", argument.name);
        if let Some(fields) = self.inputs.get(&argument.base) {
            for field in fields {
                self.collect_texts(format!("{place}."), field, found);
            }
        } else if matches!(argument.base.as_str(), "ID" | "String") {
            found.push((place, argument));
        }
    }
}

fn field(definition: &FieldDefinition) -> Field {
    Field {
        name: definition.name.node.to_string(),
        base: base(&definition.ty.node),
        arguments: definition
            .arguments
            .iter()
            .map(|it| argument(&it.node))
            .collect(),
    }
}

fn argument(definition: &InputValueDefinition) -> Argument {
    let kind = &definition.ty.node;
    Argument {
        name: definition.name.node.to_string(),
        base: base(kind),
        is_demanded: !kind.nullable && definition.default_value.is_none(),
    }
}

fn base(kind: &Type) -> String {
    match &kind.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(item) => base(item),
    }
}
