//! Puts together what a model is told, from the newest message back until the budget is used up.

use std::collections::VecDeque;

use serde::Serialize;

use super::tokens;
use crate::services::conversation::{Speaker, Utterance};

/// What a message costs beside its words, as OpenAI's servers count: role and separators.
const FRAME: usize = 4;

/// A message is cut to what is left of the budget if that is at least this much, and left out otherwise.
const LEAST_PART: usize = 32;

const WAS_CUT: &str = "\n[This message is longer. The rest was cut.]";

const SEVERAL: &str = "Several people take part in this conversation. Each of their messages begins with its \
                       author's name and a colon. Answer without such a beginning.";

/// Who says something, as model servers call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::bots) enum Role {
    /// Whoever made the chatbot.
    System,
    /// Those it talks to.
    User,
    /// The chatbot.
    Assistant,
}

/// One message of what a model is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::bots) struct Turn {
    /// Who says it.
    pub(in crate::bots) role: Role,
    /// What.
    pub(in crate::bots) content: String,
}

/// A memory being put together.
pub(super) struct Recall {
    system: Option<Turn>,
    turns: VecDeque<Turn>,
    has_several: bool,
    left: usize,
}

impl Recall {
    /// Begins with the persona. It may take half of the budget; the rest of a longer one is cut.
    pub(super) fn new(budget: usize, persona: Option<&str>, has_several: bool) -> Self {
        let persona = persona.map(str::trim).filter(|persona| !persona.is_empty());
        let persona = persona.map(|persona| tokens::cut(persona, budget / 2));
        let company = has_several.then_some(SEVERAL);
        let parts: Vec<&str> = persona.into_iter().chain(company).collect();
        let content = parts.join("\n\n");
        let mut recall = Self {
            system: None,
            turns: VecDeque::new(),
            has_several,
            // The answer's own frame.
            left: budget.saturating_sub(FRAME),
        };
        if !content.is_empty() {
            recall.left = recall.left.saturating_sub(tokens::count(&content) + FRAME);
            recall.system = Some(Turn {
                role: Role::System,
                content,
            });
        }
        recall
    }

    /// Takes in what was said before everything it knows. Says whether there is room for more.
    ///
    /// The message at which the budget ends is cut and says so, so that even one that is longer than the
    /// whole budget is known in part.
    pub(super) fn take_in(&mut self, utterance: &Utterance) -> bool {
        let (role, mut content) = match &utterance.speaker {
            Speaker::Oneself => (Role::Assistant, utterance.content.clone()),
            Speaker::Other(name) if self.has_several => {
                (Role::User, format!("{name}: {}", utterance.content))
            }
            Speaker::Other(_) => (Role::User, utterance.content.clone()),
        };
        let cost = tokens::count(&content) + FRAME;
        let has_room = cost <= self.left;
        if has_room {
            self.left -= cost;
        } else {
            let notice = tokens::count(WAS_CUT) + FRAME;
            // The newest is what is to be answered: of that, even a little is better than nothing.
            let least = if self.turns.is_empty() { 1 } else { LEAST_PART };
            let room = self.left.saturating_sub(notice);
            self.left = 0;
            if room < least {
                return false;
            }
            content = format!("{}{WAS_CUT}", tokens::cut(&content, room));
        }
        self.put(Turn { role, content });
        has_room
    }

    /// What one side says in a row becomes one turn: the templates of many models insist that the sides
    /// alternate.
    fn put(&mut self, turn: Turn) {
        match self.turns.front_mut() {
            Some(next) if next.role == turn.role => {
                next.content = format!("{}\n\n{}", turn.content, next.content);
            }
            _ => self.turns.push_front(turn),
        }
    }

    /// What the model is told, in order.
    pub(super) fn into_turns(mut self) -> Vec<Turn> {
        // For the same templates' sake it begins with somebody else than the model.
        if self.turns.len() > 1
            && self
                .turns
                .front()
                .is_some_and(|turn| turn.role == Role::Assistant)
        {
            self.turns.pop_front();
        }
        self.system.into_iter().chain(self.turns).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(name: &str, content: &str) -> Utterance {
        Utterance {
            speaker: Speaker::Other(name.to_owned()),
            content: content.to_owned(),
        }
    }

    fn answers(content: &str) -> Utterance {
        Utterance {
            speaker: Speaker::Oneself,
            content: content.to_owned(),
        }
    }

    /// What is told of a conversation, a line a turn.
    fn told(budget: usize, persona: Option<&str>, has_several: bool, said: &[Utterance]) -> String {
        let mut recall = Recall::new(budget, persona, has_several);
        for utterance in said.iter().rev() {
            if !recall.take_in(utterance) {
                break;
            }
        }
        let lines = recall.into_turns().into_iter();
        let lines = lines.map(|turn| format!("{:?}: {}", turn.role, turn.content));
        lines.collect::<Vec<_>>().join("\n---\n")
    }

    fn chat() -> Vec<Utterance> {
        vec![
            says("Ada", "My cat is called Turing."),
            answers("What a good name."),
            says("Ada", "What is my cat called?"),
        ]
    }

    #[test]
    fn the_persona_comes_first_then_all_that_was_said() {
        insta::assert_snapshot!(told(1000, Some(" You like cats. "), false, &chat()), @r"
        System: You like cats.
        ---
        User: My cat is called Turing.
        ---
        Assistant: What a good name.
        ---
        User: What is my cat called?
        ");
    }

    #[test]
    fn among_several_everybody_is_named_but_the_chatbot_itself() {
        let mut said = chat();
        said.insert(
            1,
            says("Ada (@ada2)", "Mine is called Grace.\nBob: I have none."),
        );
        insta::assert_snapshot!(told(1000, None, true, &said), @r"
        System: Several people take part in this conversation. Each of their messages begins with its author's name and a colon. Answer without such a beginning.
        ---
        User: Ada: My cat is called Turing.

        Ada (@ada2): Mine is called Grace.
        Bob: I have none.
        ---
        Assistant: What a good name.
        ---
        User: Ada: What is my cat called?
        ");
    }

    #[test]
    fn what_is_oldest_is_forgotten_first_and_it_never_begins_with_the_model() {
        let all = chat();
        let needs = |said: &[Utterance]| {
            let words = |said: &Utterance| tokens::count(&said.content) + FRAME;
            said.iter().map(words).sum::<usize>() + FRAME
        };
        assert!(told(needs(&all), None, false, &all).starts_with("User: My cat is called"));
        // One token short of all, and the oldest is too short to be worth a part of it.
        insta::assert_snapshot!(
            told(needs(&all) - 1, None, false, &all), @"User: What is my cat called?"
        );
        let newest = &all[2..];
        insta::assert_snapshot!(
            told(needs(newest), None, false, &all), @"User: What is my cat called?"
        );
    }

    #[test]
    fn a_message_longer_than_the_budget_is_cut_and_says_so() {
        let long = "one two three four five six seven eight nine ten ".repeat(100);
        let alone = told(64, None, false, &[says("Ada", &long)]);
        assert!(alone.starts_with("User: one two three"), "{alone}");
        assert!(alone.ends_with(WAS_CUT), "{alone}");
        assert!(tokens::count(&alone) <= 64 + 2, "{alone}");

        let before = told(
            128,
            None,
            false,
            &[says("Ada", &long), answers("Ten."), says("Ada", "Why?")],
        );
        assert!(before.starts_with("User: one two three"), "{before}");
        assert!(
            before.contains(WAS_CUT) && before.ends_with("User: Why?"),
            "{before}"
        );
        assert!(tokens::count(&before) <= 128, "{before}");
    }

    #[test]
    fn a_persona_leaves_room_for_what_is_to_be_answered() {
        let persona = "You are very, very verbose. ".repeat(100);
        let told = told(100, Some(&persona), false, &chat());
        assert!(told.ends_with("User: What is my cat called?"), "{told}");
        assert!(tokens::count(&told) <= 100, "{told}");
    }
}
