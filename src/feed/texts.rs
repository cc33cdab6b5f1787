//! The text so far of each reply under way in one session.

use std::collections::HashMap;

use crate::bus::TextPiece;
use crate::db::messages::Message;
use crate::domain::{Applied, ReplyText, Seq};

/// What is known of the replies under way.
#[derive(Default)]
pub(super) struct Texts {
    replies: HashMap<Seq, UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    attempt: i16,
    text: ReplyText,
}

/// What a piece of text led to.
pub(super) enum Heard {
    /// Tell the followers this much.
    News(TextPiece),
    /// Nothing to tell.
    Nothing,
    /// Something before the piece is missing: read the row.
    Gap,
}

impl Texts {
    /// Takes a message as the log has it: replies under way begin or go on, ended ones are forgotten.
    pub(super) fn see(&mut self, message: &Message) {
        if !message.status.is_under_way() {
            self.replies.remove(&message.seq);
            return;
        }
        let known = self.replies.entry(message.seq).or_default();
        if message.attempt >= known.attempt {
            known.attempt = message.attempt;
            known.text.apply(0, &message.content);
        }
    }

    /// Takes a piece that a runner announced.
    pub(super) fn hear(&mut self, piece: &TextPiece) -> Heard {
        // A piece of a reply that has ended or is not known yet: the log tells of both.
        let Some(known) = self.replies.get_mut(&piece.seq) else {
            return Heard::Nothing;
        };
        if piece.attempt < known.attempt {
            return Heard::Nothing;
        }
        known.attempt = piece.attempt;
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

    /// Takes the row of a reply that has a gap; gives what it adds, if anything.
    pub(super) fn mend(&mut self, row: &Message) -> Option<TextPiece> {
        let piece = TextPiece {
            seq: row.seq,
            attempt: row.attempt,
            offset: 0,
            text: row.content.clone(),
        };
        match self.hear(&piece) {
            Heard::News(news) => Some(news),
            Heard::Nothing | Heard::Gap => None,
        }
    }

    /// Of each reply under way, its place and what follows the first `shown` scalar values of it.
    pub(super) fn beyond(&self, shown: impl Fn(Seq) -> usize) -> Vec<(Seq, usize, String)> {
        let mut rest: Vec<_> = self
            .replies
            .iter()
            .map(|(seq, reply)| {
                let shown = shown(*seq).min(reply.text.length());
                (*seq, shown, reply.text.from(shown).to_owned())
            })
            .collect();
        rest.sort_unstable_by_key(|(seq, ..)| *seq);
        rest
    }
}
