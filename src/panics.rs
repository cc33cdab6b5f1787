//! Panics: caught where a request or a reply must not take others with it, and logged once wherever they happen.
//!
//! Who catches one logs it, with what it knows: the request, the session. What nobody here catches, in a task that
//! nobody waits for above all, is logged as it happens, with its place ([`log_uncaught`]).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::pin::pin;
use std::task::Poll;

use futures_util::Stream;
use futures_util::stream;

thread_local! {
    /// How many of those who catch are at work on this thread, one around another.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
    /// Where the last panic that is to be caught happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught: its message and its place, for the log only.
#[derive(Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
    /// Known where [`log_uncaught`] was called.
    place: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, place } = self;
        match place {
            Some(place) => write!(f, "{message} (at {place})"),
            None => f.write_str(message),
        }
    }
}

impl std::error::Error for Panic {}

/// From now on a panic that nobody catches by way of this module is a line of the log. For the program's start.
pub fn log_uncaught() {
    set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        if CATCHING.get() > 0 {
            PLACE.replace(place);
        } else {
            let message = message(panic);
            let thread = std::thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            let place = place.as_deref().unwrap_or("an unknown place");
            tracing::error!(place, thread, "a panic that nobody catches: {message}");
        }
    }));
}

fn message<'p>(panic: &'p PanicHookInfo<'_>) -> &'p str {
    panic.payload_as_str().unwrap_or("no message")
}

/// Does the work. A panic in it is the caller's to log.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    let catching = Catching::begin();
    // What the callers share across a panic has its own guards: the pool, channels.
    let done = catch_unwind(AssertUnwindSafe(work));
    drop(catching);
    done.map_err(|payload| Panic {
        message: said(payload.as_ref()),
        place: PLACE.take(),
    })
}

/// Waits for a future. A panic in it is the caller's to log.
pub async fn caught_in<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    poll_fn(|cx| match caught(|| future.as_mut().poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// The same stream, which ends with the first panic in it: that is the caller's to log.
pub fn caught_in_stream<S: Stream>(items: S) -> impl Stream<Item = Result<S::Item, Panic>> {
    let mut items = Some(Box::pin(items));
    stream::poll_fn(move |cx| {
        let Some(open) = &mut items else {
            return Poll::Ready(None);
        };
        match caught(|| open.as_mut().poll_next(cx)) {
            Ok(polled) => polled.map(|item| item.map(Ok)),
            Err(panic) => {
                items = None;
                Poll::Ready(Some(Err(panic)))
            }
        }
    })
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// While it lives, a panic on this thread will be caught.
struct Catching;

impl Catching {
    fn begin() -> Self {
        CATCHING.set(CATCHING.get() + 1);
        Self
    }
}

impl Drop for Catching {
    fn drop(&mut self) {
        CATCHING.set(CATCHING.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use futures_util::StreamExt as _;

    use super::*;

    fn breaks(how: &str) {
        panic!("as planned, {how}");
    }

    /// What a process tells that panics in every way. A hook is a process's: it would be that of all other tests.
    fn told() -> String {
        let program = std::env::current_exe().unwrap();
        let arguments = [
            "--exact",
            "panics::tests::panics_in_every_way",
            "--ignored",
            "--nocapture",
        ];
        let output = Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[tokio::test]
    #[ignore = "the other test runs it, in a process of its own"]
    async fn panics_in_every_way() {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        log_uncaught();
        let log = |panic: Panic| tracing::error!("caught: {panic}");
        log(caught(|| breaks("at once")).unwrap_err());
        log(caught_in(async { breaks("in a future") })
            .await
            .unwrap_err());
        // Caught inside, so the other is at work when it happens.
        let inner = caught(|| caught(|| breaks("within")).unwrap_err());
        log(inner.unwrap());
        let mut items = pin!(caught_in_stream(stream::iter([1, 2, 3]).map(|number| {
            if number == 2 {
                breaks("in a stream");
            }
        })));
        assert_eq!(items.next().await, Some(Ok(())));
        log(items.next().await.unwrap().unwrap_err());
        assert_eq!(items.next().await, None);
        assert!(tokio::spawn(async { breaks("in a task") }).await.is_err());
        assert!(std::thread::spawn(|| breaks("on a thread")).join().is_err());
        assert_eq!(caught(|| 7), Ok(7));
    }

    #[test]
    fn each_panic_is_logged_once_and_with_its_place() {
        let told = told();
        for (how, by) in [
            ("at once", "caught: "),
            ("in a future", "caught: "),
            ("within", "caught: "),
            ("in a stream", "caught: "),
            ("in a task", "a panic that nobody catches: "),
            ("on a thread", "a panic that nobody catches: "),
        ] {
            let lines = told.lines();
            let lines: Vec<_> = lines
                .filter(|line| line.contains(&format!("as planned, {how}")))
                .collect();
            let [line] = lines[..] else {
                panic!("{how} is told {} times: {told}", lines.len());
            };
            assert!(line.contains(by), "{line}");
            assert!(line.contains("src/panics.rs:"), "{line}");
        }
    }
}
