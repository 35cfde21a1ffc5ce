//! The real service on a real socket and a real database, between scripted neighbours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod support;

mod account;
mod admin;
mod auth;
mod bad_input;
mod cache;
mod chat;
mod coalescing;
mod dialects;
mod health;
mod idempotency;
mod ledger;
mod limits;
mod lost;
mod models;
mod money;
mod presets;
mod routing;
