//! What everybody may ask for and do: rows of `calls.txt` and `accounts.txt` for every field at the root and every
//! argument that names something.
//!
//! Who may not see a thing is answered in the same bytes as who asks for one that is not there, and what is refused
//! changes nothing that is stored. What is not refused is done to things of its own.

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::document::Document;
use super::fields::AT_ONCE;
use super::names::Names;
use super::shape::Shape;
use super::stage::place;
use super::table::{Cell, Row, Table, expect_none_wrong};
use super::told::{Asking, Outcome, Told};
use super::viewers::Viewer;
use super::world::World;

/// What is done with sessions, messages and chatbots.
pub const CALLS: &str = include_str!("calls.txt");

/// What is done with one's account.
pub const ACCOUNTS: &str = include_str!("accounts.txt");

/// The line of a row, and what should be in the list that it gives: `sessions has $room`.
pub fn asked(what: &str) -> (&str, Option<&str>) {
    match what.split_once(" has $") {
        Some((line, thing)) => (line, Some(thing)),
        None => (what, None),
    }
}

/// The table whose rows say who sees what.
pub struct Lookups<'a>(pub &'a Table);

impl Lookups<'_> {
    /// Whether somebody sees what a name stands for. What can't be looked up, as a cursor, nobody sees.
    fn sees(&self, viewer: Viewer, name: &str) -> bool {
        let fields = [
            "session(id: $)",
            "node(id: $)",
            "user(username: $)",
            "chatbot(handle: $)",
        ];
        let lines = fields.map(|field| field.replace('$', &format!("${name}")));
        let mut rows = self.0.rows().filter(|row| lines.contains(&row.what));
        rows.any(|row| *row.cell(viewer) == Cell::Yes)
    }
}

/// A row that is being tried out.
struct Trial<'a> {
    world: &'a World,
    lookups: &'a Lookups<'a>,
    row: &'a Row,
    document: Document,
}

impl<'a> Trial<'a> {
    fn of(world: &'a World, lookups: &'a Lookups<'a>, row: &'a Row) -> Self {
        let document = Document::of(Shape::ours(), asked(&row.what).0);
        Self {
            world,
            lookups,
            row,
            document: document.unwrap_or_else(|why| panic!("{}: {why}", row.place)),
        }
    }

    /// Whether it writes.
    fn is_deed(&self) -> bool {
        self.document.root == "Mutation"
    }

    /// Whether this one gets what they ask for.
    fn is_granted(&self, viewer: Viewer) -> bool {
        *self.row.cell(viewer) == Cell::Yes
    }

    /// What is wrong where nothing is granted: with the cells, and with what is stored if that is not as it was.
    async fn refused(&self) -> Vec<String> {
        let database = self.world.app().database();
        let before = database.contents().await;
        let viewers = Viewer::ALL
            .into_iter()
            .filter(|viewer| !self.is_granted(*viewer));
        let cells = stream::iter(viewers).map(|viewer| self.cell(viewer, self.world.names()));
        let mut wrong = cells.buffered(AT_ONCE).concat().await;
        let after = database.contents().await;
        if before != after {
            let written: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
            let row = self.row;
            wrong.push(format!(
                "{} {}: refused, and yet it writes\n    {written:?}",
                row.place, row.what
            ));
        }
        wrong
    }

    /// What is wrong with the cells in which it is granted. What is done to something is done to one of its own.
    async fn granted(&self) -> Vec<String> {
        let mut variables = self.document.variables.iter();
        let acts = self.is_deed() && variables.any(|name| self.world.is_thing(name));
        let mut wrong = Vec::new();
        for viewer in Viewer::ALL
            .into_iter()
            .filter(|viewer| self.is_granted(*viewer))
        {
            wrong.extend(match acts {
                true => self.cell(viewer, &self.world.things_anew().await).await,
                false => self.cell(viewer, self.world.names()).await,
            });
        }
        wrong
    }

    /// What is wrong with one cell, asked about these things.
    async fn cell(&self, viewer: Viewer, names: &Names) -> Vec<String> {
        let asking = Asking::about(self.world, names, viewer, &self.document);
        let told = self.world.tell(viewer, &asking).await;
        let saw = self.saw(&told, names).await;
        let expected = self.row.cell(viewer);
        let place = format!("{} {} for {viewer}", self.row.place, self.row.what);
        if saw != *expected {
            return vec![format!(
                "{place}: not {expected} but {saw}\n    {}",
                told.beginning()
            )];
        }
        let mut wrong = Vec::new();
        if !matches!(
            expected,
            Cell::None | Cell::Ended | Cell::Refused(400 | 401 | 403 | 404 | 4403)
        ) {
            return wrong;
        }
        for name in &self.document.variables {
            if !self.lookups.sees(viewer, name) {
                wrong.extend(self.told_apart(viewer, names, &asking, name, &told).await);
            }
        }
        wrong
    }

    /// What is told otherwise of something than of what is not there.
    async fn told_apart(
        &self,
        viewer: Viewer,
        names: &Names,
        asking: &Asking<'_>,
        name: &str,
        told: &Told,
    ) -> Vec<String> {
        let named = self.world.named(names, viewer, name);
        let is_out = matches!(self.row.cell(viewer), Cell::Refused(401 | 403 | 4403));
        if named.is_place && is_out {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        for unknown in &named.unknown {
            let none = self.world.tell(viewer, &asking.with(name, unknown)).await;
            if none != *told {
                wrong.push(format!(
                    "{} {} for {viewer}: ${name} is told from what is not there\n    {} {}\n    {} {}",
                    self.row.place,
                    self.row.what,
                    told.head(),
                    told.beginning(),
                    none.head(),
                    none.beginning(),
                ));
            }
        }
        wrong
    }

    /// What an answer means in a cell.
    async fn saw(&self, told: &Told, names: &Names) -> Cell {
        let data = match told.outcome() {
            Outcome::Refused(number) => return Cell::Refused(number),
            Outcome::Data(mut data) => data[&self.document.field].take(),
        };
        if let (_, Some(thing)) = asked(&self.row.what) {
            return match self.has(&data, names, thing).await {
                true => Cell::Yes,
                false => Cell::No,
            };
        }
        match data {
            Value::Null => Cell::None,
            data if data["__typename"] == "FeedEnded" => Cell::Ended,
            _ => Cell::Yes,
        }
    }

    /// Whether something is in a list, or what was said in a download.
    async fn has(&self, data: &Value, names: &Names, thing: &str) -> bool {
        if let Some(nodes) = data["nodes"].as_array() {
            return nodes.iter().any(|node| node["id"] == names[thing].value);
        }
        let url = data["url"].as_str().expect("a page or a download");
        let url = format!("{}{url}", self.world.app().url());
        let text = self
            .world
            .client()
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let (session, seq) = place(&names[thing]);
        let said =
            format!("select content from messages where session_id = '{session}' and seq = {seq}");
        let said = self.world.app().database().value(&said).await;
        text.contains(said.as_str().unwrap())
    }
}

/// What is wrong in a row.
pub async fn check_row(world: &World, lookups: &Lookups<'_>, row: &Row) -> Vec<String> {
    let trial = Trial::of(world, lookups, row);
    let mut wrong = trial.refused().await;
    wrong.extend(trial.granted().await);
    wrong
}

/// What is wrong in the rows that read, or in those that write.
async fn check(world: &World, table: &Table, deeds: bool) -> Vec<String> {
    let lookups = Lookups(table);
    let trials = table.rows().map(|row| Trial::of(world, &lookups, row));
    let trials: Vec<_> = trials.filter(|trial| trial.is_deed() == deeds).collect();
    let mut wrong = Vec::new();
    // First, while little is stored that is to be the same afterwards.
    for trial in &trials {
        wrong.extend(trial.refused().await);
    }
    for trial in &trials {
        wrong.extend(trial.granted().await);
    }
    wrong
}

#[tokio::test]
async fn everybody_may_read_and_watch_what_the_table_says() {
    let world = World::start().await;
    let before = world.app().database().contents().await;
    let calls = Table::parse("calls.txt", CALLS);
    expect_none_wrong(check(&world, &calls, false).await);
    assert_eq!(world.app().database().contents().await, before);
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says() {
    let world = World::start().await;
    let calls = Table::parse("calls.txt", CALLS);
    expect_none_wrong(check(&world, &calls, true).await);
}

/// After these, logins or accounts are not what they were.
const LASTING: [&str; 4] = ["logout", "changePassword", "updateProfile", "deleteAccount"];

#[tokio::test]
async fn everybody_may_do_with_accounts_what_the_table_says() {
    let accounts = Table::parse("accounts.txt", ACCOUNTS);
    let calls = Table::parse("calls.txt", CALLS);
    let lookups = Lookups(&calls);
    let shared = World::start().await;
    let mut wrong = Vec::new();
    for row in accounts.rows() {
        let is_lasting = LASTING.iter().any(|field| row.what.starts_with(field));
        wrong.extend(match is_lasting && row.cells.contains(&Cell::Yes) {
            true => check_row(&World::start().await, &lookups, row).await,
            false => check_row(&shared, &lookups, row).await,
        });
    }
    expect_none_wrong(wrong);
}
