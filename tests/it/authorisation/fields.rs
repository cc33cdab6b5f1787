//! What everybody sees of everything: a row of `fields.txt` for every field, and an operation for every cell.

use futures_util::{StreamExt as _, stream};
use parlor::bots;
use serde_json::Value;

use super::document::Document;
use super::shape::Shape;
use super::stage::place;
use super::table::{Cell, Row, Section, Table, expect_none_wrong};
use super::told::{Asking, Outcome, Told};
use super::viewers::Viewer;
use super::world::World;

/// The table.
pub const FIELDS: &str = include_str!("fields.txt");

/// How many ask at the same time.
pub const AT_ONCE: usize = 4;

/// How one comes to the fields of a section.
pub struct Path<'a> {
    of: &'a str,
    line: &'a str,
    /// What the bystander does while somebody watches.
    meanwhile: Option<&'a str>,
}

impl<'a> Path<'a> {
    /// As a section's heading says.
    pub fn of(section: &'a Section) -> Self {
        let (line, meanwhile) = match section.path.split_once(" while ") {
            Some((line, meanwhile)) => (line, Some(meanwhile)),
            None => (section.path.as_str(), None),
        };
        Self {
            of: &section.of,
            line,
            meanwhile,
        }
    }

    /// The event of a subscription in which it stands.
    fn event(&self) -> &str {
        let fragment = self.line.split_once("... on ");
        fragment.map_or(self.of, |(_, rest)| rest.split(' ').next().unwrap())
    }

    /// The line that asks for a field.
    pub fn with(&self, shape: &Shape, field: &str) -> String {
        let glimpse = shape.field(self.of, field);
        let glimpse = glimpse.map_or(String::new(), |field| shape.glimpse(&field.base));
        let asked = format!("__typename ... on {} {{ {field} {glimpse} }}", self.of);
        let line = self.line.replacen("... on", "__typename ... on", 1);
        line.replacen('*', &asked, 1)
    }

    /// The field's value in an answer; a list of them where the way leads through a list.
    fn dig(&self, data: &Value) -> Value {
        let (way, _) = self.line.split_once('*').expect("a star");
        let (mut depth, mut levels) = (0, 1);
        for character in way.chars() {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                '{' if depth == 0 => levels += 1,
                _ => {}
            }
        }
        // The braces of a fragment lead no deeper.
        levels -= way.matches("... on").count();
        descend(data, levels)
    }
}

fn descend(value: &Value, levels: usize) -> Value {
    match value {
        _ if levels == 0 => value.clone(),
        Value::Array(items) => items.iter().map(|item| descend(item, levels)).collect(),
        Value::Object(fields) => {
            let mut fields = fields.iter().filter(|(name, _)| *name != "__typename");
            fields
                .next()
                .map_or(Value::Null, |(_, value)| descend(value, levels - 1))
        }
        _ => Value::Null,
    }
}

/// Whether there is nothing in a value.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

/// What is wrong in a row, by what everybody saw.
fn judge(row: &Row, saw: &[(Viewer, Outcome, Told)]) -> Vec<String> {
    let data = |wanted: &Cell| {
        let mut all = row.by_viewer().zip(saw);
        all.find_map(|((_, cell), (_, outcome, _))| match outcome {
            Outcome::Data(value) if cell == wanted => Some(value.clone()),
            _ => None,
        })
    };
    let truth = data(&Cell::Yes);
    let is_right = |cell: &Cell, outcome: &Outcome| match (cell, outcome) {
        (Cell::Yes, Outcome::Data(value)) => !is_nothing(value) && Some(value) == truth.as_ref(),
        (Cell::Some, Outcome::Data(value)) => !is_nothing(value),
        (Cell::Else, Outcome::Data(value)) => !is_nothing(value) && Some(value) != truth.as_ref(),
        (Cell::None, Outcome::Data(value)) => is_nothing(value),
        (Cell::Is(wanted), Outcome::Data(value)) => wanted == value,
        (Cell::Refused(wanted), Outcome::Refused(number)) => wanted == number,
        _ => false,
    };
    let cells = row.by_viewer().zip(saw);
    let wrong = cells.filter(|((_, cell), (_, outcome, _))| !is_right(cell, outcome));
    wrong
        .map(|((viewer, cell), (_, outcome, told))| {
            let saw = match outcome {
                Outcome::Data(value) => value.to_string(),
                Outcome::Refused(number) => number.to_string(),
            };
            let came = told.beginning();
            format!(
                "{} {} for {viewer}: not {cell} but {saw}\n    {came}",
                row.place, row.what
            )
        })
        .collect()
}

/// What is wrong in the sections that are read, or in those that act.
pub async fn check(world: &World, table: &Table, acting: bool) -> Vec<String> {
    let shape = Shape::ours();
    let mut wrong = Vec::new();
    for section in &table.sections {
        let path = Path::of(section);
        let meanwhile = path
            .meanwhile
            .map(|line| Document::of(shape, line).unwrap());
        for row in &section.rows {
            let document = Document::of(shape, &path.with(shape, &row.what)).unwrap();
            if (document.root == "Mutation") != acting {
                continue;
            }
            let meanwhile = meanwhile.as_ref();
            let meanwhile =
                meanwhile.map(|deed| Asking::about(world, world.names(), Viewer::Nobody, deed));
            let see = async |viewer| {
                let asking = Asking::about(world, world.names(), viewer, &document);
                let told = match document.root {
                    "Subscription" => {
                        world
                            .event(viewer, &asking, path.event(), meanwhile.as_ref())
                            .await
                    }
                    _ => world.tell(viewer, &asking).await,
                };
                let outcome = match told.outcome() {
                    Outcome::Data(data) => Outcome::Data(path.dig(&data)),
                    refused => refused,
                };
                (viewer, outcome, told)
            };
            let saw = stream::iter(Viewer::ALL).map(see).buffered(AT_ONCE);
            wrong.extend(judge(row, &saw.collect::<Vec<_>>().await));
        }
    }
    wrong
}

/// A world in which the chatbot is writing in the shared session, commands are answered, and nothing else happens.
async fn busy_world() -> World {
    let world = World::start().await;
    let (shared, _) = place(&world.names()["whispered"]);
    world
        .app()
        .database()
        .execute(&format!(
            "update messages set status = 'STREAMING', content = 'So far', attempt = 1, \
             lease_holder = gen_random_uuid(), lease_until = now() + interval '1 hour' \
             where session_id = '{shared}' and chatbot_id is not null"
        ))
        .await;
    bots::start(world.app().app());
    world
}

#[tokio::test]
async fn everybody_sees_of_everything_what_the_table_says() {
    let world = busy_world().await;
    let before = world.app().database().contents().await;
    let wrong = check(&world, &Table::parse("fields.txt", FIELDS), false).await;
    expect_none_wrong(wrong);
    assert_eq!(world.app().database().contents().await, before);
}

#[tokio::test]
async fn everybody_is_given_for_a_deed_what_the_table_says() {
    let world = busy_world().await;
    let wrong = check(&world, &Table::parse("fields.txt", FIELDS), true).await;
    expect_none_wrong(wrong);
}
