//! What becomes of each send of a batch: pure rules, on what was read of the sessions under their locks.

use std::collections::HashMap;

use crate::app::{App, Sending};
use crate::db::additions::{Added, Additions, Answer};
use crate::db::members::{Place, Seat};
use crate::db::messages::Message;
use crate::db::sends::{EarlierSend, SendKey};
use crate::domain::{
    Author, Candidate, ChatbotId, ClientKey, MessageStatus, Occasion, Seq, SessionId, SessionKind,
    UserId, WhileReplying, who_answers,
};
use crate::error::{AppError, AppResult};
use crate::services::under_way::{self, Owed};
use crate::services::{access, commands};

/// A send, and what is known of where it goes.
pub(super) struct Send<'a> {
    pub(super) sending: &'a Sending,
    place: &'a Place,
    /// The chatbots that are to answer it, in order, and what each does while it is replying.
    answering: Vec<(ChatbotId, WhileReplying)>,
}

/// What becomes of a send.
pub(super) enum Verdict<'a> {
    /// It is added to the log.
    Added(&'a Seat, Added),
    /// It was stored before.
    Earlier(&'a Seat, EarlierSend),
    /// These replies have to make way first.
    AskFirst(Vec<Seq>),
    /// Its sender is told why not.
    Refused(AppError),
    /// Its session is locked by somebody else.
    Busy,
}

impl<'a> Send<'a> {
    /// `candidates` are the chatbots of all the sessions of the batch.
    pub(super) fn new(
        sending: &'a Sending,
        place: &'a Place,
        candidates: &[(SessionId, Candidate, WhileReplying)],
    ) -> Self {
        let mut send = Self {
            sending,
            place,
            answering: Vec::new(),
        };
        if let Some(seat) = send.seat() {
            send.answering = answering(seat, sending, candidates);
        }
        send
    }

    fn seat(&self) -> Option<&'a Seat> {
        match self.place {
            Place::Seat(seat) => Some(seat),
            Place::None | Place::Busy => None,
        }
    }

    /// What it may have been sent under before.
    pub(super) fn key(&self) -> Option<(&'a Seat, &'a ClientKey)> {
        let key = self.sending.key.as_ref()?;
        Some((self.seat()?, &key.key))
    }

    /// Its session, if a chatbot is to answer there.
    pub(super) fn answered_in(&self) -> Option<SessionId> {
        (!self.answering.is_empty()).then_some(self.sending.session)
    }
}

/// The chatbots that owe an answer to what the seat's person says, in order.
fn answering(
    seat: &Seat,
    sending: &Sending,
    candidates: &[(SessionId, Candidate, WhileReplying)],
) -> Vec<(ChatbotId, WhileReplying)> {
    let session = seat.session();
    let of_session = candidates.iter().filter(|(id, ..)| *id == session.id);
    let (candidates, modes): (Vec<_>, Vec<_>) = of_session
        .map(|(_, candidate, mode)| (candidate.clone(), *mode))
        .unzip();
    let occasion = match session.kind {
        SessionKind::Private => Occasion::Private,
        SessionKind::Room => Occasion::Room,
        SessionKind::Visit => Occasion::Visit {
            by_visitor: sending.is_guest,
        },
    };
    let author = Author::User(seat.user());
    let paused = session.chatbots_paused;
    let chosen = who_answers(
        occasion,
        paused,
        author,
        sending.content.as_str(),
        &candidates,
    );
    let mode = |id: ChatbotId| {
        let place = candidates.iter().position(|chatbot| chatbot.id == id);
        place.map_or(WhileReplying::Queue, |place| modes[place])
    };
    chosen.into_iter().map(|id| (id, mode(id))).collect()
}

/// The logs of a batch's sessions, as they will be.
pub(super) struct Ledger<'a> {
    additions: Additions<'a>,
    known: HashMap<(SessionId, UserId, String), Known<'a>>,
    /// The replies under way, in order.
    owed: HashMap<SessionId, Vec<Owed>>,
}

/// What a key was used for.
#[derive(Clone)]
enum Known<'a> {
    /// Before.
    Earlier(Box<EarlierSend>),
    /// In this batch.
    Added(&'a SendKey, Added),
}

impl<'a> Ledger<'a> {
    /// With what was sent before under the keys of the batch, and what is under way where chatbots are to answer.
    pub(super) fn new(earlier: Vec<EarlierSend>, under_way: &[Message]) -> Self {
        let mut owed = HashMap::<_, Vec<_>>::new();
        for reply in under_way {
            let all = owed.entry(reply.session_id).or_default();
            all.extend(Owed::by(reply));
        }
        let known = earlier.into_iter().filter_map(|earlier| {
            let message = &earlier.message;
            let key = message.client_key.clone()?;
            let whose = (message.session_id, message.user_id?, key);
            Some((whose, Known::Earlier(Box::new(earlier))))
        });
        Self {
            additions: Additions::default(),
            known: known.collect(),
            owed,
        }
    }

    /// What there is to write.
    pub(super) fn into_additions(self) -> Additions<'a> {
        self.additions
    }

    /// Decides what becomes of a send, and adds it where it is to be stored.
    pub(super) fn judge(&mut self, app: &App, send: &Send<'a>) -> Verdict<'a> {
        let judged = match send.place {
            Place::None => Err(access::NO_SESSION),
            Place::Busy => Ok(Verdict::Busy),
            Place::Seat(seat) => self.judge_seated(app, send, seat),
        };
        judged.unwrap_or_else(Verdict::Refused)
    }

    fn judge_seated(
        &mut self,
        app: &App,
        send: &Send<'a>,
        seat: &'a Seat,
    ) -> AppResult<Verdict<'a>> {
        let key = send.sending.key.as_ref();
        if let Some(key) = key
            && let Some(known) = self.known.get(&whose(seat, key))
        {
            known.expect(key)?;
            return Ok(match known.clone() {
                Known::Earlier(earlier) => Verdict::Earlier(seat, *earlier),
                Known::Added(_, added) => Verdict::Added(seat, added),
            });
        }
        commands::refuse_key_of_command(app, seat, key)?;
        let owed = self.owed.get(&seat.session().id);
        let owed = owed.map(Vec::as_slice).unwrap_or_default();
        let turn = under_way::turn(owed, &send.answering)?;
        if !turn.interrupted.is_empty() {
            return Ok(Verdict::AskFirst(turn.interrupted));
        }
        Ok(self.add(send, seat, seat, &turn.answers))
    }

    /// Adds a send for which these replies have made way. `now` is the seat as it is since.
    pub(super) fn add_behind(
        &mut self,
        send: &Send<'a>,
        now: &Seat,
        interrupted: &[Seq],
    ) -> AppResult<Verdict<'a>> {
        let owed = self.owed.entry(send.sending.session).or_default();
        owed.retain(|reply| !interrupted.contains(&reply.seq));
        let turn = under_way::turn(owed, &send.answering)?;
        let seat = send.seat().ok_or(access::NO_SESSION)?;
        Ok(self.add(send, seat, now, &turn.answers))
    }

    fn add(
        &mut self,
        send: &Send<'a>,
        seat: &'a Seat,
        now: &Seat,
        answers: &[Answer],
    ) -> Verdict<'a> {
        let key = send.sending.key.as_ref();
        let added = self.additions.add(now, &send.sending.content, key, answers);
        let owed = self.owed.entry(seat.session().id).or_default();
        for (answer, reply) in answers.iter().zip(&added.replies) {
            if let Answer::Anew(chatbot) = answer {
                owed.push(Owed {
                    seq: *reply,
                    chatbot: *chatbot,
                    attempt: 0,
                });
            }
        }
        if let Some(key) = key {
            let known = Known::Added(key, added.clone());
            self.known.insert(whose(seat, key), known);
        }
        Verdict::Added(seat, added)
    }
}

fn whose(seat: &Seat, key: &SendKey) -> (SessionId, UserId, String) {
    let key = key.key.as_str().to_owned();
    (seat.session().id, seat.user(), key)
}

impl Known<'_> {
    /// `CONFLICT` if the key was used for other content.
    fn expect(&self, key: &SendKey) -> AppResult<()> {
        let is_the_same = match self {
            Self::Added(first, _) => first.digest == key.digest,
            // What a message said that was taken back is not told, not even by whether it was the same.
            Self::Earlier(earlier) => {
                earlier.message.status == MessageStatus::Deleted || earlier.digest == key.digest
            }
        };
        if is_the_same {
            return Ok(());
        }
        Err(AppError::conflict(
            "clientKey",
            "This client key was used for a message with other content.",
        ))
    }
}
