//! `/help`: what commands there are.

use futures_util::FutureExt;

use super::{ALL, Answer, Call, Command};

pub(super) const COMMAND: Command = Command {
    name: "help",
    usage: "/help",
    description: "Lists the commands.",
    answer: |call| async move { answer(call) }.boxed(),
};

fn answer(_: Call) -> Answer {
    let lines = ALL
        .iter()
        .map(|command| format!("{}: {}", command.usage, command.description));
    let lines: Vec<String> = lines.collect();
    Ok(lines.join("\n"))
}
