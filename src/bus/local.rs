//! The bus within one process: who listens here, and how they are told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{Heard, Notice, Subject};

/// How many notices a listener may lag behind before it is told that it missed some. The room for them is taken
/// when the first begins to listen.
fn capacity(subject: Subject) -> usize {
    match subject {
        // It hears of one thing, once, and there are as many of these as there are devices.
        Subject::Login(_) => 2,
        _ => 256,
    }
}

type Topics = HashMap<Subject, Arc<Topic>>;

/// Who listens to what. Subjects without a listener take no room.
#[derive(Default)]
pub(super) struct LocalBus {
    topics: Mutex<Topics>,
}

/// One subject, for as long as somebody here listens to it.
pub(super) struct Topic {
    listeners: broadcast::Sender<Heard>,
    /// Whether what other processes announce arrives here. Kept by a link to them, if there is one.
    pub(super) is_carried: watch::Sender<bool>,
    /// Fires when the last listener has gone.
    pub(super) ended: CancellationToken,
}

/// Listens to one subject.
pub(super) struct LocalListener {
    bus: Arc<LocalBus>,
    subject: Subject,
    pub(super) topic: Arc<Topic>,
    /// Taken when dropped only.
    receiver: Option<broadcast::Receiver<Heard>>,
}

impl Topic {
    fn new(subject: Subject) -> Self {
        Self {
            listeners: broadcast::Sender::new(capacity(subject)),
            is_carried: watch::Sender::new(false),
            ended: CancellationToken::new(),
        }
    }

    /// Tells everyone who listens.
    pub(super) fn tell(&self, heard: Heard) {
        // The only error is that nobody listens any more.
        let _ = self.listeners.send(heard);
    }
}

impl LocalBus {
    pub(super) fn publish(&self, notice: Notice) {
        if let Some(topic) = self.topics().get(&notice.subject()) {
            topic.tell(Heard::Notice(Arc::new(notice)));
        }
    }

    /// Whether somebody here listens to a subject.
    pub(super) fn has_listeners(&self, subject: Subject) -> bool {
        self.topics().contains_key(&subject)
    }

    /// Tells every listener that it may have missed something.
    pub(super) fn tell_all_missed(&self) {
        for topic in self.topics().values() {
            topic.tell(Heard::Missed);
        }
    }

    /// Begins to listen. `opened` is called first if nobody did so far.
    pub(super) fn listen(
        bus: &Arc<Self>,
        subject: Subject,
        opened: impl FnOnce(&Arc<Topic>),
    ) -> LocalListener {
        let mut topics = bus.topics();
        let topic = topics.entry(subject).or_insert_with(|| {
            let topic = Arc::new(Topic::new(subject));
            opened(&topic);
            topic
        });
        LocalListener {
            receiver: Some(topic.listeners.subscribe()),
            topic: topic.clone(),
            bus: bus.clone(),
            subject,
        }
    }

    /// Never held across an await.
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalListener {
    pub(super) async fn next(&mut self) -> Heard {
        let Some(receiver) = &mut self.receiver else {
            return std::future::pending().await;
        };
        match receiver.recv().await {
            Ok(heard) => heard,
            Err(RecvError::Lagged(_)) => Heard::Missed,
            // The topic lives as long as this listener does.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Forgets what it has heard so far.
    pub(super) fn begin_anew(&mut self) {
        self.receiver = Some(self.topic.listeners.subscribe());
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let mut topics = self.bus.topics();
        // Under the lock: of two that leave at once, the second must find nobody left.
        drop(self.receiver.take());
        if self.topic.listeners.receiver_count() == 0 {
            self.topic.ended.cancel();
            topics.remove(&self.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LoginId;

    #[tokio::test]
    async fn a_subject_nobody_listens_to_takes_no_room() {
        let bus = Arc::new(LocalBus::default());
        let login = LoginId::new();
        let mut opened = 0;
        let mut listen = || LocalBus::listen(&bus, Subject::Login(login), |_topic| opened += 1);
        let (first, second) = (listen(), listen());
        let topic = first.topic.clone();
        drop(first);
        assert_eq!(bus.topics().len(), 1);
        assert!(!topic.ended.is_cancelled());
        drop(second);
        bus.publish(Notice::LoginEnded { login });
        assert!(bus.topics().is_empty());
        assert!(topic.ended.is_cancelled());
        assert_eq!(opened, 1);
    }
}
