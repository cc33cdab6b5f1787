//! Writing what people send: a batch in one transaction, and for each sender an answer of their own.
//!
//! Where a batch can't be written, nothing of it is stored, and each of its sends is tried by itself: whatever is
//! wrong with one fails nobody else. A shared lane waits for nobody's lock: sends to a session that is locked go on
//! in a lane of its own, and wait there.

mod judging;
mod storing;

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel_async::AsyncConnection;

use super::{seating, under_way};
use crate::app::lanes::{self, Work};
use crate::app::{App, Care, Lane, Outcome, Sending, WaitingSend};
use crate::bus::Notice;
use crate::db::messages::Message;
use crate::db::sessions::Busy;
use crate::domain::MessageStatus;
use crate::error::{AppError, AppResult};
use storing::Stored;

/// Has a message written, and everybody told of it who watches. Whether the sender is in the session is found out
/// when it is written.
pub(super) async fn deliver(app: &App, sending: Sending) -> AppResult<Outcome> {
    let lane = app.writers().lane_of(&sending);
    let lanes = app.writers().lanes();
    lanes.enter(lane, sending, app.tasks(), work(app)).await
}

fn work(app: &App) -> Work<Lane, Sending, Outcome> {
    let app = app.clone();
    Arc::new(move |lane, batch| Box::pin(write(app.clone(), lane, batch)))
}

async fn write(app: App, lane: Lane, batch: Vec<WaitingSend>) {
    let Some((mut conn, mut batch)) = lanes::connect(app.db(), batch).await else {
        return;
    };
    let busy = match lane {
        Lane::Shared(_) => Busy::Skip,
        Lane::Own(_) => Busy::Wait,
    };
    let sendings: Vec<&Sending> = batch.iter().map(|waiting| &waiting.job).collect();
    let mut is_to_commit = false;
    let stored = conn
        .transaction(async |conn| {
            let stored = Box::pin(storing::store(&app, conn, &sendings, busy)).await?;
            is_to_commit = true;
            Ok::<_, AppError>(stored)
        })
        .await;
    let is_lost = conn.is_lost();
    // Then it may be stored or not. Only who gave a key may send it again, and knows whether they want to.
    let is_unknown = is_to_commit || is_lost;
    drop(conn);
    // All of them wait for the same there, such as their session's lock: tried one by one, each would wait as long.
    let is_in_vain = matches!(
        (lane, &stored),
        (Lane::Own(_), Err(AppError::Unavailable { .. }))
    );
    match stored {
        Ok(stored) => tell(&app, batch, stored),
        Err(error) if batch.len() > 1 && !is_unknown && !is_in_vain => {
            let (sends, cause) = (batch.len(), error.cause_chain());
            tracing::warn!(sends, cause, "sends can't be written together");
            move_to_own(&app, batch, Care::Suspect);
        }
        Err(error) => {
            // Who watches finds what is stored all the same.
            if is_unknown {
                let sessions: BTreeSet<_> =
                    batch.iter().map(|waiting| waiting.job.session).collect();
                for session in sessions {
                    app.bus().publish(Notice::Look { session });
                }
            }
            // Those behind them would wait for the same, and as long again.
            if is_lost {
                batch.extend(app.writers().lanes().clear(lane));
            }
            lanes::fail(batch, error);
        }
    }
}

/// Moves sends to the lanes of their sessions' own.
fn move_to_own(app: &App, batch: impl IntoIterator<Item = WaitingSend>, care: Care) {
    for mut waiting in batch {
        waiting.job.care = care;
        let own = Lane::Own(waiting.job.session);
        let lanes = app.writers().lanes();
        lanes.put(own, waiting.begun_anew(), app.tasks(), work(app));
    }
}

/// Announces what was stored, and then answers each.
fn tell(app: &App, batch: Vec<WaitingSend>, stored: Stored) {
    seating::announce(app, stored.seats);
    if let Some(first) = stored.cancelled.first() {
        under_way::announce(app, first.message.session_id, stored.cancelled);
    }
    let is_pending = |message: &Message| message.status == MessageStatus::Pending;
    let mut news = stored.news.values();
    let is_owed = news.any(|news| news.values().any(is_pending));
    for (session, news) in stored.news {
        app.bus().publish(Notice::Changed {
            session,
            messages: news.into_values().collect(),
        });
    }
    if is_owed {
        app.bus().publish(Notice::ReplyWaiting);
    }
    for (waiting, told) in batch.into_iter().zip(stored.told) {
        match told {
            Some(told) => waiting.answer(told),
            None => move_to_own(app, [waiting], Care::None),
        }
    }
}
