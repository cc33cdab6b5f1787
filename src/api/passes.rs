//! Keeps what one pass over a selection asks its loaders for together.
//!
//! The GraphQL library resolves a long list a few items per poll. A loader's fetch may then begin between
//! two polls, and a page costs more statements the busier the machine is. Here a selection is polled until it
//! waits for something outside itself, and only then do the fetches begin that it asked for: each once, with
//! all of its keys, and without a delay.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};

/// How often a selection may wake itself in one pass. Far more than a page needs; the rest of a longer one
/// comes in a pass of its own.
const MAX_POLLS: usize = 1_000;

type Fetch = BoxFuture<'static, ()>;

thread_local! {
    /// The fetches that the present pass asked for; nothing outside one.
    static FETCHES: RefCell<Option<Vec<Fetch>>> = const { RefCell::new(None) };
}

/// Begins a loader's fetch at the end of the present pass; at once outside one.
pub(super) fn begin(fetch: Fetch) {
    let outside = FETCHES.with_borrow_mut(|fetches| match fetches {
        Some(fetches) => {
            fetches.push(fetch);
            None
        }
        None => Some(fetch),
    });
    if let Some(fetch) = outside {
        tokio::spawn(fetch);
    }
}

/// The same future, polled in passes.
pub async fn in_passes<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| pass(cx, |cx| future.as_mut().poll(cx))).await
}

/// The same stream, polled in passes.
pub fn stream_in_passes<S: Stream + Send + 'static>(
    stream: S,
) -> impl Stream<Item = S::Item> + Send + 'static {
    let mut stream = Box::pin(stream);
    stream::poll_fn(move |cx| pass(cx, |cx| stream.as_mut().poll_next(cx)))
}

fn pass<T>(cx: &Context<'_>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    let own = Arc::new(OwnWaker {
        outer: cx.waker().clone(),
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(own.clone());
    let mut cx = Context::from_waker(&waker);
    let collecting = Collecting::start();
    let mut polled = Poll::Pending;
    for _ in 0..MAX_POLLS {
        own.woken.store(false, Ordering::Relaxed);
        polled = poll(&mut cx);
        if polled.is_ready() || !own.woken.load(Ordering::Relaxed) {
            break;
        }
    }
    for fetch in collecting.finish() {
        tokio::spawn(fetch);
    }
    polled
}

/// Wakes the task, and tells whether it did.
struct OwnWaker {
    outer: Waker,
    woken: AtomicBool,
}

impl Wake for OwnWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.outer.wake_by_ref();
    }
}

/// Collects fetches on this thread until finished or dropped, as in a panic; then a pass around this one
/// goes on.
struct Collecting {
    around: Option<Vec<Fetch>>,
}

impl Collecting {
    fn start() -> Self {
        Self {
            around: FETCHES.replace(Some(Vec::new())),
        }
    }

    fn finish(self) -> Vec<Fetch> {
        FETCHES.take().unwrap_or_default()
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        FETCHES.set(self.around.take());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::Mutex;
    use std::time::Duration;

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures_util::{StreamExt, future};

    use super::*;

    #[derive(Default)]
    struct Batches(Mutex<Vec<usize>>);

    impl Loader<i32> for Batches {
        type Value = i32;
        type Error = Infallible;

        async fn load(&self, keys: &[i32]) -> Result<HashMap<i32, i32>, Infallible> {
            self.0.lock().unwrap().push(keys.len());
            Ok(keys.iter().map(|key| (*key, *key)).collect())
        }
    }

    fn loader() -> DataLoader<Batches> {
        DataLoader::new(Batches::default(), begin).delay(Duration::ZERO)
    }

    /// Yields before it asks, as the items of a long list do.
    async fn ask(loader: &DataLoader<Batches>, key: i32) -> i32 {
        for _ in 0..key % 7 {
            future::poll_fn(yield_once(false)).await;
        }
        loader.load_one(key).await.unwrap().unwrap()
    }

    fn yield_once(mut yielded: bool) -> impl FnMut(&mut Context<'_>) -> Poll<()> {
        move |cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_that_a_pass_asks_for_is_one_fetch() {
        for _ in 0..50 {
            let loader = loader();
            let asked = future::join_all((0..200).map(|key| ask(&loader, key)));
            assert_eq!(in_passes(asked).await, (0..200).collect::<Vec<_>>());
            assert_eq!(*loader.loader().0.lock().unwrap(), [200]);
        }
    }

    #[tokio::test]
    async fn a_stream_asks_once_per_item_and_a_loader_serves_outside_of_passes_too() {
        let loader = Arc::new(loader());
        let asking = loader.clone();
        let items = stream::iter([5, 50]).then(move |many| {
            let loader = asking.clone();
            async move {
                future::join_all((0..many).map(|key| ask(&loader, key)))
                    .await
                    .len()
            }
        });
        let lengths: Vec<_> = stream_in_passes(items).collect().await;
        assert_eq!(lengths, [5, 50]);
        assert_eq!(*loader.loader().0.lock().unwrap(), [5, 50]);
        assert_eq!(ask(&loader, 1).await, 1);
    }
}
