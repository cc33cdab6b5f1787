//! Slash commands: what each is called, and how it is answered.
//!
//! A command is a file here and a line in [`ALL`]; `serverInfo.commands`, `/help` and whoever answers read that.
//! Who may give one, where it travels and who hears the answer are `services::commands`' and `bots`' to know.

mod day_range;
mod help;
mod quotes;
mod stock;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::config::Config;
use quotes::Quotes;

/// The registry of commands: a new one is a file beside this one, and a line here.
pub static ALL: &[Command] = &[help::COMMAND, stock::COMMAND, day_range::COMMAND];

/// A command.
pub struct Command {
    /// What is typed behind the `/`: small letters, digits and `_`.
    pub name: &'static str,
    /// How it is typed, by example.
    pub usage: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// Answers it. Every wait in it has an end.
    answer: fn(Call) -> BoxFuture<'static, Answer>,
}

/// What a person reads: an answer, or why there is none. Neither holds anything that an outside server said, but
/// for what was asked of it and checked.
pub type Answer = Result<String, String>;

/// A command that somebody gave.
struct Call {
    /// What they typed behind its name, without white space at its ends.
    argument: String,
    /// How the command is typed, for complaints.
    usage: &'static str,
    tools: Arc<Tools>,
}

/// What commands work with: made once, when a process starts that answers them.
pub struct Tools {
    quotes: Quotes,
}

impl Tools {
    /// With a connection to the quotes within `connect`, and a quote within `whole`.
    pub fn new(config: &Config, connect: Duration, whole: Duration) -> Self {
        Self {
            quotes: Quotes::new(config.quotes.as_ref(), connect, whole),
        }
    }
}

/// Answers a command, or says that there is none with this name.
pub async fn answer(tools: &Arc<Tools>, name: &str, argument: &str) -> Answer {
    let Some(command) = ALL.iter().find(|command| command.name == name) else {
        return Err(format!(
            "There is no command /{name}: /help lists those there are. To send this as a message, begin it \
             with a space."
        ));
    };
    let call = Call {
        argument: argument.to_owned(),
        usage: command.usage,
        tools: tools.clone(),
    };
    (command.answer)(call).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CommandLine;

    #[test]
    fn every_command_is_found_by_its_usage_and_no_name_is_taken_twice() {
        let mut names: Vec<&str> = ALL.iter().map(|command| command.name).collect();
        for command in ALL {
            let line = CommandLine::parse(command.usage).unwrap();
            assert_eq!(line.unwrap().name, command.name);
            assert!(command.description.ends_with('.'), "{}", command.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
