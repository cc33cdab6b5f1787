//! The registry of engines: a new one is a file beside this one, and a line here.

use std::collections::HashMap;

use super::engine::Engine;
use super::{Patience, builtin, openai};
use crate::config::Config;
use crate::domain::ChatbotEngine;

/// Makes an engine when the process starts.
fn make(engine: ChatbotEngine, config: &Config, patience: &Patience) -> Box<dyn Engine> {
    match engine {
        ChatbotEngine::Builtin => Box::new(builtin::Builtin),
        ChatbotEngine::OpenAi => Box::new(openai::OpenAi::new(config, patience)),
    }
}

/// The engines of this process.
pub(super) struct Engines {
    made: HashMap<ChatbotEngine, Box<dyn Engine>>,
}

impl Engines {
    /// Makes them all.
    pub(super) fn new(config: &Config, patience: &Patience) -> Self {
        let make = |engine: &ChatbotEngine| (*engine, make(*engine, config, patience));
        Self {
            made: ChatbotEngine::ALL.iter().map(make).collect(),
        }
    }

    /// The same with this one in the place of another.
    pub(super) fn with(mut self, engine: ChatbotEngine, made: Box<dyn Engine>) -> Self {
        self.made.insert(engine, made);
        self
    }

    /// The one that writes the replies of such a chatbot.
    pub(super) fn of(&self, engine: ChatbotEngine) -> &dyn Engine {
        // `new` made every one there is.
        self.made[&engine].as_ref()
    }
}
