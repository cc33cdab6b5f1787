//! Commands that were given, with what became of them: kept for ten minutes, so that the same key gives the
//! same reply.
//!
//! In memory and nowhere else: neither a command nor its answer is ever stored.

use std::sync::Arc;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::watch;

use crate::bus::{Bus, Heard, Notice, Subject};
use crate::domain::{CommandId, CommandReply};

/// For how long a command is known.
const KNOWN_FOR: Duration = Duration::from_secs(10 * 60);

/// How many are known at most, the newest. One has some 2 KiB at most.
const MOST_KNOWN: u64 = 16_384;

/// The commands that are known here.
pub struct Errands {
    known: Cache<CommandId, Arc<Errand>>,
}

/// A command on its way to its answer. It is settled once.
pub struct Errand {
    reply: watch::Sender<CommandReply>,
}

impl Errands {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(MOST_KNOWN)
                .time_to_live(KNOWN_FOR)
                // The newest are those that may be sent again.
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// Notes a command, and says whether it was unknown: then whoever notes it sees to it. Nothing if another
    /// command has its id.
    pub fn note(&self, reply: CommandReply) -> Option<(Arc<Errand>, bool)> {
        let known = self.known.entry(reply.id).or_insert_with(|| {
            Arc::new(Errand {
                reply: watch::Sender::new(reply.clone()),
            })
        });
        let is_new = known.is_fresh();
        let errand = known.into_value();
        let is_it = errand.reply.borrow().asks_the_same(&reply);
        is_it.then_some((errand, is_new))
    }

    /// The command with this id, if it is known.
    pub fn find(&self, id: CommandId) -> Option<Arc<Errand>> {
        self.known.get(&id)
    }

    /// Takes note of what is answered elsewhere, for ever: a try that is repeated here finds it.
    pub(super) async fn hear(&self, bus: &Bus) {
        let mut answers = bus.listen(Subject::CommandAnswers).await;
        loop {
            if let Heard::Notice(notice) = answers.next().await
                && let Notice::CommandAnswered { reply } = &*notice
            {
                // One that was given here is settled by whoever sees to it.
                self.note(reply.clone());
            }
        }
    }
}

impl Errand {
    /// The command as it stands.
    pub fn reply(&self) -> CommandReply {
        self.reply.borrow().clone()
    }

    /// Ends it, unless it has ended. Says whether it did: an end is told once.
    pub fn settle(&self, reply: CommandReply) -> bool {
        self.reply.send_if_modified(|now| {
            let settles = now.is_pending();
            if settles {
                *now = reply;
            }
            settles
        })
    }

    /// Waits for its end.
    pub async fn settled(&self) -> CommandReply {
        let mut reply = self.reply.subscribe();
        match reply.wait_for(|reply| !reply.is_pending()).await {
            Ok(reply) => reply.clone(),
            // The sender lives as long as this does.
            Err(_) => self.reply(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChatbotId, CommandLine, SessionId};

    fn pending(id: CommandId, session: SessionId, text: &str) -> CommandReply {
        let line = CommandLine::parse(text).unwrap().unwrap();
        CommandReply::pending(id, session, line, ChatbotId::HOUSE)
    }

    #[test]
    fn a_command_is_noted_once_and_no_other_has_its_id() {
        let (errands, id, session) = (Errands::new(), CommandId::new(), SessionId::new());
        let (first, is_new) = errands.note(pending(id, session, "/help")).unwrap();
        assert!(is_new);
        let (again, is_new) = errands.note(pending(id, session, "/help")).unwrap();
        assert!(!is_new && Arc::ptr_eq(&first, &again));
        assert!(errands.note(pending(id, session, "/help me")).is_none());
        let elsewhere = pending(id, SessionId::new(), "/help");
        assert!(errands.note(elsewhere).is_none());
    }

    #[tokio::test]
    async fn the_first_end_counts() {
        let reply = pending(CommandId::new(), SessionId::new(), "/help");
        let (errand, _) = Errands::new().note(reply.clone()).unwrap();
        let end = |text: &str| reply.clone().answered(Ok(text.to_owned()));
        assert!(errand.settle(end("first")));
        assert!(!errand.settle(end("second")));
        assert_eq!(errand.settled().await, end("first"));
    }
}
