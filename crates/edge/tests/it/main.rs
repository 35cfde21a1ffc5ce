//! The real service on a real socket and a real database, between scripted neighbours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod support;
mod usage;

mod access;
mod account;
mod activity;
mod admin;
mod analytics;
mod audit;
mod auth;
mod bad_input;
mod budgets;
mod byok;
mod cache;
mod caching;
mod chat;
mod coalescing;
mod console;
mod content;
mod destinations;
mod dialects;
mod documents;
mod erasure;
mod fairness;
mod feedback;
mod filters;
mod flags;
mod generations;
mod guardrails;
mod health;
mod idempotency;
mod invitations;
mod invoices;
mod keys;
mod leases;
mod ledger;
mod limits;
mod live;
mod lost;
mod members;
mod models;
mod money;
mod oauth;
mod oidc;
mod operators;
mod own_keys;
mod pages;
mod payments;
mod plans;
mod presets;
mod quantum;
mod routing;
mod sign_in;
mod workspaces;
