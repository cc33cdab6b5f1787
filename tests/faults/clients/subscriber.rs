//! Somebody who follows a session over many connections, keeping the last cursor, as the documentation says.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::wire::{Heard, Wire, WireEvent, WireMessage};
use super::{Account, Recorder};
use crate::checker::history::{Event, Feed, Message, Place, Status, Subscription, View};

/// How long a subscriber that is not cut waits for the end of the log before that counts as a hole.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a subscriber's own connection breaks.
#[derive(Clone, Copy)]
pub struct Cuts {
    /// After so many events at most.
    pub events: usize,
    /// After so many milliseconds at most.
    pub milliseconds: u64,
    /// It stays away so many milliseconds at most.
    pub away: u64,
}

/// What the run tells its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Connections may be cut.
    Go,
    /// Cut no more.
    Calm,
    /// Follow up to the end, and end.
    Until(End),
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Its last place.
    pub head: Place,
    /// The last place where a message became final that is so still.
    pub finished: Place,
}

impl End {
    fn of(self, view: View) -> Place {
        match view {
            View::Everything => self.head,
            View::Finished => self.finished,
        }
    }
}

/// One subscriber.
pub struct Subscriber {
    pub account: Account,
    pub recorder: Recorder,
    pub urls: Vec<String>,
    pub name: String,
    pub session: String,
    pub view: View,
    /// The cursor that it begins with; nothing for "from now on", of everything only: with finished messages comes no
    /// word of where that was.
    pub after: Option<String>,
    pub cuts: Option<Cuts>,
    /// For how long it hears nothing before it takes the connection for broken.
    pub silence: Duration,
    pub random: fastrand::Rng,
    /// Counts the connections of all subscribers.
    pub connections: Arc<AtomicU64>,
    /// The `seq` of the newest message that it knows.
    pub newest: Arc<AtomicI64>,
}

/// How a subscription came to its end.
enum Close {
    Cut,
    Lost,
    Drained,
}

impl Subscriber {
    /// Follows until the run says where the end is and that is reached.
    pub async fn follow(mut self, mut telling: watch::Receiver<Telling>) -> Feed {
        let mut feed = Feed {
            name: self.name.clone(),
            session: self.session.clone(),
            view: self.view,
            is_drained: true,
            subscriptions: Vec::new(),
        };
        let mut cursor = self.after.take();
        // When the log's end became known.
        let mut deadline = None;
        loop {
            if matches!(*telling.borrow(), Telling::Until(_)) {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                if Instant::now() > deadline {
                    return feed;
                }
            }
            let url = self.urls[self.random.usize(..self.urls.len())].clone();
            let token = self.account.token(&url).await;
            let began = self.recorder.now();
            let after = cursor.as_deref();
            let opened = Wire::subscribe(&url, &token, &self.session, self.view, after).await;
            let Ok(wire) = opened else {
                sleep(Duration::from_millis(self.random.u64(10..50))).await;
                continue;
            };
            self.connections.fetch_add(1, Ordering::Relaxed);
            feed.subscriptions.push(Subscription {
                after: cursor
                    .as_deref()
                    .map(|cursor| self.recorder.place(&self.session, cursor)),
                began,
                events: Vec::new(),
            });
            let subscription = feed.subscriptions.last_mut().expect("it was pushed");
            match self
                .listen(wire, subscription, &mut cursor, &mut telling)
                .await
            {
                Close::Drained => return feed,
                Close::Cut => {
                    let away = self.cuts.map_or(0, |cuts| self.random.u64(..=cuts.away));
                    sleep(Duration::from_millis(away)).await;
                }
                Close::Lost => sleep(Duration::from_millis(self.random.u64(5..30))).await,
            }
        }
    }

    async fn listen(
        &mut self,
        mut wire: Wire,
        subscription: &mut Subscription,
        cursor: &mut Option<String>,
        telling: &mut watch::Receiver<Telling>,
    ) -> Close {
        let (events_left, life) = match self.cuts {
            Some(cuts) => (
                self.random.usize(1..=cuts.events),
                Duration::from_millis(self.random.u64(1..=cuts.milliseconds)),
            ),
            None => (usize::MAX, Duration::from_secs(3600)),
        };
        let cut_at = Instant::now() + life;
        let mut position = subscription.after.unwrap_or(-1);
        let mut has_caught_up = false;
        loop {
            let told = *telling.borrow_and_update();
            if let Telling::Until(end) = told
                && (has_caught_up || self.view == View::Finished)
                && position >= end.of(self.view)
            {
                return Close::Drained;
            }
            let may_cut = told == Telling::Go && self.cuts.is_some();
            if may_cut && (subscription.events.len() >= events_left || Instant::now() >= cut_at) {
                return Close::Cut;
            }
            let patience = match told {
                Telling::Until(_) => PATIENCE,
                _ if may_cut => cut_at.saturating_duration_since(Instant::now()),
                _ => self.silence,
            };
            let heard = tokio::select! {
                heard = timeout(patience, wire.hear()) => heard,
                changed = telling.changed() => {
                    if changed.is_err() {
                        return Close::Lost;
                    }
                    continue;
                }
            };
            match heard {
                Err(_) if may_cut => {}
                Err(_) => return Close::Lost,
                Ok(Heard::Over) => return Close::Lost,
                Ok(Heard::Refused(code)) => {
                    // Come back soon, it says; anything else should not happen to who may watch.
                    let retry = code == "UNAVAILABLE";
                    // That is also how finished messages end for now.
                    if !retry || self.view == View::Finished {
                        subscription.events.push(Event::Ended(code, retry));
                    }
                    return Close::Lost;
                }
                Ok(Heard::Event(event)) => {
                    let event = self.note(event, cursor);
                    if let Event::CaughtUp(place) = event {
                        has_caught_up = true;
                        position = place;
                    }
                    position = event.place().unwrap_or(position);
                    if let Event::Added(_, message) | Event::Finished(_, message) = &event {
                        self.newest.fetch_max(message.seq, Ordering::Relaxed);
                        self.recorder.note_arrival(message.seq);
                    }
                    subscription.events.push(event);
                }
            }
        }
    }

    fn note(&self, event: WireEvent, kept: &mut Option<String>) -> Event {
        let mut keep = |cursor: String| {
            let place = self.recorder.place(&self.session, &cursor);
            *kept = Some(cursor);
            place
        };
        match event {
            WireEvent::Finished { cursor, message } => {
                Event::Finished(keep(cursor), self.read(message))
            }
            WireEvent::MessageAdded { cursor, message } => {
                Event::Added(keep(cursor), self.read(message))
            }
            WireEvent::MessageChanged { cursor, message } => {
                Event::Changed(keep(cursor), self.read(message))
            }
            WireEvent::ReplyDelta {
                message_id,
                offset,
                text,
            } => Event::Text(self.recorder.text(message_id), offset, text),
            WireEvent::SessionChanged { cursor, session } => {
                Event::Session(keep(cursor), session.chatbots_paused)
            }
            WireEvent::CaughtUp { cursor } => Event::CaughtUp(keep(cursor)),
            WireEvent::FeedEnded { reason, retry } => Event::Ended(reason, retry),
        }
    }

    fn read(&self, message: WireMessage) -> Message {
        Message {
            status: status(&message.status),
            id: self.recorder.text(message.id),
            seq: message.seq,
            content: self.recorder.text(message.content),
        }
    }
}

/// A status by its name.
pub fn status(name: &str) -> Status {
    match name {
        "PENDING" => Status::Pending,
        "STREAMING" => Status::Streaming,
        "COMPLETE" => Status::Complete,
        "CANCELLED" => Status::Cancelled,
        "FAILED" => Status::Failed,
        "DELETED" => Status::Deleted,
        _ => panic!("no status of ours: {name}"),
    }
}
