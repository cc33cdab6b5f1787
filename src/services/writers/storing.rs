//! One transaction for many sends, each of them judged as if it were alone, behind those before it.
//!
//! The sessions are locked first, and all else is read in statements after that one: so a removal is before a send
//! or after it, never in between, and counters, keys and replies under way stand still. What is stored of all the
//! sends is one statement.

use std::collections::{BTreeMap, HashMap};

use futures_util::try_join;

use super::judging::{Ledger, Send, Verdict};
use crate::app::{App, Care, Outcome, Sending, Sent};
use crate::db::members::{self, NewSeats};
use crate::db::messages::Message;
use crate::db::replies::Ended;
use crate::db::sessions::{self, Busy, Session};
use crate::db::{Connection, chatbots, sends, under_way};
use crate::domain::{Rev, Seq, SessionId};
use crate::error::AppResult;
use crate::services::{access, beginning};

/// What a transaction has made of a batch.
#[derive(Default)]
pub(super) struct Stored {
    /// What each send has led to, in order; nothing if somebody else has locked its session.
    pub(super) told: Vec<Option<AppResult<Outcome>>>,
    /// What there is to announce, in the order of the sessions' logs.
    pub(super) news: BTreeMap<SessionId, BTreeMap<Rev, Message>>,
    /// Replies that made way.
    pub(super) cancelled: Vec<Ended>,
    /// The seats in a session that was begun.
    pub(super) seats: Option<NewSeats>,
}

/// Stores what can be stored of a batch. Must run in a transaction.
pub(super) async fn store(
    app: &App,
    conn: &mut Connection,
    batch: &[&Sending],
    busy: Busy,
) -> AppResult<Stored> {
    let mut stored = Stored::default();
    if let [only] = batch
        && let Care::Begins(account) = only.care
    {
        let seats = beginning::with_house_chatbot(conn, only.session, account).await?;
        stored.seats = Some(seats);
    }
    let wanted: Vec<_> = batch.iter().map(|it| (it.session, it.user)).collect();
    let mut ids: Vec<_> = batch.iter().map(|sending| sending.session).collect();
    ids.sort_unstable();
    ids.dedup();
    let users: Vec<_> = batch.iter().map(|sending| sending.user).collect();
    let locked = sessions::lock_all(conn, &ids, &users, busy).await?;
    let (places, candidates) = try_join!(
        members::find_seats(conn, &locked, &wanted),
        chatbots::candidates(conn, &ids),
    )?;

    let places = batch.iter().zip(&places);
    let sends: Vec<_> = places
        .map(|(sending, place)| Send::new(sending, place, &candidates))
        .collect();
    let keys: Vec<_> = sends.iter().filter_map(Send::key).collect();
    let answered: Vec<_> = sends.iter().filter_map(Send::answered_in).collect();
    let (earlier, owed) = try_join!(
        sends::find_by_keys(conn, &keys),
        under_way::of_sessions(conn, &answered),
    )?;

    let mut ledger = Ledger::new(earlier, &owed);
    let mut verdicts = Vec::with_capacity(sends.len());
    for send in &sends {
        let verdict = match ledger.judge(app, send) {
            // Alone in its batch: nothing was counted yet.
            Verdict::AskFirst(interrupted) if send.sending.care == Care::Asked => {
                let (session, user) = (send.sending.session, send.sending.user);
                stored.cancelled = under_way::cancel(conn, session, &interrupted).await?;
                // Counted on from behind what was cancelled.
                let seat = members::lock_seat(conn, session, user).await?;
                ledger.add_behind(send, &seat.ok_or(access::NO_SESSION)?, &interrupted)?
            }
            verdict => verdict,
        };
        match verdict {
            // With all that was begun for it.
            Verdict::Refused(error) if sends.len() == 1 => return Err(error),
            verdict => verdicts.push(verdict),
        }
    }
    let written = ledger.into_additions().write(conn).await?;

    let all = written.born.iter().chain(&owed);
    let messages: HashMap<_, _> = all.map(|message| (message.place(), message)).collect();
    for (send, verdict) in sends.iter().zip(verdicts) {
        let at = |seq: Seq| messages[&(send.sending.session, seq)].clone();
        let (seat, message, replies) = match verdict {
            Verdict::Added(seat, added) => {
                let replies = added.replies.into_iter().map(at).collect();
                (seat, at(added.seq), replies)
            }
            Verdict::Earlier(seat, earlier) => (seat, earlier.message, earlier.replies),
            Verdict::AskFirst(seqs) => {
                stored.told.push(Some(Ok(Outcome::AskFirst(seqs))));
                continue;
            }
            Verdict::Refused(error) => {
                stored.told.push(Some(Err(error)));
                continue;
            }
            Verdict::Busy => {
                stored.told.push(None);
                continue;
            }
        };
        let session = written.brought_up_to_date(seat.session().clone());
        let sent = stored.announced(session, message, replies);
        stored.told.push(Some(Ok(Outcome::Sent(Box::new(sent)))));
    }
    Ok(stored)
}

impl Stored {
    /// A send that is stored, with what there is to announce of it noted. Of a retry too: the first try may have been
    /// stored and then cut off before it told anyone. Those who know drop what they know.
    fn announced(&mut self, session: Session, message: Message, replies: Vec<Message>) -> Sent {
        // A reply that waited already was announced at its birth.
        let born = replies.iter().filter(|reply| reply.seq > message.seq);
        let news = self.news.entry(session.id).or_default();
        for message in born.chain([&message]) {
            news.insert(message.rev, message.clone());
        }
        let mut replies = replies.into_iter();
        Sent {
            session,
            message,
            reply: replies.next(),
            further: replies.collect(),
        }
    }
}
