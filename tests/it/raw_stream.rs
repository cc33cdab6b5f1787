//! A long HTTP response, read as it comes, byte for byte.

use reqwest::{Client, RequestBuilder, Response, header};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::raw_socket::SOON;

/// A request for an operation, with this `Accept`.
pub fn request(
    url: &str,
    accept: &str,
    token: Option<&str>,
    query: &str,
    variables: Value,
) -> RequestBuilder {
    let request = Client::new()
        .post(format!("{url}/graphql"))
        .header(header::ACCEPT, accept)
        .json(&json!({"query": query, "variables": variables}));
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// A response that goes on.
pub struct RawStream {
    response: Response,
    unread: String,
}

impl RawStream {
    /// Sends the request and expects a stream of this type.
    pub async fn open(request: RequestBuilder, content_type: &str) -> Self {
        let response = timeout(SOON, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type);
        // What keeps proxies from holding it back.
        assert_eq!(
            response.headers()[header::CACHE_CONTROL],
            "no-store, no-transform"
        );
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            response,
            unread: String::new(),
        }
    }

    /// Reads up to this mark, which is left out; `None` if the response ends before it.
    pub async fn until(&mut self, mark: &str) -> Option<String> {
        loop {
            if let Some((before, behind)) = self.unread.split_once(mark) {
                let before = before.to_owned();
                self.unread = behind.to_owned();
                return Some(before);
            }
            let chunk = timeout(SOON, self.response.chunk()).await;
            let chunk = chunk.expect("something in time").expect("no broken end")?;
            self.unread += str::from_utf8(&chunk).unwrap();
        }
    }

    /// Everything that is left.
    pub async fn rest(mut self) -> String {
        assert_eq!(self.until("there is no such mark").await, None);
        self.unread
    }
}
