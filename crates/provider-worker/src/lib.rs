//! The upstream side: the attempt loop, transport, metering and the spool.
#![allow(dead_code, reason = "the service that uses these parts follows")]

mod meter;
mod spool;
