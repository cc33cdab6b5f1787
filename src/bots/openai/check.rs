//! Looks whether the model server is there and has the models, for the operator.

use std::time::Duration;

use serde::Deserialize;

use super::server;
use crate::config::OpenAi;
use crate::outside;

/// How long the server may take to list its models.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much of the list is read. OpenRouter's, with hundreds of models, has half a megabyte.
const LONGEST_LIST: usize = 4 * 1024 * 1024;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has all models that are allowed.
    Good,
    /// It answers, but is not known to have these.
    Missing(Vec<String>),
    /// It can't be used: why, and what to mend. Holds nothing that the server said.
    Bad(String),
}

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Asks the server for its models. Costs nothing there.
pub async fn check(openai: &OpenAi) -> Finding {
    match tokio::time::timeout(DEADLINE, list(openai)).await {
        Err(_) => Finding::Bad(format!(
            "does not answer within {} s. Check OPENAI_BASE_URL",
            DEADLINE.as_secs()
        )),
        Ok(Err(complaint)) => Finding::Bad(complaint),
        Ok(Ok(known)) => {
            // Ollama lists `llama3.2:latest` and takes `llama3.2`.
            let knows = |model: &String| {
                let latest = format!("{model}:latest");
                known.iter().any(|known| known == model || *known == latest)
            };
            let missing: Vec<String> = openai
                .models
                .iter()
                .filter(|model| !knows(model))
                .cloned()
                .collect();
            if missing.is_empty() {
                Finding::Good
            } else {
                Finding::Missing(missing)
            }
        }
    }
}

async fn list(openai: &OpenAi) -> Result<Vec<String>, String> {
    let client = outside::client(DEADLINE)
        .map_err(|_| "can't be called: this machine has no certificates to trust. Install them (Debian, Ubuntu: apt install ca-certificates)".to_owned())?;
    let request = server::request(client.get(openai.address("models")), openai);
    let response = request
        .send()
        .await
        .map_err(|_| "can't be reached. Check OPENAI_BASE_URL, and that it is up".to_owned())?;
    match response.status().as_u16() {
        200 => {}
        401..=403 => return Err("refuses the key. Check OPENAI_API_KEY".to_owned()),
        404 => {
            return Err(
                "has no list of models there. OPENAI_BASE_URL mostly ends in /v1".to_owned(),
            );
        }
        status => {
            return Err(format!(
                "answers with status {status}. Check OPENAI_BASE_URL"
            ));
        }
    }
    let foreign = || "does not answer as a model server does. Check OPENAI_BASE_URL".to_owned();
    let body = outside::read_body(response, LONGEST_LIST).await;
    let body = body.ok_or_else(foreign)?;
    let list: List = serde_json::from_slice(&body).map_err(|_| foreign())?;
    Ok(list.data.into_iter().map(|model| model.id).collect())
}
