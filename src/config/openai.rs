//! The model server of `OPENAI` chatbots: where it is, the key to it, and which of its models may be used.
//!
//! All of it is the operator's. No user names an address, or ever sees the key.

use std::ffi::OsString;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::read::Reader;

/// OpenAI's own address: the default, because those who set a key and nothing else mean it.
const OPENAI: &str = "https://api.openai.com/v1";

/// How many tokens a model takes in and gives out together, unless the operator knows better: what the
/// smallest models in use have.
const CONTEXT: usize = 8192;

/// How many tokens a reply may have, unless the operator says otherwise: some 700 words.
const REPLY: usize = 1024;

/// A model server.
#[derive(Clone, Debug)]
pub struct OpenAi {
    /// Where its API begins, as `https://api.openai.com/v1`. `OPENAI_BASE_URL`.
    pub base_url: Url,
    /// The key to it; many servers of one's own ask for none. `OPENAI_API_KEY`.
    pub key: Option<ApiKey>,
    /// The models that chatbots may use, at least one; the first is the default. `PARLOR_OPENAI_MODELS`.
    pub models: Vec<String>,
    /// How many tokens a conversation and the reply to it may have together. `PARLOR_OPENAI_CONTEXT`.
    pub context: usize,
    /// How many of them are the reply's. `PARLOR_OPENAI_REPLY`.
    pub reply: usize,
}

impl OpenAi {
    /// Where replies are asked for, or another address below the base.
    pub fn address(&self, path: &str) -> Url {
        let mut address = self.base_url.clone();
        let base = self.base_url.path().trim_end_matches('/');
        address.set_path(&format!("{base}/{path}"));
        address
    }

    /// The model that a chatbot uses which asked for `wanted`; nothing if that one is not allowed (any more).
    pub fn model<'a>(&'a self, wanted: Option<&str>) -> Option<&'a str> {
        let mut models = self.models.iter().map(String::as_str);
        match wanted {
            None => models.next(),
            Some(wanted) => models.find(|model| *model == wanted),
        }
    }

    /// Whether what is sent could be read on the way: without TLS, to another machine.
    pub fn sends_in_the_clear(&self) -> bool {
        let is_here = match self.base_url.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host.starts_with("127."),
            None => false,
        };
        self.base_url.scheme() == "http" && !is_here
    }

    /// Reads the variables. `PARLOR_OPENAI_MODELS` turns it on: a key alone may lie in an environment for
    /// some other program's sake.
    pub(super) fn read<L: Fn(&str) -> Option<OsString>>(reader: &mut Reader<L>) -> Option<Self> {
        let key = reader.parsed("OPENAI_API_KEY", "is a key without spaces", ApiKey::parse);
        let is_own = reader.is_set("OPENAI_BASE_URL");
        let base_url = reader.parsed(
            "OPENAI_BASE_URL",
            "is an address, as https://api.openai.com/v1, with neither user nor query",
            base_url,
        );
        let models = reader.parsed(
            "PARLOR_OPENAI_MODELS",
            "is a list of models, as gpt-4.1-mini, separated by commas",
            models,
        );
        let mut tokens = |name: &str, default| {
            let rule = "is a number of tokens from 16 to 2000000";
            let read = |text: &str| {
                let tokens = text.parse().ok();
                tokens.filter(|tokens| (16..=2_000_000).contains(tokens))
            };
            reader.parsed(name, rule, read).unwrap_or(default)
        };
        let context = tokens("PARLOR_OPENAI_CONTEXT", CONTEXT);
        let reply = tokens("PARLOR_OPENAI_REPLY", REPLY.min(context / 2));
        if reply > context / 2 {
            reader.fault("PARLOR_OPENAI_REPLY is at most half of PARLOR_OPENAI_CONTEXT");
        }
        let models = models?;
        if key.is_none() && !is_own && !reader.is_set("OPENAI_API_KEY") {
            reader.fault(
                "OPENAI_API_KEY is required with PARLOR_OPENAI_MODELS, unless OPENAI_BASE_URL names a \
                 server that asks for none",
            );
        }
        Some(Self {
            base_url: base_url.or_else(|| Url::parse(OPENAI).ok())?,
            key,
            models,
            context,
            reply,
        })
    }
}

/// The key to a model server. Neither its `Debug` nor that of its header shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The value of the `Authorization` header, marked as one that is not to be shown.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    // A user or a query could hold another secret, which logs of addresses would show.
    let fits = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    fits.then_some(url)
}

fn models(text: &str) -> Option<Vec<String>> {
    let model = |name: &str| {
        let name = name.trim();
        let fits = (1..=200).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic());
        fits.then(|| name.to_owned())
    };
    text.split(',').map(model).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigError};

    fn read(variables: &[(&str, &str)]) -> Result<Option<OpenAi>, ConfigError> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let lookup = |name: &str| find(name).map(|(_, value)| (*value).into());
        Config::read(lookup).map(|config| config.openai)
    }

    #[test]
    fn models_turn_it_on_and_a_stray_key_does_not() {
        assert!(read(&[("OPENAI_API_KEY", "sk-1")]).unwrap().is_none());
        let server = read(&[
            ("OPENAI_API_KEY", "sk-1"),
            ("PARLOR_OPENAI_MODELS", "gpt-4.1-mini, gpt-4.1"),
        ]);
        let server = server.unwrap().unwrap();
        assert_eq!(server.model(None), Some("gpt-4.1-mini"));
        assert_eq!(server.model(Some("gpt-4.1")), Some("gpt-4.1"));
        assert_eq!(server.model(Some("gpt-3")), None);
        assert_eq!(
            server.address("chat/completions").as_str(),
            "https://api.openai.com/v1/chat/completions"
        );
        assert!(!format!("{server:?}").contains("sk-1"));
    }

    #[test]
    fn a_server_of_ones_own_needs_no_key_but_openai_does() {
        let models = ("PARLOR_OPENAI_MODELS", "llama3.2");
        let server = read(&[models, ("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1/")]);
        assert_eq!(
            server.unwrap().unwrap().address("models").as_str(),
            "http://127.0.0.1:11434/v1/models"
        );
        let error = read(&[models]).unwrap_err().to_string();
        assert!(error.contains("OPENAI_API_KEY is required"), "{error}");
    }

    #[test]
    fn every_fault_is_named_and_no_key_repeated() {
        let error = read(&[
            ("OPENAI_API_KEY", "sk-1 sk-2"),
            ("OPENAI_BASE_URL", "https://user:sk-3@host/v1?key=sk-4"),
            ("PARLOR_OPENAI_MODELS", "a,,b"),
            ("PARLOR_OPENAI_CONTEXT", "some"),
            ("PARLOR_OPENAI_REPLY", "1"),
        ])
        .unwrap_err();
        assert_eq!(error.faults.len(), 5, "{error}");
        assert!(!error.to_string().contains("sk-"), "{error}");
        let upside_down = [
            ("PARLOR_OPENAI_CONTEXT", "1000"),
            ("PARLOR_OPENAI_REPLY", "501"),
        ];
        assert_eq!(read(&upside_down).unwrap_err().faults.len(), 1);
    }
}
