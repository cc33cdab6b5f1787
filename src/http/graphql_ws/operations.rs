//! The operations under way on one socket.

use std::{collections::HashMap, sync::Arc};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::ready,
    stream::{self, AbortHandle, Abortable, BoxStream, SelectAll},
};

use super::protocol;
use crate::http::answer::Answer;

/// Operations by the id that the client gave them. They make progress only while somebody waits for
/// [`next`](Self::next).
#[derive(Default)]
pub(super) struct Operations {
    running: SelectAll<Abortable<BoxStream<'static, Event>>>,
    handles: HashMap<String, AbortHandle>,
}

/// What an operation says.
pub(super) struct Event {
    /// Which operation.
    pub(super) operation: Arc<Named>,
    /// Its next answer, or `None` at its end.
    pub(super) answer: Option<Answer>,
}

/// An operation's name, by which the client knows it.
pub(super) struct Named {
    pub(super) id: String,
    /// What stands before each of its answers in a frame.
    pub(super) head: String,
}

impl Operations {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.handles.contains_key(id)
    }

    pub(super) fn len(&self) -> u64 {
        self.handles.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Adds an operation. The caller has made sure that the id is free.
    pub(super) fn start(
        &mut self,
        id: String,
        answers: impl Stream<Item = Answer> + Send + 'static,
    ) {
        let (handle, registration) = AbortHandle::new_pair();
        self.handles.insert(id.clone(), handle);
        let head = protocol::head_of_next(&id);
        let operation = Arc::new(Named { id, head });
        let end = Event {
            operation: operation.clone(),
            answer: None,
        };
        let events = answers
            .map(move |answer| Event {
                operation: operation.clone(),
                answer: Some(answer),
            })
            .chain(stream::once(ready(end)));
        self.running
            .push(Abortable::new(events.boxed(), registration));
    }

    /// Ends an operation, if it is under way: nothing more comes from it.
    ///
    /// Its stream is dropped when [`next`](Self::next) is waited for again.
    pub(super) fn stop(&mut self, id: &str) {
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// The next event of any operation; never one when there are none. Safe to drop.
    pub(super) async fn next(&mut self) -> Event {
        match self.running.next().await {
            Some(event) => {
                if event.answer.is_none() {
                    self.handles.remove(&event.operation.id);
                }
                event
            }
            None => std::future::pending().await,
        }
    }

    /// The next event, if there is one already. Whoever waits for more waits for [`next`](Self::next).
    pub(super) fn try_next(&mut self) -> Option<Event> {
        self.next().now_or_never()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::*;

    fn answers(count: usize) -> impl Stream<Item = Answer> + Send + 'static {
        stream::iter((0..count).map(|_| Answer::Executed(Arc::new("{}".to_owned()))))
    }

    #[tokio::test]
    async fn an_operation_answers_ends_and_frees_its_id() {
        let mut operations = Operations::default();
        operations.start("a".to_owned(), answers(1));
        assert!(operations.contains("a"));
        assert!(operations.next().await.answer.is_some());
        assert!(operations.next().await.answer.is_none());
        assert!(operations.is_empty());
        assert!(operations.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_stopped_operation_says_nothing_more_even_if_its_id_is_used_again() {
        let mut operations = Operations::default();
        operations.start("a".to_owned(), answers(5));
        operations.next().await;
        operations.stop("a");
        operations.start("a".to_owned(), answers(0));
        assert!(operations.next().await.answer.is_none());
        assert!(operations.next().now_or_never().is_none());
    }
}
