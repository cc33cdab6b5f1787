//! The guides show the program's own code: what stands there is what stands in `src`.

/// The blocks of Rust in a guide, without the space that lists put before them.
fn blocks(guide: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "```rust" {
            continue;
        }
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        blocks.push(flat(&block.collect::<Vec<_>>().join("\n")));
    }
    blocks
}

/// The text with all white space alike.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_engine_and_the_command_that_are_shown_are_real() {
    let found = blocks(include_str!("../../docs/CHATBOTS.md"));
    let sources = [
        include_str!("../../src/bots/builtin.rs"),
        include_str!("../../src/bots/engines.rs"),
        include_str!("../../src/commands/stock.rs"),
        include_str!("../../src/commands/mod.rs"),
    ];
    assert_eq!(found.len(), sources.len());
    for (block, source) in found.iter().zip(sources) {
        assert!(flat(source).contains(block), "not in the source: {block}");
    }
    // All of it, but for the names it uses.
    let stock = flat(sources[2]);
    assert!(
        stock.ends_with(&found[2]),
        "the guide lacks a part of /stock"
    );
}
