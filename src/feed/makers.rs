//! Those who make something of events for many followers, and do so before these are woken.
//!
//! Followers who are woken first would all find nothing made, and be woken a second time when it is. An event is
//! in the feed's ring at once, for whoever looks; only the wake-up waits, and not for long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;

use super::follower::{Item, Seen, Sighting, View};
use super::{FeedEvent, Fresh};
use crate::db::log::News;
use crate::domain::SessionId;

/// How long a wake-up waits at most. Whoever is woken then waits for what they need.
const PATIENCE: Duration = Duration::from_millis(20);

/// Makes something of what is seen in a session.
pub trait Maker: Send + Sync {
    /// What of it.
    fn view(&self) -> View;

    /// Makes it, if nobody has.
    fn make(self: Arc<Self>, seen: Seen) -> BoxFuture<'static, ()>;
}

/// The makers there are. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Makers(Arc<Mutex<Known>>);

type Known = HashMap<SessionId, Vec<Weak<dyn Maker>>>;

impl Makers {
    /// One more, for as long as it lives.
    pub(super) fn add(&self, session: SessionId, maker: Weak<dyn Maker>) {
        self.known().entry(session).or_default().push(maker);
    }

    /// Forgets those that are gone.
    pub(super) fn prune(&self, session: SessionId) {
        let mut known = self.known();
        if let Some(makers) = known.get_mut(&session) {
            makers.retain(|maker| maker.strong_count() > 0);
            if makers.is_empty() {
                known.remove(&session);
            }
        }
    }

    fn of(&self, session: SessionId) -> Vec<Arc<dyn Maker>> {
        let known = self.known();
        let makers = known.get(&session).into_iter().flatten();
        makers.filter_map(Weak::upgrade).collect()
    }

    /// Has all of them make what there is to make of an event; nothing if there is nobody to wait for.
    pub(super) fn make(
        &self,
        session: SessionId,
        event: &FeedEvent,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let mut making = Vec::new();
        for maker in self.of(session) {
            let view = maker.view();
            let items = items(event, view);
            making.extend(items.into_iter().map(|seen| maker.clone().make(seen)));
        }
        (!making.is_empty()).then_some(async move {
            // What is not made in time is made all the same, by whoever wants it first.
            let _ = timeout(PATIENCE, join_all(making)).await;
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a follower sees of an event who has seen all before it, and nothing yet of what the event tells.
fn items(event: &FeedEvent, view: View) -> Vec<Seen> {
    let everything = view == View::Everything;
    match event {
        FeedEvent::Entries(entries) => entries
            .iter()
            .filter_map(|fresh| {
                Some(Seen {
                    item: item(fresh, view)?,
                    forms: Some(fresh.forms.clone()),
                })
            })
            .collect(),
        FeedEvent::Text(piece) if everything => vec![Seen {
            item: Item::Text {
                seq: piece.seq,
                offset: piece.offset,
                text: piece.text.clone(),
            },
            forms: Some(piece.forms.clone()),
        }],
        FeedEvent::Command(reply, forms) if everything => vec![Seen {
            item: Item::Command(reply.clone()),
            forms: Some(forms.clone()),
        }],
        _ => Vec::new(),
    }
}

fn item(Fresh { entry, .. }: &Fresh, view: View) -> Option<Item> {
    let place = entry.place;
    match (&entry.news, view) {
        (News::Session(session), View::Everything) => Some(Item::SessionChanged {
            place,
            session: session.clone(),
        }),
        (News::Session(_), View::Finished) => None,
        (News::Message(message), view) => {
            let message = message.clone();
            let is_birth = place == message.added_rev;
            let is_end = message.finished_rev == Some(place);
            let sighting = Sighting { place, message };
            match view {
                View::Everything if is_birth => Some(Item::Added(sighting)),
                View::Everything => Some(Item::Changed(sighting)),
                View::Finished => is_end.then_some(Item::Added(sighting)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;
    use crate::db::log::Entry;
    use crate::db::messages::Message;
    use crate::domain::{MessageStatus, Rev, Seq, UserId};
    use crate::feed::forms::Shelf;

    /// Notes what it is to make, and takes its time.
    struct Noting {
        view: View,
        noted: Mutex<Vec<String>>,
        takes: Duration,
    }

    impl Noting {
        fn new(view: View, takes: Duration) -> Arc<Self> {
            Arc::new(Self {
                view,
                noted: Mutex::default(),
                takes,
            })
        }
    }

    impl Maker for Noting {
        fn view(&self) -> View {
            self.view
        }

        fn make(self: Arc<Self>, seen: Seen) -> BoxFuture<'static, ()> {
            let told = match &seen.item {
                Item::Added(seen) => format!("added {}", seen.place.0),
                Item::Changed(seen) => format!("changed {}", seen.place.0),
                other => format!("{other:?}"),
            };
            assert!(seen.forms.is_some());
            self.noted.lock().unwrap().push(told);
            tokio::time::sleep(self.takes).boxed()
        }
    }

    /// Entries of a message that was born at 1, finished at 2 and edited at 3.
    fn entries() -> FeedEvent {
        let shelf = Arc::<Shelf>::default();
        let entry = |rev: i64| Fresh {
            entry: Entry::latest(Message {
                session_id: SessionId::new(),
                seq: Seq(1),
                rev: Rev(rev),
                added_rev: Rev(1),
                finished_rev: (rev > 1).then_some(Rev(2)),
                user_id: Some(UserId::new()),
                chatbot_id: None,
                content: String::new(),
                status: MessageStatus::Complete,
                failure: None,
                in_reply_to: None,
                client_key: None,
                created_at: Utc::now(),
                edited_at: None,
                attempt: 0,
            }),
            forms: shelf.forms(),
        };
        FeedEvent::Entries([1, 2, 3].map(entry).into())
    }

    #[tokio::test(start_paused = true)]
    async fn makers_are_told_what_their_followers_see() {
        let (makers, session) = (Makers::default(), SessionId::new());
        assert!(
            makers.make(session, &entries()).is_none(),
            "nobody is there"
        );
        let all = Noting::new(View::Everything, Duration::ZERO);
        let finished = Noting::new(View::Finished, Duration::ZERO);
        for maker in [&all, &finished] {
            let maker: Weak<Noting> = Arc::downgrade(maker);
            makers.add(session, maker);
        }
        makers.make(session, &entries()).unwrap().await;
        assert_eq!(
            *all.noted.lock().unwrap(),
            ["added 1", "changed 2", "changed 3"]
        );
        assert_eq!(*finished.noted.lock().unwrap(), ["added 2"]);
        assert!(makers.make(session, &FeedEvent::Typing).is_none());
        drop((all, finished));
        assert!(makers.make(session, &entries()).is_none());
        makers.prune(session);
        assert!(makers.known().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_a_maker() {
        let (makers, session) = (Makers::default(), SessionId::new());
        let slow = Noting::new(View::Everything, Duration::from_secs(600));
        let maker: Weak<Noting> = Arc::downgrade(&slow);
        makers.add(session, maker);
        let began = Instant::now();
        makers.make(session, &entries()).unwrap().await;
        assert_eq!(began.elapsed(), PATIENCE);
    }
}
