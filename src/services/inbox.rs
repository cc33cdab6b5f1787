//! Watching all of one's sessions, until there is a reason to stop.

use futures_util::Stream;
use tokio::time::sleep;

use super::watch::{EndReason, RETRY, reason_to_end};
use crate::app::App;
use crate::domain::{Epoch, Person, Viewer};
use crate::error::AppResult;
use crate::inbox::{Ahead, Follower, Item, Start};

/// What someone who watches their inbox sees.
#[derive(Clone, Debug)]
pub enum Sight {
    /// Something about a session of theirs.
    Item(Item),
    /// The last there is to see.
    End(EndReason),
}

/// Watches all of the viewer's sessions from a cursor on, or from now on.
///
/// `epoch` is the one that whoever asks had taken before they read anything: cursors are opened in it, and the
/// watch ends with it. What is told is read under the viewer's seats.
pub fn open(
    app: &App,
    viewer: &Viewer,
    epoch: Epoch,
    after: Option<String>,
) -> AppResult<impl Stream<Item = Sight> + Send + use<>> {
    let person = viewer.person()?.clone();
    let start = match after {
        None => Some(Start::Now),
        Some(cursor) => app
            .open_inbox_cursor(epoch, person.user, &cursor)
            .map(Start::After),
    };
    let follower = start.map(|start| app.inboxes().follow(person.user, start));
    Ok(watch(app.clone(), person, epoch, follower))
}

fn watch(
    app: App,
    person: Person,
    epoch: Epoch,
    follower: Option<Follower>,
) -> impl Stream<Item = Sight> + Send {
    async_stream::stream! {
        let Some(mut follower) = follower else {
            yield Sight::End(EndReason::CursorUnknown);
            return;
        };
        let end = reason_to_end(app.clone(), person.clone(), epoch);
        tokio::pin!(end);
        loop {
            let sight = tokio::select! {
                biased;
                reason = &mut end => Sight::End(reason),
                item = next(&mut follower) => match item {
                    Ok(item) => Sight::Item(item),
                    Err(Ahead) => Sight::End(EndReason::CursorUnknown),
                },
            };
            let is_end = matches!(sight, Sight::End(_));
            yield sight;
            if is_end {
                return;
            }
        }
    }
}

/// Waits for what comes next, however long the database can't be read.
async fn next(follower: &mut Follower) -> Result<Item, Ahead> {
    loop {
        match follower.next().await {
            Ok(told) => return told,
            Err(error) => {
                let cause = error.cause_chain();
                tracing::warn!(cause, "an inbox can't be read");
                sleep(RETRY).await;
            }
        }
    }
}
