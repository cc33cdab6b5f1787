//! The integration tests, in one program.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod accounts;
mod bad_input;
mod bus;
mod chatbots;
mod commands;
mod connections;
mod deadlines;
mod downloads;
mod gate;
mod graphql_over_http;
mod graphql_streams;
mod graphql_transport_ws;
mod guides;
mod helpers;
mod history;
mod in_session;
mod layers;
mod live;
mod migrations;
mod model_server;
mod own_account;
mod pages;
mod panics;
mod persisted;
mod plans;
mod pressure;
mod private_postgres;
mod program;
mod rates;
mod raw_socket;
mod raw_stream;
mod replies;
mod restored;
mod rooms;
mod schema;
mod sending;
mod sharing;
mod sign_outs;
mod transports;
mod typed_client;
