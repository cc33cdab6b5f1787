//! Every field of the schema that an event can show, shared and for each viewer alone: both must be the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_graphql::Variables;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use async_graphql::parser::{parse_query, parse_schema};
use parlor::api;
use serde_json::{Value, json};

use super::{Counting, begin, next, room};
use crate::helpers::{Person, TestApp, TestDatabase};
use crate::raw_socket::RawSocket;

/// Documents for each viewer on one socket at once.
const AT_ONCE: usize = 40;

/// A document that asks for one field.
#[derive(Clone, Debug)]
struct Asking {
    field: String,
    selection: String,
    root: &'static str,
}

impl Asking {
    fn document(&self, name: &str, alone: bool) -> String {
        // What is skipped counts as asked for: the answers are the same with it and without.
        let selection = match (self.root, alone) {
            ("sessionEvents", true) => {
                let own = "... on MessageAdded @skip(if: true) { message { clientKey } }";
                format!("{own} {}", self.selection)
            }
            ("messageAdded", true) => format!("clientKey @skip(if: true) {}", self.selection),
            _ => self.selection.clone(),
        };
        let root = self.root;
        format!(
            "subscription {name}($id: ID!) {{ {root}(sessionId: $id) {{ __typename {selection} }} }}"
        )
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(of),
    }
}

/// A document for every field of every type that can be reached below the root, by the shortest way.
fn every_field(root: &'static str, ty: &str) -> Vec<Asking> {
    let schema = parse_schema(api::sdl()).unwrap();
    let kinds: BTreeMap<String, TypeKind> = schema
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node.kind)),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([ty.to_owned()]);
    let mut types = VecDeque::from([(ty.to_owned(), "%".to_owned())]);
    while let Some((on, way)) = types.pop_front() {
        let mut go_on = |under: &str, step: String| {
            if seen.insert(under.to_owned()) {
                types.push_back((under.to_owned(), way.replace('%', &step)));
            }
        };
        match &kinds[&on] {
            TypeKind::Union(union) => {
                for member in &union.members {
                    let member = member.node.as_str();
                    go_on(member, format!("... on {member} {{ % }}"));
                }
            }
            TypeKind::Object(object) => {
                for field in &object.fields {
                    let name = field.node.name.node.as_str();
                    let under = named(&field.node.ty.node);
                    let is_leaf = !matches!(
                        kinds.get(under),
                        Some(TypeKind::Object(_) | TypeKind::Union(_))
                    );
                    let asked = if is_leaf {
                        name.to_owned()
                    } else {
                        // Who types is told to each alone: what can be shared is reached by another way.
                        if on != "TypingChanged" {
                            go_on(under, format!("{name} {{ % }}"));
                        }
                        format!("{name} {{ __typename }}")
                    };
                    found.push(Asking {
                        field: format!("{on}.{name}"),
                        selection: way.replace('%', &asked),
                        root,
                    });
                }
            }
            other => panic!("{on}: {other:?}"),
        }
    }
    found
}

/// Ada runs the room, Bob is in it, and so is Carol, an admin.
struct Scene {
    app: TestApp,
    people: [Person; 3],
    counting: Counting,
    url: String,
}

impl Scene {
    async fn start() -> Self {
        let limits = [
            ("PARLOR_MAX_OPERATIONS_PER_SOCKET", "200"),
            ("PARLOR_MAX_MESSAGES_PER_SECOND", "10000"),
        ];
        let app = TestApp::configured(TestDatabase::migrated().await, &limits).await;
        parlor::bots::start(app.app());
        let people = [
            app.person("ada").await,
            app.person("bob").await,
            app.person("carol").await,
        ];
        app.database()
            .execute("update users set role = 'ADMIN' where username = 'carol'")
            .await;
        let bot = json!({"handle": "tea", "engine": "BUILTIN", "persona": "You love tea."});
        let create = "mutation ($input: ChatbotInput!) { createChatbot(input: $input) { id } }";
        people[0].ask(create, json!({ "input": bot })).await.data();
        let counting = Counting::default();
        let url = counting.serve(&app).await;
        Self {
            app,
            people,
            counting,
            url,
        }
    }

    /// Something of everything; the session's change comes last.
    async fn play(&self, room: &str) {
        let [ada, bob, _] = &self.people;
        let typing = "mutation ($id: ID!) { setTyping(sessionId: $id, typing: true) }";
        bob.ask(typing, json!({ "id": room })).await.data();
        let input = json!({
            "sessionId": room, "content": "@tea hello", "clientKey": "bobs", "waitMs": 20_000,
        });
        let mut sent = bob.send(input).await.data();
        let id = sent["sendMessage"]["message"]["id"].take();
        let edit = "mutation ($id: ID!) { editMessage(id: $id, content: \"@tea hi\") { id } }";
        bob.ask(edit, json!({ "id": id })).await.data();
        let delete = "mutation ($id: ID!) { deleteMessage(id: $id) { id } }";
        bob.ask(delete, json!({ "id": id })).await.data();
        let help = json!({"sessionId": room, "content": "/help", "waitMs": 20_000});
        let query = "mutation ($input: SendMessageInput!) {
            sendMessage(input: $input) { commandReply { status } }
        }";
        let helped = ada.ask(query, json!({ "input": help })).await.data();
        assert_eq!(helped["sendMessage"]["commandReply"]["status"], "COMPLETE");
        let rename = "mutation ($id: ID!) { updateSession(id: $id, input: {title: \"x\"}) { id } }";
        ada.ask(rename, json!({ "id": room })).await.data();
    }

    /// What every viewer is told by every document, shared and alone; the executions of each.
    async fn watch(&self, asked: &[Asking]) -> Vec<Told> {
        let room = room(&self.people[0], &["bob", "carol"], &["tea"]).await;
        let mut told: Vec<Told> = (0..asked.len() * 2).map(|_| Told::default()).collect();
        let mut sockets = Vec::new();
        for person in &self.people {
            let mut socket = RawSocket::acknowledged(&self.url, Some(person.token())).await;
            for (n, asking) in asked.iter().enumerate() {
                for alone in [false, true] {
                    let id = (2 * n + usize::from(alone)).to_string();
                    let name = self.name(&room, &id);
                    let document = asking.document(&name, alone);
                    begin(&mut socket, &id, &name, &document, json!({ "id": room })).await;
                }
            }
            // Those that say when they have caught up.
            let mut waits = 2 * asked.iter().filter(|it| it.root == "sessionEvents").count();
            while waits > 0 {
                assert_eq!(next(&mut socket).await.1["__typename"], "CaughtUp");
                waits -= 1;
            }
            sockets.push(socket);
        }
        self.app.followed_by(&room, Some(told.len() * 3)).await;
        self.play(&room).await;
        for socket in &mut sockets {
            let mut waits = told.len();
            let mut events: Vec<Vec<Value>> = vec![Vec::new(); told.len()];
            while waits > 0 {
                let (id, event) = next(socket).await;
                let id: usize = id.parse().unwrap();
                // The reply is the last message to become final.
                let root = asked[id / 2].root;
                events[id].push(event);
                let is_last = match root {
                    "sessionEvents" => {
                        let typename = &events[id].last().unwrap()["__typename"];
                        typename == "SessionChanged"
                    }
                    _ => events[id].len() == 2,
                };
                waits -= usize::from(is_last);
            }
            for (told, events) in told.iter_mut().zip(events) {
                told.by_viewer.push(events);
            }
        }
        for (n, told) in told.iter_mut().enumerate() {
            told.executions = self.counting.of(&self.name(&room, &n.to_string()));
        }
        told
    }

    /// A name for an operation that no other has.
    fn name(&self, room: &str, id: &str) -> String {
        let room: String = room.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("Of{room}{id}")
    }
}

fn is_typing(event: &Value) -> bool {
    event["__typename"] == "TypingChanged"
}

#[derive(Clone, Debug, Default)]
struct Told {
    by_viewer: Vec<Vec<Value>>,
    executions: usize,
}

impl Told {
    /// How many events viewers were told by themselves, whatever the document: who types, which is a state that
    /// one may also be too late for.
    fn own(&self) -> usize {
        let events = self.by_viewer.iter().flatten();
        events.filter(|event| is_typing(event)).count()
    }

    /// All but them, by viewer.
    fn common(&self) -> impl Iterator<Item = Vec<&Value>> {
        let by_viewer = self.by_viewer.iter();
        by_viewer.map(|events| events.iter().filter(|event| !is_typing(event)).collect())
    }

    /// What is wrong with what was told by a document, shared and alone.
    fn compare(asking: &Asking, shared: &Self, alone: &Self) -> Vec<String> {
        let mut wrong = Vec::new();
        let field = &asking.field;
        for (shared, alone) in shared.common().zip(alone.common()) {
            let differs =
                (0..shared.len().max(alone.len())).find(|n| shared.get(*n) != alone.get(*n));
            if let Some(n) = differs {
                let (shared, alone) = (shared.get(n), alone.get(n));
                wrong.push(format!("{field} differs: {shared:?} and alone {alone:?}"));
            }
        }
        let caught_up = if asking.root == "sessionEvents" { 3 } else { 0 };
        let document = parse_query(asking.document("Any", false)).unwrap();
        let is_shared = api::shared_variables(&document, None, &Variables::default()).is_some();
        let each = alone.by_viewer.iter().map(Vec::len).sum::<usize>() + caught_up;
        let expected = match is_shared {
            true => shared.common().next().map_or(0, |it| it.len()) + shared.own() + caught_up,
            false => shared.by_viewer.iter().map(Vec::len).sum::<usize>() + caught_up,
        };
        if shared.executions != expected {
            let executions = shared.executions;
            wrong.push(format!(
                "{field} took {executions} executions, not {expected}"
            ));
        }
        if alone.executions != each {
            wrong.push(format!(
                "{field} alone took {} executions",
                alone.executions
            ));
        }
        wrong
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_looks_sees_the_same_shared_and_alone_in_every_field() {
    let scene = Scene::start().await;
    let mut all = every_field("sessionEvents", "SessionEvent");
    assert!(all.len() > 60, "only {} fields", all.len());
    all.extend(
        every_field("messageAdded", "Message")
            .into_iter()
            .filter(|it| it.field.starts_with("Message.")),
    );
    let mut wrong = Vec::new();
    for asked in all.chunks(AT_ONCE) {
        let told = scene.watch(asked).await;
        for (asking, told) in asked.iter().zip(told.chunks_exact(2)) {
            wrong.extend(Told::compare(asking, &told[0], &told[1]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_planted_difference_and_a_planted_execution_are_found() {
    let asking = Asking {
        field: "MessageAdded.cursor".to_owned(),
        selection: "... on MessageAdded { cursor }".to_owned(),
        root: "sessionEvents",
    };
    let own = Asking {
        field: "User.email".to_owned(),
        selection: "... on SessionChanged { session { owner { email } } }".to_owned(),
        root: "sessionEvents",
    };
    let told = |executions, cursor: &str| Told {
        by_viewer: vec![vec![json!({"__typename": "MessageAdded", "cursor": cursor})]; 3],
        executions,
    };
    let faults =
        |asking: &Asking, shared: Told, alone: Told| Told::compare(asking, &shared, &alone).len();
    assert_eq!(faults(&asking, told(4, "a"), told(6, "a")), 0);
    assert_eq!(
        faults(&asking, told(4, "a"), told(6, "b")),
        3,
        "for each viewer"
    );
    // Failed for all, then executed for each: as a field does that is called neutral and is not.
    assert_eq!(faults(&asking, told(7, "a"), told(6, "a")), 1);
    assert_eq!(faults(&own, told(6, "a"), told(6, "a")), 0);
    assert_eq!(faults(&own, told(4, "a"), told(6, "a")), 1);
    assert_eq!(faults(&asking, told(4, "a"), told(4, "a")), 1);
}
