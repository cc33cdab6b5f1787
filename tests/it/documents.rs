//! What the documents show of the code is the code.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The lines without what indents them.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_engine_that_is_shown_step_by_step_is_the_real_one() {
    let document = read("docs/CHATBOTS.md");
    let shown: Vec<String> = document
        .split("```rust\n")
        .skip(1)
        .map(|rest| lines(rest.split("```").next().unwrap()))
        .collect();
    let sources = ["src/bots/builtin.rs", "src/bots/engines.rs"];
    assert_eq!(shown.len(), sources.len());
    for (shown, source) in shown.iter().zip(sources) {
        let shown = shown.trim();
        assert!(
            lines(&read(source)).contains(shown),
            "not in {source}:\n{shown}"
        );
    }
}
