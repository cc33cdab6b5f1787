//! The tables have a row for everything in the schema, and for nothing else.

use std::collections::BTreeSet;

use super::calls::{ACCOUNTS, CALLS, asked};
use super::document::Document;
use super::fields::FIELDS;
use super::shape::{ROOTS, Shape};
use super::table::Table;

/// Texts that name nothing that is there: what people say, and keys that are their sender's own.
const WORDS: [&str; 18] = [
    "Mutation.createChatbot(input.greeting)",
    "Mutation.createChatbot(input.model)",
    "Mutation.createChatbot(input.name)",
    "Mutation.createChatbot(input.persona)",
    "Mutation.editMessage(content)",
    "Mutation.regenerateReply(clientKey)",
    "Mutation.register(input.displayName)",
    "Mutation.sendMessage(input.content)",
    "Mutation.startSession(input.title)",
    "Mutation.startVisit(input.displayName)",
    "Mutation.updateChatbot(input.greeting)",
    "Mutation.updateChatbot(input.model)",
    "Mutation.updateChatbot(input.name)",
    "Mutation.updateChatbot(input.persona)",
    "Mutation.updateProfile(input.bio)",
    "Mutation.updateProfile(input.displayName)",
    "Mutation.updateSession(input.title)",
    "Query.search(text)",
];

/// What is missing in the tables, and what is too much.
fn faults(shape: &Shape, fields: &Table, calls: &[&Table]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, own) in &shape.objects {
        if ROOTS.contains(&name.as_str()) {
            continue;
        }
        let own: BTreeSet<&str> = own.iter().map(|field| field.name.as_str()).collect();
        let mut sections = fields
            .sections
            .iter()
            .filter(|section| section.of == *name)
            .peekable();
        if sections.peek().is_none() {
            faults.push(format!("{name} has no section"));
        }
        for section in sections {
            let rows: BTreeSet<&str> = section.rows.iter().map(|row| row.what.as_str()).collect();
            let lacks = own.difference(&rows);
            faults.extend(
                lacks.map(|field| format!("{name}.{field} has no row under {}", section.path)),
            );
            let beyond = rows.difference(&own);
            faults.extend(beyond.map(|field| format!("{name}.{field} is not in the schema")));
        }
    }
    let of_nothing = fields
        .sections
        .iter()
        .filter(|section| !shape.objects.contains_key(&section.of));
    faults.extend(of_nothing.map(|section| format!("{} is not in the schema", section.of)));

    let mut documents = Vec::new();
    let paths = fields.sections.iter().map(|section| {
        let path = super::fields::Path::of(section);
        path.with(shape, "__typename")
    });
    let lines = calls
        .iter()
        .flat_map(|table| table.rows())
        .map(|row| asked(&row.what).0.to_owned());
    for line in paths.chain(lines) {
        match Document::of(shape, &line) {
            Ok(document) => documents.push(document),
            Err(why) => faults.push(format!("{line}: {why}")),
        }
    }
    let mut texts = BTreeSet::new();
    for (of, own) in &shape.objects {
        for field in own {
            let name = format!("{of}.{}", field.name);
            let calls: Vec<&Document> = documents
                .iter()
                .filter(|it| it.root == of && it.field == field.name)
                .collect();
            let is_root = ROOTS.contains(&of.as_str());
            // A subscription from now on is told nothing before something happens.
            let is_asked = is_root && of != "Subscription";
            if is_root && calls.is_empty() {
                faults.push(format!("{name} has no row"));
            }
            for (place, argument) in shape.texts(field) {
                let place = format!("{name}({place})");
                let is_given = documents.iter().any(|it| it.given.contains(&place));
                let is_left_out = calls.iter().any(|it| !it.given.contains(&place));
                let is_word = WORDS.contains(&place.as_str());
                if !is_word && !is_given {
                    faults.push(format!("{place} has no row, and is not among the words"));
                } else if is_word && argument.base == "ID" {
                    faults.push(format!("{place} is an id, and no word"));
                } else if !is_word && is_asked && !argument.is_demanded && !is_left_out {
                    faults.push(format!("{place} is given in every row"));
                }
                texts.insert(place);
            }
        }
    }
    let stale = WORDS.iter().filter(|word| !texts.contains(**word));
    faults.extend(stale.map(|word| format!("{word} is not in the schema")));
    faults
}

/// What the tables lack for a schema.
fn faults_for(sdl: &str) -> Vec<String> {
    let (fields, calls) = (
        Table::parse("fields.txt", FIELDS),
        Table::parse("calls.txt", CALLS),
    );
    let accounts = Table::parse("accounts.txt", ACCOUNTS);
    faults(&Shape::of(sdl), &fields, &[&calls, &accounts])
}

#[test]
fn the_tables_have_every_field_and_every_argument_that_names_something() {
    super::table::expect_none_wrong(faults_for(&parlor::api::sdl()));
}

#[test]
fn what_is_new_or_gone_in_the_schema_is_found() {
    let sdl = parlor::api::sdl();
    for (old, new, expected) in [
        (
            "type Message implements Node {",
            "type Message implements Node { mood: String!",
            "Message.mood has no row under node(id: $said) { * }",
        ),
        (
            "type Query {",
            "type Query { secrets: [String!]!",
            "Query.secrets has no row",
        ),
        (
            "type Mutation {",
            "type Mutation { poke(id: ID!): Boolean!",
            "Mutation.poke(id) has no row, and is not among the words",
        ),
        (
            "input SendMessageInput {",
            "input SendMessageInput { quotes: ID",
            "Mutation.sendMessage(input.quotes) has no row, and is not among the words",
        ),
        (
            "type CaughtUp {",
            "type Poke { by: User! } type CaughtUp {",
            "Poke has no section",
        ),
        (
            "bio: String!",
            "motto: String!",
            "User.bio is not in the schema",
        ),
    ] {
        assert!(sdl.contains(old), "{old} is not there to be changed");
        let found = faults_for(&sdl.replacen(old, new, 1));
        assert!(
            found.iter().any(|fault| fault == expected),
            "{expected}: {found:#?}"
        );
    }
}
