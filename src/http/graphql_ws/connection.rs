//! A connection after it has been acknowledged: the loop that reads, runs and writes.

use std::{future::pending, pin::pin, time::Duration};

use async_graphql::Request;
use chrono::Utc;
use futures_util::stream;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    close::{Close, End},
    operations::{Event, Operations},
    protocol::{ClientMessage, ServerMessage},
    wire::{Incoming, Wire},
};
use crate::{
    domain::Viewer,
    error::AppError,
    http::{
        Server,
        answer::{Answer, Refusal},
        endpoint::Caller,
        operation::Operation,
    },
};

/// Talks with the peer until one of the two has had enough.
pub(super) async fn converse(wire: &mut Wire, server: &Server, caller: &Caller) -> End {
    let mut conversation = Conversation {
        wire,
        server,
        caller,
        operations: Operations::default(),
        farewell: None,
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
    farewell: Option<Farewell>,
}

/// The connection will close, but subscriptions may say their last event first. They watch for the same
/// cause by themselves.
struct Farewell {
    close: Close,
    until: Instant,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<Close, End> {
        let expiry = expiry_of(&self.caller.viewer);
        let mut expired = pin!(async {
            match expiry {
                Some(left) => sleep(left).await,
                None => pending().await,
            }
        });
        let mut signed_out = pin!(self.server.endpoint.signed_out(&self.caller.viewer));
        let stopping = self.server.app.stopping();
        loop {
            let leaving = self.farewell.is_some();
            if let Some(farewell) = &self.farewell
                && self.operations.is_empty()
            {
                return Ok(farewell.close.clone());
            }
            tokio::select! {
                incoming = self.wire.receive() => self.hear(incoming?).await?,
                event = self.operations.next() => self.tell(event).await?,
                () = &mut expired, if !leaving => self.take_leave(Close::TOKEN_EXPIRED),
                () = &mut signed_out, if !leaving => self.take_leave(Close::SIGNED_OUT),
                () = stopping.cancelled(), if !leaving => self.take_leave(Close::RESTART),
                close = overdue(self.farewell.as_ref()), if leaving => return Ok(close),
            }
        }
    }

    fn take_leave(&mut self, close: Close) {
        self.farewell = Some(Farewell {
            close,
            until: Instant::now() + self.server.timings.last_events,
        });
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

    async fn begin(&mut self, id: String, request: Request) -> Result<(), End> {
        if self.operations.contains(&id) {
            return Err(End::Close(Close::duplicate(&id)));
        }
        let admitted = match self.obstacle() {
            Some(error) => Err(self.server.endpoint.refusal(error, self.caller.request_id)),
            None => self.server.endpoint.admit(request, self.caller),
        };
        let (endpoint, caller) = (self.server.endpoint.clone(), self.caller.clone());
        match admitted {
            Ok(Operation::Query(single) | Operation::Mutation(single)) => {
                let answer = async move { endpoint.execute(single, &caller).await };
                self.operations.start(id, stream::once(answer));
                Ok(())
            }
            Ok(Operation::Subscription(live)) => {
                self.operations.start(id, endpoint.subscribe(live, &caller));
                Ok(())
            }
            Err(refusal) => self.refuse(&id, &refusal).await,
        }
    }

    /// What keeps any further operation from starting.
    fn obstacle(&self) -> Option<AppError> {
        match &self.farewell {
            Some(farewell) if farewell.close == Close::TOKEN_EXPIRED => {
                Some(AppError::Unauthenticated("The access token has expired."))
            }
            Some(farewell) if farewell.close == Close::SIGNED_OUT => {
                Some(AppError::Unauthenticated("This login has ended."))
            }
            Some(_) => Some(AppError::unavailable(anyhow::anyhow!(
                "the server is stopping"
            ))),
            None if self.operations.is_full() => Some(AppError::RateLimited {
                retry_after: Duration::from_secs(1),
            }),
            None => None,
        }
    }

    async fn tell(&mut self, Event { id, answer }: Event) -> Result<(), End> {
        let id = id.as_str();
        match answer {
            Some(Answer::Executed(response)) => {
                let response = response.as_str();
                self.wire.send(ServerMessage::Next { id, response }).await
            }
            // `error` ends an operation: no `complete` follows it.
            Some(Answer::Refused(refusal)) => {
                self.operations.stop(id);
                self.refuse(id, &refusal).await
            }
            None => self.wire.send(ServerMessage::Complete { id }).await,
        }
    }

    async fn refuse(&mut self, id: &str, refusal: &Refusal) -> Result<(), End> {
        let errors = refusal.errors_json();
        let errors = errors.as_str();
        self.wire.send(ServerMessage::Error { id, errors }).await
    }
}

/// How long the viewer's access token is good for, where there is one.
fn expiry_of(viewer: &Viewer) -> Option<Duration> {
    match viewer {
        Viewer::Person(person) => Some(
            (person.expires_at - Utc::now())
                .to_std()
                .unwrap_or_default(),
        ),
        Viewer::Nobody | Viewer::Refused => None,
    }
}

async fn overdue(farewell: Option<&Farewell>) -> Close {
    match farewell {
        Some(farewell) => {
            sleep_until(farewell.until).await;
            farewell.close.clone()
        }
        None => pending().await,
    }
}
