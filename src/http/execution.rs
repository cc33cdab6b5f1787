//! Runs operations so that neither a client that hangs up nor a resolver that panics does harm.

use async_graphql::{Executor, Response};
use futures_util::{Stream, StreamExt as _};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::operation::{Live, Single};
use crate::api::{HungUp, in_passes, stream_in_passes};
use crate::error::{AppError, AppResult};
use crate::panics::{Panic, caught_in, caught_in_stream};

/// Runs an operation with one answer, in a task of its own.
///
/// A mutation goes on when this future is dropped: a write that has begun runs to its end, since a
/// transaction that is cut in the middle costs its connection. It is told ([`HungUp`]), so that it waits
/// for nothing more on behalf of who has left. A query ends at once. `tasks` is who waits for them at a
/// stop.
pub(super) async fn run(
    executor: impl Executor,
    operation: Single,
    tasks: &TaskTracker,
) -> AppResult<Response> {
    let hung_up = CancellationToken::new();
    let _waiting = hung_up.clone().drop_guard();
    let Single { request, writes } = operation;
    let request = request.data(HungUp(hung_up.clone()));
    let execution = async move {
        // In a box: whatever is put around it would be as large again.
        let execution = in_passes(Box::pin(executor.execute(request)));
        match writes {
            true => Some(execution.await),
            false => hung_up.run_until_cancelled(execution).await,
        }
    };
    let execution = caught_in(execution).in_current_span();
    match tasks.spawn(execution).await {
        Ok(Ok(Some(response))) => Ok(response),
        // Never heard: who would hear it has left.
        Ok(Ok(None)) => Err(AppError::internal(anyhow::anyhow!("nobody waits for it"))),
        Ok(Err(panic)) => Err(panicked(&panic)),
        Err(cancelled) => Err(AppError::internal(cancelled)),
    }
}

/// Runs a subscription. It lives in whoever polls it, and ends with them.
pub(super) fn follow(
    executor: impl Executor,
    operation: Live,
) -> impl Stream<Item = AppResult<Response>> + Send + 'static {
    let answers = stream_in_passes(executor.execute_stream(operation.request, None));
    caught_in_stream(answers).map(|item| item.map_err(|panic| panicked(&panic)))
}

fn panicked(panic: &Panic) -> AppError {
    AppError::internal(anyhow::anyhow!("a resolver panicked: {panic}"))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use async_graphql::{Context, Object, Request, Schema, Subscription, parser::parse_query};
    use futures_util::stream;
    use tokio::{sync::Notify, time::timeout};

    use super::*;
    use crate::api::ParsedDocument;

    #[derive(Default)]
    struct Gates {
        begun: Notify,
        go_on: Notify,
        written: Notify,
        dropped: CancellationToken,
    }

    struct Query(Arc<Gates>);
    #[Object]
    impl Query {
        async fn breaks(&self) -> bool {
            break_as_planned()
        }

        async fn read(&self) -> bool {
            let _until_dropped = self.0.dropped.clone().drop_guard();
            self.0.begun.notify_one();
            std::future::pending().await
        }
    }

    fn break_as_planned<T>() -> T {
        panic!("as planned")
    }

    struct Mutation(Arc<Gates>);
    #[Object]
    impl Mutation {
        async fn write(&self, ctx: &Context<'_>) -> bool {
            self.0.begun.notify_one();
            self.0.go_on.notified().await;
            self.0.written.notify_one();
            ctx.data_unchecked::<HungUp>().0.cancelled().await;
            true
        }
    }

    struct Subscriptions;
    #[Subscription]
    impl Subscriptions {
        async fn breaks(&self) -> impl Stream<Item = i32> {
            stream::iter([1, 2]).map(|number| match number {
                1 => number,
                _ => break_as_planned(),
            })
        }
    }

    fn single(query: &str, writes: bool) -> Single {
        let request = Request::new(query);
        Single { request, writes }
    }

    fn live(query: &str) -> Live {
        let parsed = parse_query(query).unwrap();
        let document = ParsedDocument::new(query.into(), parsed);
        Live::new(Request::new(""), Arc::new(document))
    }

    fn schema(gates: &Arc<Gates>) -> Schema<Query, Mutation, Subscriptions> {
        Schema::new(Query(gates.clone()), Mutation(gates.clone()), Subscriptions)
    }

    #[tokio::test]
    async fn a_panic_in_a_resolver_is_an_internal_error() {
        let operation = single("{ breaks }", false);
        let result = run(schema(&Arc::default()), operation, &TaskTracker::new()).await;
        let error = result.expect_err("it panics");
        assert_eq!(error.code(), "INTERNAL");
        let cause = error.cause_chain();
        assert_eq!(cause.as_deref(), Some("a resolver panicked: as planned"));
    }

    #[tokio::test]
    async fn a_panic_in_a_subscription_ends_it_with_an_internal_error() {
        let operation = live("subscription { breaks }");
        let stream = follow(schema(&Arc::default()), operation);
        let items: Vec<_> = stream.map(|item| item.map(|_| ())).collect().await;
        assert!(matches!(items[..], [Ok(()), Err(AppError::Internal(_))]));
    }

    /// Runs it until it has begun, and leaves.
    async fn hang_up(gates: &Arc<Gates>, operation: Single, tasks: &TaskTracker) {
        let waiting = run(schema(gates), operation, tasks);
        tokio::select! {
            _ = waiting => panic!("it waits for the gate"),
            () = gates.begun.notified() => {}
        }
    }

    #[tokio::test]
    async fn a_write_runs_to_its_end_and_is_told_when_nobody_waits_for_it_any_more() {
        let gates = Arc::<Gates>::default();
        let tasks = TaskTracker::new();
        hang_up(&gates, single("mutation { write }", true), &tasks).await;
        gates.go_on.notify_one();
        timeout(Duration::from_secs(10), gates.written.notified())
            .await
            .expect("it is written in time");
        tasks.close();
        timeout(Duration::from_secs(10), tasks.wait())
            .await
            .expect("it is told in time");
    }

    #[tokio::test]
    async fn a_query_ends_when_nobody_waits_for_it_any_more() {
        let gates = Arc::<Gates>::default();
        let tasks = TaskTracker::new();
        hang_up(&gates, single("{ read }", false), &tasks).await;
        timeout(Duration::from_secs(10), gates.dropped.cancelled())
            .await
            .expect("it ends in time");
        tasks.close();
        tasks.wait().await;
    }
}
