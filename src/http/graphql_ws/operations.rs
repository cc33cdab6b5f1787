//! The operations under way on one socket.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_util::{Stream, StreamExt as _, stream::BoxStream, task::AtomicWaker};

use super::protocol;
use crate::{http::answer::Answer, seldom::Bell};

/// Operations by the id that the client gave them. They make progress only while somebody waits for
/// [`next`](Self::next).
#[derive(Default)]
pub(super) struct Operations {
    running: Vec<Running>,
    /// The one to be looked at first: the others have had their turn.
    first: usize,
    /// Who waits for any of them.
    waiting: Arc<AtomicWaker>,
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

/// An operation. It is polled when it asked for that, and not whenever another does.
struct Running {
    name: Arc<Named>,
    answers: BoxStream<'static, Answer>,
    bell: Arc<Bell>,
    /// Rings it.
    waker: Waker,
}

impl Running {
    fn poll(&mut self) -> Poll<Option<Answer>> {
        if !self.bell.take() {
            return Poll::Pending;
        }
        let answer = self
            .answers
            .poll_next_unpin(&mut Context::from_waker(&self.waker));
        if answer.is_ready() {
            // There may be more.
            self.bell.keep();
        }
        answer
    }
}

impl Operations {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.running.iter().any(|running| running.name.id == id)
    }

    pub(super) fn len(&self) -> u64 {
        self.running.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Adds an operation. The caller has made sure that the id is free.
    pub(super) fn start(
        &mut self,
        id: String,
        answers: impl Stream<Item = Answer> + Send + 'static,
    ) {
        let bell = Bell::new(self.waiting.clone());
        let head = protocol::head_of_next(&id);
        self.running.push(Running {
            name: Arc::new(Named { id, head }),
            answers: answers.boxed(),
            waker: bell.clone().into(),
            bell,
        });
    }

    /// Ends an operation, if it is under way: nothing more comes from it.
    pub(super) fn stop(&mut self, id: &str) {
        self.running.retain(|running| running.name.id != id);
    }

    /// The next event of any operation; never one when there are none. Safe to drop.
    pub(super) async fn next(&mut self) -> Event {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Event> {
        // Before looking, so that one that asks between the two wakes whoever waits here now.
        self.waiting.register(cx.waker());
        let count = self.running.len();
        for turn in 0..count {
            let index = (self.first + turn) % count;
            let running = &mut self.running[index];
            let Poll::Ready(answer) = running.poll() else {
                continue;
            };
            let operation = running.name.clone();
            self.first = index + 1;
            if answer.is_none() {
                self.running.swap_remove(index);
            }
            return Poll::Ready(Event { operation, answer });
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{FutureExt as _, stream};
    use tokio::sync::mpsc;

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
    async fn each_has_its_turn_and_only_who_stirs_is_polled() {
        let mut operations = Operations::default();
        operations.start("a".to_owned(), answers(3));
        operations.start("b".to_owned(), answers(3));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut polls = 0;
        let (counter, polled) = mpsc::unbounded_channel();
        operations.start(
            "c".to_owned(),
            stream::poll_fn(move |cx| {
                polls += 1;
                counter.send(polls).unwrap();
                receiver.poll_recv(cx)
            }),
        );
        let mut told = String::new();
        while let Some(event) = operations.next().now_or_never() {
            told += &event.operation.id;
        }
        assert_eq!(told, "abababab", "three answers and the end, in turns");
        assert_eq!(polled.len(), 1);
        let answer = Answer::Executed(Arc::new("{}".to_owned()));
        let send = async { sender.send(answer).unwrap() };
        let (event, ()) = tokio::join!(operations.next(), send);
        assert_eq!(event.operation.id, "c");
        assert_eq!(polled.len(), 2);
        drop(sender);
        assert!(operations.next().await.answer.is_none());
        assert!(operations.is_empty());
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
