//! Billing against a real Postgres (and a real NATS server where one is installed), through its gRPC server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod algebra;
mod analytics;
mod bills;
mod budgets;
mod bus;
mod charge;
mod claims;
mod classes;
mod credit;
mod erasure;
mod immutable;
mod invariants;
mod invoices;
mod leases;
mod ledger;
mod limits;
mod measure;
mod notices;
mod outage;
mod own_keys;
mod parked;
mod payments;
mod plans;
mod promotions;
mod recall;
mod reports;
mod retention;
mod reversals;
mod rollups;
mod settlement;
mod shared;
mod simulation;
mod storm;
mod support;
mod workers;
