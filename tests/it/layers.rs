//! The house's order: modules import one way only, and some words stay in one room.

use std::fs;
use std::path::Path;

/// From the ground up. Modules of one line are neighbours that do not know each other.
const LAYERS: [&[&str]; 12] = [
    &["error", "panics"],
    &["domain"],
    &["config", "outside", "seldom"],
    &["auth", "commands", "db"],
    &["bus"],
    &["feed", "inbox"],
    &["app"],
    &["services"],
    &["api", "bots"],
    &["http"],
    &["cli"],
    &["lib", "main"],
];

/// Words, and the modules that may say them.
const WORDS: [(&str, &[&str]); 6] = [
    ("async_graphql", &["api", "http"]),
    ("async_nats::", &["bus"]),
    ("diesel::prelude", &["db"]),
    ("sql_query", &["db"]),
    ("RunQueryDsl", &["db"]),
    (".publish(", &["bus", "feed", "services", "bots"]),
];

/// What is wrong in one file of this module.
fn violations(module: &str, text: &str) -> Vec<String> {
    let Some(own) = layer(module) else {
        return vec![format!("{module} stands on no layer")];
    };
    let mut found = Vec::new();
    for imported in imports(text) {
        let allowed = imported == module || layer(imported).is_some_and(|below| below < own);
        if !allowed {
            found.push(format!("{module} imports {imported}"));
        }
    }
    for (word, homes) in WORDS {
        if !homes.contains(&module) && code(text).any(|line| line.contains(word)) {
            found.push(format!("{module} says {word}"));
        }
    }
    found
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules that a file names after `crate::`, also in braces right behind it.
fn imports(text: &str) -> Vec<&str> {
    named_after("crate::", text)
}

fn named_after<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices(path) {
        let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
        if text[line_start..start].contains("//") {
            continue;
        }
        let rest = &text[start + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(heads(group)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first word of each item of a brace group.
fn heads(group: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut item = 0;
    let mut found = Vec::new();
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(word(group[item..at].trim_start()));
                item = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let word = &text[..end.unwrap_or(text.len())];
    (!word.is_empty()).then_some(word)
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let first = path
                .strip_prefix(root)
                .unwrap()
                .components()
                .next()
                .unwrap();
            let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs");
            found.push((module.to_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A file that imports itself by way of its neighbours in the same folder.
fn circle(folder: &[(String, String)]) -> Option<&str> {
    let neighbours = |file: &str| {
        let text = folder.iter().find(|(name, _)| name == file);
        text.map_or(Vec::new(), |(_, text)| named_after("super::", text))
    };
    folder.iter().map(|(name, _)| name.as_str()).find(|start| {
        let mut reached = neighbours(start);
        let mut next = 0;
        while let Some(file) = reached.get(next).copied() {
            next += 1;
            for further in neighbours(file) {
                if !reached.contains(&further) {
                    reached.push(further);
                }
            }
        }
        reached.contains(start)
    })
}

/// A file's text, or that of all files of a story that has a folder.
fn read_all(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap();
    }
    let parts = fs::read_dir(path).unwrap();
    parts.map(|part| read_all(&part.unwrap().path())).collect()
}

#[test]
fn services_do_not_import_each_other_in_a_circle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/services");
    let files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, read_all(&path))
        })
        .collect();
    assert!(files.len() > 10, "only {} files were read", files.len());
    assert_eq!(circle(&files), None);

    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let planted = [
        file("tea", "use super::{cup, pot};"),
        file("cup", "fn f() { super::tea::drink(); }"),
    ];
    assert_eq!(circle(&planted), Some("tea"));
    assert_eq!(circle(&planted[..1]), None);
}

#[test]
fn modules_import_downwards_only() {
    let mut sources = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut sources,
    );
    assert!(sources.len() > 50, "only {} files were read", sources.len());
    let found: Vec<String> = sources
        .iter()
        .flat_map(|(module, text)| violations(module, text))
        .collect();
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn a_planted_wrong_import_is_found() {
    for (module, text, expected) in [
        (
            "db",
            "use crate::services::messages;",
            "db imports services",
        ),
        ("api", "use crate::bots::start;", "api imports bots"),
        (
            "bots",
            "use crate::{app::App, api::{self, Schema}};",
            "bots imports api",
        ),
        (
            "auth",
            "fn f() { crate::db::migrate(\"\"); }",
            "auth imports db",
        ),
        (
            "feed",
            "use crate::{\n    bus::Bus,\n    app::App,\n};",
            "feed imports app",
        ),
        (
            "domain",
            "use crate::elsewhere::Thing;",
            "domain imports elsewhere",
        ),
        (
            "services",
            "use async_graphql::ID;",
            "services says async_graphql",
        ),
        ("cli", "diesel::sql_query(\"\")", "cli says sql_query"),
        ("api", "app.bus().publish(notice)", "api says .publish("),
        ("cellar", "", "cellar stands on no layer"),
    ] {
        assert_eq!(violations(module, text), [expected], "{text}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    for (module, text) in [
        (
            "services",
            "use crate::{app::App, db::{self, users}};\nuse crate::services::access;",
        ),
        (
            "api",
            "use async_graphql::ID; // crate::bots would be wrong",
        ),
        ("db", "/// Not crate::services.\nuse diesel::prelude::*;"),
    ] {
        assert_eq!(violations(module, text), [] as [&str; 0], "{text}");
    }
}
