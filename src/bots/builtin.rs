//! The engine of the house: small talk by rules, with no model and no key.
//!
//! It says plainly what it is. It streams word by word, so that a client built against it is ready for a
//! model.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::engine::{Engine, Pieces};
use crate::app::App;
use crate::services::replies::Assignment;

/// A little faster than people read.
const PACE: Duration = Duration::from_millis(30);

pub(super) struct Builtin;

impl Engine for Builtin {
    fn reply(&self, _: &App, assignment: Assignment) -> Pieces {
        let text = answer(
            &assignment.said(),
            &assignment.person.display_name,
            &assignment.chatbot.name,
        );
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        stream::iter(words)
            .then(|word| async move {
                sleep(PACE).await;
                Ok(word)
            })
            .boxed()
    }
}

/// What to say to `prompt`.
fn answer(prompt: &str, person: &str, chatbot: &str) -> String {
    let said = prompt.trim().to_lowercase();
    let words: Vec<&str> = said
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    let has_word = |any: &[&str]| words.iter().any(|word| any.contains(word));
    let has_words = |any: &[&str]| any.iter().any(|phrase| said.contains(phrase));

    if words.len() <= 3 && has_word(&["help"]) {
        return "Here is what I can do: I greet you, and I make a little small talk; send /help for the \
                commands that I answer. I follow rules: I have no language model. Whatever you write \
                is kept in this session, and what I write reaches you live, word by word, on every \
                device that watches."
            .to_owned();
    }
    if has_words(&[
        "how are you",
        "how do you do",
        "how is it going",
        "how's it going",
    ]) {
        return format!(
            "I am well, thank you, {person}: a set of rules has few worries. How are you?"
        );
    }
    if has_words(&[
        "who are you",
        "what are you",
        "your name",
        "are you a bot",
        "are you human",
    ]) {
        return format!(
            "I am {chatbot}. I am not a language model: I follow a handful of rules, so that there is \
             somebody to talk to where no model is set up."
        );
    }
    if has_words(&["what can you do", "can you help"]) {
        return "Not much, and I say so: greetings, small talk, and a few commands. For real conversations, ask \
                whoever runs this place for a chatbot with a language model."
            .to_owned();
    }
    if has_word(&["thanks", "thank", "thx", "cheers"]) {
        return format!("You are welcome, {person}.");
    }
    if has_word(&["bye", "goodbye", "farewell"]) || has_words(&["good night", "see you"]) {
        return format!("Goodbye, {person}! Everything we said stays here for when you come back.");
    }
    if has_word(&["hello", "hi", "hey", "hallo", "greetings"])
        || has_words(&["good morning", "good afternoon", "good evening", "good day"])
    {
        return format!("Hello, {person}! I am {chatbot}. Say help to hear what I can do.");
    }
    if said.ends_with('?') {
        return "That is a good question, and I can't answer it: I have no language model and only follow \
                a few rules. Say help to hear what I can do."
            .to_owned();
    }
    "I have read that, but I have no language model and only follow a few rules. Say help to hear what I can do."
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(prompt: &str) -> String {
        answer(prompt, "Ada", "Parlor")
    }

    #[test]
    fn it_greets_and_makes_small_talk() {
        assert!(says("Hello!").starts_with("Hello, Ada! I am Parlor."));
        assert!(says("hey, how are you today").starts_with("I am well"));
        assert!(says("Thanks a lot").starts_with("You are welcome, Ada"));
        assert!(says("ok bye").starts_with("Goodbye, Ada!"));
        assert!(says("Who are you?").contains("I am Parlor"));
    }

    #[test]
    fn words_inside_other_words_mean_nothing() {
        assert!(!says("This is white").starts_with("Hello"));
        assert!(!says("byelaws").starts_with("Goodbye"));
    }

    #[test]
    fn it_says_plainly_that_it_is_no_model() {
        for prompt in [
            "help",
            "Who are you?",
            "Why is the sky blue?",
            "Lorem ipsum",
            "🙂",
        ] {
            assert!(says(prompt).contains("model"), "{prompt}");
        }
    }
}
