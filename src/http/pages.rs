//! The web pages that come with the server: for now GraphiQL, at `/graphiql`.
//!
//! They need no other host and no other process: their files are in the binary (see [`bundle`]). Whether the
//! pages are offered at all is for the caller to decide, by adding the router or not.

pub mod bundle;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use tower_http::set_header::SetResponseHeaderLayer;

use bundle::{Bundle, PageFile};

/// What a page may do. Nothing from another host and no script but ours; Monaco, GraphiQL's editor, writes
/// styles into the page and carries its icons as `data:`. `'self'` in `connect-src` covers `ws:` and `wss:` of
/// the same host and port (CSP Level 3, section 6.7.2.8).
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The front-end build names these by a hash of what is in them: a changed file is another file.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for again each time; mostly answered by "not modified".
const ASK_AGAIN: &str = "no-cache";

/// The pages built into this binary. Without them, `/graphiql` says how to get them.
pub fn router() -> Router {
    router_over(Bundle::embedded())
}

/// The pages in `bundle`.
pub fn router_over(bundle: Bundle) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .route("/", get(Redirect::temporary("/graphiql")))
        .route("/graphiql", get(graphiql))
        .route("/graphiql/", get(graphiql))
        .route("/graphiql/{*path}", get(file))
        .route("/assets/{*path}", get(file))
        .with_state(Arc::new(bundle))
        // On these routes only: a router that this one is merged into keeps its own 404.
        .route_layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .route_layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .route_layer(header(REFERRER_POLICY, "same-origin"))
}

async fn graphiql(State(bundle): State<Arc<Bundle>>, headers: HeaderMap) -> Response {
    match bundle.find("graphiql/index.html") {
        Some(page) => serve(page, &headers, ASK_AGAIN).await,
        None => not_built(),
    }
}

async fn file(State(bundle): State<Arc<Bundle>>, uri: Uri, headers: HeaderMap) -> Response {
    // As it stands, without decoding: the names of the build need none, and a name that is not in the bundle
    // is nowhere.
    let path = uri.path().trim_start_matches('/');
    let caching = match path.starts_with("assets/") {
        true => FOREVER,
        false => ASK_AGAIN,
    };
    match bundle.find(path) {
        Some(file) => serve(file, &headers, caching).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(file: &PageFile, asked: &HeaderMap, caching: &'static str) -> Response {
    let about = [(CACHE_CONTROL, caching), (VARY, "accept-encoding")];
    // Weak, because the packed and the plain form share it: the same page, though not the same bytes.
    let entity_tag = [(ETAG, format!("W/{}", file.entity_tag()))];
    if has_it(asked, file.entity_tag()) {
        return (StatusCode::NOT_MODIFIED, about, entity_tag).into_response();
    }
    let content_type = [(CONTENT_TYPE, file.content_type())];
    if takes_brotli(asked) {
        let encoding = [(CONTENT_ENCODING, "br")];
        return (about, entity_tag, content_type, encoding, file.packed()).into_response();
    }
    match file.unpacked().await {
        Ok(bytes) => (about, entity_tag, content_type, bytes).into_response(),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "A file of the web pages can't be unpacked."
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The crate was built without the pages. No success, so that a check of the page notices, and not kept, so
/// that the real page appears as soon as it is there.
fn not_built() -> Response {
    let page = Html(include_str!("pages/not_built.html"));
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(CACHE_CONTROL, "no-store")],
        page,
    )
        .into_response()
}

/// Does the client hold this version already? (RFC 9110, section 13.1.2: a weak comparison.)
fn has_it(asked: &HeaderMap, entity_tag: &str) -> bool {
    words(asked, IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == entity_tag)
}

/// Does the client unpack brotli? (RFC 9110, section 12.5.3.) Browsers do over HTTPS and on localhost. One
/// that ranks another encoding higher gets brotli all the same: it is what we have.
fn takes_brotli(asked: &HeaderMap) -> bool {
    let weight = |name: &str| {
        words(asked, ACCEPT_ENCODING).find_map(|word| {
            let (coding, parameter) = word.split_once(';').unwrap_or((word, "q=1"));
            if !coding.trim_end().eq_ignore_ascii_case(name) {
                return None;
            }
            let q = parameter
                .trim()
                .strip_prefix(['q', 'Q'])?
                .strip_prefix('=')?;
            q.parse::<f32>().ok()
        })
    };
    weight("br")
        .or_else(|| weight("*"))
        .is_some_and(|q| q > 0.0)
}

/// The comma-separated words of all headers called `name`.
fn words(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}
