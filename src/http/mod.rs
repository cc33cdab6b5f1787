//! Parlor on the network: the routes, and the server that answers them.
//!
//! GraphQL comes in over HTTP (`graphql_http`) and over WebSocket (`graphql_ws`). Both read a request their own
//! way and then take the one path of `endpoint`, so that what is refused, counted or run there is so on every
//! transport. What has many answers goes out on the socket, or in one long response (`graphql_stream`).

mod answer;
mod client_address;
mod cors;
mod documents;
mod downloads;
mod endpoint;
mod execution;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod graphql_http;
mod graphql_stream;
mod graphql_ws;
mod guests;
mod heads;
mod health;
mod identity;
mod known_documents;
mod listen;
mod operation;
mod origin;
pub mod pages;
mod parameters;
mod parting;
mod request_id;
mod sharing;
mod steady;
mod timings;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, header},
    middleware,
    response::Response,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tower_http::set_header::SetResponseHeaderLayer;

pub use timings::Timings;

use crate::{
    api::{self, Schema},
    app::App,
    config::Config,
    services::{leftovers, sign_outs, visits},
};
use endpoint::Endpoint;
use guests::Guests;

/// What the handlers share.
struct Server {
    app: App,
    endpoint: Endpoint,
    timings: Timings,
    guests: Guests,
    /// Open sockets. An upgraded connection leaves the accept loop's sight, so it is counted here.
    sockets: TaskTracker,
}

type Shared = Arc<Server>;

/// Answers requests on `listener` until [`App::stopping`] fires and what is under way has ended.
///
/// Returns at the latest [`Timings::stop`] after that, whatever is still open then. An `accept` that fails is
/// logged and tried again.
pub async fn serve(listener: TcpListener, app: App) {
    serve_with(listener, app, Timings::default()).await;
}

/// [`serve`] with other deadlines than the usual ones.
pub async fn serve_with(listener: TcpListener, app: App, timings: Timings) {
    let schema = api::schema(&app);
    serve_schema(listener, app, timings, schema).await;
}

/// The same with another schema, for tests that need more than there is.
pub async fn serve_schema(listener: TcpListener, app: App, timings: Timings, schema: Schema) {
    app.tasks().spawn(sign_outs::keep_looking(app.clone()));
    app.tasks().spawn(leftovers::keep_tidy(app.clone()));
    app.tasks()
        .spawn(visits::expiry::keep_clearing(app.clone()));
    let server = Arc::new(Server {
        endpoint: Endpoint::new(&app, schema, timings.operation),
        guests: Guests::new(&app),
        app,
        timings,
        sockets: TaskTracker::new(),
    });
    listen::run(listener, router(&server), &server).await;
}

/// What is wrong with the documents of `PARLOR_TRUSTED_DOCUMENTS`: a sentence for each that could never run.
pub fn unfit_documents(config: &Config) -> Vec<String> {
    let gate = gate::Gate::new(config.limits);
    let listed = config.trusted_documents.iter().flat_map(|it| it.iter());
    listed
        .filter_map(|(id, text)| {
            let fault = gate.check_alone(text).err()?;
            Some(format!("The document {id:?} can't run: {fault}"))
        })
        .collect()
}

fn router(server: &Shared) -> Router {
    let pages = if server.app.config().graphiql {
        pages::router()
    } else {
        Router::new()
    };
    Router::new()
        .route("/graphql", get(graphql).post(graphql_http::post))
        .route(downloads::ROUTE, get(downloads::get))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(cors::layer(&server.app.config().allowed_origins))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .layer(DefaultBodyLimit::max(server.endpoint.gate().body_bytes()))
        .layer(middleware::from_fn_with_state(
            server.clone(),
            client_address::note,
        ))
        .layer(middleware::from_fn(request_id::assign))
        .with_state(server.clone())
        .merge(pages)
}

/// `GET /graphql` is a query in the address, or the beginning of a socket.
async fn graphql(State(server): State<Shared>, request: Request) -> Response {
    if graphql_ws::is_wanted(&request) {
        graphql_ws::upgrade(server, request).await
    } else {
        graphql_http::get(server, request).await
    }
}
