//! What the gate lets through and what it does not.

use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use async_graphql::parser::{parse_query, parse_schema};
use proptest::prelude::*;
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
    limit(12, "levels of fields", |n| {
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

/// Every field of the schema: of which type it is, its name, and its own type.
fn fields_of_the_schema() -> Vec<(String, String, Type)> {
    let schema = parse_schema(crate::api::sdl()).unwrap();
    let mut all = Vec::new();
    for definition in schema.definitions {
        let TypeSystemDefinition::Type(of) = definition else {
            continue;
        };
        let fields = match of.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        let of = of.node.name.node.to_string();
        let fields = fields.into_iter().map(|field| field.node);
        all.extend(fields.map(|field| (of.clone(), field.name.node.to_string(), field.ty.node)));
    }
    all
}

#[test]
fn every_page_of_the_schema_is_known_as_one() {
    let fields = fields_of_the_schema().into_iter();
    let pages =
        fields.filter(|(_, _, of)| of.to_string().trim_end_matches('!').ends_with("Connection"));
    let mut paged: Vec<_> = pages.map(|(_, name, _)| name).collect();
    paged.sort_unstable();
    paged.dedup();
    assert_eq!(paged, measure::PAGED);
}

#[test]
fn every_other_list_of_the_schema_has_a_price() {
    // A page is priced where it is asked for.
    let is_list = |of: &Type| matches!(of.base, BaseType::List(_));
    let is_of_a_page = |of: &str| of.ends_with("Connection");
    let fields = fields_of_the_schema().into_iter();
    let lists = fields.filter(|(of, _, list)| is_list(list) && !is_of_a_page(of));
    let mut found: Vec<_> = lists.map(|(of, name, _)| (of, name)).collect();
    found.sort_unstable();
    let priced = measure::LISTS.map(|list| (list.field.0.to_owned(), list.field.1.to_owned()));
    assert_eq!(found, priced);
    let commands = measure::LISTS[0].most;
    assert_eq!(commands, crate::commands::ALL.len() as u64);
}

#[test]
fn a_list_counts_as_what_it_usually_has_or_what_is_asked_for() {
    let members = |arguments: &str, fields: usize| {
        let fields = "a ".repeat(fields);
        format!("query ($n: Int) {{ session {{ members{arguments} {{ {fields} }} }} }}")
    };
    assert_eq!(refused(&members("", 400)), None);
    let told = refused(&members("(first: 1000)", 5)).unwrap();
    assert!(told.contains("at most 5000 values"), "{told}");
    assert_eq!(refused(&members("(first: 499)", 10)), None);
    assert!(refused(&members("(first: 500)", 10)).is_some());
    assert!(
        refused(&members("(first: 2000)", 4)).is_none(),
        "there are no more"
    );
    assert_eq!(
        refused_with(&members("(first: $n)", 10), json!({"n": 499})),
        None
    );
    assert!(refused(&members("(first: $n)", 10)).is_some());
    // In each row of a page.
    let page = |inside: &str| {
        refused(&format!(
            "{{ rooms(first: 20) {{ nodes {{ {inside} }} }} }}"
        ))
    };
    assert_eq!(page("members { a { b } c }"), None);
    assert!(page("members(first: 100) { a { b } c }").is_some());
    assert_eq!(page("members(first: 10) { a { b } c }"), None);
    // A session's chatbots are eight, the house's are a page; whatever the fragment around them is.
    assert_eq!(page("chatbots { a { b } c }"), None);
    let fields = "a ".repeat(100);
    for many in [
        format!("{{ chatbots {{ {fields} }} }}"),
        format!("{{ ... {{ chatbots {{ {fields} }} }} }}"),
        format!("{{ ...F }} fragment F on Query {{ chatbots {{ {fields} }} }}"),
    ] {
        assert!(refused(&many).is_some(), "{many}");
    }
    for few in [
        format!("{{ session {{ chatbots {{ {fields} }} }} }}"),
        format!("{{ session {{ ...F }} }} fragment F on Session {{ chatbots {{ {fields} }} }}"),
        format!("{{ node {{ ... on Session {{ chatbots {{ {fields} }} }} }} }}"),
    ] {
        assert_eq!(refused(&few), None, "{few}");
    }
}

#[test]
fn no_field_of_ours_is_taken_for_a_list_of_the_schemas_own() {
    for (of, name, _) in fields_of_the_schema() {
        let lists = measure::INTROSPECTION_LISTS;
        assert!(lists.iter().all(|(list, _)| *list != name), "{of}.{name}");
    }
}

#[test]
fn what_is_asked_about_the_schema_has_limits_of_its_own() {
    let deep = |levels: usize| {
        let inside = levels - 3;
        format!(
            "{{ a {{ b }} __schema {{ types {{ {} name {} }} }} }}",
            "ofType { ".repeat(inside),
            "} ".repeat(inside)
        )
    };
    limit(15, "levels of fields that ask about the schema", deep);
    // In a fragment too, used or not, and under another name.
    let apart = |levels: usize| {
        let (open, close) = ("ofType { ".repeat(levels - 1), "} ".repeat(levels - 1));
        format!("{{ a }} fragment F on __Type {{ {open} name {close} }}")
    };
    limit(15, "levels of fields that ask about the schema", apart);
    assert!(refused(&deep(15).replace("__schema", "x: __schema")).is_none());
    // Deep in data is still too deep, whatever else is asked.
    let data = format!("{} a {}", "a { ".repeat(12), "} ".repeat(12));
    let told = refused(&format!("{{ __typename __schema {{ a }} {data} }}")).unwrap();
    assert_eq!(told, "A document has at most 12 levels of fields.");
    // Types of fields of types of fields: 64 * 12 * 12 * 12.
    let circles = |times: usize| {
        let (open, close) = ("fields { type { ".repeat(times), "} } ".repeat(times));
        format!("{{ __schema {{ types {{ {open} name {close} }} }} }}")
    };
    assert_eq!(refused(&circles(2)), None);
    let told = refused(&circles(3)).unwrap();
    assert!(
        told.contains("at most 200000 values about the schema"),
        "{told}"
    );
}

#[test]
fn each_limit_tells_of_itself() {
    let aliases: String = (0..31).map(|i| format!("a{i}: x ")).collect();
    let told = refused(&format!("{{ {aliases} }}")).unwrap();
    assert!(told.contains("at most 30 aliases"), "{told}");
    let told = refused(&format!("mutation {{ {aliases} }}")).unwrap();
    assert!(told.contains("at most 30 aliases"), "{told}");
}

#[test]
fn one_is_told_as_one() {
    assert_eq!(in_number("alias(es) of a query", 1), "alias of a query");
    assert_eq!(in_number("alias(es) of a query", 0), "aliases of a query");
    assert_eq!(in_number("level(s) of fields", 12), "levels of fields");
}

#[test]
fn circles_of_fragments_are_refused_used_or_not() {
    let circle = "fragment A on T { ...B } fragment B on T { b { ...A } }";
    for operation in ["{ a }", "{ ...A }"] {
        let told = refused(&format!("{operation} {circle}")).unwrap();
        assert!(told.contains("contains itself"), "{told}");
    }
}

#[test]
fn a_fragment_that_is_missing_counts_wherever_it_is_spread() {
    let mut document = "{ a { ...F0 } } fragment F27 on T { ...Missing }".to_owned();
    for level in 0..27 {
        let next = format!("...F{} ", level + 1).repeat(3);
        document += &format!(" fragment F{level} on T {{ {next} }}");
    }
    assert!(refused(&document).unwrap().contains("at most 1000 fields"));
}

#[test]
fn fragments_nest_no_deeper_than_brackets_may() {
    let chain = |length: usize| {
        let links: String = (0..length)
            .map(|level| format!(" fragment F{level} on T {{ ... {{ ...F{} }} }}", level + 1))
            .collect();
        format!("{{ ...F0 }}{links} fragment F{length} on T {{ a }}")
    };
    // The operation, two levels for each link, and the last fragment.
    assert_eq!(refused(&chain(15)), None);
    let told = refused(&chain(16)).unwrap();
    assert!(told.contains("at most 32 levels of brackets"), "{told}");
}

#[test]
fn only_one_field_of_a_mutation_may_prove_who_somebody_is() {
    let two = "{ login(input: $i) { accessToken } b: refresh(refreshToken: $t) { accessToken } }";
    let told = refused(&format!("mutation {two}")).unwrap();
    assert!(told.contains("at most 1 mutation to prove"), "{told}");
    let spread = "mutation { ...L ...R } fragment L on Mutation { login { a } }
        fragment R on Mutation { register { a } }";
    assert!(refused(spread).is_some());
    assert_eq!(refused("mutation { login { a } logout }"), None);
    // Of several operations one runs.
    assert_eq!(
        refused("mutation A { login { a } } mutation B { register { a } }"),
        None
    );
}

#[test]
fn the_questions_that_tools_ask_of_a_schema_pass() {
    let text = include_str!("introspection.graphql");
    let gate = Gate::new(Limits::default());
    gate.check_text(text).unwrap();
    assert_eq!(refused(text), None);
}

/// Documents made of what documents are made of, most of them wrong somewhere.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "x: a", "a @x", "a(b: 1)", "...F0", "...F1", "...F2", "messages",
    ]);
    let selection = leaf
        .prop_map(str::to_owned)
        .prop_recursive(12, 200, 6, |inner| {
            (
                prop::sample::select(vec!["a", "...", "... on T", "x: messages(first: 200)"]),
                prop::collection::vec(inner, 1..6),
            )
                .prop_map(|(head, inside)| format!("{head} {{ {} }}", inside.join(" ")))
        });
    let operation = prop::sample::select(vec!["", "mutation", "query A", "subscription B"]);
    (operation, prop::collection::vec(selection, 1..8)).prop_map(|(operation, parts)| {
        let mut text = format!("{operation} {{ {} }}", parts[0]);
        for (number, part) in parts[1..].iter().enumerate() {
            text += &format!(" fragment F{number} on T {{ {part} }}");
        }
        text
    })
}

proptest! {
    #[test]
    fn what_passes_is_small_and_shallow_with_its_fragments_written_out(text in documents()) {
        let limits = Limits::default();
        let gate = Gate::new(limits);
        prop_assume!(gate.check_text(&text).is_ok());
        let Ok(document) = parse_query(&text) else { return Ok(()) };
        if gate.check_document(&document, &Variables::default()).is_ok() {
            let most = (limits.operations + limits.fragments) * limits.fields * limits.nesting;
            let (steps, deepest) = written_out::extent(&document, most);
            prop_assert!(steps < most);
            prop_assert!(deepest <= limits.nesting);
        } else {
            // Nothing is refused that is small in every way.
            let (steps, _) = written_out::extent(&document, 4);
            prop_assert!(steps > 3 || text.contains("200"), "{text}");
        }
    }
}
