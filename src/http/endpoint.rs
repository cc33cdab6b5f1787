//! The one path that every GraphQL request takes, whatever brought it here:
//! [`identify`](Endpoint::identify), [`admit`](Endpoint::admit), then [`run`](Endpoint::run), or
//! [`execute`](Endpoint::execute) where there is one answer only.

use std::{pin::pin, sync::Arc, time::Duration};

use async_graphql::{Response, Value, parser::parse_query};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};

use tokio::time::timeout;

use super::{
    answer::{Answer, Refusal},
    documents::{Documents, Unknown},
    execution,
    gate::{Gate, conflicts},
    known_documents::KnownDocuments,
    operation::{self, Live, Operation, Single},
    parameters::Parameters,
    sharing::{self, Asked, Groups},
};
use crate::{
    api::{self, Deadline, ParsedDocument, RequestId, Schema},
    app::App,
    domain::{ClientAddress, Viewer},
    error::{AppError, AppResult},
    services::logins,
};

/// Parlor's GraphQL endpoint. Cheap to clone, and to keep.
#[derive(Clone)]
pub(super) struct Endpoint {
    parts: Arc<Parts>,
}

struct Parts {
    app: App,
    schema: Schema,
    gate: Gate,
    /// How long an operation may take, beside what it was asked to wait.
    patience: Duration,
    documents: Documents,
    known: KnownDocuments,
    groups: Groups,
}

/// Who asks, and in which request or on which socket.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) viewer: Viewer,
    /// Where from; limits count by it.
    pub(super) address: ClientAddress,
    pub(super) request_id: RequestId,
}

/// One event of a subscription, as it is told.
pub(super) struct Told {
    pub(super) answer: Answer,
    /// Nothing can follow it.
    pub(super) is_last: bool,
}

impl Caller {
    /// An operation with what its resolvers can look up about who asks.
    pub(super) fn sign(&self, live: Live) -> Live {
        live.with(self.viewer.clone())
            .with(self.address)
            .with(self.request_id)
    }
}

impl Endpoint {
    pub(super) fn new(app: &App, schema: Schema, patience: Duration) -> Self {
        Self {
            parts: Arc::new(Parts {
                app: app.clone(),
                groups: Groups::new(app, schema.clone()),
                schema,
                patience,
                gate: Gate::new(app.config().limits),
                documents: Documents::new(app.config()),
                known: KnownDocuments::new(),
            }),
        }
    }

    /// What stands before everything.
    pub(super) fn gate(&self) -> &Gate {
        &self.parts.gate
    }

    /// The program's parts.
    pub(super) fn app(&self) -> &App {
        &self.parts.app
    }

    /// What is executed.
    pub(super) fn schema(&self) -> &Schema {
        &self.parts.schema
    }

    /// Those who watch the same in the same way.
    pub(super) fn groups(&self) -> &Groups {
        &self.parts.groups
    }

    /// How long an operation may take, beside what it was asked to wait.
    pub(super) fn patience(&self) -> Duration {
        self.parts.patience
    }

    /// Who holds this access token. No token: nobody. Takes no longer than an operation may.
    pub(super) async fn identify(&self, token: Option<&str>) -> AppResult<Viewer> {
        let Some(token) = token else {
            return Ok(Viewer::Nobody);
        };
        timeout(
            self.parts.patience,
            logins::identify(&self.parts.app, token),
        )
        .await
        .unwrap_or_else(|_| Err(too_long()))
    }

    /// Waits until the caller's login has ended; for ever if nobody is signed in.
    pub(super) async fn signed_out(&self, viewer: &Viewer) {
        match viewer {
            Viewer::Person(person) => logins::ended(&self.parts.app, person).await,
            Viewer::Nobody | Viewer::Refused => std::future::pending().await,
        }
    }

    /// Lets a request in, or refuses it before it costs anything.
    pub(super) fn admit(
        &self,
        parameters: Parameters,
        caller: &Caller,
    ) -> Result<Operation, Refusal> {
        let too_much = |error| self.refusal(error, caller.request_id);
        let wrong = |error| Refusal::new(vec![error]);
        let Parameters { document, request } = parameters;
        let found = self
            .parts
            .documents
            .find(document)
            .map_err(|unknown| match unknown {
                Unknown::Error(error) => self.refusal(error, caller.request_id),
                Unknown::Told(refusal) => refusal,
            })?;
        let gate = &self.parts.gate;
        let known = self.parts.known.find(&found.text);
        let document = match &known {
            Some(known) => known.clone(),
            None => {
                gate.check_text(&found.text).map_err(too_much)?;
                let parsed = parse_query(&found.text).map_err(|fault| wrong(fault.into()))?;
                Arc::new(ParsedDocument::new(found.text.as_str().into(), parsed))
            }
        };
        // Each time: what an answer may hold depends on the variables.
        gate.check_document(document.parsed(), &request.variables)
            .map_err(too_much)?;
        if known.is_none() {
            conflicts::check(document.parsed()).map_err(wrong)?;
            self.parts.known.keep(document.clone());
        }
        self.parts.documents.keep(found.keep(), &found.text);
        // The epoch is taken before anything is read: cursors of what is read must not outlive the one it was
        // read in.
        let request = request
            .data(caller.viewer.clone())
            .data(caller.address)
            .data(caller.request_id)
            .data(self.parts.app.epoch());
        operation::choose(request, document).map_err(wrong)
    }

    /// Runs a query or a mutation. A mutation runs to its end even if the answer is not waited for; and it is
    /// waited for until its deadline.
    pub(super) async fn execute(&self, operation: Single, caller: &Caller) -> Answer {
        let deadline = Deadline::after(self.parts.patience);
        let operation = operation.with(deadline.clone());
        let result = tokio::select! {
            result = execution::run(self.parts.schema.clone(), operation, self.parts.app.tasks()) => result,
            () = deadline.passed() => Err(too_long()),
        };
        match result {
            Ok(response) => response.into(),
            Err(error) => Answer::Refused(self.refusal(error, caller.request_id)),
        }
    }

    /// Runs any operation: its answers as they come. A subscription ends when the stream is dropped; a query
    /// or a mutation begins when the stream is first waited for.
    pub(super) fn run(&self, operation: Operation, caller: &Caller) -> BoxStream<'static, Answer> {
        let (endpoint, caller) = (self.clone(), caller.clone());
        match operation {
            Operation::Query(single) | Operation::Mutation(single) => {
                stream::once(async move { endpoint.execute(single, &caller).await }).boxed()
            }
            Operation::Subscription(live) => endpoint.subscribe(live, caller),
        }
    }

    fn subscribe(self, live: Live, caller: Caller) -> BoxStream<'static, Answer> {
        match Asked::of(&live) {
            Some(asked) => sharing::run(self, live, asked, caller).boxed(),
            None => self.follow(live, caller).boxed(),
        }
    }

    /// Runs a subscription for one subscriber alone.
    fn follow(self, live: Live, caller: Caller) -> impl Stream<Item = Answer> + Send {
        // Until it has begun: from then on a subscription waits as long as it takes.
        let deadline = Deadline::after(self.parts.patience);
        let operation = live.with(deadline.clone());
        async_stream::stream! {
            let mut events = pin!(execution::follow(self.parts.schema.clone(), operation));
            let mut passed = pin!(deadline.passed());
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    () = &mut passed => Some(Err(too_long())),
                };
                let Some(event) = event else {
                    break;
                };
                let told = self.told(event, &caller);
                yield told.answer;
                if told.is_last {
                    break;
                }
            }
        }
    }

    /// What a subscriber is told of an event.
    pub(super) fn told(&self, event: AppResult<Response>, caller: &Caller) -> Told {
        match event {
            Ok(response) => Told {
                // An event of which nothing can be shown is not passed over: the client has been told
                // why, and comes back from its last cursor.
                is_last: response.data == Value::Null && response.is_err(),
                answer: response.into(),
            },
            Err(error) => Told {
                answer: Answer::Refused(self.refusal(error, caller.request_id)),
                is_last: true,
            },
        }
    }

    /// The refusal that tells of `error`.
    pub(super) fn refusal(&self, error: AppError, request_id: RequestId) -> Refusal {
        Refusal::new(api::error_response(error, request_id).errors)
    }
}

pub(super) fn too_long() -> AppError {
    AppError::unavailable(anyhow::anyhow!("an operation took longer than it may"))
}
