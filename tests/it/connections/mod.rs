//! How many may connect, how fast they must be, and who is counted as whom.

mod attacks;
mod crowds;
mod keep_alive;
mod peers_that_leave;
mod rates;

use reqwest::{RequestBuilder, Response};
use serde_json::json;
use tokio::time::timeout;

use crate::{helpers::Person, raw_socket::SOON, raw_stream::request};

const EVENTS: &str = "text/event-stream";

/// A request for the events of a session, as a stream.
fn watching(url: &str, accept: &str, who: &Person, session: &str) -> RequestBuilder {
    let query =
        "subscription ($session: ID!) { sessionEvents(sessionId: $session) { __typename } }";
    let variables = json!({"session": session});
    request(url, accept, Some(who.token()), query, variables)
}

/// Whether the stream was refused for being one too many.
async fn is_refused(response: &mut Response) -> bool {
    let mut told = String::new();
    loop {
        let chunk = timeout(SOON, response.chunk()).await.unwrap().unwrap();
        told += str::from_utf8(&chunk.expect("more")).unwrap();
        if told.contains("RATE_LIMITED") {
            return true;
        }
        if told.contains("CaughtUp") {
            return false;
        }
    }
}

/// Asks for a stream until there is room for it: the server notices by itself that another has ended.
async fn until_admitted(url: &str, accept: &str, who: &Person, session: &str) -> Response {
    let admitted = async {
        loop {
            let request = watching(url, accept, who, session);
            let mut response = request.send().await.unwrap();
            if !is_refused(&mut response).await {
                return response;
            }
        }
    };
    timeout(SOON, admitted)
        .await
        .expect("there is room in time")
}
