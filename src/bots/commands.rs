//! Answers commands that the bus brings: those given to this process, and those given to others that answer
//! none themselves.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::{debug, error, warn};

use super::Patience;
use crate::app::App;
use crate::bus::{Heard, Notice, Subject};
use crate::commands::{self, Tools};
use crate::domain::CommandReply;
use crate::panics::caught_in;

/// How many commands are answered at a time.
const AT_ONCE: usize = 256;

/// Answers commands until the process is asked to end.
pub(super) async fn run(app: App, patience: Patience) {
    let tools = Tools::new(app.config(), patience.connect, patience.quote);
    let tools = Arc::new(tools);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut given = app.bus().listen(Subject::Commands).await;
    debug!("commands are answered");
    loop {
        let heard = tokio::select! {
            heard = given.next() => heard,
            () = app.stopping().cancelled() => return,
        };
        // Of one that was missed nothing is known here; whoever gave it is told that nobody answered.
        let Heard::Notice(notice) = heard else {
            continue;
        };
        let Notice::CommandGiven { command } = &*notice else {
            continue;
        };
        let command = command.clone();
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                let (app, tools) = (app.clone(), tools.clone());
                app.tasks().clone().spawn(async move {
                    let _place = place;
                    let reply = answered(&app, &tools, command).await;
                    app.bus().publish(Notice::CommandAnswered { reply });
                });
            }
            Err(_) => {
                warn!("too many commands at once");
                let words = "Too many commands wait for an answer. Try again in a moment.";
                let reply = command.answered(Err(words.to_owned()));
                app.bus().publish(Notice::CommandAnswered { reply });
            }
        }
    }
}

/// The command with its answer: the one it was given before, if it was and that is still known here.
async fn answered(app: &App, tools: &Arc<Tools>, command: CommandReply) -> CommandReply {
    let known = app.errands().find(command.id).map(|errand| errand.reply());
    if let Some(reply) = known.filter(|reply| !reply.is_pending() && reply.asks_the_same(&command))
    {
        return reply;
    }
    let answer = commands::answer(tools, &command.command, &command.argument);
    let answer = caught_in(answer).await;
    let answer = answer.unwrap_or_else(|panic| {
        error!(session = %command.session, %panic, "answering a command panicked");
        Err("Something went wrong on our side.".to_owned())
    });
    command.answered(answer)
}
