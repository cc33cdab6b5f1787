//! The text so far of each reply under way in one session.

use std::collections::HashMap;

use crate::bus::{TextPiece, WantedText};
use crate::db::log::Entry;
use crate::db::messages::Message;
use crate::domain::{Applied, ReplyText, Rev, Seq};

/// What is known of the replies under way, as of a place in the log.
pub(super) struct Texts {
    head: Rev,
    replies: HashMap<Seq, UnderWay>,
}

struct UnderWay {
    /// Its birth, or the change that had it written anew.
    begun_rev: Rev,
    attempt: i16,
    text: ReplyText,
}

/// What there is to show of a reply under way.
pub(super) struct Rest {
    pub(super) seq: Seq,
    pub(super) begun_rev: Rev,
    pub(super) offset: usize,
    pub(super) text: String,
}

/// What a piece of text led to.
pub(super) enum Heard {
    /// Tell the followers this much.
    News(TextPiece),
    /// Nothing to tell.
    Nothing,
    /// Something before the piece is missing.
    Gap,
}

impl UnderWay {
    fn begin(message: &Message) -> Self {
        Self {
            begun_rev: message.rev,
            attempt: message.attempt,
            text: ReplyText::default(),
        }
    }

    /// Makes ready for what this attempt says; tells whether it still counts. A later attempt begins anew:
    /// nothing that an earlier one wrote was shown, or there would be no later one.
    fn attempt(&mut self, attempt: i16) -> bool {
        if attempt > self.attempt {
            self.attempt = attempt;
            self.text = ReplyText::default();
        }
        attempt == self.attempt
    }
}

impl Texts {
    /// Nothing is under way before the first change.
    pub(super) fn new() -> Self {
        Self {
            head: Rev::START,
            replies: HashMap::new(),
        }
    }

    /// How far the log is known.
    pub(super) fn head(&self) -> Rev {
        self.head
    }

    /// Takes the replies under way as the log has them at `head`. Others have ended.
    pub(super) fn reset(&mut self, head: Rev, under_way: &[Message]) {
        self.head = head;
        self.replies
            .retain(|seq, _| under_way.iter().any(|message| message.seq == *seq));
        for message in under_way {
            self.keep(message);
        }
    }

    /// Takes an entry of the log: a reply begins, goes on, or has ended and is forgotten.
    pub(super) fn see(&mut self, entry: &Entry) {
        self.head = self.head.max(entry.place);
        let Some(message) = entry.message() else {
            return;
        };
        if message.status.is_under_way() {
            self.keep(message);
            return;
        }
        // The end of an earlier writing comes after the next was read, where the feed began between the two.
        let known = self.replies.get(&message.seq);
        if known.is_some_and(|known| known.begun_rev <= message.rev) {
            self.replies.remove(&message.seq);
        }
    }

    fn keep(&mut self, message: &Message) {
        let begun = || UnderWay::begin(message);
        let known = self.replies.entry(message.seq).or_insert_with(begun);
        if message.rev > known.begun_rev {
            *known = begun();
        }
        if message.rev == known.begun_rev && known.attempt(message.attempt) {
            known.text.apply(0, &message.content);
        }
    }

    /// Takes a piece that a runner announced.
    pub(super) fn hear(&mut self, piece: &TextPiece) -> Heard {
        // A piece of a reply that has ended or is not known yet: the log tells of both.
        let Some(known) = self.replies.get_mut(&piece.seq) else {
            return Heard::Nothing;
        };
        if piece.begun_rev != known.begun_rev || !known.attempt(piece.attempt) {
            return Heard::Nothing;
        }
        match known.text.apply(piece.offset, &piece.text) {
            Applied::Appended(offset, text) => Heard::News(TextPiece {
                offset,
                text,
                ..piece.clone()
            }),
            Applied::Nothing => Heard::Nothing,
            Applied::Gap => Heard::Gap,
        }
    }

    /// What to ask whoever writes a reply for; nothing if it is not under way.
    pub(super) fn wanted(&self, reply: Seq) -> Option<WantedText> {
        let known = self.replies.get(&reply)?;
        Some(WantedText {
            seq: reply,
            begun_rev: known.begun_rev,
            from: known.text.length(),
        })
    }

    /// The same for every reply of which text was seen.
    pub(super) fn all_wanted(&self) -> Vec<WantedText> {
        let is_begun = |(_, reply): &(&Seq, &UnderWay)| reply.text.length() > 0;
        let begun = self.replies.iter().filter(is_begun);
        begun.filter_map(|(seq, _)| self.wanted(*seq)).collect()
    }

    /// Takes the row of a reply that has a gap; gives what it adds, if anything.
    pub(super) fn mend(&mut self, row: &Message) -> Option<TextPiece> {
        let piece = TextPiece {
            seq: row.seq,
            begun_rev: row.rev,
            attempt: row.attempt,
            offset: 0,
            text: row.content.clone(),
        };
        match self.hear(&piece) {
            Heard::News(news) => Some(news),
            Heard::Nothing | Heard::Gap => None,
        }
    }

    /// Of each reply under way that was begun up to `place`, what follows on what was shown of it.
    pub(super) fn beyond(&self, place: Rev, shown: impl Fn(Seq, Rev) -> usize) -> Vec<Rest> {
        let mut rest: Vec<_> = self
            .replies
            .iter()
            .filter(|(_, reply)| reply.begun_rev <= place)
            .filter_map(|(seq, reply)| {
                let offset = shown(*seq, reply.begun_rev);
                // A row that was read may have told more than was heard here so far: that is not told again.
                let is_known = offset <= reply.text.length();
                is_known.then(|| Rest {
                    seq: *seq,
                    begun_rev: reply.begun_rev,
                    offset,
                    text: reply.text.from(offset).to_owned(),
                })
            })
            .collect();
        rest.sort_unstable_by_key(|rest| rest.seq);
        rest
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::domain::{ChatbotId, MessageStatus, SessionId};

    fn reply(content: &str) -> Message {
        Message {
            session_id: SessionId::new(),
            seq: Seq(2),
            rev: Rev(2),
            added_rev: Rev(2),
            finished_rev: None,
            user_id: None,
            chatbot_id: Some(ChatbotId::new()),
            content: content.to_owned(),
            status: MessageStatus::Streaming,
            failure: None,
            in_reply_to: Some(Seq(1)),
            client_key: None,
            created_at: Utc::now(),
            edited_at: None,
            attempt: 1,
        }
    }

    /// What follows for somebody who was shown so much of the reply.
    fn beyond(texts: &Texts, shown: usize) -> Vec<(usize, String)> {
        let rest = texts.beyond(Rev(2), |_, _| shown);
        rest.into_iter()
            .map(|rest| (rest.offset, rest.text))
            .collect()
    }

    #[test]
    fn whoever_was_shown_a_part_gets_the_rest() {
        let mut texts = Texts::new();
        texts.reset(Rev(2), &[reply("hello")]);
        assert_eq!(beyond(&texts, 0), [(0, "hello".to_owned())]);
        assert_eq!(beyond(&texts, 3), [(3, "lo".to_owned())]);
        assert_eq!(beyond(&texts, 5), [(5, String::new())]);
    }

    #[test]
    fn the_end_of_an_earlier_writing_takes_nothing_from_the_present_one() {
        let mut texts = Texts::new();
        texts.reset(Rev(2), &[reply("hello")]);
        let mut ended = reply("hell");
        ended.status = MessageStatus::Cancelled;
        ended.rev = Rev(1);
        texts.see(&Entry::latest(ended.clone()));
        assert_eq!(beyond(&texts, 3), [(3, "lo".to_owned())]);
        ended.rev = Rev(3);
        texts.see(&Entry::latest(ended));
        assert_eq!(beyond(&texts, 3), []);
    }

    #[test]
    fn whoever_was_shown_more_than_was_heard_here_is_told_nothing_again() {
        let mut texts = Texts::new();
        texts.reset(Rev(2), &[reply("he")]);
        assert_eq!(beyond(&texts, 5), []);
    }
}
