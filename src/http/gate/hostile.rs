//! Documents made to cost more than they weigh, and what refusing them costs.
//!
//! No test that runs by itself asserts a time. What is asserted is that four times the document costs no more than a linear
//! walk of it would, with a wide margin; `--nocapture` prints the figures.

use std::time::Duration;

use async_graphql::Request;
use nix::time::{ClockId, clock_gettime};

use super::*;

/// A document of about `size` bytes, or with as many parts as make sense for it.
type Maker = fn(usize) -> String;

/// Every way we know to make a document worse than it looks.
const MAKERS: &[(&str, Maker)] = &[
    ("white space", |n| " ".repeat(n)),
    ("commas", |n| format!("{{{}a}}", ",".repeat(n))),
    ("comment", |n| format!("#{}\n{{ a }}", "{".repeat(n))),
    ("comments", |n| "#\n".repeat(n / 2) + "{ a }"),
    ("one long name", |n| format!("{{ {} }}", "a".repeat(n))),
    ("one long number", |n| {
        format!("{{ a(b: {}) }}", "9".repeat(n))
    }),
    ("one long exponent", |n| {
        format!("{{ a(b: 1e{}) }}", "9".repeat(n))
    }),
    ("one long string", |n| {
        format!("{{ chatbot(handle: \"{}\") {{ id }} }}", "x".repeat(n))
    }),
    ("escapes", |n| {
        format!(
            "{{ chatbot(handle: \"{}\") {{ id }} }}",
            "\\u0041".repeat(n / 6)
        )
    }),
    ("bad escapes", |n| {
        format!(
            "{{ chatbot(handle: \"{}\") {{ id }} }}",
            "\\x".repeat(n / 2)
        )
    }),
    ("block string", |n| {
        format!(
            "{{ chatbot(handle: \"\"\"{}\"\"\") {{ id }} }}",
            "\n  x".repeat(n / 4)
        )
    }),
    ("quotes in a block", |n| {
        format!("{{ a(b: \"\"\"{}\"\"\") }}", "\\\"\"\"".repeat(n / 4))
    }),
    ("unfinished string", |n| {
        format!("{{ a(b: \"{}", "x".repeat(n))
    }),
    ("unfinished block", |n| {
        format!("{{ a(b: \"\"\"{}", "x".repeat(n))
    }),
    ("many names", |n| format!("{{ {} }}", "a ".repeat(n / 2))),
    ("brackets", |n| "{".repeat(n)),
    ("lists", |n| format!("{{ a(b: {}) }}", "[".repeat(n))),
    ("bytes that are no tokens", |n| "é\u{1}".repeat(n / 3)),
    // From here on `n / 64` counts tokens, so that the largest has about a thousand.
    ("unknown fields", |n| {
        format!("{{ serverInfo {{ {} }} }}", "nam ".repeat(n / 66))
    }),
    ("a field in conflict with itself", |n| {
        let arguments: String = (0..16).map(|i| format!("a{i}: 1 ")).collect();
        format!(
            "{{ serverInfo {{ name({arguments}) {} }} }}",
            "name ".repeat(n / 72)
        )
    }),
    ("conflicts seen from every level", |n| {
        let arguments: String = (0..16).map(|i| format!("a{i}: 1 ")).collect();
        let names = "name ".repeat(n / 80);
        inline(format!("name({arguments}) {names}"))
    }),
    ("one field seen from every level", |n| {
        inline("name ".repeat(n / 72))
    }),
    ("long unknown fields", |n| {
        format!(
            "{{ serverInfo {{ {} }} }}",
            format!("{} ", "n".repeat(63)).repeat(n / 66)
        )
    }),
    ("long unknown fields of the largest type", |n| {
        let names = format!("{} ", "startSession".repeat(5)).repeat(n / 66);
        format!("{{ a }} fragment F on Mutation {{ {names} }}")
    }),
    ("long unknown arguments", |n| {
        let name = "input".repeat(22);
        let arguments: String = (0..16).map(|i| format!("{name}{i}: 1 ")).collect();
        let fields = format!("login({arguments}) ").repeat(n / 3_300);
        format!("{{ a }} fragment F on Mutation {{ {fields} }}")
    }),
    ("unknown fragments", |n| {
        format!("{{ serverInfo {{ {} }} }}", "...F ".repeat(n / 132))
    }),
    ("unused variables", |n| {
        format!("query ({}) {{ a }}", variables(n / 64 / 4))
    }),
    ("undefined variables of five operations", |n| {
        let operations: String = (0..5).map(|i| format!("query Q{i} {{ ...F }} ")).collect();
        let uses = "chatbot(handle: $v) { id } ".repeat(n / 64 / 9);
        format!("{operations} fragment F on Query {{ {uses} }}")
    }),
    ("undefined variables", |n| {
        format!("{{ {} }}", "chatbot(handle: $v) { id } ".repeat(n / 64 / 9))
    }),
    ("fragments in fragments", |n| {
        chain(n / 64 / 20, |next| {
            format!("...F{next} ...F{next} ...F{next}")
        })
    }),
    ("fragments of nothing in fragments", |n| {
        chain(n / 64 / 20, |next| {
            format!("...F{next} ...F{next} ...F{next}")
        })
        .replace("{ name }", "{ ...Missing }")
    }),
    ("fragments in circles", |n| {
        chain(n / 64 / 20, |next| format!("...F{next} ...F{next}")).replace("{ name }", "{ ...F0 }")
    }),
    ("inline fragments", |n| {
        let depth = (n / 64 / 36).min(28);
        format!(
            "{{ serverInfo {} name {} }}",
            "{ ... ".repeat(depth) + "{",
            "} ".repeat(depth + 1)
        )
    }),
    ("directives", |n| {
        format!(
            "{{ serverInfo {} {{ name }} }}",
            "@include(if: true) ".repeat(n / 64 / 6)
        )
    }),
    ("pages in pages", |n| {
        let depth = (n / 64 / 30).max(1);
        let page = "sessions { nodes { messages { nodes { session { ";
        format!(
            "{{ {} id {} }}",
            page.repeat(depth),
            "} } } } } ".repeat(depth)
        )
    }),
    ("objects in lists", |n| {
        format!(
            "mutation {{ startSession(input: [{}]) {{ id }} }}",
            "{a: [1]}".repeat(n / 64 / 8)
        )
    }),
];

/// So much inside of as many brackets as there may be.
fn inline(inside: String) -> String {
    let (open, close) = ("{ ... ".repeat(28), "} ".repeat(29));
    format!("{{ serverInfo {open} {{ {inside} }} {close}")
}

fn variables(count: usize) -> String {
    (0..count).map(|i| format!("$v{i}: Int ")).collect()
}

fn chain(length: usize, spread: impl Fn(usize) -> String) -> String {
    let length = length.clamp(2, 29);
    let mut document = "{ serverInfo { ...F0 } }".to_owned();
    for level in 0..length {
        let inside = spread(level + 1);
        document += &format!(" fragment F{level} on ServerInfo {{ {inside} }}");
    }
    document + &format!(" fragment F{length} on ServerInfo {{ name }}")
}

/// The processor time that this thread has used.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

/// What it costs to hear a document out, as the endpoint does, and whether it was refused.
fn judge(gate: &Gate, schema: &crate::api::Schema, text: &str) -> (Duration, bool) {
    let body = serde_json::to_vec(&serde_json::json!({ "query": text })).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let began = used();
    let read = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body);
    let refused = gate.check_json(&body).is_err()
        || read(&body).is_err()
        || gate.check_text(text).is_err()
        || {
            match parse_query(text) {
                Err(_) => true,
                Ok(document) => {
                    gate.check_document(&document, &Variables::default())
                        .is_err()
                        || conflicts::check(&document).is_err()
                        || {
                            let mut request = Request::new(text);
                            request.set_parsed_query(document);
                            let answer = runtime.block_on(schema.execute(request));
                            let is_refused = answer.is_err();
                            crate::http::answer::Refusal::new(answer.errors).json();
                            is_refused
                        }
                }
            }
        };
    (used() - began, refused)
}

/// The least of several runs: the rest is the machine's noise.
fn cost(gate: &Gate, schema: &crate::api::Schema, text: &str) -> Duration {
    let costs = (0..5).map(|_| judge(gate, schema, text).0);
    costs.min().unwrap()
}

#[test]
fn hostile_documents_cost_no_more_than_a_linear_walk() {
    let gate = Gate::new(Limits::default());
    let schema = crate::api::unconnected();
    let mut worst = Duration::ZERO;
    for (what, make) in MAKERS {
        // As long as a document may be, and then as a body may be.
        let (short, long, longest) = (make(16_000), make(64_000), make(256_000));
        let (least, most) = (cost(&gate, &schema, &short), cost(&gate, &schema, &long));
        let beyond = cost(&gate, &schema, &longest);
        println!(
            "{what:>36}: {:>9.1?} {:>9.1?} {:>9.1?}",
            least, most, beyond
        );
        worst = worst.max(most).max(beyond);
        // What is very little may be anything times as much: it counts as a tenth of a millisecond.
        let floor = Duration::from_micros(100);
        assert!(
            most <= (least.max(floor)) * 16,
            "{what}: {least:?} and four times as long {most:?}"
        );
        assert!(
            beyond <= (most.max(floor)) * 16,
            "{what}: {most:?} and four times as long {beyond:?}"
        );
    }
    println!("the worst: {worst:?}");
}

/// What the endpoint promises of a build as it is shipped: `cargo test --release --lib hostile -- --ignored --nocapture`.
#[test]
#[ignore = "a debug build is thirty times slower than what is promised"]
fn no_hostile_document_costs_five_milliseconds() {
    let gate = Gate::new(Limits::default());
    let schema = crate::api::unconnected();
    for (what, make) in MAKERS {
        for size in [16_000, 64_000, 256_000] {
            let cost = cost(&gate, &schema, &make(size));
            println!("{what:>36} {size:>7}: {cost:>9.1?}");
            assert!(
                cost < Duration::from_millis(5),
                "{what} of {size}: {cost:?}"
            );
        }
    }
}

#[test]
fn variables_count_wherever_they_are_used() {
    let gate = Gate::new(Limits::default());
    let uses = |count: usize, bytes: usize| {
        let text = format!(
            "query ($v: String!) {{ {} }}",
            "chatbot(handle: $v) { id } ".repeat(count)
        );
        let variables = Variables::from_json(serde_json::json!({"v": "x".repeat(bytes)}));
        gate.check_document(&parse_query(text).unwrap(), &variables)
    };
    let told = |result: AppResult<()>| result.err().and_then(|error| error.limit());
    assert_eq!(told(uses(8, 32_000)), None);
    assert_eq!(told(uses(9, 32_000)), Some(("inputBytes", 262_144)));
    // And literals in fragments, wherever those are spread.
    let spread = |count: usize| {
        let text = format!(
            "{{ {} }} fragment F on Query {{ chatbot(handle: \"{}\") {{ id }} }}",
            "...F ".repeat(count),
            "x".repeat(32_000)
        );
        gate.check_document(&parse_query(text).unwrap(), &Variables::default())
    };
    assert_eq!(told(spread(8)), None);
    assert_eq!(told(spread(9)), Some(("inputBytes", 262_144)));
}
