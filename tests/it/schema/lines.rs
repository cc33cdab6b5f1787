//! A schema as a list of plain statements, one a line, so that two can be compared.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Positioned};

/// One thing that a schema says.
pub struct Line {
    /// As in `Query.chatbots(first): Int = 50`.
    pub text: String,
    /// Whether the thing has a description of its own; nothing where it can't have one.
    pub is_described: Option<bool>,
    /// Whether a client has to give a value for it.
    pub is_demanded: bool,
}

/// Everything that the schema's types say.
pub fn of(sdl: &str) -> Vec<Line> {
    let document = parse_schema(sdl).unwrap();
    let types = document.definitions.into_iter();
    types
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        })
        .flat_map(of_type)
        .collect()
}

fn of_type(definition: TypeDefinition) -> Vec<Line> {
    let name = definition.name.node.as_str();
    let mut lines = vec![told(name.to_owned(), definition.description.as_ref())];
    match definition.kind {
        TypeKind::Scalar => {}
        TypeKind::Object(object) => {
            lines.extend(object.implements.iter().map(|node| part(name, '&', node)));
            lines.extend(
                object
                    .fields
                    .iter()
                    .flat_map(|field| of_field(name, &field.node)),
            );
        }
        TypeKind::Interface(interface) => {
            lines.extend(
                interface
                    .fields
                    .iter()
                    .flat_map(|field| of_field(name, &field.node)),
            );
        }
        TypeKind::Union(union) => {
            lines.extend(union.members.iter().map(|member| part(name, '|', member)));
        }
        TypeKind::Enum(found) => lines.extend(found.values.iter().map(|value| {
            let text = format!("{name} = {}", value.node.value.node);
            told(text, value.node.description.as_ref())
        })),
        TypeKind::InputObject(input) => lines.extend(input.fields.iter().map(|field| {
            let place = format!("{name}.{}", field.node.name.node);
            of_input(&place, &field.node)
        })),
    }
    lines
}

fn of_field(owner: &str, field: &FieldDefinition) -> Vec<Line> {
    let place = format!("{owner}.{}", field.name.node);
    let own = told(
        format!("{place}: {}", field.ty.node),
        field.description.as_ref(),
    );
    let arguments = field.arguments.iter().map(|argument| {
        let place = format!("{place}({})", argument.node.name.node);
        of_input(&place, &argument.node)
    });
    std::iter::once(own).chain(arguments).collect()
}

fn of_input(place: &str, input: &InputValueDefinition) -> Line {
    let kind = &input.ty.node;
    let text = match &input.default_value {
        Some(default) => format!("{place}: {kind} = {}", default.node),
        None => format!("{place}: {kind}"),
    };
    Line {
        is_demanded: !kind.nullable && input.default_value.is_none(),
        ..told(text, input.description.as_ref())
    }
}

fn part(owner: &str, sign: char, name: &Positioned<Name>) -> Line {
    Line {
        text: format!("{owner} {sign} {}", name.node),
        is_described: None,
        is_demanded: false,
    }
}

fn told(text: String, description: Option<&Positioned<String>>) -> Line {
    let is_described = description.is_some_and(|text| !text.node.trim().is_empty());
    Line {
        text,
        is_described: Some(is_described),
        is_demanded: false,
    }
}
