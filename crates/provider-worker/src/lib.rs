//! The upstream side: the attempt loop, transport, metering and the spool.
#![allow(dead_code, reason = "the service that uses these parts follows")]

mod breaker;
mod config;
mod count;
mod meter;
mod metrics;
mod service;
mod ship;
mod spool;
mod upstream;

pub use config::{Config, SpoolSync};
