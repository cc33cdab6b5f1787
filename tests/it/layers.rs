//! The house's order: modules import one way only, and some words stay in one room.

use std::fs;
use std::path::Path;

/// From the ground up. Modules of one line are neighbours that do not know each other.
const LAYERS: [&[&str]; 12] = [
    &["error"],
    &["domain"],
    &["config", "outside"],
    &["auth", "commands", "db"],
    &["bus"],
    &["feed"],
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
    (".publish(", &["bus", "services", "bots"]),
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
    let mut found = Vec::new();
    for (start, _) in text.match_indices("crate::") {
        let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
        if text[line_start..start].contains("//") {
            continue;
        }
        let rest = &text[start + "crate::".len()..];
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
