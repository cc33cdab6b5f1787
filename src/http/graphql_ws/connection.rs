//! A connection after it has been acknowledged: the loop that reads, runs and writes.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use futures_util::poll;
use tokio::task::coop::{consume_budget, has_budget_remaining};

use super::{
    close::{Close, End},
    operations::{Event, Named, Operations},
    protocol::{ClientMessage, ServerMessage},
    wire::{Incoming, Wire, Written},
};
use crate::{
    error::AppError,
    http::{
        Server,
        answer::{Answer, Refusal},
        endpoint::Caller,
        parameters::Parameters,
        parting::{Parting, Reason},
    },
    seldom::Seldom,
};

/// Talks with the peer until one of the two has had enough.
pub(super) async fn converse(wire: &mut Wire, server: &Server, caller: &Caller) -> End {
    let mut conversation = Conversation {
        wire,
        server,
        caller,
        operations: Operations::default(),
        parting: None,
    };
    match conversation.run().await {
        Ok(close) => End::Close(close),
        Err(end) => end,
    }
}

struct Conversation<'a> {
    wire: &'a mut Wire,
    server: &'a Server,
    caller: &'a Caller,
    operations: Operations,
    parting: Option<Parting>,
}

/// So many times in a row is told before it is heard.
const TURNS: u32 = 8;

/// Whether there is nothing to tell.
#[derive(Clone, Copy)]
enum Silence {
    /// The operations have said so, and that they wake this task when there is. The task has not rested since.
    Known,
    Unknown,
    /// Nor is it known what the peer has said: the task has rested.
    Rested,
}

impl Silence {
    /// Waits for what ends it. Known silence is not looked into again before something stirs.
    async fn end<T>(self, next: impl Future<Output = T>) -> T {
        let mut next = pin!(next);
        let mut is_known = matches!(self, Self::Known);
        poll_fn(|cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => next.as_mut().poll(cx),
        })
        .await
    }
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<Close, End> {
        let mut must_go = Seldom::new(Reason::to_go(self.server, &self.caller.viewer));
        let mut turns = 0;
        let mut silence = Silence::Unknown;
        loop {
            if let Some(parting) = self.parting
                && self.operations.is_empty()
            {
                return Ok(close_for(parting.reason));
            }
            let events = self.operations.next();
            tokio::select! {
                // What there is to tell comes before what there is to hear: whoever is told much has little to say,
                // and looking whether they do costs as much as telling.
                biased;
                reason = &mut must_go, if self.parting.is_none() => {
                    let time = self.server.timings.last_events;
                    self.parting = Some(Parting::new(reason, time));
                }
                reason = Parting::is_over(self.parting), if self.parting.is_some() => {
                    return Ok(close_for(reason));
                }
                event = silence.end(events), if turns < TURNS => {
                    silence = self.tell_all(event).await?;
                    turns = match silence {
                        Silence::Known => 0,
                        Silence::Unknown => turns + 1,
                        Silence::Rested => TURNS,
                    };
                    continue;
                }
                incoming = self.wire.receive() => {
                    turns = 0;
                    // In a box: it is seldom, and takes room for what begins.
                    Box::pin(self.hear(incoming?)).await?;
                }
                // Only once it was looked, and not if this task has had so much that it looks at nothing any more.
                () = consume_budget(), if turns >= TURNS => turns = 0,
            }
            silence = Silence::Unknown;
        }
    }

    async fn hear(&mut self, incoming: Incoming) -> Result<(), End> {
        match incoming {
            Incoming::PingIsDue => self.wire.ping().await,
            Incoming::Message(ClientMessage::ConnectionInit(_)) => {
                Err(End::Close(Close::SECOND_INIT))
            }
            Incoming::Message(ClientMessage::Ping(payload)) => {
                self.wire.send(ServerMessage::Pong(payload)).await
            }
            Incoming::Message(ClientMessage::Pong) => Ok(()),
            // No `complete` back: the client has said that it is over. It may also be over already, when
            // the two crossed.
            Incoming::Message(ClientMessage::Complete { id }) => {
                self.operations.stop(&id);
                Ok(())
            }
            Incoming::Message(ClientMessage::Subscribe { id, request }) => {
                self.begin(id, *request).await
            }
        }
    }

    async fn begin(&mut self, id: String, request: Parameters) -> Result<(), End> {
        if self.operations.contains(&id) {
            return Err(End::Close(Close::duplicate(&id)));
        }
        let admitted = match self.obstacle() {
            Some(error) => Err(self.server.endpoint.refusal(error, self.caller.request_id)),
            None => self.server.endpoint.admit(request, self.caller),
        };
        match admitted {
            Ok(operation) => {
                let answers = self.server.endpoint.run(operation, self.caller);
                self.operations.start(id, answers);
                Ok(())
            }
            Err(refusal) => self.refuse(&id, &refusal).await,
        }
    }

    /// What keeps any further operation from starting.
    fn obstacle(&self) -> Option<AppError> {
        match self.parting {
            Some(parting) => Some(parting.reason.error()),
            None if self.operations.len()
                >= self.server.app.config().limits.operations_per_socket =>
            {
                Some(AppError::RateLimited {
                    retry_after: Duration::from_secs(1),
                })
            }
            None => None,
        }
    }

    /// Tells of an event, and of those that are there already: what fits is written at once.
    async fn tell_all(&mut self, first: Event) -> Result<Silence, End> {
        self.tell(first).await?;
        let mut silence = Silence::Unknown;
        while self.wire.has_room() {
            let next = poll!(pin!(self.operations.next()));
            match next {
                Poll::Ready(event) => self.tell(event).await?,
                Poll::Pending => {
                    // Otherwise nobody was asked.
                    if has_budget_remaining() {
                        silence = Silence::Known;
                    }
                    break;
                }
            }
        }
        match self.wire.flush().await? {
            Written::AtOnce => Ok(silence),
            Written::Later => Ok(Silence::Rested),
        }
    }

    async fn tell(&mut self, Event { operation, answer }: Event) -> Result<(), End> {
        let Named { id, head } = &*operation;
        match answer {
            Some(Answer::Executed(response)) => {
                let response = response.as_str();
                self.wire.feed(ServerMessage::Next { head, response }).await
            }
            // `error` ends an operation: no `complete` follows it.
            Some(Answer::Refused(refusal)) => {
                self.operations.stop(id);
                self.refuse(id, &refusal).await
            }
            None => self.wire.feed(ServerMessage::Complete { id }).await,
        }
    }

    async fn refuse(&mut self, id: &str, refusal: &Refusal) -> Result<(), End> {
        let errors = refusal.errors_json();
        let errors = errors.as_str();
        self.wire.send(ServerMessage::Error { id, errors }).await
    }
}

fn close_for(reason: Reason) -> Close {
    match reason {
        Reason::TokenExpired => Close::TOKEN_EXPIRED,
        Reason::SignedOut => Close::SIGNED_OUT,
        Reason::Stopping => Close::RESTART,
    }
}
