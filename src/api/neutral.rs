//! Which fields are the same for everybody, so that an event can be executed once for many subscribers.
//!
//! A field is each viewer's own until it is named here. What may be named: a field that depends on nothing but the
//! row it is of, and rows that everybody who sees that one may see; one that asks for the viewer may not. A
//! shared execution has no viewer, so a field that is named by mistake fails there, and is then executed for each
//! subscriber by itself.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, Selection, SelectionSet, Type, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Input;

/// Fields by type. Those at the root are subscriptions that hand their walk over (`api::showing`).
const NEUTRAL: &[(&str, &[&str])] = &[
    ("Subscription", &["messageAdded", "sessionEvents"]),
    ("MessageAdded", &["cursor", "message"]),
    ("MessageChanged", &["cursor", "message"]),
    ("ReplyDelta", &["messageId", "offset", "text"]),
    ("CommandReplied", &["reply"]),
    ("TypingChanged", &["user", "typing"]),
    ("SessionChanged", &["cursor", "session"]),
    ("CaughtUp", &["cursor"]),
    ("FeedEnded", &["reason", "retry"]),
    (
        "Message",
        &[
            "id",
            "session",
            "seq",
            "cursor",
            "author",
            "content",
            "status",
            "failure",
            "inReplyTo",
            "createdAt",
            "editedAt",
        ],
    ),
    (
        "Session",
        &[
            "id",
            "kind",
            "title",
            "owner",
            "members",
            "chatbots",
            "chatbotsPaused",
            "createdAt",
            "updatedAt",
            "cursor",
        ],
    ),
    ("Member", &["user", "isOwner", "readUpTo", "joinedAt"]),
    (
        "User",
        &["id", "username", "displayName", "bio", "role", "createdAt"],
    ),
    (
        "Chatbot",
        &[
            "id",
            "handle",
            "name",
            "greeting",
            "engine",
            "model",
            "temperature",
            "whileReplying",
            "owner",
            "createdAt",
        ],
    ),
    (
        "CommandReply",
        &[
            "id", "command", "argument", "chatbot", "status", "content", "failure",
        ],
    ),
];

/// What tells answers to the same subscription document apart: the values of the variables that matter below its
/// root, as JSON. Nothing if a field depends on who asks.
///
/// What is left out at last (`@skip`) counts as asked for.
pub fn shared_variables(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Option<String> {
    let mut operations = document.operations.iter();
    let (_, operation) = operations
        .find(|(name, _)| operation_name.is_none() || name.map(Name::as_str) == operation_name)?;
    let mut walk = Walk {
        document,
        spread: HashSet::new(),
        variables: BTreeMap::new(),
        given: variables,
    };
    // The arguments of the root say where to walk, not what is shown.
    walk.set("Subscription", &operation.node.selection_set.node, true)?;
    serde_json::to_string(&walk.variables).ok()
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    spread: HashSet<&'a Name>,
    given: &'a Variables,
    variables: BTreeMap<&'a Name, &'a Value>,
}

impl<'a> Walk<'a> {
    /// Nothing as soon as a field is not neutral.
    fn set(&mut self, on: &str, set: &'a SelectionSet, is_root: bool) -> Option<()> {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.field(on, &field.node, is_root)?,
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let condition = fragment.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    self.directives(&fragment.directives);
                    self.set(on, &fragment.selection_set.node, is_root)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    self.directives(&spread.node.directives);
                    let fragment = &self.document.fragments.get(name)?.node;
                    if self.spread.insert(name) {
                        let on = fragment.type_condition.node.on.node.as_str();
                        self.set(on, &fragment.selection_set.node, is_root)?;
                    }
                }
            }
        }
        Some(())
    }

    fn field(&mut self, on: &str, field: &'a Field, is_root: bool) -> Option<()> {
        self.directives(&field.directives);
        let name = field.name.node.as_str();
        if name == "__typename" {
            return Some(());
        }
        let mut neutral = NEUTRAL.iter().filter(|(of, _)| *of == on);
        neutral.find(|(_, fields)| fields.contains(&name))?;
        if !is_root {
            self.inputs(field.arguments.iter().map(|(_, value)| &value.node));
        }
        let under = TYPES.get(on)?.get(name)?;
        self.set(under, &field.selection_set.node, false)
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) {
        let arguments = directives.iter().flat_map(|it| &it.node.arguments);
        self.inputs(arguments.map(|(_, value)| &value.node));
    }

    fn inputs(&mut self, inputs: impl IntoIterator<Item = &'a Input>) {
        let mut inputs: Vec<&Input> = inputs.into_iter().collect();
        while let Some(input) = inputs.pop() {
            match input {
                Input::Variable(name) => {
                    // One that was left out has its default, and is not the same as null.
                    if let Some(value) = self.given.get(name) {
                        self.variables.insert(name, value);
                    }
                }
                Input::List(items) => inputs.extend(items),
                Input::Object(members) => inputs.extend(members.values()),
                _ => {}
            }
        }
    }
}

/// The type under each field of each type, by their names.
static TYPES: LazyLock<HashMap<String, HashMap<String, String>>> = LazyLock::new(|| {
    let schema = parse_schema(super::sdl()).expect("our own schema is one");
    let types = schema.definitions.into_iter();
    types
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        })
        .filter_map(|definition| {
            let TypeKind::Object(object) = definition.kind else {
                return None;
            };
            let fields = object.fields.into_iter().map(|field| {
                let under = named(&field.node.ty.node);
                (field.node.name.node.to_string(), under.to_owned())
            });
            Some((definition.name.node.to_string(), fields.collect()))
        })
        .collect()
});

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(of),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    /// Fields below the subscriptions that share, which are each viewer's own.
    const PER_VIEWER: [&str; 7] = [
        "Chatbot.persona",
        "Message.clientKey",
        "Session.archived",
        "Session.lastMessage",
        "Session.messages",
        "Session.unreadCount",
        "User.email",
    ];

    fn shared(document: &str, variables: serde_json::Value) -> Option<String> {
        let document = parse_query(document).expect(document);
        shared_variables(&document, None, &Variables::from_json(variables))
    }

    fn neutral() -> BTreeSet<String> {
        let fields = NEUTRAL.iter();
        fields
            .flat_map(|(on, names)| names.iter().map(move |name| format!("{on}.{name}")))
            .collect()
    }

    /// The members of each union.
    fn members() -> HashMap<String, Vec<String>> {
        let schema = parse_schema(crate::api::sdl()).unwrap();
        let unions = schema.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => match it.node.kind {
                TypeKind::Union(union) => {
                    let members = union.members.iter().map(|name| name.node.to_string());
                    Some((it.node.name.node.to_string(), members.collect()))
                }
                _ => None,
            },
            _ => None,
        });
        unions.collect()
    }

    /// Every field that can be asked for below neutral fields.
    fn reachable() -> BTreeSet<String> {
        let (neutral, members) = (neutral(), members());
        let mut found = BTreeSet::new();
        let mut types = vec!["Subscription".to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(on) = types.pop() {
            if !seen.insert(on.clone()) {
                continue;
            }
            types.extend(members.get(&on).into_iter().flatten().cloned());
            for (name, under) in TYPES.get(&on).into_iter().flatten() {
                let field = format!("{on}.{name}");
                if neutral.contains(&field) {
                    types.push(under.clone());
                }
                found.insert(field);
            }
        }
        found
    }

    #[test]
    fn somebody_has_said_of_every_field_whether_it_is_the_same_for_everybody() {
        let own: BTreeSet<String> = reachable().difference(&neutral()).cloned().collect();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let own: Vec<&str> = own
            .into_iter()
            .filter(|field| !field.starts_with("Subscription."))
            .collect();
        assert_eq!(own, PER_VIEWER, "name it in NEUTRAL, or here");
        let unknown: Vec<String> = neutral().difference(&reachable()).cloned().collect();
        assert!(unknown.is_empty(), "there are no such fields: {unknown:?}");
    }

    #[test]
    fn a_variable_that_was_left_out_is_not_one_that_is_null() {
        let document = "subscription ($n: Int = 3) { sessionEvents(sessionId: \"1\") {
            ... on SessionChanged { session { members(first: $n) { isOwner } } } } }";
        let values = [json!({}), json!({"n": null}), json!({"n": 3})];
        let shared = values.map(|variables| shared(document, variables).unwrap());
        assert_ne!(shared[0], shared[1]);
        assert_ne!(shared[0], shared[2]);
        assert_ne!(shared[1], shared[2]);
    }

    #[test]
    fn a_field_that_depends_on_the_viewer_keeps_a_document_from_being_shared() {
        let with = |fields: &str| {
            let document = format!(
                "subscription {{ sessionEvents(sessionId: \"1\") {{ ...E }} }}
                 fragment E on SessionEvent {{ __typename ... on MessageAdded {{ message {{ {fields} }} }} }}
                 fragment M on Message {{ inReplyTo {{ id }} }}
                 fragment Own on Message {{ clientKey }}"
            );
            shared(&document, json!({})).is_some()
        };
        for fields in [
            "id",
            "a: content author { ... on User { username } }",
            "session { members { user { id } } }",
            "...M ... { ...M }",
        ] {
            assert!(with(fields), "{fields}");
        }
        for fields in [
            "id clientKey",
            "id: clientKey",
            "...Own",
            "...Nowhere",
            "clientKey @skip(if: true)",
            "author { ... on User { email } }",
            "author { ... { ... on Chatbot { persona } } }",
            "session { messages(last: 1) { nodes { id } } }",
            "session { owner { email } }",
            "nonsense",
        ] {
            assert!(!with(fields), "{fields}");
        }
        for other in ["{ me { id } }", "subscription { nonsense }"] {
            assert_eq!(shared(other, json!({})), None, "{other}");
        }
    }

    #[test]
    fn only_variables_below_the_root_tell_answers_apart() {
        let document = "subscription ($s: ID!, $after: String, $a: Boolean!, $b: Boolean = true) {
            sessionEvents(sessionId: $s, after: $after) {
                ... on MessageAdded @include(if: $b) { cursor @skip(if: $a) }
            }
        }";
        let with = |variables| shared(document, variables).unwrap();
        let one = with(json!({"s": "1", "after": "x", "a": true}));
        assert_eq!(one, with(json!({"s": "2", "a": true, "unused": 1})));
        assert_ne!(one, with(json!({"s": "1", "after": "x", "a": false})));
        assert_ne!(one, with(json!({"s": "1", "a": true, "b": true})));
    }
}
