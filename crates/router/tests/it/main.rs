//! The router against real parts: Postgres, and Redis and NATS where they are installed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

mod catalogue;
mod decisions;
mod editing;
mod imports;
mod models;
mod observed;
mod operators;
mod planning;
mod prices;
mod seeding;
mod snapshot;
mod specification;
mod support;
