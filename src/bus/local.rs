//! The bus within one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Heard, Notice, Subject};

/// How many notices a listener may lag behind before it is told that it missed some.
const CAPACITY: usize = 256;

type Topics = HashMap<Subject, broadcast::Sender<Arc<Notice>>>;

/// Who listens to what. Subjects without a listener take no room.
#[derive(Default)]
pub(super) struct LocalBus {
    topics: Mutex<Topics>,
}

/// Listens to one subject.
pub(super) struct LocalListener {
    bus: Arc<LocalBus>,
    subject: Subject,
    /// Taken when dropped only.
    receiver: Option<broadcast::Receiver<Arc<Notice>>>,
}

impl LocalBus {
    pub(super) fn publish(&self, notice: Notice) {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(&notice.subject()) {
            // The only error is that nobody listens any more.
            let _ = topic.send(Arc::new(notice));
        }
    }

    pub(super) fn listen(bus: &Arc<Self>, subject: Subject) -> LocalListener {
        let mut topics = bus.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = topics
            .entry(subject)
            .or_insert_with(|| broadcast::Sender::new(CAPACITY));
        LocalListener {
            bus: bus.clone(),
            subject,
            receiver: Some(topic.subscribe()),
        }
    }
}

impl LocalListener {
    pub(super) async fn next(&mut self) -> Heard {
        let Some(receiver) = &mut self.receiver else {
            return std::future::pending().await;
        };
        match receiver.recv().await {
            Ok(notice) => Heard::Notice(notice),
            Err(RecvError::Lagged(_)) => Heard::Missed,
            // The sender lives in the map as long as this listener does.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        let mut topics = self
            .bus
            .topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Under the lock: of two that leave at once, the second must find nobody left.
        drop(self.receiver.take());
        if topics
            .get(&self.subject)
            .is_some_and(|topic| topic.receiver_count() == 0)
        {
            topics.remove(&self.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LoginId;

    fn ended(login: LoginId) -> Notice {
        Notice::LoginEnded { login }
    }

    #[tokio::test]
    async fn each_listener_hears_its_subject_only_and_in_order() {
        let bus = Arc::new(LocalBus::default());
        let (ada, bob) = (LoginId::new(), LoginId::new());
        let mut listeners = [
            LocalBus::listen(&bus, Subject::Login(ada)),
            LocalBus::listen(&bus, Subject::Login(ada)),
        ];
        bus.publish(ended(bob));
        bus.publish(ended(ada));
        for listener in &mut listeners {
            let Heard::Notice(heard) = listener.next().await else {
                panic!("missed something")
            };
            assert_eq!(*heard, ended(ada));
        }
    }

    #[tokio::test]
    async fn a_listener_that_fell_behind_is_told() {
        let bus = Arc::new(LocalBus::default());
        let login = LoginId::new();
        let mut listener = LocalBus::listen(&bus, Subject::Login(login));
        for _ in 0..=CAPACITY {
            bus.publish(ended(login));
        }
        assert!(matches!(listener.next().await, Heard::Missed));
        assert!(matches!(listener.next().await, Heard::Notice(_)));
    }

    #[tokio::test]
    async fn a_subject_nobody_listens_to_takes_no_room() {
        let bus = Arc::new(LocalBus::default());
        let login = LoginId::new();
        let first = LocalBus::listen(&bus, Subject::Login(login));
        let second = LocalBus::listen(&bus, Subject::Login(login));
        drop(first);
        assert_eq!(bus.topics.lock().unwrap().len(), 1);
        drop(second);
        bus.publish(ended(login));
        assert!(bus.topics.lock().unwrap().is_empty());
    }
}
