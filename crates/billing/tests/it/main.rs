//! Billing against a real Postgres (and a real NATS server where one is installed), through its gRPC server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bills;
mod bus;
mod charge;
mod claims;
mod classes;
mod credit;
mod immutable;
mod invariants;
mod leases;
mod ledger;
mod limits;
mod measure;
mod parked;
mod settlement;
mod storm;
mod support;
