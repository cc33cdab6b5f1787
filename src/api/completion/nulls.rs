//! A field that failed is null; where null can't be, what holds it is (GraphQL, section 6.4.4 "Handling Field
//! Errors").
//!
//! async-graphql leaves failed fields out, and makes an object null all of whose fields failed.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, Type,
};
use async_graphql::registry::Registry;
use async_graphql::{Name, PathSegment, Response, Value};

/// Puts nulls where the response's errors say that fields failed, and spreads them.
pub(super) fn spread(
    response: &mut Response,
    operation: &OperationDefinition,
    document: &ExecutableDocument,
    registry: &Registry,
) {
    let root = match operation.ty {
        OperationType::Query => Some(&registry.query_type),
        OperationType::Mutation => registry.mutation_type.as_ref(),
        OperationType::Subscription => registry.subscription_type.as_ref(),
    };
    let Some(root) = root else {
        return;
    };
    let root = Type {
        base: BaseType::Named(Name::new(root)),
        nullable: true,
    };
    let selected = [Selected {
        on: root.base.to_string(),
        set: &operation.selection_set.node,
    }];
    let mut spreading = Spreading {
        document,
        registry,
        nulled: Vec::new(),
    };
    for error in response
        .errors
        .iter()
        .filter(|error| !error.path.is_empty())
    {
        let is_under_null = |nulled: &Vec<PathSegment>| error.path.starts_with(nulled);
        if !spreading.nulled.iter().any(is_under_null) {
            spreading.fail(&mut response.data, &root, &selected, &error.path, 0);
        }
    }
}

struct Spreading<'d> {
    document: &'d ExecutableDocument,
    registry: &'d Registry,
    /// The places that null has spread to: nothing under them is there any more.
    nulled: Vec<Vec<PathSegment>>,
}

/// A set of selections, and the type that it selects from.
struct Selected<'d> {
    on: String,
    set: &'d SelectionSet,
}

impl<'d> Spreading<'d> {
    /// Follows the rest of a failed field's path, from `depth` on, into a value of this type. Says whether
    /// null has spread to where the value can't be null: then what holds it is null.
    fn fail(
        &mut self,
        value: &mut Value,
        ty: &Type,
        selected: &[Selected<'d>],
        path: &[PathSegment],
        depth: usize,
    ) -> bool {
        let spreads = match (path.get(depth), &ty.base) {
            (None, _) => true,
            (Some(PathSegment::Index(index)), BaseType::List(of)) => {
                let Value::List(items) = value else {
                    return false;
                };
                let Some(item) = items.get_mut(*index) else {
                    return false;
                };
                self.fail(item, of, selected, path, depth + 1)
            }
            (Some(PathSegment::Field(key)), BaseType::Named(_)) => {
                let Some((ty, under)) = self.find(key, selected) else {
                    return false;
                };
                if *value == Value::Null {
                    *value = Value::Object(IndexMap::new());
                }
                let Value::Object(fields) = value else {
                    return false;
                };
                let field = fields.entry(Name::new(key)).or_default();
                self.fail(field, &ty, &under, path, depth + 1)
            }
            _ => return false,
        };
        if spreads {
            *value = Value::Null;
            self.nulled.push(path[..depth].to_vec());
        }
        spreads && !ty.nullable
    }

    /// The type of the field with this key, and what is selected under it. Where several fragments select it,
    /// they agree about what can be null (section 5.3.2 "Field Selection Merging").
    fn find(&self, key: &str, selected: &[Selected<'d>]) -> Option<(Type, Vec<Selected<'d>>)> {
        let mut found = Found {
            key,
            ty: None,
            under: Vec::new(),
            spread: Vec::new(),
        };
        for selected in selected {
            self.look(&mut found, &selected.on, selected.set);
        }
        Some((found.ty?, found.under))
    }

    fn look(&self, found: &mut Found<'_, 'd>, on: &str, set: &'d SelectionSet) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if field.node.response_key().node == found.key => {
                    let of = self.registry.types.get(on);
                    let of = of.and_then(|of| of.field_by_name(&field.node.name.node));
                    let Some(ty) = of.and_then(|of| Type::new(&of.ty)) else {
                        continue;
                    };
                    found.under.push(Selected {
                        on: named(&ty).to_string(),
                        set: &field.node.selection_set.node,
                    });
                    found.ty = Some(ty);
                }
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| &condition.node.on.node);
                    self.look(found, on, &fragment.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if found.spread.contains(&name) {
                        continue;
                    }
                    found.spread.push(name);
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let on = &fragment.node.type_condition.node.on.node;
                        self.look(found, on, &fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
}

/// What was found of one key. Each named fragment is looked through once.
struct Found<'k, 'd> {
    key: &'k str,
    ty: Option<Type>,
    under: Vec<Selected<'d>>,
    spread: Vec<&'d Name>,
}

fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(of),
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, Union};

    use crate::api::around::Around;

    struct Thing(i32);

    #[Object]
    impl Thing {
        async fn number(&self) -> i32 {
            self.0
        }

        async fn may_fail(&self) -> async_graphql::Result<Option<i32>> {
            Err("no".into())
        }

        async fn must_not_fail(&self) -> async_graphql::Result<i32> {
            match self.0 {
                2 => Err("no".into()),
                number => Ok(number),
            }
        }

        async fn perhaps(&self) -> Option<Thing> {
            Some(Thing(self.0))
        }

        async fn surely(&self) -> Thing {
            Thing(self.0)
        }

        async fn things(&self) -> Vec<Thing> {
            vec![Thing(1), Thing(2), Thing(3)]
        }

        async fn perhaps_things(&self) -> Vec<Option<Thing>> {
            vec![Some(Thing(1)), Some(Thing(2)), None]
        }

        async fn either(&self) -> Option<Either> {
            Some(Either::Thing(Thing(2)))
        }
    }

    #[derive(Union)]
    enum Either {
        Thing(Thing),
    }

    async fn answer(query: &str) -> String {
        let schema = Schema::build(Thing(2), EmptyMutation, EmptySubscription)
            .extension(Around::unlimited())
            .finish();
        let response = schema.execute(query).await;
        assert!(!response.errors.is_empty());
        response.data.to_string()
    }

    #[tokio::test]
    async fn a_failed_field_that_may_be_null_is_null() {
        assert_eq!(
            answer("{ number mayFail }").await,
            "{number: 2, mayFail: null}"
        );
        assert_eq!(answer("{ x: mayFail }").await, "{x: null}");
        assert_eq!(
            answer("{ perhaps { mayFail } }").await,
            "{perhaps: {mayFail: null}}"
        );
        assert_eq!(
            answer("{ things { mayFail } }").await,
            "{things: [{mayFail: null}, {mayFail: null}, {mayFail: null}]}"
        );
    }

    #[tokio::test]
    async fn null_spreads_to_the_next_that_may_be_null() {
        assert_eq!(answer("{ number mustNotFail }").await, "null");
        assert_eq!(answer("{ number surely { mustNotFail } }").await, "null");
        assert_eq!(
            answer("{ number perhaps { number surely { mustNotFail } } }").await,
            "{number: 2, perhaps: null}"
        );
        assert_eq!(answer("{ things { number mustNotFail } }").await, "null");
        assert_eq!(
            answer("{ perhapsThings { number mustNotFail } }").await,
            "{perhapsThings: [{number: 1, mustNotFail: 1}, null, null]}"
        );
    }

    #[tokio::test]
    async fn several_failures_leave_what_null_has_spread_to() {
        let told =
            answer("{ perhaps { mustNotFail mayFail surely { mayFail mustNotFail } } }").await;
        assert_eq!(told, "{perhaps: null}");
        let told = answer("{ a: perhaps { mayFail } b: perhaps { mustNotFail } }").await;
        assert_eq!(told, "{a: {mayFail: null}, b: null}");
    }

    #[tokio::test]
    async fn fields_are_found_through_fragments() {
        let told = answer(
            "{ number either { ...T } perhaps { ... { ...T } } }
             fragment T on Thing { number inner: surely { mustNotFail } }",
        )
        .await;
        assert_eq!(told, "{number: 2, either: null, perhaps: null}");
    }
}
