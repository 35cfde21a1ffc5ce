//! Money: leases, settlement, ledger, invariants.
//!
//! Every change of money is one SQL function, called as one statement in a task that its caller cannot
//! cancel: `migrations/*_billing_*.sql` is where the rules are. This crate carries asks, records and the
//! edge's word to them, in batches, and tells workers what is settled. Any replica serves any edge.
//!
//! - `grpc`: decode, call, encode; `grpc::session` is the lease session of one edge.
//! - `app`: one file per use case: leases, settlement, price copies, invoices.
//! - `store`: one file per aggregate, all of the SQL.
//! - `processor`: the payment processor, behind a narrow trait; Stripe is the one there is.
//! - `jobs`: the bus's usage, the sweep of leases and claims, invariants, rollups, partitions and retention.

mod app;
mod config;
mod error;
mod grpc;
mod jobs;
mod metrics;
mod processor;
mod record;
mod service;
mod store;

pub use config::{BusConfig, Config, InvoicesConfig, Issuer, NoticesConfig, PaymentsConfig, UsageConfig};
pub use error::Error;
pub use processor::ProcessorError;
pub use processor::signature::Forged;
pub use service::{Deps, Service};
