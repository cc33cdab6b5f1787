//! What the gate lets through and what it does not.

use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::parser::{parse_query, parse_schema};
use serde_json::json;

use super::*;

fn refused(document: &str) -> Option<String> {
    refused_with(document, json!({}))
}

fn refused_with(document: &str, variables: serde_json::Value) -> Option<String> {
    let document = parse_query(document).unwrap();
    Gate::new(Limits::default())
        .check_document(&document, &Variables::from_json(variables))
        .err()
        .map(|error| error.to_string())
}

/// A limit at which a document still passes, and one more.
fn limit(most: usize, what: &str, document: impl Fn(usize) -> String) {
    assert_eq!(refused(&document(most)), None, "{most} {what}");
    let told = refused(&document(most + 1)).unwrap();
    assert!(told.contains(&format!("at most {most} {what}")), "{told}");
}

#[test]
fn each_limit_lets_pass_what_it_names_and_not_one_more() {
    limit(1_000, "fields", |n| {
        format!("{{ a {{ {} }} }}", "b ".repeat(n - 1))
    });
    limit(30, "aliases", |n| {
        format!("{{ a {{ {} }} }}", "x: b ".repeat(n))
    });
    limit(20, "directives", |n| {
        format!("{{ a {{ {} }} }}", "b @x ".repeat(n))
    });
    limit(15, "levels of fields", |n| {
        format!("{{ {} a {} }}", "a { ".repeat(n - 1), "} ".repeat(n - 1))
    });
    limit(5, "operations", |n| {
        (0..n).map(|i| format!("query Q{i} {{ a }} ")).collect()
    });
    limit(30, "fragments", |n| {
        (0..n)
            .map(|i| format!("fragment F{i} on T {{ a }} "))
            .collect::<String>()
            + "{ a }"
    });
    limit(50, "variables", |n| {
        let variables: String = (0..n).map(|i| format!("$v{i}: Int ")).collect();
        format!("query ({variables}) {{ a }}")
    });
    limit(10, "fields at the root of a query", |n| {
        format!("{{ {} }}", "a ".repeat(n))
    });
    limit(3, "fields at the root of a mutation", |n| {
        format!("mutation {{ {} }}", "a ".repeat(n))
    });
    limit(3, "fields at the root of a mutation", |n| {
        format!(
            "mutation {{ ...F }} fragment F on Mutation {{ {} }}",
            "a ".repeat(n)
        )
    });
}

#[test]
fn fragments_in_fragments_are_counted_where_they_are_spread_and_cost_nothing_to_count() {
    // Twenty-nine levels, three spreads each: 3^29 fields.
    let mut document = "{ a { ...F0 } } fragment F28 on T { a }".to_owned();
    for level in 0..28 {
        let next = format!("...F{} ", level + 1).repeat(3);
        document += &format!(" fragment F{level} on T {{ {next} }}");
    }
    assert!(refused(&document).unwrap().contains("at most 1000 fields"));
}

#[test]
fn what_lies_under_a_page_counts_once_for_each_row() {
    // A page's own field, `nodes`, and 48 fields in each of a hundred rows: 1 + 100 * 49 = 4,901.
    let page = |arguments: &str, fields: usize| {
        format!(
            "query ($n: Int) {{ history{arguments} {{ nodes {{ {} }} }} }}",
            "a ".repeat(fields)
        )
    };
    assert_eq!(refused(&page("(last: 100)", 48)), None);
    let told = refused(&page("(last: 100)", 50)).unwrap();
    assert!(told.contains("at most 5000 values"), "{told}");
    // The default page of 50, a variable, and a variable that was left out.
    assert_eq!(refused(&page("", 98)), None);
    assert!(refused(&page("", 100)).is_some());
    assert_eq!(
        refused_with(&page("(last: $n)", 300), json!({"n": 10})),
        None
    );
    assert!(refused_with(&page("(last: $n)", 300), json!({"n": 20})).is_some());
    assert!(refused(&page("(last: $n)", 30)).is_some());
    // Pages in pages.
    let nested = "{ session { messages(first: 200) { nodes { session { messages(first: 200) { nodes { a } } } } } } }";
    assert!(refused(nested).is_some());
}

#[test]
fn every_page_of_the_schema_is_known_as_one() {
    let schema = parse_schema(crate::api::sdl()).unwrap();
    let mut paged = Vec::new();
    for definition in schema.definitions {
        let TypeSystemDefinition::Type(of) = definition else {
            continue;
        };
        let TypeKind::Object(object) = of.node.kind else {
            continue;
        };
        let pages = object
            .fields
            .into_iter()
            .map(|field| field.node)
            .filter(|field| {
                field
                    .ty
                    .node
                    .to_string()
                    .trim_end_matches('!')
                    .ends_with("Connection")
            });
        paged.extend(pages.map(|field| field.name.node.to_string()));
    }
    paged.sort_unstable();
    paged.dedup();
    assert_eq!(paged, measure::PAGED);
}

#[test]
fn circles_of_fragments_are_refused_used_or_not() {
    let circle = "fragment A on T { ...B } fragment B on T { b { ...A } }";
    for operation in ["{ a }", "{ ...A }"] {
        let told = refused(&format!("{operation} {circle}")).unwrap();
        assert!(told.contains("contains itself"), "{told}");
    }
}
