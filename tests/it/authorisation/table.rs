//! The tables as text: a line a row, a column a viewer.

use std::fmt;

use serde_json::Value;

use super::viewers::Viewer;

/// A table.
pub struct Table {
    /// Its parts, in order. What has no heading stands in one without a name.
    pub sections: Vec<Section>,
}

/// Rows under a heading, as `Message: node(id: $said) { * }`.
pub struct Section {
    /// The type whose fields the rows are.
    pub of: String,
    /// How one comes to it; the field stands for the star.
    pub path: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row.
pub struct Row {
    /// Where it stands, for whoever has to mend it.
    pub place: String,
    /// What is asked for.
    pub what: String,
    /// What each viewer gets, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// What somebody gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// `yes`: what there is; the same for all who get it.
    Yes,
    /// `some`: something, which may differ from asking to asking.
    Some,
    /// `else`: something else than those get who have `yes`.
    Else,
    /// `none`: nothing; null, or what is empty, zero or false.
    None,
    /// `no`: it is not in the list.
    No,
    /// `ended`: a feed that ends at once, because its cursor is unknown.
    Ended,
    /// `=0`: exactly this value.
    Is(Value),
    /// `404`: an error.
    Refused(u16),
}

/// Errors by their codes, and sockets that are closed.
pub const REFUSALS: [(&str, u16); 9] = [
    ("BAD_USER_INPUT", 400),
    ("UNAUTHENTICATED", 401),
    ("FORBIDDEN", 403),
    ("NOT_FOUND", 404),
    ("CONFLICT", 409),
    ("RATE_LIMITED", 429),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("closed", 4403),
];

impl Cell {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "yes" => Self::Yes,
            "some" => Self::Some,
            "else" => Self::Else,
            "none" => Self::None,
            "no" => Self::No,
            "ended" => Self::Ended,
            text => match text.strip_prefix('=') {
                Some(value) => Self::Is(serde_json::from_str(value).ok()?),
                None => {
                    let refusal = text.parse().ok()?;
                    REFUSALS.iter().find(|(_, number)| *number == refusal)?;
                    Self::Refused(refusal)
                }
            },
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.pad("yes"),
            Self::Some => f.pad("some"),
            Self::Else => f.pad("else"),
            Self::None => f.pad("none"),
            Self::No => f.pad("no"),
            Self::Ended => f.pad("ended"),
            Self::Is(value) => f.pad(&format!("={value}")),
            Self::Refused(number) => f.pad(&number.to_string()),
        }
    }
}

impl Table {
    /// Reads a table. The first line that is no comment names the columns.
    pub fn parse(file: &str, text: &str) -> Self {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (format!("{file}:{}", at + 1), line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, head) = lines.next().expect("a head");
        let columns: Vec<&str> = head.split_whitespace().collect();
        let viewers = Viewer::ALL.map(Viewer::name);
        assert_eq!(
            columns, viewers,
            "{file} has other columns than there are viewers"
        );
        let mut sections = vec![Section {
            of: String::new(),
            path: String::new(),
            rows: Vec::new(),
        }];
        for (place, line) in lines {
            if let Some(row) = Row::parse(&place, line) {
                sections.last_mut().expect("one").rows.push(row);
                continue;
            }
            let heading = line
                .split_once(": ")
                .filter(|(of, _)| of.chars().all(char::is_alphanumeric));
            let (of, path) =
                heading.unwrap_or_else(|| panic!("{place} is neither a row nor a heading: {line}"));
            sections.push(Section {
                of: of.to_owned(),
                path: path.to_owned(),
                rows: Vec::new(),
            });
        }
        sections.retain(|section| !(section.of.is_empty() && section.rows.is_empty()));
        Self { sections }
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.sections.iter().flat_map(|section| &section.rows)
    }
}

impl Row {
    fn parse(place: &str, line: &str) -> Option<Self> {
        let mut rest = line;
        let mut cells = Vec::new();
        for _ in Viewer::ALL {
            let (before, cell) = rest.rsplit_once(char::is_whitespace)?;
            cells.push(Cell::parse(cell)?);
            rest = before.trim_end();
        }
        cells.reverse();
        Some(Self {
            place: place.to_owned(),
            what: rest.to_owned(),
            cells,
        })
    }

    /// Who gets what.
    pub fn by_viewer(&self) -> impl Iterator<Item = (Viewer, &Cell)> {
        Viewer::ALL.into_iter().zip(&self.cells)
    }

    /// What one viewer gets.
    pub fn cell(&self, viewer: Viewer) -> &Cell {
        let mut cells = self.by_viewer();
        cells
            .find(|(of, _)| *of == viewer)
            .expect("a cell for everybody")
            .1
    }
}

/// What is wrong, all of it at once.
pub fn expect_none_wrong(wrong: Vec<String>) {
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
