//! A document that is asked again and again: parsed once, and validated once.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    Type, VariableDefinition,
};
use async_graphql::registry::{MetaType, Registry};
use async_graphql::{Name, ValidationResult, Value, Variables};
use async_graphql_value::Value as Input;

use super::completion::Order;

/// A document that was parsed. A request that carries one as data is not validated again if what was found holds for
/// its variables too.
///
/// The library validates a document together with the values of its variables. What it finds holds for any other
/// values as well that are what the document declares them to be.
pub struct ParsedDocument {
    text: Arc<str>,
    parsed: ExecutableDocument,
    valid: OnceLock<ValidationResult>,
    /// The variables that stand inside of lists and objects.
    inside: OnceLock<HashSet<Name>>,
    order: OnceLock<Order>,
}

impl ParsedDocument {
    /// A document and what it says.
    pub fn new(text: Arc<str>, parsed: ExecutableDocument) -> Self {
        Self {
            text,
            parsed,
            valid: OnceLock::new(),
            inside: OnceLock::new(),
            order: OnceLock::new(),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What it says.
    pub fn parsed(&self) -> &ExecutableDocument {
        &self.parsed
    }

    /// What is known of it with these variables, or may be learned with them.
    pub(super) fn judge(&self, variables: &Variables, registry: &Registry) -> Judgement {
        let Some(mut definitions) = self.definitions() else {
            return Judgement::Alone;
        };
        match self.valid.get() {
            Some(valid) => {
                let fits = |definition: &VariableDefinition| {
                    let value = variables.get(&definition.name.node);
                    value.is_none_or(|value| is_declared(definition, value, registry))
                };
                match definitions.all(fits) {
                    true => Judgement::Valid(*valid),
                    false => Judgement::Alone,
                }
            }
            None => {
                // The library looks at no argument in a part of which a variable is missing.
                let inside = self.inside.get_or_init(|| inside(&self.parsed));
                let is_looked_at = |it: &VariableDefinition| {
                    let name = &it.name.node;
                    variables.contains_key(name) || !inside.contains(name)
                };
                match definitions.all(is_looked_at) {
                    true => Judgement::ForAll,
                    false => Judgement::Alone,
                }
            }
        }
    }

    /// The order of its answers' keys. Nothing if it has several operations, each with its own.
    pub(super) fn order(&self) -> Option<&Order> {
        let operation = self.only_operation()?;
        let selected = &operation.selection_set.node;
        let order = || Order::of(&[selected], &self.parsed);
        Some(self.order.get_or_init(order))
    }

    /// Remembers that it is valid for all variables.
    pub(super) fn found_valid(&self, valid: ValidationResult) {
        let _ = self.valid.set(valid);
    }

    /// The variables of the one operation. Of several, each would have its own.
    fn definitions(&self) -> Option<impl Iterator<Item = &VariableDefinition>> {
        let definitions = self.only_operation()?.variable_definitions.iter();
        Some(definitions.map(|definition| &definition.node))
    }

    fn only_operation(&self) -> Option<&OperationDefinition> {
        match &self.parsed.operations {
            DocumentOperations::Single(only) => Some(&only.node),
            DocumentOperations::Multiple(all) if all.len() == 1 => Some(&all.values().next()?.node),
            DocumentOperations::Multiple(_) => None,
        }
    }
}

/// The variables that are used inside of a list or an object.
fn inside(document: &ExecutableDocument) -> HashSet<Name> {
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set.node);
    let mut sets: Vec<&SelectionSet> = operations.chain(fragments).collect();
    let mut found = HashSet::new();
    while let Some(set) = sets.pop() {
        for item in &set.items {
            // No directive of ours takes a list or an object.
            match &item.node {
                Selection::Field(field) => {
                    for (_, value) in &field.node.arguments {
                        inside_value(&value.node, &mut found);
                    }
                    sets.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => sets.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    found
}

fn inside_value(value: &Input, found: &mut HashSet<Name>) {
    let inner: Vec<&Input> = match value {
        Input::List(items) => items.iter().collect(),
        Input::Object(members) => members.values().collect(),
        _ => return,
    };
    for value in inner {
        match value {
            Input::Variable(name) => drop(found.insert(name.clone())),
            _ => inside_value(value, found),
        }
    }
}

/// What was found, or what holds of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Judgement {
    /// It is valid with these variables.
    Valid(ValidationResult),
    /// It is to be validated; if it is valid with these variables, it is for all.
    ForAll,
    /// It is to be validated with these variables, which says nothing about others.
    Alone,
}

/// Whether a value is what a variable is declared to be. Of what is doubtful it is not.
fn is_declared(definition: &VariableDefinition, value: &Value, registry: &Registry) -> bool {
    // With a default, it may be used where null may not be.
    let may_be_null = definition.default_value.is_none();
    (may_be_null || *value != Value::Null) && is_of(&definition.var_type.node, value, registry)
}

fn is_of(ty: &Type, value: &Value, registry: &Registry) -> bool {
    if *value == Value::Null {
        return ty.nullable;
    }
    match &ty.base {
        BaseType::List(of) => match value {
            Value::List(items) => items.iter().all(|item| is_of(of, item, registry)),
            _ => false,
        },
        BaseType::Named(name) => match registry.types.get(name.as_str()) {
            Some(MetaType::Scalar { is_valid, .. }) => {
                is_valid.as_ref().is_none_or(|is_valid| is_valid(value))
            }
            Some(MetaType::Enum { enum_values, .. }) => match value {
                Value::String(name) => enum_values.contains_key(name),
                Value::Enum(name) => enum_values.contains_key(name.as_str()),
                _ => false,
            },
            Some(MetaType::InputObject {
                input_fields,
                oneof: false,
                ..
            }) => {
                let Value::Object(members) = value else {
                    return false;
                };
                let is_known = |name: &Name| input_fields.contains_key(name.as_str());
                members.keys().all(is_known)
                    && input_fields.iter().all(|(name, field)| {
                        let Some(ty) = Type::new(&field.ty) else {
                            return false;
                        };
                        match members.get(name.as_str()) {
                            Some(value) => is_of(&ty, value, registry),
                            None => ty.nullable || field.default_value.is_some(),
                        }
                    })
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
    use async_graphql::parser::{parse_query, parse_schema};
    use async_graphql::{
        EmptyMutation, EmptySubscription, Enum, InputObject, Object, Request, Schema,
    };
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::api::around::Around;

    #[derive(Clone, Copy, PartialEq, Eq, Enum)]
    enum Size {
        Small,
        Large,
    }

    #[derive(InputObject)]
    struct Order {
        name: String,
        count: Option<i32>,
        sizes: Option<Vec<Size>>,
    }

    struct Query;
    #[Object]
    impl Query {
        async fn ask(
            &self,
            order: Option<Order>,
            #[graphql(default = 7)] number: i32,
            flags: Option<Vec<bool>>,
        ) -> usize {
            let order = order.map_or(0, |it| it.name.len() + it.sizes.map_or(0, |all| all.len()));
            order + usize::try_from(number).unwrap_or(0) + flags.map_or(0, |all| all.len())
        }
    }

    fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
        Schema::build(Query, EmptyMutation, EmptySubscription)
            .extension(Around::unlimited())
            .finish()
    }

    async fn told(document: &Arc<ParsedDocument>, variables: &Json) -> Json {
        let schema = schema();
        let variables = Variables::from_json(variables.clone());
        let mut request = Request::new("").variables(variables).data(document.clone());
        request.set_parsed_query(document.parsed().clone());
        serde_json::to_value(schema.execute(request).await).unwrap()
    }

    fn document(text: &str) -> Arc<ParsedDocument> {
        Arc::new(ParsedDocument::new(text.into(), parse_query(text).unwrap()))
    }

    const ASKED: &str = "query ($order: Order, $number: Int = 3, $flags: [Boolean!]) {
        ask(order: $order, number: $number, flags: $flags) }";

    #[tokio::test]
    async fn whatever_was_asked_before_the_same_is_told() {
        let good = json!({"order": {"name": "x"}, "number": 1, "flags": [true]});
        let known = document(ASKED);
        assert_eq!(told(&known, &good).await["data"]["ask"], 3);
        assert!(known.valid.get().is_some());
        let mut went_well = 0;
        for variables in [
            json!({}),
            json!({"number": null}),
            json!({"number": "1"}),
            json!({"number": 3_000_000_000_u64}),
            json!({"flags": true}),
            json!({"flags": [true, null]}),
            json!({"flags": null, "order": null}),
            json!({"flags": [true, 1]}),
            json!({"order": {"name": 5}}),
            json!({"order": {}}),
            json!({"order": {"name": null}}),
            json!({"order": {"name": "a", "size": 1}}),
            json!({"order": {"name": "a", "count": 1.5}}),
            json!({"order": {"name": "a", "count": null, "sizes": ["SMALL", "LARGE"]}}),
            json!({"order": {"name": "a", "sizes": ["HUGE"]}}),
            json!({"order": {"name": "a", "sizes": "SMALL"}}),
            json!({"order": "a"}),
            json!({"unknown": 1, "order": {"name": "ab"}}),
        ] {
            let of_new = told(&document(ASKED), &variables).await;
            assert_eq!(told(&known, &variables).await, of_new, "{variables}");
            went_well += usize::from(of_new["errors"].is_null());
        }
        assert_eq!(went_well, 6);
    }

    #[tokio::test]
    async fn what_is_known_is_not_validated_again_and_what_is_doubtful_is() {
        let missing = document(ASKED);
        told(&missing, &json!({})).await;
        assert!(missing.valid.get().is_some(), "they hide nothing");
        let known = document(ASKED);
        let bad = json!({"order": {"name": 1}, "number": 1, "flags": []});
        told(&known, &bad).await;
        assert!(known.valid.get().is_none());
        let good = json!({"order": {"name": "x"}, "number": 1, "flags": []});
        told(&known, &good).await;
        assert!(known.valid.get().is_some());
        let several = document("query A { ask } query B { ask }");
        told(&several, &json!({})).await;
        assert!(several.valid.get().is_none(), "each has its own variables");
    }

    #[test]
    fn no_input_object_stands_where_a_list_may() {
        // The rule about what a variable may be used for does not look into one: a document with a variable in it would
        // be taken for valid with any value.
        let schema = parse_schema(crate::api::sdl()).unwrap();
        let types = || {
            let definitions = schema.definitions.iter();
            definitions.filter_map(|it| match it {
                TypeSystemDefinition::Type(it) => Some(&it.node),
                _ => None,
            })
        };
        let inputs: HashSet<&str> = types()
            .filter(|it| matches!(it.kind, TypeKind::InputObject(_)))
            .map(|it| it.name.node.as_str())
            .collect();
        assert!(inputs.contains("SendMessageInput"));
        let mut taken: Vec<&Type> = Vec::new();
        for it in types() {
            match &it.kind {
                TypeKind::Object(object) => {
                    let arguments = object.fields.iter().flat_map(|it| &it.node.arguments);
                    taken.extend(arguments.map(|it| &it.node.ty.node));
                }
                TypeKind::InputObject(object) => {
                    taken.extend(object.fields.iter().map(|it| &it.node.ty.node));
                }
                _ => {}
            }
        }
        for ty in taken {
            if let BaseType::List(of) = &ty.base {
                let of = of.to_string();
                assert!(!inputs.contains(of.trim_end_matches('!')), "{of}");
            }
        }
    }

    #[tokio::test]
    async fn an_argument_is_looked_at_in_whole_before_anything_is_remembered() {
        // The library looks at `sizes` only where the variable beside it is there.
        let text = "query ($count: Int) { ask(order: {name: \"a\", sizes: 5, count: $count}) }";
        let document = document(text);
        told(&document, &json!({})).await;
        assert!(document.valid.get().is_none());
        let told = told(&document, &json!({"count": 1})).await;
        assert!(
            told["errors"][0]["message"]
                .as_str()
                .unwrap()
                .contains("sizes")
        );
    }
}
