//! Who owes an answer to what was said: one rule for every kind of session.

use super::{Author, ChatbotId};

/// The kind of session that something was said in, as far as it matters to who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A person and chatbots.
    Private,
    /// Open to join: chatbots answer when they are mentioned.
    Room,
    /// A visitor and the owner they came to see: the owner's chatbots answer the visitor, not the owner.
    Visit {
        /// Whether it was the visitor who spoke.
        by_visitor: bool,
    },
}

/// A chatbot that could answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub id: ChatbotId,
    /// Its handle, folded.
    pub handle_key: String,
}

/// The chatbots that owe an answer, in the order in which they are to give it.
///
/// `candidates` are those of the session that were not deleted, in the order of their invitation. Where there
/// is one, it answers. Where there are several, those that are mentioned do, in the order of their first
/// mention; if none is, the first. In a room only those that are mentioned. A chatbot never answers a
/// chatbot, and none answers while they are paused.
pub fn who_answers(
    occasion: Occasion,
    paused: bool,
    author: Author,
    content: &str,
    candidates: &[Candidate],
) -> Vec<ChatbotId> {
    let is_spoken_to = match occasion {
        Occasion::Private | Occasion::Room => true,
        Occasion::Visit { by_visitor } => by_visitor,
    };
    if paused || !is_spoken_to || matches!(author, Author::Chatbot(_)) {
        return Vec::new();
    }
    if let ([only], false) = (candidates, occasion == Occasion::Room) {
        return vec![only.id];
    }
    let mut mentioned: Vec<(usize, ChatbotId)> = candidates
        .iter()
        .filter_map(|chatbot| Some((find_mention(content, &chatbot.handle_key)?, chatbot.id)))
        .collect();
    mentioned.sort_by_key(|(place, _)| *place);
    if mentioned.is_empty() && occasion != Occasion::Room {
        return candidates
            .first()
            .map(|first| first.id)
            .into_iter()
            .collect();
    }
    mentioned.into_iter().map(|(_, chatbot)| chatbot).collect()
}

/// Where `@handle` stands for itself in the text, whatever its case. Handles are ASCII, so folding ASCII is
/// enough.
fn find_mention(content: &str, handle: &str) -> Option<usize> {
    content.match_indices('@').map(|(at, _)| at).find(|&at| {
        let rest = &content[at + 1..];
        let fits = rest
            .get(..handle.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(handle));
        fits && !ends_in_word(&content[..at]) && !goes_on(&rest[handle.len()..])
    })
}

/// An `@` behind a word belongs to an address.
fn ends_in_word(before: &str) -> bool {
    let last = before.chars().next_back();
    last.is_some_and(|c| is_of_word(c) || matches!(c, '.' | '-' | '+' | '@'))
}

/// Whether a longer handle stands there. A full stop or a dash is part of it only with more behind.
fn goes_on(after: &str) -> bool {
    let rest = after.trim_start_matches(['.', '-']);
    rest.starts_with(is_of_word) && (rest.len() == after.len() || rest.len() + 1 == after.len())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;

    const NOBODY: [usize; 0] = [];

    fn candidates(handles: &[&str]) -> Vec<Candidate> {
        let candidate = |handle: &&str| Candidate {
            id: ChatbotId::new(),
            handle_key: (*handle).to_owned(),
        };
        handles.iter().map(candidate).collect()
    }

    fn answering(occasion: Occasion, content: &str, handles: &[&str]) -> Vec<usize> {
        let candidates = candidates(handles);
        let author = Author::User(UserId::new());
        let answering = who_answers(occasion, false, author, content, &candidates);
        let place = |id: ChatbotId| candidates.iter().position(|c| c.id == id).unwrap();
        answering.into_iter().map(place).collect()
    }

    #[test]
    fn the_only_one_answers_and_of_several_those_mentioned_or_the_first() {
        let private = |content, handles: &[&str]| answering(Occasion::Private, content, handles);
        assert_eq!(private("hello @nobody", &["a1"]), [0]);
        assert_eq!(private("hello", &["a1", "b2", "c3"]), [0]);
        assert_eq!(private("@c3 and @A1, @c3!", &["a1", "b2", "c3"]), [2, 0]);
        assert_eq!(private("hello", &[]), NOBODY);
    }

    #[test]
    fn in_a_room_only_those_mentioned_answer() {
        assert_eq!(answering(Occasion::Room, "hello", &["a1"]), NOBODY);
        assert_eq!(answering(Occasion::Room, "hello @A1", &["a1"]), [0]);
        assert_eq!(answering(Occasion::Room, "@b2 @a1", &["a1", "b2"]), [1, 0]);
    }

    #[test]
    fn in_a_visit_the_visitor_is_answered_and_the_owner_is_not() {
        let visit = |by_visitor| Occasion::Visit { by_visitor };
        assert_eq!(answering(visit(true), "hello", &["a1"]), [0]);
        assert_eq!(answering(visit(false), "hello @a1", &["a1"]), NOBODY);
    }

    #[test]
    fn nobody_answers_a_chatbot_or_while_paused() {
        let candidates = candidates(&["a1"]);
        let person = Author::User(UserId::new());
        let chatbot = Author::Chatbot(ChatbotId::new());
        for occasion in [
            Occasion::Private,
            Occasion::Room,
            Occasion::Visit { by_visitor: true },
        ] {
            let paused = who_answers(occasion, true, person, "@a1", &candidates);
            let by_chatbot = who_answers(occasion, false, chatbot, "@a1", &candidates);
            assert_eq!((paused, by_chatbot), (vec![], vec![]), "{occasion:?}");
        }
    }

    #[test]
    fn a_mention_is_a_word_of_its_own() {
        let mentions = |content| !answering(Occasion::Room, content, &["tea-bot"]).is_empty();
        for content in [
            "@tea-bot",
            "hey @Tea-Bot, you",
            "(@TEA-BOT)",
            "@tea-bot.",
            "@tea-bot... well",
            "ask @tea-bot-",
            "né @tea-bot\n",
            "ada@tea-bot @tea-bot",
        ] {
            assert!(mentions(content), "{content}");
        }
        for content in [
            "tea-bot",
            "@tea-bots",
            "@tea-bot2",
            "@tea-bot_",
            "@tea-bot-2",
            "@tea-bot.org",
            "@tea-botü",
            "ada@tea-bot",
            "@@tea-bot",
            "@tea",
            "@te",
            "@",
        ] {
            assert!(!mentions(content), "{content}");
        }
    }
}
