//! From NATS to those who listen here: one subscription a subject, for as long as somebody does.

use std::sync::Arc;

use async_nats::Message;
use futures_util::StreamExt;
use tokio::time::sleep;
use tracing::{debug, error};

use super::Link;
use crate::bus::local::Topic;
use crate::bus::{Heard, Subject, envelope};

/// The subject on which processes tell that notices of theirs were lost.
pub(super) const LOSSES: &str = "losses";

/// The subject on which processes make themselves heard.
pub(super) const OTHERS: &str = "processes";

/// Those who share work: of their members, NATS chooses one for each notice.
const GROUP: &str = "parlor";

/// Brings what other processes announce on a subject to those who listen to it here.
pub(super) async fn carry(link: Link, subject: Subject, topic: Arc<Topic>) {
    let reached = |is_reached| {
        if is_reached {
            // Before anybody is told that the way is there: those who could not wait for it hear that they
            // may have missed something, those who could begin after this.
            topic.tell(Heard::Missed);
        }
        topic.is_carried.send_replace(is_reached);
    };
    let hear = |message: Message| {
        let notice = envelope::open(&message.payload).filter(|notice| notice.subject() == subject);
        topic.tell(match notice {
            Some(notice) => Heard::Notice(Arc::new(notice)),
            None => {
                debug!(
                    bytes = message.payload.len(),
                    "heard what can't be understood"
                );
                Heard::Missed
            }
        });
    };
    subscribe(&link, &subject.name(), subject.is_work(), reached, hear).await;
}

/// Passes on what other processes tell of their losses.
pub(super) async fn hear_of_losses(link: Link) {
    let hear = |_: Message| link.parts.others_lost.notify_one();
    subscribe(&link, LOSSES, false, |_| {}, hear).await;
}

/// Takes note of the other processes.
pub(super) async fn hear_others(link: Link) {
    let hear = |message: Message| link.parts.others.hear(&message.payload);
    subscribe(&link, OTHERS, false, |_| {}, hear).await;
}

/// Subscribes, and again under another name whenever the link moves. Says when NATS has taken note, and when the
/// name no longer holds.
async fn subscribe(
    link: &Link,
    subject: &str,
    is_work: bool,
    reached: impl Fn(bool),
    hear: impl Fn(Message),
) {
    let mut moved = link.parts.prefix.subscribe();
    loop {
        moved.mark_unchanged();
        let name = link.name(subject);
        let client = &link.parts.client;
        let subscribed = if is_work {
            client.queue_subscribe(name, GROUP.to_owned()).await
        } else {
            client.subscribe(name).await
        };
        let mut messages = match subscribed {
            Ok(messages) => messages,
            Err(error) => {
                // Names are ours and the client is never closed: can't be.
                error!(%error, "can't subscribe: live feeds look at the log only");
                return;
            }
        };
        let whole = async {
            while !link.is_whole().await {
                sleep(super::RETRY / 4).await;
                // Asking a connection that is down would only fill its queue.
                let _ = link.deaf().wait_for(|deaf| !deaf).await;
            }
        };
        tokio::pin!(whole);
        let mut is_reached = false;
        loop {
            tokio::select! {
                biased;
                () = &mut whole, if !is_reached => {
                    is_reached = true;
                    reached(true);
                }
                _ = moved.changed() => break,
                message = messages.next() => match message {
                    Some(message) => hear(message),
                    None => return,
                },
            }
        }
        reached(false);
    }
}
