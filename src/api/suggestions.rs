//! "Did you mean": what somebody who misspelt a field or an argument may have meant.
//!
//! The GraphQL library would compare every name that it does not know, however long, with every name that could stand in
//! its place: 64 KiB of them cost 15 ms and more. Here the errors that are told are looked at, and names of about the
//! same length.

use async_graphql::ServerError;
use async_graphql::registry::{MetaType, Registry};

use super::MOST_ERRORS;

/// How many names are suggested for one.
const MOST_NAMES: usize = 3;

/// Adds to errors what may have been meant.
pub(super) fn add(errors: &mut [ServerError], registry: &Registry) {
    for error in errors.iter_mut().take(MOST_ERRORS) {
        error.message += &meant(registry, &error.message).unwrap_or_default();
    }
}

/// The sentence that suggests what was meant, to be said after the library's own.
fn meant(registry: &Registry, message: &str) -> Option<String> {
    let parts: Vec<&str> = message.split('"').collect();
    let fields = |of: &str| registry.types.get(of).and_then(MetaType::fields);
    let names = match parts[..] {
        ["Unknown field ", name, " on type ", of, "."] => nearest(name, fields(of)?.keys()),
        [
            "Unknown argument ",
            name,
            " on field ",
            field,
            " of type ",
            of,
            ".",
        ] => nearest(name, fields(of)?.get(field)?.args.keys()),
        _ => return None,
    };
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    (!names.is_empty()).then(|| format!(" Did you mean {}?", names.join(", ")))
}

/// Names of which less than half is different, the nearest first.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n String>) -> Vec<&'n str> {
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|other| {
            let less_than = name.len().max(other.len()).div_ceil(2);
            // The distance is never less than this, and costs nothing.
            let is_possible = name.len().abs_diff(other.len()) < less_than;
            let distance = is_possible.then(|| strsim::levenshtein(name, other))?;
            (distance < less_than).then_some((distance, other.as_str()))
        })
        .collect();
    near.sort();
    near.truncate(MOST_NAMES);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(query: &str) -> Vec<String> {
        let answer = crate::api::unconnected().execute(query).await;
        answer
            .errors
            .into_iter()
            .map(|error| error.message)
            .collect()
    }

    #[tokio::test]
    async fn who_misspelt_a_name_is_told_of_the_nearest() {
        assert_eq!(
            told("{ serverInfos { nmae } }").await,
            ["Unknown field \"serverInfos\" on type \"Query\". Did you mean \"serverInfo\"?"]
        );
        assert_eq!(
            told("{ chatbot(handel: \"x\", handle: \"x\") { id } }").await,
            [
                "Unknown argument \"handel\" on field \"chatbot\" of type \"Query\". Did you mean \"handle\"?"
            ]
        );
        assert_eq!(
            told("{ serverInfo { zzzzzzzz } }").await,
            ["Unknown field \"zzzzzzzz\" on type \"ServerInfo\"."]
        );
    }

    #[tokio::test]
    async fn no_more_is_suggested_than_is_told() {
        let names = "nam ".repeat(900);
        let told = told(&format!("{{ serverInfo {{ {names} }} }}")).await;
        let suggests = |message: &&String| message.ends_with(" Did you mean \"name\"?");
        assert_eq!(told.iter().filter(suggests).count(), MOST_ERRORS);
    }
}
